variable "name" {
  description = "Name of the fleet: prefix of the alarms' names, and title of the dashboard."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region that the metrics are in."
  type        = string
  nullable    = false
}

variable "runbook_url" {
  description = "Page that tells what to do about each alarm; an alarm's text ends with it and the alarm's own anchor."
  type        = string
  nullable    = false
}

variable "load_balancer" {
  description = "The load balancer as metrics name it, `net/NAME/ID`."
  type        = string
  nullable    = false
}

variable "target_group" {
  description = "The target group as metrics name it, `targetgroup/NAME/ID`."
  type        = string
  nullable    = false
}

variable "endpoint_service_id" {
  description = "Id of the endpoint service, `vpce-svc-…`."
  type        = string
  nullable    = false
}

variable "autoscaling_group_name" {
  description = "Name of the proxies' Auto Scaling group."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Names of the availability zones that the load balancer is in."
  type        = list(string)
  nullable    = false
}

variable "min_size" {
  description = "Number of proxies that there should be at least. Alarms about missing proxies exist only for as many as are asked for."
  type        = number
  nullable    = false
}

variable "max_connections" {
  description = "Connections that one proxy carries at a time."
  type        = number
  nullable    = false
}

variable "assigner" {
  description = "The function that gives the proxies their addresses: its name, and the pool and group that its metrics name. Null without one, in mode `nat_gateway`."
  type = object({
    function_name = string
    pool_name     = string
  })
  default = null
}

variable "nat_gateway_ids" {
  description = "Ids of the NAT gateways by zone; none in mode `eip_pool`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "proxy_log_group_name" {
  description = "Log group with one line a connection. Null without one: then nothing is known of refused names and of upstreams that cannot be reached."
  type        = string
  default     = null
}

variable "proxy_metrics" {
  description = "Whether the proxies report how often AWS held back their packets (the CloudWatch agent's `ethtool` metrics)."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_arns" {
  description = "ARNs of the alarms whose state the dashboard shows on top."
  type        = list(string)
  default     = []
  nullable    = false
}
