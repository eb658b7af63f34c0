data "crosscloudlink_eip_pool" "egress" {
  name = "egress"
}

# What another team's firewall has to admit.
output "cidr_blocks" {
  description = "Addresses from which the proxies of the pool reach the internet."
  value       = data.crosscloudlink_eip_pool.egress.cidr_blocks
}

# Who has which address, and since when.
output "proxies" {
  description = "Instances by the public IP that they have."
  value = {
    for a in data.crosscloudlink_eip_pool.egress.addresses : a.public_ip => "${a.instance_id} in ${a.zone} since ${a.since}"
    if a.state == "in_use"
  }
}

check "spare_addresses" {
  assert {
    condition     = data.crosscloudlink_eip_pool.egress.counts["free"] >= 1
    error_message = "No address of the pool is free: an instance that starts now waits."
  }
}
