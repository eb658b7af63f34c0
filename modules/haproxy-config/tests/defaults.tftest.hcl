variables {
  upstreams = {
    openai-eastus = { hostname = "acme.openai.azure.com" }
    login         = { hostname = "login.microsoftonline.com", addresses = 4 }
  }
}

run "defaults" {
  command = plan

  assert {
    condition     = output.files["/etc/haproxy/haproxy.cfg"] == output.haproxy_cfg
    error_message = "files must hold the configuration."
  }

  assert {
    condition     = output.files["/etc/haproxy/upstreams.map"] == "login.microsoftonline.com upstream-login\nacme.openai.azure.com upstream-openai-eastus\n"
    error_message = "The map must name each host's backend."
  }

  assert {
    condition     = output.files[output.state_file] == "1\n"
    error_message = "The state file must be empty but for its version."
  }

  assert {
    condition = alltrue([for line in [
      "bind :443 accept-proxy",
      "bind :8404 accept-proxy",
      "bind unix@${output.health_socket} mode 600",
      "stats socket ${output.stats_socket} mode 600 level admin expose-fd listeners",
      "server-state-file ${output.state_file}",
      "nameserver vpc 169.254.169.253:53",
      "maxconn 10000",
      "maxconn 10200",
      "timeout tunnel 3600s",
      "hard-stop-after 3600s",
      "server upstream acme.openai.azure.com:443",
      "server-template upstream 4 login.microsoftonline.com:443",
      "server metadata 169.254.169.254:80 check inter 10s fastinter 2s downinter 2s rise 1 fall 3",
      "tcp-request content reject",
    ] : strcontains(output.haproxy_cfg, "\n    ${line}\n")])
    error_message = "A line of the configuration is missing."
  }

  assert {
    condition     = !strcontains(output.haproxy_cfg, "frontend status") && !strcontains(output.haproxy_cfg, "backend probe-")
    error_message = "Without status_port nothing may listen for it, and no upstream may be checked."
  }

  assert {
    condition     = length(regexall("(?m)^ *server-?[a-z]* upstream .* check", output.haproxy_cfg)) == 0
    error_message = "No upstream may be taken out of use by a check."
  }
}

run "status_port" {
  command = plan

  variables {
    status_port = 8405
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "\n    bind :8405 accept-proxy\n")
    error_message = "The status port must be listened on."
  }

  assert {
    condition     = alltrue([for key in keys(var.upstreams) : strcontains(output.haproxy_cfg, "\nbackend probe-${key}\n")])
    error_message = "Each upstream must be probed."
  }

  assert {
    condition     = length(regexall("\\{\"name\":\"openai-eastus\",\"hostname\":\"acme.openai.azure.com\",", output.haproxy_cfg)) == 1
    error_message = "The status must name each upstream."
  }
}

run "without_proxy_protocol" {
  command = plan

  variables {
    proxy_protocol = false
    status_port    = 8405
  }

  assert {
    condition     = !strcontains(output.haproxy_cfg, "accept-proxy")
    error_message = "No port may expect a PROXY header."
  }
}

run "behind_nat" {
  command = plan

  variables {
    require_public_ip = false
  }

  assert {
    condition     = !strcontains(output.haproxy_cfg, "169.254.169.254") && !strcontains(output.haproxy_cfg, "monitor fail")
    error_message = "Health must not depend on an address of the instance."
  }
}

run "other_ports_and_limits" {
  command = plan

  variables {
    proxy_port      = 8443
    health_port     = 9000
    status_port     = 9001
    max_connections = 50000
    tunnel_timeout  = 120
    nameserver      = "10.0.0.2:5353"
  }

  assert {
    condition = alltrue([for line in [
      "bind :8443 accept-proxy",
      "bind :9000 accept-proxy",
      "bind :9001 accept-proxy",
      "maxconn 50000",
      "maxconn 50200",
      "timeout tunnel 120s",
      "hard-stop-after 120s",
      "nameserver vpc 10.0.0.2:5353",
    ] : strcontains(output.haproxy_cfg, "\n    ${line}\n")])
    error_message = "An input is not in the configuration."
  }
}
