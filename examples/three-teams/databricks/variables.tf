################################################################################
# From the other teams
################################################################################

variable "endpoint_service_name" {
  description = "From the AWS team: `endpoint_service_name`."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint_service_name != null
    error_message = "endpoint_service_name is missing: the endpoint service that the private endpoint rule is for. It is the output endpoint_service_name of the AWS team's state (examples/three-teams/aws), which has to be applied first."
  }

  validation {
    condition     = var.endpoint_service_name == null ? true : can(regex("^com\\.amazonaws\\.vpce\\.[a-z0-9-]+\\.vpce-svc-[0-9a-f]+$", var.endpoint_service_name))
    error_message = "endpoint_service_name must be the whole name, as the output endpoint_service_name of the AWS team's state (examples/three-teams/aws) shows it: \"com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0\"."
  }
}

variable "domain_names" {
  description = "From the AWS team: `domain_names`, the host names that the proxies forward to."
  type        = list(string)
  default     = null

  validation {
    condition     = try(length(var.domain_names) > 0, false)
    error_message = "domain_names is missing: the host names to send over the link. It is the output domain_names of the AWS team's state (examples/three-teams/aws), for example [\"acme.openai.azure.com\"]."
  }
}

################################################################################
# Own
################################################################################

variable "name" {
  description = "Name of what is made here."
  type        = string
  default     = "openai-link"
}

variable "databricks_workspace_ids" {
  description = "Ids of the workspaces to connect: numbers, as in their URLs after `o=`."
  type        = set(number)
}

variable "wait_for_acceptance" {
  description = "Wait during the apply until the AWS team has accepted the connection. By default the apply ends without, so that `vpc_endpoint_id` can be handed over, and a later apply binds the workspaces."
  type        = bool
  default     = false
}

variable "allowed_internet_destinations" {
  description = "Further host names that the workspaces' serverless workloads may reach. `domain_names` are allowed by themselves, and nothing else on the internet is."
  type        = list(string)
  default     = []
}

variable "enforcement_mode" {
  description = "`ENFORCED`, or `DRY_RUN` to log for a while what the network policy would refuse."
  type        = string
  default     = "ENFORCED"
}

variable "restore_network_connectivity_config_id" {
  description = "Network connectivity configuration that a destroy binds the workspaces to. Needed only for workspaces that have none today."
  type        = string
  default     = null
}
