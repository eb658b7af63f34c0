output "haproxy_cfg" {
  description = "The configuration."
  value       = local.haproxy_cfg
}

output "files" {
  description = "All that HAProxy reads: absolute path → content. The last one, the state file, is empty but for its version, and written anew before each reload."
  value = {
    (local.config_file) = local.haproxy_cfg
    (local.map_file)    = local.upstreams_map
    (local.state_file)  = local.empty_state
  }
}

output "health_socket" {
  description = "UNIX socket on which the instance itself asks for `/healthz`, without a PROXY header."
  value       = local.health_socket
}

output "stats_socket" {
  description = "UNIX socket of HAProxy's Runtime API."
  value       = local.stats_socket
}

output "state_file" {
  description = "File to which the answer to `show servers state` must be written before a reload: the addresses in it are kept while DNS does not answer."
  value       = local.state_file
}
