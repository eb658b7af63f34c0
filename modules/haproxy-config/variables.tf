variable "upstreams" {
  description = "Hosts that may be reached, on port 443, by names of your own: lower-case letters, digits and hyphens. `hostname` is compared with the TLS server name of a connection, exactly; what is not listed is closed. `addresses` above 1 keeps that many addresses of a name with several A records in use at a time."
  type = map(object({
    hostname  = string
    addresses = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.upstreams) > 0 && length(var.upstreams) <= 10
    error_message = "upstreams must hold 1 to 10 hosts: a Databricks private endpoint rule takes no more than 10."
  }

  validation {
    condition     = alltrue([for key in keys(var.upstreams) : can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", key))])
    error_message = "The keys of upstreams must have 1 to 32 lower-case letters, digits and hyphens, with a letter or digit first and last, for example \"openai-eastus\"."
  }

  validation {
    condition     = alltrue([for upstream in values(var.upstreams) : try(length(upstream.hostname) <= 253, false) && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", upstream.hostname))])
    error_message = "hostname of upstreams must be a plain host name in lower case, without scheme, port, path or wildcard: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }

  validation {
    condition     = length(distinct(values(var.upstreams)[*].hostname)) == length(var.upstreams)
    error_message = "upstreams must not name a host twice."
  }

  validation {
    condition     = alltrue([for upstream in values(var.upstreams) : upstream.addresses >= 1 && upstream.addresses <= 32 && floor(upstream.addresses) == upstream.addresses])
    error_message = "addresses of upstreams must be a whole number between 1 and 32."
  }
}

variable "proxy_port" {
  description = "TCP port on which connections to upstreams arrive."
  type        = number
  default     = 443
  nullable    = false

  validation {
    condition     = var.proxy_port >= 1 && var.proxy_port <= 65535 && floor(var.proxy_port) == var.proxy_port
    error_message = "proxy_port must be a whole number between 1 and 65535."
  }
}

variable "health_port" {
  description = "TCP port on which the load balancer's health check is answered, path `/healthz`."
  type        = number
  default     = 8404
  nullable    = false

  validation {
    condition     = var.health_port >= 1024 && var.health_port <= 65535 && floor(var.health_port) == var.health_port
    error_message = "health_port must be a whole number between 1024 and 65535."
  }

  validation {
    condition     = var.health_port != var.proxy_port
    error_message = "health_port and proxy_port must differ."
  }
}

variable "status_port" {
  description = "TCP port on which `GET /status` tells, as JSON, which proxy answered and what it can reach. Default: none."
  type        = number
  default     = null

  validation {
    condition     = var.status_port == null ? true : var.status_port >= 1024 && var.status_port <= 65535 && floor(var.status_port) == var.status_port
    error_message = "status_port must be a whole number between 1024 and 65535."
  }

  validation {
    condition     = var.status_port == null ? true : !contains([var.health_port, var.proxy_port], var.status_port)
    error_message = "status_port must differ from health_port and proxy_port."
  }
}

variable "proxy_protocol" {
  description = "Expect a PROXY protocol header on every TCP port, as a load balancer with `proxy_protocol_v2.enabled` sends it, health checks included. It names the client and the endpoint; a connection without it is closed."
  type        = bool
  default     = true
  nullable    = false
}

variable "require_public_ip" {
  description = "Answer health checks with 200 only while the instance metadata service shows a public address of the instance. Set to `false` behind NAT gateways."
  type        = bool
  default     = true
  nullable    = false
}

variable "max_connections" {
  description = "Connections that the proxy carries at a time. Further ones wait in the kernel's queue."
  type        = number
  default     = 10000
  nullable    = false

  validation {
    condition     = var.max_connections >= 100 && var.max_connections <= 100000 && floor(var.max_connections) == var.max_connections
    error_message = "max_connections must be a whole number between 100 and 100000."
  }
}

variable "tunnel_timeout" {
  description = "Seconds for which a connection may be silent before it is closed, and for which connections may go on after a reload."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.tunnel_timeout >= 60 && var.tunnel_timeout <= 86400 && floor(var.tunnel_timeout) == var.tunnel_timeout
    error_message = "tunnel_timeout must be a whole number of seconds between 60 and 86400."
  }
}

variable "nameserver" {
  description = "DNS server, as ADDRESS:PORT. Default: the resolver of a VPC."
  type        = string
  default     = "169.254.169.253:53"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9.]+:[0-9]{1,5}$", var.nameserver)) && can(cidrnetmask("${split(":", var.nameserver)[0]}/32")) && try(tonumber(split(":", var.nameserver)[1]) >= 1 && tonumber(split(":", var.nameserver)[1]) <= 65535, false)
    error_message = "nameserver must be an IPv4 address and a port, for example \"169.254.169.253:53\"."
  }
}
