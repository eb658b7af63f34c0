################################################################################
# General
################################################################################

variable "name" {
  description = "Name of the network connectivity configuration, and id of the network policy unless `network_policy_id` gives another. 3 to 30 letters, digits, hyphens and underscores."
  type        = string
  default     = "crosscloudlink"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-zA-Z_-]{3,30}$", var.name))
    error_message = "name must have 3 to 30 characters, only letters, digits, hyphens and underscores, for example \"openai-link\"."
  }
}

variable "databricks_account_id" {
  description = "Id of the Databricks account that the network policy is made in. Default: that of the workspaces."
  type        = string
  default     = null

  validation {
    condition     = var.databricks_account_id == null ? true : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.databricks_account_id))
    error_message = "databricks_account_id must be the id of the account as the account console shows it, for example \"01234567-89ab-cdef-0123-456789abcdef\"."
  }
}

variable "region" {
  description = "AWS region of the network connectivity configuration, for example `us-east-1`. Default: that of the workspaces. Needed to make one without any workspace."
  type        = string
  default     = null

  validation {
    condition     = var.region == null ? true : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example \"us-east-1\", not a zone and not a region of another cloud."
  }

  validation {
    condition     = var.region != null || length(var.workspace_ids) > 0 || var.network_connectivity_config_id != null
    error_message = "region is needed to make a network connectivity configuration without workspaces: write the region of the workspaces to come, or workspace_ids."
  }
}

################################################################################
# Workspaces
################################################################################

variable "workspace_ids" {
  description = "Ids of the workspaces to bind, numbers known at plan: what stands behind `o=` in a workspace's addresses. They must be in one region. Empty makes everything but the binding."
  type        = set(number)
  nullable    = false

  validation {
    condition     = alltrue([for id in var.workspace_ids : id > 0 && floor(id) == id])
    error_message = "workspace_ids must be the ids of workspaces, whole numbers above 0: what stands behind \"o=\" in a workspace's addresses, for example 1234567890123456. (0 is what old deployments show there; the account console has the id.)"
  }

  validation {
    condition     = length(var.workspace_ids) <= 50
    error_message = "workspace_ids must hold 50 workspaces at most: Databricks binds no more to one network connectivity configuration."
  }
}

variable "restore_network_connectivity_config_id" {
  description = "Network connectivity configuration that a destroy binds the workspaces to. Default: the one that each had before. Needed for workspaces that had none, since Databricks documents no way to unbind."
  type        = string
  default     = null

  validation {
    condition     = var.restore_network_connectivity_config_id == null ? true : can(regex("^[^/\\s]+$", var.restore_network_connectivity_config_id))
    error_message = "restore_network_connectivity_config_id must be the id of a network connectivity configuration, without slash: the attribute network_connectivity_config_id of databricks_mws_network_connectivity_config, not its id."
  }
}

variable "restore_network_policy_id" {
  description = "Network policy that a destroy puts the workspaces under. Default: the one that each had before."
  type        = string
  default     = null

  validation {
    condition     = var.restore_network_policy_id == null ? true : can(regex("^[a-zA-Z0-9_.-]{1,32}$", var.restore_network_policy_id))
    error_message = "restore_network_policy_id must be the id of a network policy: 1 to 32 letters, digits, underscores, dots and hyphens, for example \"default-policy\"."
  }
}

################################################################################
# Network connectivity configuration and private endpoint rule
################################################################################

variable "network_connectivity_config_id" {
  description = "Existing network connectivity configuration to use, known at plan. Default: one is made."
  type        = string
  default     = null

  validation {
    condition     = var.network_connectivity_config_id == null ? true : can(regex("^[^/\\s]+$", var.network_connectivity_config_id))
    error_message = "network_connectivity_config_id must be the id of a network connectivity configuration, without slash: the attribute network_connectivity_config_id of databricks_mws_network_connectivity_config, not its id."
  }
}

variable "private_endpoint_rule_id" {
  description = "Existing private endpoint rule of that network connectivity configuration to use, known at plan. Its domain names must hold `domain_names`. Default: one is made."
  type        = string
  default     = null

  validation {
    condition     = var.private_endpoint_rule_id == null ? true : can(regex("^[^/\\s]+$", var.private_endpoint_rule_id))
    error_message = "private_endpoint_rule_id must be the id of a rule, without slash: the attribute rule_id of databricks_mws_ncc_private_endpoint_rule, not its id."
  }

  validation {
    condition     = var.private_endpoint_rule_id == null || var.network_connectivity_config_id != null
    error_message = "private_endpoint_rule_id goes with network_connectivity_config_id: write that of the configuration that has the rule."
  }
}

variable "endpoint_service_name" {
  description = "Name of the VPC endpoint service in front of the proxies, `com.amazonaws.vpce.<region>.vpce-svc-…`: output `endpoint_service_name` of aws-egress-proxy. Needed to make the rule, and to accept its connection."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint_service_name != null || (var.private_endpoint_rule_id != null && !var.accept_connection)
    error_message = "endpoint_service_name is needed: write the service_name of the aws_vpc_endpoint_service in front of the proxies, for example \"com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0\"."
  }

  validation {
    condition     = var.endpoint_service_name == null ? true : !can(regex("^(arn:.*/)?vpce-svc-", var.endpoint_service_name))
    error_message = "endpoint_service_name is the id or the ARN of an endpoint service. Write its name, the service_name of aws_vpc_endpoint_service, for example \"com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0\"."
  }

  validation {
    condition     = var.endpoint_service_name == null ? true : can(regex("^com\\.amazonaws\\.vpce\\.[a-z0-9-]+\\.vpce-svc-[0-9a-f]+$|^(arn:.*/)?vpce-svc-", var.endpoint_service_name))
    error_message = "endpoint_service_name must be the name of an endpoint service of your own, for example \"com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0\"."
  }
}

variable "domain_names" {
  description = "Host names that the workspaces reach through the endpoint service, 1 to 10: the custom subdomains of the Azure OpenAI accounts, for example `acme.openai.azure.com`. They are on the network policy's list by themselves."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.domain_names) >= 1 && length(var.domain_names) <= 10
    error_message = "domain_names must hold 1 to 10 names: Databricks takes no more in one private endpoint rule. Use the module a second time, with the same network_connectivity_config_id and another endpoint service, for more."
  }

  validation {
    condition     = !anytrue([for host in var.domain_names : strcontains(host, "*")])
    error_message = "domain_names must not hold a wildcard: Databricks routes exact names only. Write each of them, for example \"acme.openai.azure.com\"."
  }

  validation {
    condition     = !anytrue([for host in var.domain_names : can(regex("[/:]", host))])
    error_message = "domain_names must be host names, without scheme, port and path: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }

  validation {
    condition     = alltrue([for host in var.domain_names : can(regex("[*/:]|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", host))])
    error_message = "domain_names must be full host names in lower case, without a dot at the end, for example \"acme.openai.azure.com\"."
  }

  validation {
    condition     = length(distinct(var.domain_names)) == length(var.domain_names)
    error_message = "domain_names must not name a host twice."
  }
}

################################################################################
# Approval
################################################################################

variable "accept_connection" {
  description = "Accept the connection in AWS, with the AWS credentials of the crosscloudlink provider. Set to `false` when the endpoint service belongs to another team: give them the output `vpc_endpoint_id`. Going from `true` to `false` later rejects the connection."
  type        = bool
  default     = true
  nullable    = false
}

variable "wait_for_acceptance" {
  description = "With `accept_connection = false`: wait in the apply until the other team has accepted. With `false` the apply ends without (in HCP Terraform outputs show only then), and a later one binds the workspaces."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.wait_for_acceptance || !var.accept_connection
    error_message = "wait_for_acceptance = false goes with accept_connection = false: with accept_connection the module accepts the connection itself."
  }
}

variable "approval_timeout" {
  description = "How long an apply waits for the connection, and for the workspaces after it. Databricks makes an endpoint within minutes."
  type        = string
  default     = "60m"
  nullable    = false

  validation {
    condition     = can(regex("^([0-9]+(h|m|s))+$", var.approval_timeout))
    error_message = "approval_timeout must be a duration, for example \"60m\" or \"1h30m\"."
  }
}

variable "proxy_status" {
  description = "Output `status` of aws-egress-proxy. Unless it is `in_service` no workspace is bound. Default: not looked at."
  type        = string
  default     = null
}

################################################################################
# Network policy
################################################################################

variable "create_network_policy" {
  description = "Make a network policy that allows `domain_names` and what the variables below add, and nothing else on the internet. Set to `false` to use an existing one by `network_policy_id`, or to leave the workspaces' policy alone."
  type        = bool
  default     = true
  nullable    = false
}

variable "network_policy_id" {
  description = "Id of the network policy: of the one to make (default: `name`), or with `create_network_policy = false` of an existing one. 1 to 32 characters. Another id makes another policy."
  type        = string
  default     = null

  validation {
    condition     = var.network_policy_id == null ? true : can(regex("^[a-zA-Z0-9_.-]{1,32}$", var.network_policy_id))
    error_message = "network_policy_id must have 1 to 32 characters: letters, digits, underscores, dots and hyphens, for example \"openai-link\"."
  }

  validation {
    condition     = var.network_policy_id == null ? true : var.network_policy_id != "default-policy" || !var.create_network_policy
    error_message = "network_policy_id must not be \"default-policy\" for a policy to make: every account has that one, and every workspace that was given no other is under it. Write another id, or create_network_policy = false to put the workspaces under it."
  }
}

variable "allowed_internet_destinations" {
  description = "Further host names that the policy allows, for example `login.microsoftonline.com`. What Unity Catalog knows as a location or a connection need not be listed."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for host in var.allowed_internet_destinations : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", host))])
    error_message = "allowed_internet_destinations must be full host names in lower case, without scheme, port, path or wildcard: write \"login.microsoftonline.com\"."
  }

  validation {
    condition     = !anytrue([for host in var.allowed_internet_destinations : endswith(host, ".cloud.databricks.com")])
    error_message = "allowed_internet_destinations must not name a Databricks workspace: network policies take none."
  }

  validation {
    condition     = length(var.allowed_internet_destinations) == 0 || var.create_network_policy
    error_message = "allowed_internet_destinations goes with create_network_policy = true: an existing policy is not changed."
  }

  validation {
    condition     = length(var.allowed_internet_destinations) + length(var.allowed_storage_destinations) + length(var.domain_names) <= 2000
    error_message = "allowed_internet_destinations, allowed_storage_destinations and domain_names are more than 2000 together, the most that a network policy takes."
  }
}

variable "allowed_storage_destinations" {
  description = "S3 buckets that the policy allows. Those of Unity Catalog, in the region of the metastore, need not be listed."
  type = list(object({
    bucket_name = string
    region      = string
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for destination in var.allowed_storage_destinations : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", destination.bucket_name))])
    error_message = "allowed_storage_destinations must name buckets by bucket_name alone, for example \"acme-landing\", not by ARN or URL."
  }

  validation {
    condition     = alltrue([for destination in var.allowed_storage_destinations : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", destination.region))])
    error_message = "allowed_storage_destinations must name the region of each bucket, for example \"us-east-1\"."
  }

  validation {
    condition     = length(var.allowed_storage_destinations) == 0 || var.create_network_policy
    error_message = "allowed_storage_destinations goes with create_network_policy = true: an existing policy is not changed."
  }
}

variable "enforcement_mode" {
  description = "`ENFORCED`, or `DRY_RUN` to have Databricks log what the policy would refuse (`system.access.outbound_network`) and refuse nothing, for all products."
  type        = string
  default     = "ENFORCED"
  nullable    = false

  validation {
    condition     = contains(["ENFORCED", "DRY_RUN"], var.enforcement_mode)
    error_message = "enforcement_mode must be \"ENFORCED\" or \"DRY_RUN\"."
  }

  validation {
    condition     = var.enforcement_mode == "ENFORCED" || var.create_network_policy
    error_message = "enforcement_mode = \"DRY_RUN\" goes with create_network_policy = true: an existing policy is not changed."
  }
}
