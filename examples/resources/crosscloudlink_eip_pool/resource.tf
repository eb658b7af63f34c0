# Three stable addresses for a fleet of at most two proxies, one spare for the time
# in which one proxy replaces another.
resource "crosscloudlink_eip_pool" "egress" {
  name = "aoai-egress"
  size = 3

  # An address serves only once the firewall lists it, and is released only once it does not:
  # see crosscloudlink_eip_admission.
  require_admission   = true
  deletion_protection = true

  tags = {
    team = "platform"
  }
}

# What a firewall on the other side has to admit.
output "egress_cidr_blocks" {
  value = crosscloudlink_eip_pool.egress.cidr_blocks
}
