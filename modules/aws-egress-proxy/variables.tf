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

variable "upstream_hostnames" {
  description = "Host names that the proxies forward to, on port 443: the custom subdomains of the Azure OpenAI accounts, for example `acme.openai.azure.com`. A connection whose TLS server name is not exactly one of them is closed."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.upstream_hostnames) > 0 && length(var.upstream_hostnames) <= 10
    error_message = "upstream_hostnames must hold 1 to 10 names: a Databricks private endpoint rule takes no more than 10."
  }

  validation {
    condition     = alltrue([for host in var.upstream_hostnames : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", host))])
    error_message = "upstream_hostnames must be plain host names in lower case, without scheme, port, path or wildcard: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }

  validation {
    condition     = length(distinct(var.upstream_hostnames)) == length(var.upstream_hostnames)
    error_message = "upstream_hostnames must not name a host twice."
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

variable "create_vpc" {
  description = "Make a VPC of its own for the proxies. Set to `false` to use `vpc_id`, `public_subnet_ids` and `private_subnet_ids`."
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
  description = "Names of the availability zones to use, two to six. Default: the first three (two, where there are only two) of the region. PrivateLink serves Databricks only in zones that both sides have, so more zones are safer; they cost nothing by themselves."
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
  description = "Existing subnets for the proxies, with a route to an internet gateway (an Elastic IP works in no other). While they boot the proxies have no public address: the subnets' route table also needs an S3 gateway endpoint that lets them read the bucket `al2023-repos-<region>-de612dc2`. At least two when `create_vpc` is `false`."
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
}

variable "private_subnet_ids" {
  description = "Existing subnets for the internal load balancer, one a zone. At least two when `create_vpc` is `false`."
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

variable "egress_cidr_blocks" {
  description = "IPv4 ranges that the proxies may open TCP 443 to. Azure publishes no fixed addresses for one Azure OpenAI account, hence the default; the proxies themselves forward to `upstream_hostnames` only. Whoever narrows it must keep the S3 ranges of the region in, for the packages."
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
  description = "Smallest number of proxies. The apply fails (and leaves everything in place) while fewer are in service, unless `require_in_service` is `false`. With `0` no proxy is started yet: pool, load balancer and endpoint service are made, and the fleet starts with a later apply, once a firewall that another team keeps lists the addresses. A fleet that runs is not stopped by it."
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
}

variable "require_in_service" {
  description = "Fail the apply, after everything is made, while fewer than `min_size` proxies are in service. Set to `false` when another team's firewall admits the addresses only after this apply."
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
  description = "Image of the proxies, to pin one or to bring a hardened one; it must run cloud-init and find a package `haproxy`. Default: the latest Amazon Linux 2023 as named by AWS's public SSM parameter, so a new image shows up in a plan and is rolled out proxy by proxy."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null ? true : can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id must be the id of an image, for example \"ami-0123456789abcdef0\"."
  }
}

variable "instance_profile_arn" {
  description = "Instance profile for the proxies, for example to reach them by Session Manager. They need none, and have none by default."
  type        = string
  default     = null

  validation {
    condition     = var.instance_profile_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/", var.instance_profile_arn))
    error_message = "instance_profile_arn must be the ARN of an instance profile, for example \"arn:aws:iam::123456789012:instance-profile/proxy\"."
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
  description = "Connections that one proxy carries at a time. About 20,000 fit in a GiB of memory; one address can hold about 28,000 to one destination."
  type        = number
  default     = 8000
  nullable    = false

  validation {
    condition     = var.max_connections >= 100 && var.max_connections <= 100000 && floor(var.max_connections) == var.max_connections
    error_message = "max_connections must be a whole number between 100 and 100000."
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
  description = "Number of Elastic IPs. Proxies are replaced one after the other, the old one first, so as many as `max_size` suffice, which is the default. With spare ones, at least 10 percent of `max_size` and at least one, Auto Scaling also rebalances the zones by itself; without, that process is suspended, since it launches proxies above `max_size`. An account's quota is 5 a region unless it was raised."
  type        = number
  default     = null

  validation {
    condition     = var.eip_pool_size == null ? true : var.eip_pool_size >= 1 && floor(var.eip_pool_size) == var.eip_pool_size
    error_message = "eip_pool_size must be a whole number, 1 or more."
  }

  validation {
    condition     = var.eip_pool_size == null ? true : var.eip_pool_size >= var.max_size
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
}

variable "log_retention_in_days" {
  description = "Days for which the function's log is kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for the function's role."
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

  validation {
    condition     = var.failure_destination_arn == null ? true : can(regex("^arn:aws[a-z-]*:(sqs|sns|lambda|events):", var.failure_destination_arn))
    error_message = "failure_destination_arn must be the ARN of an SQS queue, an SNS topic, a Lambda function or an EventBridge event bus, for example \"arn:aws:sqs:us-east-1:123456789012:failed-events\"."
  }
}

################################################################################
# Endpoint service
################################################################################

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

variable "load_balancer_deletion_protection" {
  description = "Refuse to delete the load balancer. Apply `false` before a destroy."
  type        = bool
  default     = false
  nullable    = false
}
