################################################################################
# General
################################################################################

variable "name" {
  description = "Prefix of every name that is given in AWS, and name of what is made in Databricks. Lower-case letters, digits and hyphens, 3 to 24 characters."
  type        = string
  default     = "crosscloudlink"
  nullable    = false
}

variable "tags" {
  description = "Tags for everything that is made in AWS and, unless `azure_tags` is given, in Azure."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "azure_tags" {
  description = "Tags for everything that is made in Azure, whose keys may not hold `<>%&\\?/`. Default: `tags`."
  type        = map(string)
  default     = null

  validation {
    condition     = alltrue([for key in keys(coalesce(var.azure_tags, var.tags)) : !can(regex("[<>%&\\\\?/]", key))])
    error_message = "azure_tags (by default: tags) must not have keys with any of < > % & \\ ? /, which Azure refuses. Write azure_tags beside tags where AWS needs such keys."
  }
}

################################################################################
# AWS: existing egress in place of the one to make
################################################################################

variable "endpoint_service_name" {
  description = "Name of an existing endpoint service (`com.amazonaws.vpce.<region>.vpce-svc-…`) with proxies behind it, in place of all that is made in AWS here. Needs `proxy_public_ips`. It must be known at plan: not an attribute of a resource that the same apply makes."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint_service_name == null ? true : can(regex("^com\\.amazonaws\\.vpce\\.[a-z0-9-]+\\.vpce-svc-[0-9a-f]+$", var.endpoint_service_name))
    error_message = "endpoint_service_name must be the whole name of an endpoint service, for example \"com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0\"."
  }
}

variable "proxy_public_ips" {
  description = "Public addresses of the existing proxies, which the firewall is to admit. Goes with `endpoint_service_name`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.endpoint_service_name != null) == (length(var.proxy_public_ips) > 0)
    error_message = "proxy_public_ips goes with endpoint_service_name: write both to use an existing endpoint service with its proxies, neither to have them made."
  }

  validation {
    condition     = alltrue([for ip in var.proxy_public_ips : can(cidrnetmask("${ip}/32"))])
    error_message = "proxy_public_ips must hold single IPv4 addresses, for example \"203.0.113.10\"."
  }
}

################################################################################
# What may be reached
################################################################################

variable "additional_upstreams" {
  description = "Hosts beside those of the account that the link leads to, as `upstreams` of `aws-egress-proxy`, for example `{ login = { hostname = \"login.microsoftonline.com\", addresses = 4 } }` for tokens of Entra ID. Nothing is written into a firewall for them. Keys `openai`, `openai-2` and so on are the account's. With `endpoint_service_name`, the existing proxies must forward them. Account and these together may have 10 host names."
  type = map(object({
    hostname  = string
    addresses = optional(number, 1)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.additional_upstreams) : !can(regex("^openai(-[0-9]+)?$", key))])
    error_message = "The keys openai, openai-2 and so on of additional_upstreams are those of the account: take others."
  }
}

################################################################################
# AWS: network
################################################################################

variable "egress_mode" {
  description = "How traffic leaves. `eip_pool`: each proxy has an address of the pool. `nat_gateway`: each zone has a NAT gateway on an address of the pool, and the proxies stand behind it without one. What that costs and what breaks is under *Two modes* of `aws-egress-proxy`. Changing it on a fleet that runs interrupts the link."
  type        = string
  default     = "eip_pool"
  nullable    = false
}

variable "create_vpc" {
  description = "Make a VPC of its own for the proxies. Set to `false` to use `vpc_id`, `public_subnet_ids` and `private_subnet_ids` (in mode `nat_gateway` also `azs` and `private_route_table_ids`)."
  type        = bool
  default     = true
  nullable    = false
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC to make, between /16 and /24. It is never routed to Databricks (PrivateLink connects no networks), so it may overlap with other VPCs. Not used when `create_vpc` is `false`."
  type        = string
  default     = "10.64.0.0/22"
  nullable    = false
}

variable "azs" {
  description = "Names of the availability zones to use, two to six. Default: the first three (two, where there are only two) of the region. PrivateLink serves Databricks only in zones that both sides have, so more zones are safer. They cost nothing by themselves in mode `eip_pool`; in mode `nat_gateway` each has a NAT gateway and an address. With `create_vpc = false` needed in mode `nat_gateway` only: the zones of the subnets, in their order."
  type        = list(string)
  default     = null
}

variable "vpc_id" {
  description = "Id of the existing VPC to use. Needed when `create_vpc` is `false`."
  type        = string
  default     = null
}

variable "public_subnet_ids" {
  description = "Existing subnets for the proxies, with a route to an internet gateway (an Elastic IP works in no other). While they boot the proxies have no public address: the subnets' route table also needs an S3 gateway endpoint that lets them read the bucket `al2023-repos-<region>-de612dc2`. In mode `nat_gateway` they hold the NAT gateways, one a zone, in the order of `azs`. At least two when `create_vpc` is `false`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "private_subnet_ids" {
  description = "Existing subnets of the internal load balancer, one a zone; in mode `nat_gateway` of the proxies as well, in the order of `azs`. At least two when `create_vpc` is `false`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "private_route_table_ids" {
  description = "Route tables of `private_subnet_ids`, one a zone, in the order of `azs`, each without a default route: it gets one to the zone's NAT gateway. Only in mode `nat_gateway` with `create_vpc = false`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "egress_cidr_blocks" {
  description = "IPv4 ranges that the proxies may open TCP 443 to. Azure publishes no fixed addresses for one Azure OpenAI account, hence the default; the proxies themselves forward to the host names of the account and `additional_upstreams` only. Whoever narrows it must keep in the ranges of S3 in the region, for the packages, and of the API of Auto Scaling there, to which a proxy reports that it serves."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
}

################################################################################
# AWS: proxies
################################################################################

variable "min_size" {
  description = "Smallest number of proxies, 1 or more. No workspace is bound while fewer are in service."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.min_size >= 1 && floor(var.min_size) == var.min_size
    error_message = "min_size must be a whole number, 1 or more: workspaces are bound only to proxies that answer. 2 or more keep the link up while one is replaced."
  }
}

variable "max_size" {
  description = "Largest number of proxies. Each needs an Elastic IP of the pool."
  type        = number
  default     = 2
  nullable    = false
}

variable "desired_capacity" {
  description = "Number of proxies to begin with. Later changes, by scaling or by hand, are left alone as long as they stay between `min_size` and `max_size`. Default: `min_size`."
  type        = number
  default     = null
}

variable "architecture" {
  description = "Processor of the proxies and of the Lambda function that gives them their addresses: `arm64` (Graviton, cheaper) or `x86_64`."
  type        = string
  default     = "arm64"
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the proxies. Default: `t4g.small` for arm64, `t3.small` for x86_64. Types below 32 vCPUs get at most 5 Gbit/s to the internet."
  type        = string
  default     = null
}

variable "ami_id" {
  description = "Image of the proxies, to pin one or to bring a hardened one: with cloud-init, bash, curl and the AWS CLI, and a package `haproxy` (2.6 or later) that is installed or that `dnf` finds. An image that is set up otherwise needs `user_data` too. Default: the latest Amazon Linux 2023, looked up anew in AWS's public SSM parameter whenever a proxy is launched."
  type        = string
  default     = null
}

variable "user_data" {
  description = "User data of your own, as plain text, in place of all that this module would have an instance do: for another proxy than HAProxy, or an image that needs nothing done. What it must do is written under *A proxy of your own* of `aws-egress-proxy`. Default: cloud-config that installs and starts HAProxy."
  type        = string
  default     = null
}

variable "create_instance_profile" {
  description = "Make a role and an instance profile for the proxies, with the least rights that they need. Set to `false` to use `instance_profile_arn`."
  type        = bool
  default     = true
  nullable    = false
}

variable "instance_profile_arn" {
  description = "Instance profile of your own for the proxies, where roles may not be made here. Its role needs `autoscaling:CompleteLifecycleAction` on the Auto Scaling group `<name>-proxy`; the whole policy is under *A role of your own* of `aws-egress-proxy`. Needed when `create_instance_profile` is `false`."
  type        = string
  default     = null
}

variable "enable_session_manager" {
  description = "Let the proxies be reached by Session Manager: attaches AWS's policy `AmazonSSMManagedInstanceCore` to the role that is made for them. There is no other way in: no key pair, no open port."
  type        = bool
  default     = false
  nullable    = false
}

variable "bootstrap_timeout" {
  description = "Seconds that a new proxy may take until it has its address and HAProxy answers. One that takes longer is given up and replaced."
  type        = number
  default     = 3600
  nullable    = false
}

variable "root_volume_size" {
  description = "Size of the proxies' encrypted gp3 disk, in GiB."
  type        = number
  default     = 8
  nullable    = false
}

variable "ebs_kms_key_arn" {
  description = "KMS key for the proxies' disk. The service-linked role of EC2 Auto Scaling must be allowed to use it. Default: the account's EBS default key."
  type        = string
  default     = null
}

variable "health_check_type" {
  description = "`ELB` replaces a proxy whose health port stays silent, a failed bootstrap included; `EC2` only one whose machine fails. Neither looks at Azure: an outage there never recycles the fleet."
  type        = string
  default     = "ELB"
  nullable    = false
}

variable "health_check_grace_period" {
  description = "Seconds after a proxy came into service during which failed health checks do not replace it."
  type        = number
  default     = 300
  nullable    = false
}

variable "max_instance_lifetime" {
  description = "Seconds after which a proxy is replaced, which is how it gets a newer image and newer packages without Terraform: by default 14 days. `0` keeps proxies for as long as they work. They are replaced as `instance_maintenance_policy` says, so that the pool of addresses suffices."
  type        = number
  default     = 1209600
  nullable    = false
}

variable "instance_maintenance_policy" {
  description = "How proxies are replaced, by an instance refresh, by `max_instance_lifetime` and when one is unhealthy: percentages of the desired number that stay in service, and that there may be at a time. Default: 50 and 100 (0 and 100 for a single proxy), the old one first, which needs no spare address. More than 100, the new one first, needs addresses to spare: `eip_pool_size` of at least so many percent of `max_size`. In mode `nat_gateway` no proxy needs an address, and the default is 100 and 200."
  type = object({
    min_healthy_percentage = number
    max_healthy_percentage = number
  })
  default = null
}

variable "scaling_policies" {
  description = <<-EOT
    Target tracking policies, by names of your own: the number of proxies follows `metric` so that it stays near `target_value`, between `min_size` and `max_size`. Without meaning where the two are equal.
    `active_flows` is the number of open connections a proxy, `network_out` and `network_in` are bytes a proxy and minute, `cpu` is percent. With `disable_scale_in` a policy only adds proxies.
    Default: one policy on `active_flows` at half of what a proxy carries. Connections are what fills a proxy of this kind first: many are open and silent while models think, which neither CPU nor traffic shows. `{}` is no policy at all.
  EOT
  type = map(object({
    metric           = string
    target_value     = number
    disable_scale_in = optional(bool, false)
  }))
  default = null
}

variable "health_port" {
  description = "TCP port on which a proxy answers the load balancer's health check, path `/healthz`."
  type        = number
  default     = 8404
  nullable    = false
}

variable "status_port" {
  description = "TCP port on which the load balancer passes on `GET /status` to the proxies, for a notebook that wants to tell the two legs of the link apart: a proxy answers, over plain HTTP, what it can resolve and reach. Reached by PrivateLink under any of the upstreams' host names. Default: none."
  type        = number
  default     = null
}

variable "tunnel_timeout" {
  description = "Seconds for which a connection may be silent before a proxy closes it. A model that thinks for long sends nothing meanwhile; TCP keepalives keep the load balancer (350 s) from closing it before."
  type        = number
  default     = 3600
  nullable    = false
}

variable "max_connections" {
  description = "Connections that one proxy carries at a time. Default: 10,000 for each GiB of memory of the instance type, at most 50,000, since a load balancer behind PrivateLink can hold 55,000 to one target."
  type        = number
  default     = null
}

variable "deregistration_delay" {
  description = "Seconds that a proxy which leaves may take to finish its connections. What is open after that is closed, before the proxy's address is taken away."
  type        = number
  default     = 300
  nullable    = false
}

################################################################################
# AWS: addresses, and the function that gives them
################################################################################

variable "eip_pool_name" {
  description = "Name of the pool of Elastic IPs. It cannot be changed later. Default: `name`."
  type        = string
  default     = null
}

variable "eip_pool_size" {
  description = "Number of Elastic IPs. In mode `nat_gateway` one a zone, which is the default there; more are spares. In mode `eip_pool` proxies are replaced one after the other, the old one first, so as many as `max_size` suffice, which is the default. With spare ones, at least 10 percent of `max_size` and at least one, Auto Scaling also rebalances the zones by itself; without, that process is suspended, since it launches proxies above `max_size`. An account's quota is 5 a region unless it was raised."
  type        = number
  default     = null
}

variable "existing_allocation_ids" {
  description = "Elastic IPs of your own to take into the pool (allocation ids). They are tagged, and never released."
  type        = set(string)
  default     = null
}

variable "public_ipv4_pool" {
  description = "Public IPv4 pool (your own addresses brought to AWS, or an Amazon-provided contiguous block) to allocate from. Default: Amazon's."
  type        = string
  default     = null
}

variable "retire_allocation_ids" {
  description = "Elastic IPs to rotate out of the pool (allocation ids). Each is replaced, and given back once no proxy uses it and the firewall no longer lists it."
  type        = set(string)
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to destroy the pool of Elastic IPs: an address once given back is lost, and with it every firewall entry that names it. Apply `false` before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "heartbeat_timeout" {
  description = "Seconds that an instance may wait for its address before Auto Scaling gives it up; prolonged by the function as long as it makes sense."
  type        = number
  default     = 300
  nullable    = false
}

variable "log_retention_in_days" {
  description = "Days for which the function's log is kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the roles that are made here: the function's and the proxies'."
  type        = string
  default     = null
}

variable "assigner_role_arn" {
  description = "Role for the function, where roles may not be made here; `provider::crosscloudlink::assigner_policy` gives its policy. Default: the provider makes one with least privileges."
  type        = string
  default     = null
}

variable "failure_destination_arn" {
  description = "SQS queue, SNS topic, Lambda function or EventBridge event bus to which Lambda sends an event that the function failed on in all its tries. The function's schedule repairs what such an event was about, so this is for alarms. Default: none."
  type        = string
  default     = null
}

################################################################################
# AWS: endpoint service
################################################################################

variable "databricks_principal_arns" {
  description = "Principals that may connect to the endpoint service. Default: exactly the role by which Databricks makes private endpoints in this region. Databricks refuses a service that admits its role only by wildcard."
  type        = list(string)
  default     = null
}

variable "databricks_gov_shard" {
  description = "Which Databricks connects, in AWS GovCloud: `civilian` or `dod`. Without meaning elsewhere."
  type        = string
  default     = "civilian"
  nullable    = false
}

variable "load_balancer_deletion_protection" {
  description = "Refuse to delete the load balancer that is made here. Apply `false` before a destroy."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# AWS: dashboard, alarms and log
################################################################################

variable "create_dashboard" {
  description = "Make a CloudWatch dashboard that follows a query from Databricks to Azure, named after `name`."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_alarms" {
  description = "Make CloudWatch alarms. Each has a severity, and in its text the place in the runbook that tells what to do."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs of what an alarm starts, for example an SNS topic: those that page somebody. Up to 5. Without any, alarms show on the dashboard alone."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "warning_actions" {
  description = "ARNs of what an alarm of severity `warning` starts: what can wait for working hours. Up to 5; `[]` for nothing. Default: `alarm_actions`."
  type        = list(string)
  default     = null
}

variable "ok_actions" {
  description = "ARNs of what starts when an alarm is over, so that an incident closes by itself. Up to 5."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "runbook_url" {
  description = "Page that the alarms' texts point at, without anchor: a copy of the runbook of your own must keep its headings."
  type        = string
  default     = "https://registry.terraform.io/providers/crosscloudlink/crosscloudlink/latest/docs/guides/runbook"
  nullable    = false
}

variable "create_proxy_log_group" {
  description = "Keep the proxies' log, one JSON line a connection, in a CloudWatch log group `/crosscloudlink/egress-proxy/<name>`. Without it nothing is counted about refused names and upstreams that cannot be reached. Needs `egress_cidr_blocks` that reach CloudWatch; no effect with `user_data` of your own."
  type        = bool
  default     = true
  nullable    = false
}

variable "proxy_log_retention_in_days" {
  description = "Days for which the proxies' log is kept; 0 for ever."
  type        = number
  default     = 30
  nullable    = false
}

variable "proxy_log_kms_key_arn" {
  description = "KMS key that encrypts the proxies' log; its policy must let CloudWatch Logs use it for the group. Default: CloudWatch Logs' own encryption."
  type        = string
  default     = null
}

variable "enable_proxy_metrics" {
  description = "Have the proxies report how often AWS held back their packets because the instance type allows no more, and how full their memory is: six custom metrics a fleet. Needs `egress_cidr_blocks` that reach CloudWatch; no effect with `user_data` of your own."
  type        = bool
  default     = true
  nullable    = false
}

################################################################################
# Azure: existing account in place of the one to make
################################################################################

variable "azure_openai_account_id" {
  description = "Resource id of an existing Azure OpenAI account (`/subscriptions/…/providers/Microsoft.CognitiveServices/accounts/…`), in place of the one to make; it needs a custom subdomain. Only firewall entries are added to it, and `deployments` and `diagnostic_settings` if there are any. Needs `azure_openai_hostnames`. It must be known at plan."
  type        = string
  default     = null

  validation {
    condition     = var.azure_openai_account_id == null ? true : can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.CognitiveServices/accounts/[^/]+$", var.azure_openai_account_id))
    error_message = "azure_openai_account_id must be the whole resource id of the account, as `az cognitiveservices account show --query id` prints it."
  }
}

variable "azure_openai_hostnames" {
  description = "Host names of the existing account's own subdomain, for example `[\"acme.openai.azure.com\"]`. Goes with `azure_openai_account_id`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.azure_openai_account_id != null) == (length(var.azure_openai_hostnames) > 0)
    error_message = "azure_openai_hostnames goes with azure_openai_account_id: write both to use an existing account, neither to have one made."
  }

  validation {
    condition     = length(var.azure_openai_hostnames) <= 10 && alltrue([for host in var.azure_openai_hostnames : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", host))])
    error_message = "azure_openai_hostnames must be at most 10 plain host names in lower case, without scheme, port, path or wildcard: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }
}

################################################################################
# Azure: account
################################################################################

variable "azure_openai_name" {
  description = "Name of the Azure OpenAI account to make: letters, digits, hyphens, periods and underscores, 2 to 64 characters. Needed unless `azure_openai_account_id` is given."
  type        = string
  default     = null

  validation {
    condition     = var.azure_openai_account_id != null || var.azure_openai_name != null
    error_message = "azure_openai_name is needed to make an Azure OpenAI account, for example \"acme-models\". Write azure_openai_account_id to use an existing one."
  }

  validation {
    condition     = var.azure_openai_name == null ? true : can(regex("^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$", var.azure_openai_name))
    error_message = "azure_openai_name must have 2 to 64 characters, only letters, digits, hyphens, periods and underscores, and begin with a letter or a digit, for example \"acme-models\"."
  }
}

variable "azure_location" {
  description = "Azure region of the account, for example `eastus`. Default: that of the existing resource group, with `create_resource_group = false`."
  type        = string
  default     = null

  validation {
    condition     = var.azure_location != null || var.azure_openai_account_id != null || !var.create_resource_group
    error_message = "azure_location is needed to make a resource group and an account. Write a region, for example \"eastus\", or use an existing resource group by create_resource_group = false."
  }

  validation {
    condition     = var.azure_location == null ? true : can(regex("^[a-z][a-z0-9]+$", var.azure_location))
    error_message = "azure_location must be a region in its short form, lower-case letters and digits without blanks: write \"eastus\", not \"East US\"."
  }
}

variable "resource_group_name" {
  description = "Name of the resource group. Default: `rg-<azure_openai_name>`."
  type        = string
  default     = null
}

variable "create_resource_group" {
  description = "Make the resource group. Set to `false` to use the existing one named by `resource_group_name`."
  type        = bool
  default     = true
  nullable    = false
}

variable "kind" {
  description = "Kind of the account: `OpenAI`, or `AIServices` for models of other makers as well, with two more host names."
  type        = string
  default     = "OpenAI"
  nullable    = false
}

variable "sku_name" {
  description = "Pricing tier of the account. `S0` charges by use."
  type        = string
  default     = "S0"
  nullable    = false
}

variable "custom_subdomain_name" {
  description = "Subdomain of the account's host name, `<subdomain>.openai.azure.com`: unique in all of Azure, and never changed later. Default: `azure_openai_name`."
  type        = string
  default     = null
}

variable "deployments" {
  description = "Model deployments, by name. `capacity` is in thousands of tokens per minute. They are made one after the other, since Azure takes one operation on an account at a time."
  type = map(object({
    model_name                 = string
    model_version              = optional(string)
    model_format               = optional(string, "OpenAI")
    sku_name                   = optional(string, "GlobalStandard")
    capacity                   = optional(number, 1)
    rai_policy_name            = optional(string)
    version_upgrade_option     = optional(string)
    dynamic_throttling_enabled = optional(bool)
  }))
  default  = {}
  nullable = false
}

variable "local_auth_enabled" {
  description = "Accept the account's keys. Set to `false` where callers use Entra ID alone."
  type        = bool
  default     = true
  nullable    = false
}

variable "network_acls_bypass" {
  description = "Let Azure's trusted services pass the firewall: `None` or `AzureServices`."
  type        = string
  default     = "None"
  nullable    = false
}

variable "managed_identities" {
  description = "Managed identities of the account."
  type = object({
    system_assigned            = optional(bool, false)
    user_assigned_resource_ids = optional(set(string), [])
  })
  default  = {}
  nullable = false
}

variable "diagnostic_settings" {
  description = "Diagnostic settings of the account, by a key of your choice."
  type = map(object({
    name                                     = optional(string)
    log_categories                           = optional(set(string), [])
    log_groups                               = optional(set(string))
    metric_categories                        = optional(set(string), ["AllMetrics"])
    log_analytics_destination_type           = optional(string)
    workspace_resource_id                    = optional(string)
    storage_account_resource_id              = optional(string)
    event_hub_authorization_rule_resource_id = optional(string)
    event_hub_name                           = optional(string)
    marketplace_partner_resource_id          = optional(string)
  }))
  default  = {}
  nullable = false
}

################################################################################
# Databricks
################################################################################

variable "workspace_ids" {
  description = "Ids of the Databricks workspaces to connect: numbers, as in their URLs after `o=`. All in the region of the AWS provider. Empty: everything is made, and no workspace is bound."
  type        = set(number)
  nullable    = false
}

variable "databricks_account_id" {
  description = "Id of the Databricks account that the network policy is made in. Default: that of the workspaces."
  type        = string
  default     = null
}

variable "network_connectivity_config_id" {
  description = "Id of an existing network connectivity configuration (NCC) in place of the one to make. Workspaces that are bound to it already stay so. It must be known at plan."
  type        = string
  default     = null
}

variable "private_endpoint_rule_id" {
  description = "Id of an existing private endpoint rule of that NCC, for `endpoint_service_name`, in place of the one to make. It must be known at plan."
  type        = string
  default     = null

  validation {
    condition     = var.private_endpoint_rule_id == null ? true : var.network_connectivity_config_id != null && var.endpoint_service_name != null
    error_message = "private_endpoint_rule_id needs network_connectivity_config_id, the NCC that holds the rule, and endpoint_service_name, the service that the rule is for: no rule can exist for a service that is made here."
  }
}

variable "create_network_policy" {
  description = "Make a network policy that lets the workspaces' serverless workloads reach the account's host names and what is allowed below, and nothing else on the internet."
  type        = bool
  default     = true
  nullable    = false
}

variable "network_policy_id" {
  description = "Id of the network policy, at most 32 letters, digits, `_`, `.` and `-`: of the one to make (default: `name`), or of an existing one with `create_network_policy = false`. With neither the workspaces' policy is not touched."
  type        = string
  default     = null
}

variable "allowed_internet_destinations" {
  description = "Further host names that the network policy allows. The account's are on it by themselves."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allowed_storage_destinations" {
  description = "S3 buckets that the network policy allows."
  type = list(object({
    bucket_name = string
    region      = string
  }))
  default  = []
  nullable = false
}

variable "enforcement_mode" {
  description = "`ENFORCED`, or `DRY_RUN` to log what the network policy would refuse."
  type        = string
  default     = "ENFORCED"
  nullable    = false
}

variable "accept_connection" {
  description = "Accept the connection that Databricks opens to the endpoint service. Set to `false` when the service belongs to another team, whose approval accepts it."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.accept_connection || var.endpoint_service_name != null
    error_message = "accept_connection = false goes with endpoint_service_name: nobody else accepts connections to a service that is made here."
  }
}

variable "wait_for_acceptance" {
  description = "With `accept_connection = false`: wait during the apply until the other team has accepted the connection. With `false` the apply ends without, and a later one binds the workspaces."
  type        = bool
  default     = true
  nullable    = false
}

variable "approval_timeout" {
  description = "How long an apply waits for the connection to be established, for example `60m`."
  type        = string
  default     = "60m"
  nullable    = false
}

variable "restore_network_connectivity_config_id" {
  description = "NCC that the workspaces are bound to when they leave or everything is destroyed. Default: the one that each had before. A workspace that had none needs this, since Databricks documents no way to unbind."
  type        = string
  default     = null
}

variable "restore_network_policy_id" {
  description = "Network policy that the workspaces get back. Default: the one that each had before, else `default-policy`."
  type        = string
  default     = null
}
