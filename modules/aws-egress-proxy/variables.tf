################################################################################
# General
################################################################################

variable "name" {
  description = "Prefix of every name this module gives. Lower-case letters, digits and hyphens, 3 to 24 characters, because load balancer and target group names may have no more than 32."
  type        = string
  default     = "crosscloudlink"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 24 characters, only lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen, for example \"openai-link\"."
  }

  validation {
    condition     = !startswith(var.name, "internal-")
    error_message = "name must not begin with \"internal-\": AWS reserves that prefix for load balancers."
  }
}

variable "tags" {
  description = "Tags for everything this module makes, the instances, their network interfaces and their disks included. Default tags of the AWS provider are added to the latter three by the module, since the provider does not do it inside launch templates."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && !startswith(key, "crosscloudlink:")])
    error_message = "tags must not use keys that begin with \"aws:\" (reserved by AWS) or \"crosscloudlink:\" (the memory of the pool and its assigner)."
  }
}

################################################################################
# What may be reached
################################################################################

variable "upstreams" {
  description = <<-EOT
    What the proxies forward to, by names of your own (lower-case letters, digits and hyphens): each a host name, for example `{ openai = { hostname = "acme.openai.azure.com" } }`, always on port 443.
    A connection whose TLS server name is not exactly one of the host names is closed. `addresses` is for names that have several A records at a time: to so many of them connections are spread.
  EOT
  type = map(object({
    hostname  = string
    addresses = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.upstreams) > 0 && length(var.upstreams) <= 10
    error_message = "upstreams must hold 1 to 10 hosts: a Databricks private endpoint rule takes no more than 10 domain names."
  }

  validation {
    condition     = alltrue([for key in keys(var.upstreams) : can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", key))])
    error_message = "The keys of upstreams must have 1 to 32 lower-case letters, digits and hyphens, with a letter or digit first and last, for example \"openai-east\"."
  }

  validation {
    condition     = alltrue([for upstream in var.upstreams : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", upstream.hostname)) && length(upstream.hostname) <= 253])
    error_message = "hostname of an upstream must be a plain host name in lower case, without scheme, port, path or wildcard: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }

  validation {
    condition     = length(distinct([for upstream in var.upstreams : upstream.hostname])) == length(var.upstreams)
    error_message = "upstreams must not name a host twice: the TLS server name could not tell which of the two is meant."
  }

  validation {
    condition     = alltrue([for upstream in var.upstreams : upstream.addresses >= 1 && upstream.addresses <= 32 && floor(upstream.addresses) == upstream.addresses])
    error_message = "addresses of an upstream must be a whole number between 1 and 32."
  }
}

variable "firewalls" {
  description = <<-EOT
    Firewalls on the other side, by names of your own: each a `crosscloudlink_aoai_ip_firewall`, whose `ip_rules` are this module's output `public_ips`, or an object with its three attributes.
    Only addresses that all of them list (`admitted_public_ips`) are given to proxies, and a retired address is given back to AWS only once none of them lists it, as anybody's entry (`effective_ip_rules`): an apply that was killed while it wrote a firewall can leave one that `admitted_public_ips` does not name.
    `on_destroy = "keep"` is accepted only where all addresses are your own (`existing_allocation_ids`).
    Terraform orders resources one by one, so feeding an output of the module back into it is no cycle; `depends_on` for the whole module would be one.
  EOT
  type = map(object({
    admitted_public_ips = set(string)
    effective_ip_rules  = optional(set(string), [])
    on_destroy          = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.firewalls) > 0
    error_message = "firewalls must name at least one firewall. One that admits nobody yet is { openai = { admitted_public_ips = [] } }; begin with min_size = 0 then."
  }

  validation {
    condition     = alltrue([for firewall in var.firewalls : alltrue([for rule in firewall.effective_ip_rules : can(cidrnetmask(strcontains(rule, "/") ? rule : "${rule}/32"))])])
    error_message = "effective_ip_rules of a firewall must hold IPv4 addresses and ranges, as the firewall resource's effective_ip_rules shows them."
  }
}

################################################################################
# Network
################################################################################

variable "egress_mode" {
  description = "How traffic leaves. `eip_pool`: each proxy has an address of the pool. `nat_gateway`: each zone has a NAT gateway on an address of the pool, and the proxies stand behind it without one. What that costs and what breaks is under *Two modes*. Changing it on a fleet that runs interrupts the link."
  type        = string
  default     = "eip_pool"
  nullable    = false

  validation {
    condition     = contains(["eip_pool", "nat_gateway"], var.egress_mode)
    error_message = "egress_mode must be \"eip_pool\" or \"nat_gateway\"."
  }
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

  validation {
    condition = (
      can(regex("^[0-9.]+/(1[6-9]|2[0-4])$", var.vpc_cidr)) &&
      can(cidrnetmask(var.vpc_cidr)) &&
      try(cidrhost(var.vpc_cidr, 0), "") == split("/", var.vpc_cidr)[0]
    )
    error_message = "vpc_cidr must be an IPv4 range between /16 and /24 that begins at its network address, for example \"10.64.0.0/22\"."
  }
}

variable "azs" {
  description = "Names of the availability zones to use, two to six. Default: the first three (two, where there are only two) of the region. PrivateLink serves Databricks only in zones that both sides have, so more zones are safer. They cost nothing by themselves in mode `eip_pool`; in mode `nat_gateway` each has a NAT gateway and an address. With `create_vpc = false` needed in mode `nat_gateway` only: the zones of the subnets, in their order."
  type        = list(string)
  default     = null

  validation {
    condition     = var.azs == null ? true : length(var.azs) >= 2 && length(var.azs) <= 6
    error_message = "azs must name two to six availability zones, for example [\"us-east-1a\", \"us-east-1b\"]."
  }

  validation {
    condition     = var.azs == null ? true : length(distinct(var.azs)) == length(var.azs)
    error_message = "azs must not name a zone twice."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.create_vpc || try(length(var.azs), 0) == length(var.private_subnet_ids)
    error_message = "azs must name the zones of private_subnet_ids, in that order: with egress_mode = \"nat_gateway\" and create_vpc = false it tells which subnets and route table belong together."
  }
}

variable "vpc_id" {
  description = "Id of the existing VPC to use. Needed when `create_vpc` is `false`."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null ? true : can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, for example \"vpc-0123456789abcdef0\"."
  }

  validation {
    condition     = var.create_vpc ? var.vpc_id == null : var.vpc_id != null
    error_message = "vpc_id goes with create_vpc = false: write both to use an existing VPC, neither to have one made."
  }
}

variable "public_subnet_ids" {
  description = "Existing subnets for the proxies, with a route to an internet gateway (an Elastic IP works in no other). While they boot the proxies have no public address: the subnets' route table also needs an S3 gateway endpoint that lets them read the bucket `al2023-repos-<region>-de612dc2`. In mode `nat_gateway` they hold the NAT gateways, one a zone, in the order of `azs`. At least two when `create_vpc` is `false`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.create_vpc ? length(var.public_subnet_ids) == 0 : length(var.public_subnet_ids) >= 2
    error_message = "public_subnet_ids must hold at least two subnets in different zones when create_vpc is false, and none when it is true."
  }

  validation {
    condition     = alltrue([for id in var.public_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "public_subnet_ids must be ids of subnets, for example \"subnet-0123456789abcdef0\"."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.create_vpc || length(var.public_subnet_ids) == length(var.private_subnet_ids)
    error_message = "public_subnet_ids must name one subnet for each of private_subnet_ids, of the same zone and in the same order: with egress_mode = \"nat_gateway\" it holds that zone's NAT gateway."
  }
}

variable "private_subnet_ids" {
  description = "Existing subnets of the internal load balancer, one a zone; in mode `nat_gateway` of the proxies as well, in the order of `azs`. At least two when `create_vpc` is `false`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.create_vpc ? length(var.private_subnet_ids) == 0 : length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids must hold at least two subnets in different zones when create_vpc is false, and none when it is true."
  }

  validation {
    condition     = alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "private_subnet_ids must be ids of subnets, for example \"subnet-0123456789abcdef0\"."
  }
}

variable "private_route_table_ids" {
  description = "Route tables of `private_subnet_ids`, one a zone, in the order of `azs`, each without a default route: it gets one to the zone's NAT gateway. Only in mode `nat_gateway` with `create_vpc = false`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.private_route_table_ids : can(regex("^rtb-[0-9a-f]+$", id))])
    error_message = "private_route_table_ids must be ids of route tables, for example \"rtb-0123456789abcdef0\"."
  }

  validation {
    condition     = length(var.private_route_table_ids) == 0 || (var.egress_mode == "nat_gateway" && !var.create_vpc)
    error_message = "private_route_table_ids has a meaning only with egress_mode = \"nat_gateway\" and create_vpc = false: otherwise no route of an existing network is made."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.create_vpc || length(var.private_route_table_ids) == length(var.private_subnet_ids)
    error_message = "private_route_table_ids must name one route table for each of private_subnet_ids, in that order: with egress_mode = \"nat_gateway\" each zone leaves through a NAT gateway of its own."
  }

  validation {
    condition     = length(distinct(var.private_route_table_ids)) == length(var.private_route_table_ids)
    error_message = "private_route_table_ids must not name a route table twice: a table leads to one NAT gateway, and each zone has its own."
  }
}

variable "egress_cidr_blocks" {
  description = "IPv4 ranges that the proxies may open TCP 443 to. Azure publishes no fixed addresses for one Azure OpenAI account, hence the default; the proxies themselves forward to `upstreams` only. Whoever narrows it must keep in the ranges of S3 in the region, for the packages, and of the API of Auto Scaling there, to which a proxy reports that it serves."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.egress_cidr_blocks) > 0 && alltrue([for cidr in var.egress_cidr_blocks : can(cidrnetmask(cidr))])
    error_message = "egress_cidr_blocks must hold at least one IPv4 range, for example \"0.0.0.0/0\"."
  }
}

################################################################################
# Fleet
################################################################################

variable "min_size" {
  description = "Smallest number of proxies. The apply fails (and leaves everything in place) while fewer are in service, unless `require_in_service` is `false`. With `0` no proxy is started yet: pool, load balancer and endpoint service are made, and the fleet starts with a later apply, once a firewall that another team keeps lists the addresses. A fleet that runs is not stopped by it; in mode `nat_gateway` it is, and the NAT gateways go."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.min_size >= 0 && floor(var.min_size) == var.min_size
    error_message = "min_size must be a whole number: 0 starts no proxy yet, 1 is a link that breaks while its proxy is replaced, 2 or more keep it up."
  }
}

variable "max_size" {
  description = "Largest number of proxies. Each needs an Elastic IP of the pool."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.max_size >= max(1, var.min_size) && floor(var.max_size) == var.max_size
    error_message = "max_size must be a whole number, 1 or more and not smaller than min_size."
  }
}

variable "desired_capacity" {
  description = "Number of proxies to begin with. Later changes, by scaling or by hand, are left alone as long as they stay between `min_size` and `max_size`. Default: `min_size`."
  type        = number
  default     = null

  validation {
    condition     = var.desired_capacity == null ? true : var.desired_capacity >= var.min_size && var.desired_capacity <= var.max_size
    error_message = "desired_capacity must lie between min_size and max_size."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.min_size > 0 || coalesce(var.desired_capacity, 0) == 0
    error_message = "desired_capacity must be left out while min_size is 0: with egress_mode = \"nat_gateway\" there is no NAT gateway then, and no proxy."
  }
}

variable "require_in_service" {
  description = "Fail the apply, after everything is made, while fewer than `min_size` proxies are in service. Set to `false` when another team's firewall admits the addresses only after this apply; in mode `nat_gateway` use `min_size = 0` for that, since no NAT gateway is made before all firewalls list its address."
  type        = bool
  default     = true
  nullable    = false
}

variable "architecture" {
  description = "Processor of the proxies and of the Lambda function that gives them their addresses: `arm64` (Graviton, cheaper) or `x86_64`."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be \"arm64\" or \"x86_64\"."
  }
}

variable "instance_type" {
  description = "Instance type of the proxies. Default: `t4g.small` for arm64, `t3.small` for x86_64. Types below 32 vCPUs get at most 5 Gbit/s to the internet."
  type        = string
  default     = null

  validation {
    condition     = var.instance_type == null ? true : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type must look like \"t4g.small\"."
  }

  # Graviton families are a1 and those with a "g" after the generation: t4g, c7gn, m8gd.
  validation {
    condition = var.instance_type == null ? true : (
      can(regex("^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\\.", var.instance_type)) == (var.architecture == "arm64")
    )
    error_message = "instance_type does not fit architecture: arm64 needs a Graviton type such as t4g.small or c7gn.large, x86_64 any other such as t3.small."
  }
}

variable "ami_id" {
  description = "Image of the proxies, to pin one or to bring a hardened one: with cloud-init, bash, curl and the AWS CLI, and a package `haproxy` (2.6 or later) that is installed or that `dnf` finds. An image that is set up otherwise needs `user_data` too. Default: the latest Amazon Linux 2023, looked up anew in AWS's public SSM parameter whenever a proxy is launched."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null ? true : can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id must be the id of an image, for example \"ami-0123456789abcdef0\"."
  }
}

variable "user_data" {
  description = "User data of your own, as plain text, in place of all that this module would have an instance do: for another proxy than HAProxy, or an image that needs nothing done. What it must do is written under *A proxy of your own*. Default: cloud-config that installs and starts HAProxy."
  type        = string
  default     = null

  validation {
    condition     = var.user_data == null ? true : startswith(var.user_data, "#") || startswith(var.user_data, "Content-Type:") || startswith(var.user_data, "MIME-Version:")
    error_message = "user_data must be plain text that cloud-init knows: it begins with \"#cloud-config\", \"#!\" or a MIME header. It is encoded by the module."
  }
}

variable "create_instance_profile" {
  description = "Make a role and an instance profile for the proxies, with the least rights that they need. Set to `false` to use `instance_profile_arn`."
  type        = bool
  default     = true
  nullable    = false
}

variable "instance_profile_arn" {
  description = "Instance profile of your own for the proxies, where roles may not be made here. Its role needs `autoscaling:CompleteLifecycleAction` on the Auto Scaling group `<name>-proxy`; the whole policy is under *A role of your own*. Needed when `create_instance_profile` is `false`."
  type        = string
  default     = null

  validation {
    condition     = var.instance_profile_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/", var.instance_profile_arn))
    error_message = "instance_profile_arn must be the ARN of an instance profile, for example \"arn:aws:iam::123456789012:instance-profile/proxy\"."
  }

  validation {
    condition     = var.create_instance_profile == (var.instance_profile_arn == null)
    error_message = "instance_profile_arn goes with create_instance_profile = false: write both to use a profile of your own, neither to have one made."
  }
}

variable "enable_session_manager" {
  description = "Let the proxies be reached by Session Manager: attaches AWS's policy `AmazonSSMManagedInstanceCore` to the role that is made for them. There is no other way in: no key pair, no open port."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.enable_session_manager || var.create_instance_profile
    error_message = "enable_session_manager is about the role that this module makes. With create_instance_profile = false, attach AmazonSSMManagedInstanceCore to your own role."
  }
}

variable "bootstrap_timeout" {
  description = "Seconds that a new proxy may take until it has its address and HAProxy answers. One that takes longer is given up and replaced."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.bootstrap_timeout >= 120 && var.bootstrap_timeout <= 7200 && floor(var.bootstrap_timeout) == var.bootstrap_timeout
    error_message = "bootstrap_timeout must be a whole number of seconds between 120 and 7200."
  }
}

variable "root_volume_size" {
  description = "Size of the proxies' encrypted gp3 disk, in GiB."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.root_volume_size >= 8 && floor(var.root_volume_size) == var.root_volume_size
    error_message = "root_volume_size must be a whole number of GiB, 8 or more: the image needs that much."
  }
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

  validation {
    condition     = contains(["EC2", "ELB"], var.health_check_type)
    error_message = "health_check_type must be \"EC2\" or \"ELB\"."
  }
}

variable "health_check_grace_period" {
  description = "Seconds after a proxy came into service during which failed health checks do not replace it."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.health_check_grace_period >= 0 && var.health_check_grace_period <= 7200
    error_message = "health_check_grace_period must lie between 0 and 7200 seconds."
  }
}

variable "max_instance_lifetime" {
  description = "Seconds after which a proxy is replaced, which is how it gets a newer image and newer packages without Terraform: by default 14 days. `0` keeps proxies for as long as they work. They are replaced as `instance_maintenance_policy` says, so that the pool of addresses suffices."
  type        = number
  default     = 1209600
  nullable    = false

  validation {
    condition     = var.max_instance_lifetime == 0 || (var.max_instance_lifetime >= 86400 && var.max_instance_lifetime <= 31536000 && floor(var.max_instance_lifetime) == var.max_instance_lifetime)
    error_message = "max_instance_lifetime must be 0 or a whole number of seconds between 86400 (a day) and 31536000 (a year)."
  }
}

variable "instance_maintenance_policy" {
  description = "How proxies are replaced, by an instance refresh, by `max_instance_lifetime` and when one is unhealthy: percentages of the desired number that stay in service, and that there may be at a time. Default: 50 and 100 (0 and 100 for a single proxy), the old one first, which needs no spare address. More than 100, the new one first, needs addresses to spare: `eip_pool_size` of at least so many percent of `max_size`. In mode `nat_gateway` no proxy needs an address, and the default is 100 and 200."
  type = object({
    min_healthy_percentage = number
    max_healthy_percentage = number
  })
  default = null

  validation {
    condition = var.instance_maintenance_policy == null ? true : (
      var.instance_maintenance_policy.min_healthy_percentage >= 0 && var.instance_maintenance_policy.min_healthy_percentage <= 100 &&
      floor(var.instance_maintenance_policy.min_healthy_percentage) == var.instance_maintenance_policy.min_healthy_percentage
    )
    error_message = "min_healthy_percentage of instance_maintenance_policy must be a whole number between 0 and 100."
  }

  validation {
    condition = var.instance_maintenance_policy == null ? true : (
      var.instance_maintenance_policy.max_healthy_percentage >= 100 && var.instance_maintenance_policy.max_healthy_percentage <= 200 &&
      floor(var.instance_maintenance_policy.max_healthy_percentage) == var.instance_maintenance_policy.max_healthy_percentage
    )
    error_message = "max_healthy_percentage of instance_maintenance_policy must be a whole number between 100 and 200."
  }

  validation {
    condition     = var.instance_maintenance_policy == null ? true : var.instance_maintenance_policy.max_healthy_percentage - var.instance_maintenance_policy.min_healthy_percentage <= 100
    error_message = "The percentages of instance_maintenance_policy must not be more than 100 apart: Auto Scaling refuses that."
  }
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

  validation {
    condition     = var.scaling_policies == null ? true : alltrue([for key in keys(var.scaling_policies) : can(regex("^[A-Za-z0-9_-]{1,64}$", key))])
    error_message = "The keys of scaling_policies must have 1 to 64 letters, digits, underscores and hyphens."
  }

  validation {
    condition     = var.scaling_policies == null ? true : alltrue([for policy in var.scaling_policies : contains(["active_flows", "network_out", "network_in", "cpu"], policy.metric)])
    error_message = "metric of a policy in scaling_policies must be \"active_flows\", \"network_out\", \"network_in\" or \"cpu\"."
  }

  validation {
    condition     = var.scaling_policies == null ? true : alltrue([for policy in var.scaling_policies : policy.target_value > 0 && (policy.metric != "cpu" || policy.target_value <= 100)])
    error_message = "target_value of a policy in scaling_policies must be larger than 0, and for \"cpu\" at most 100 (percent)."
  }

  validation {
    condition     = var.scaling_policies == null ? true : length(distinct([for policy in var.scaling_policies : policy.metric])) == length(var.scaling_policies)
    error_message = "scaling_policies must not use a metric twice: Auto Scaling would follow the larger of the two only."
  }
}

################################################################################
# Proxy
################################################################################

variable "health_port" {
  description = "TCP port on which a proxy answers the load balancer's health check, path `/healthz`."
  type        = number
  default     = 8404
  nullable    = false

  validation {
    condition     = var.health_port >= 1024 && var.health_port <= 65535 && floor(var.health_port) == var.health_port
    error_message = "health_port must be a whole number between 1024 and 65535."
  }
}

variable "status_port" {
  description = "TCP port on which the load balancer passes on `GET /status` to the proxies, for a notebook that wants to tell the two legs of the link apart: a proxy answers, over plain HTTP, what it can resolve and reach. Reached by PrivateLink under any of the upstreams' host names. Default: none."
  type        = number
  default     = null

  validation {
    condition     = var.status_port == null ? true : var.status_port >= 1024 && var.status_port <= 65535 && floor(var.status_port) == var.status_port && var.status_port != var.health_port
    error_message = "status_port must be a whole number between 1024 and 65535, and not health_port."
  }
}

variable "tunnel_timeout" {
  description = "Seconds for which a connection may be silent before a proxy closes it. A model that thinks for long sends nothing meanwhile; TCP keepalives keep the load balancer (350 s) from closing it before."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.tunnel_timeout >= 60 && var.tunnel_timeout <= 86400 && floor(var.tunnel_timeout) == var.tunnel_timeout
    error_message = "tunnel_timeout must be a whole number of seconds between 60 and 86400."
  }
}

variable "max_connections" {
  description = "Connections that one proxy carries at a time. Default: 10,000 for each GiB of memory of the instance type, at most 50,000, since a load balancer behind PrivateLink can hold 55,000 to one target."
  type        = number
  default     = null

  validation {
    condition     = var.max_connections == null ? true : var.max_connections >= 100 && var.max_connections <= 50000 && floor(var.max_connections) == var.max_connections
    error_message = "max_connections must be a whole number between 100 and 50000: a load balancer behind PrivateLink holds no more than 55,000 connections to one target."
  }
}

variable "deregistration_delay" {
  description = "Seconds that a proxy which leaves may take to finish its connections. What is open after that is closed, before the proxy's address is taken away."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.deregistration_delay >= 0 && var.deregistration_delay <= 3600 && floor(var.deregistration_delay) == var.deregistration_delay
    error_message = "deregistration_delay must be a whole number of seconds between 0 and 3600."
  }
}

################################################################################
# Addresses
################################################################################

variable "eip_pool_name" {
  description = "Name of the pool of Elastic IPs. It cannot be changed later. Default: `name`."
  type        = string
  default     = null

  validation {
    condition     = var.eip_pool_name == null ? true : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", var.eip_pool_name))
    error_message = "eip_pool_name must have 1 to 128 characters: letters, digits, underscore, dot and hyphen, with a letter or digit first."
  }
}

variable "eip_pool_size" {
  description = "Number of Elastic IPs. In mode `nat_gateway` one a zone, which is the default there; more are spares. In mode `eip_pool` proxies are replaced one after the other, the old one first, so as many as `max_size` suffice, which is the default. With spare ones, at least 10 percent of `max_size` and at least one, Auto Scaling also rebalances the zones by itself; without, that process is suspended, since it launches proxies above `max_size`. An account's quota is 5 a region unless it was raised."
  type        = number
  default     = null

  validation {
    condition     = var.eip_pool_size == null ? true : var.eip_pool_size >= 1 && floor(var.eip_pool_size) == var.eip_pool_size
    error_message = "eip_pool_size must be a whole number, 1 or more."
  }

  validation {
    condition     = var.eip_pool_size == null || var.egress_mode == "nat_gateway" ? true : var.eip_pool_size >= var.max_size
    error_message = "eip_pool_size must not be smaller than max_size: a proxy without an address of the pool never comes into service. Raise eip_pool_size or lower max_size."
  }
}

variable "existing_allocation_ids" {
  description = "Elastic IPs of your own to take into the pool (allocation ids). They are tagged, and never released."
  type        = set(string)
  default     = null

  validation {
    condition     = var.existing_allocation_ids == null ? true : alltrue([for id in var.existing_allocation_ids : can(regex("^eipalloc-[0-9a-f]+$", id))])
    error_message = "existing_allocation_ids must be allocation ids of Elastic IPs, for example \"eipalloc-0123456789abcdef0\"."
  }
}

variable "public_ipv4_pool" {
  description = "Public IPv4 pool (your own addresses brought to AWS, or an Amazon-provided contiguous block) to allocate from. Default: Amazon's."
  type        = string
  default     = null
}

variable "retire_allocation_ids" {
  description = "Elastic IPs to rotate out of the pool (allocation ids). Each is replaced, and given back once no proxy uses it and no firewall lists it any more."
  type        = set(string)
  default     = null

  validation {
    condition     = var.retire_allocation_ids == null ? true : alltrue([for id in var.retire_allocation_ids : can(regex("^eipalloc-[0-9a-f]+$", id))])
    error_message = "retire_allocation_ids must be allocation ids of Elastic IPs, for example \"eipalloc-0123456789abcdef0\"."
  }
}

variable "deletion_protection" {
  description = "Refuse to destroy the pool of Elastic IPs: an address once given back is lost, and with it every firewall entry that names it. Apply `false` before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

################################################################################
# Function that gives the addresses
################################################################################

variable "heartbeat_timeout" {
  description = "Seconds that an instance may wait for its address before Auto Scaling gives it up; prolonged by the function as long as it makes sense."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.heartbeat_timeout >= 30 && var.heartbeat_timeout <= 7200
    error_message = "heartbeat_timeout must lie between 30 and 7200 seconds."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.heartbeat_timeout == 300
    error_message = "heartbeat_timeout has no meaning with egress_mode = \"nat_gateway\", where no function gives addresses to proxies. Leave it out; bootstrap_timeout is the time that a proxy may take."
  }
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

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.assigner_role_arn == null
    error_message = "assigner_role_arn has no meaning with egress_mode = \"nat_gateway\", where there is no such function. Leave it out."
  }
}

variable "failure_destination_arn" {
  description = "SQS queue, SNS topic, Lambda function or EventBridge event bus to which Lambda sends an event that the function failed on in all its tries. The function's schedule repairs what such an event was about, so this is for alarms. Default: none."
  type        = string
  default     = null

  validation {
    condition     = var.failure_destination_arn == null ? true : can(regex("^arn:aws[a-z-]*:(sqs|sns|lambda|events):", var.failure_destination_arn))
    error_message = "failure_destination_arn must be the ARN of an SQS queue, an SNS topic, a Lambda function or an EventBridge event bus, for example \"arn:aws:sqs:us-east-1:123456789012:failed-events\"."
  }

  validation {
    condition     = var.egress_mode != "nat_gateway" || var.failure_destination_arn == null
    error_message = "failure_destination_arn has no meaning with egress_mode = \"nat_gateway\", where there is no function that could fail. Leave it out."
  }
}

################################################################################
# Load balancer
################################################################################

variable "create_nlb" {
  description = "Make a network load balancer. Set to `false` to use `nlb_arn` and `nlb_security_group_id`; listeners and target groups are made either way."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.create_nlb || !var.create_vpc
    error_message = "create_nlb = false needs create_vpc = false: an existing load balancer stands in an existing VPC."
  }
}

variable "nlb_arn" {
  description = "ARN of an existing internal network load balancer in the VPC, whose port 443 (and `status_port`) is free. Needed when `create_nlb` is `false`."
  type        = string
  default     = null

  validation {
    condition     = var.nlb_arn == null ? true : can(regex("^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/net/[A-Za-z0-9-]+/[0-9a-f]+$", var.nlb_arn))
    error_message = "nlb_arn must be the ARN of a network load balancer, for example \"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef\"."
  }

  validation {
    condition     = var.create_nlb == (var.nlb_arn == null)
    error_message = "nlb_arn goes with create_nlb = false: write both to use an existing load balancer, neither to have one made."
  }
}

variable "nlb_security_group_id" {
  description = "Security group of the existing load balancer, from which the proxies accept connections. Rules to the proxies are added to it, and nothing else is changed. Needed when `create_nlb` is `false`."
  type        = string
  default     = null

  validation {
    condition     = var.nlb_security_group_id == null ? true : can(regex("^sg-[0-9a-f]+$", var.nlb_security_group_id))
    error_message = "nlb_security_group_id must be the id of a security group, for example \"sg-0123456789abcdef0\"."
  }

  validation {
    condition     = var.create_nlb == (var.nlb_security_group_id == null)
    error_message = "nlb_security_group_id goes with create_nlb = false: write it beside nlb_arn, and not otherwise. A load balancer that was made without a security group can never get one, and cannot be used here."
  }
}

variable "load_balancer_deletion_protection" {
  description = "Refuse to delete the load balancer that is made here. Apply `false` before a destroy."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# Endpoint service
################################################################################

variable "create_endpoint_service" {
  description = "Make an endpoint service for the load balancer. Set to `false` to use `endpoint_service_id`, a service that leads to `nlb_arn`."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.create_endpoint_service || !var.create_nlb
    error_message = "create_endpoint_service = false needs create_nlb = false: an existing endpoint service leads to an existing load balancer."
  }
}

variable "endpoint_service_id" {
  description = "Id of an existing endpoint service that leads to `nlb_arn`, in this region. It must need acceptance, and its allowed principals must hold those of the output `databricks_principal_arns`; they are not changed here. Needed when `create_endpoint_service` is `false`."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint_service_id == null ? true : can(regex("^vpce-svc-[0-9a-f]+$", var.endpoint_service_id))
    error_message = "endpoint_service_id must be the id of an endpoint service, for example \"vpce-svc-0123456789abcdef0\"."
  }

  validation {
    condition     = var.create_endpoint_service == (var.endpoint_service_id == null)
    error_message = "endpoint_service_id goes with create_endpoint_service = false: write both to use an existing endpoint service, neither to have one made."
  }
}

variable "databricks_principal_arns" {
  description = "Principals that may connect to the endpoint service. Default: exactly the role by which Databricks makes private endpoints in this region. Databricks refuses a service that admits its role only by wildcard."
  type        = list(string)
  default     = null

  validation {
    condition     = var.databricks_principal_arns == null ? true : length(var.databricks_principal_arns) > 0 && alltrue([for arn in var.databricks_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$|^arn:aws[a-z-]*:iam::[0-9]{12}:root$", arn))])
    error_message = "databricks_principal_arns must hold exact ARNs without wildcard, for example \"arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1\"."
  }
}

variable "databricks_gov_shard" {
  description = "Which Databricks connects, in AWS GovCloud: `civilian` or `dod`. Without meaning elsewhere."
  type        = string
  default     = "civilian"
  nullable    = false

  validation {
    condition     = contains(["civilian", "dod"], var.databricks_gov_shard)
    error_message = "databricks_gov_shard must be \"civilian\" or \"dod\"."
  }
}

################################################################################
# Dashboard, alarms and log
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

  validation {
    condition     = length(var.alarm_actions) <= 5 && alltrue([for arn in var.alarm_actions : can(regex("^arn:aws[a-z-]*:[a-z0-9-]+:", arn))])
    error_message = "alarm_actions must be at most 5 ARNs, for example [\"arn:aws:sns:us-east-1:123456789012:on-call\"]."
  }
}

variable "warning_actions" {
  description = "ARNs of what an alarm of severity `warning` starts: what can wait for working hours. Up to 5; `[]` for nothing. Default: `alarm_actions`."
  type        = list(string)
  default     = null

  validation {
    condition     = var.warning_actions == null ? true : length(var.warning_actions) <= 5 && alltrue([for arn in var.warning_actions : can(regex("^arn:aws[a-z-]*:[a-z0-9-]+:", arn))])
    error_message = "warning_actions must be at most 5 ARNs, for example [\"arn:aws:sns:us-east-1:123456789012:team-channel\"]."
  }
}

variable "ok_actions" {
  description = "ARNs of what starts when an alarm is over, so that an incident closes by itself. Up to 5."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.ok_actions) <= 5 && alltrue([for arn in var.ok_actions : can(regex("^arn:aws[a-z-]*:[a-z0-9-]+:", arn))])
    error_message = "ok_actions must be at most 5 ARNs, for example [\"arn:aws:sns:us-east-1:123456789012:on-call\"]."
  }
}

variable "runbook_url" {
  description = "Page that the alarms' texts point at, without anchor: a copy of the runbook of your own must keep its headings."
  type        = string
  default     = "https://registry.terraform.io/providers/crosscloudlink/crosscloudlink/latest/docs/guides/runbook"
  nullable    = false

  validation {
    condition     = can(regex("^https://[^\\s#]+$", var.runbook_url)) && length(var.runbook_url) <= 300
    error_message = "runbook_url must be an https:// address of at most 300 characters, without spaces and without \"#\": each alarm adds its own anchor."
  }
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

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.proxy_log_retention_in_days)
    error_message = "proxy_log_retention_in_days must be a number of days that CloudWatch Logs knows: 0 (for ever), 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "proxy_log_kms_key_arn" {
  description = "KMS key that encrypts the proxies' log; its policy must let CloudWatch Logs use it for the group. Default: CloudWatch Logs' own encryption."
  type        = string
  default     = null

  validation {
    condition     = var.proxy_log_kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:", var.proxy_log_kms_key_arn))
    error_message = "proxy_log_kms_key_arn must be the ARN of a KMS key, for example \"arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef\"."
  }
}

variable "enable_proxy_metrics" {
  description = "Have the proxies report how often AWS held back their packets because the instance type allows no more, and how full their memory is: six custom metrics a fleet. Needs `egress_cidr_blocks` that reach CloudWatch; no effect with `user_data` of your own."
  type        = bool
  default     = true
  nullable    = false
}
