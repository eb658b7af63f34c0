locals {
  config_file = "/etc/haproxy/haproxy.cfg"
  map_file    = "/etc/haproxy/upstreams.map"

  stats_socket  = "/run/haproxy/admin.sock"
  health_socket = "/run/haproxy/health.sock"
  state_file    = "/var/lib/haproxy/server-state"

  # HAProxy 2.6 warns of a state file that is missing or has no version.
  empty_state = "1\n"

  # For health checks, the status port and the sockets.
  reserved_connections = 200

  # Whatever may hold bytes of a client goes through json(). HAProxy writes "-" where a value does not exist, and -1
  # for a step that a connection did not reach. `retries` is no number: HAProxy puts a "+" before it after a redispatch.
  log_format = join(",", [
    "{\"time\":\"%[var(sess.time)].%ms+00:00\"",
    "\"decision\":\"%[var(sess.decision)]\"",
    "\"endpoint\":\"%[var(sess.endpoint),json(utf8s)]\"",
    "\"client\":\"%ci:%cp\"",
    "\"sni\":\"%[var(sess.sni),json(utf8s)]\"",
    "\"backend\":\"%b\"",
    "\"server\":\"%si\"",
    "\"bytes_in\":%U",
    "\"bytes_out\":%B",
    "\"handshake_ms\":%Th",
    "\"wait_ms\":%Tw",
    "\"connect_ms\":%Tc",
    "\"total_ms\":%Tt",
    "\"termination\":\"%ts\"",
    "\"retries\":\"%rc\"}",
  ])

  # Connections that end before their first byte: no PROXY header, or a wrong one.
  error_log_format = join(",", [
    "{\"time\":\"%[var(sess.time)].%ms+00:00\"",
    "\"decision\":\"denied\"",
    "\"client\":\"%ci:%cp\"",
    "\"error\":\"%[fc_err_str]\"}",
  ])

  status_upstreams = [for key, upstream in var.upstreams : join(",", [
    "{\"name\":\"${key}\"",
    "\"hostname\":\"${upstream.hostname}\"",
    "\"resolved\":%[nbsrv(upstream-${key}),bool,iif(true,false)]",
    "\"reachable\":%[nbsrv(probe-${key}),bool,and(proc.reached_${replace(key, "-", "_")}),bool,iif(true,false)]}",
  ])]
  status_format = join(",", [
    "{\"instance\":\"%[var(proc.instance),json(utf8s)]\"",
    "\"public_ip\":\"%[var(txn.public_ip),json(utf8s)]\"",
    "\"endpoint\":\"%[var(txn.endpoint),json(utf8s)]\"",
    "\"haproxy\":\"%[var(txn.version)]\"",
    "\"upstreams\":[${join(",", local.status_upstreams)}]}",
  ])

  # What HAProxy asks the instance metadata service, by a check of one backend each. The address is the first, since
  # only the first server of a process is checked at once.
  instance_facts = concat(
    var.require_public_ip ? [{
      backend  = "address"
      comment  = "Up while the instance metadata service, asked with a session token, shows a public address."
      name     = "public-ipv4"
      pattern  = "[0-9.]+"
      interval = 10
    }] : [],
    var.status_port != null ? [{
      backend  = "instance"
      comment  = "The instance's id, for the status."
      name     = "instance-id"
      pattern  = "i-[0-9a-f]+"
      interval = 60
    }] : [],
  )

  haproxy_cfg = templatefile("${path.module}/templates/haproxy.cfg.tftpl", {
    upstreams            = var.upstreams
    instance_facts       = local.instance_facts
    proxy_port           = var.proxy_port
    health_port          = var.health_port
    status_port          = var.status_port
    proxy_protocol       = var.proxy_protocol
    require_public_ip    = var.require_public_ip
    max_connections      = var.max_connections
    reserved_connections = local.reserved_connections
    tunnel_timeout       = var.tunnel_timeout
    nameserver           = var.nameserver
    map_file             = local.map_file
    stats_socket         = local.stats_socket
    health_socket        = local.health_socket
    state_file           = local.state_file
    log_format           = local.log_format
    error_log_format     = local.error_log_format
    status_format        = local.status_format
  })

  upstreams_map = join("", [for key, upstream in var.upstreams : "${upstream.hostname} upstream-${key}\n"])
}
