variable "azure_openai_account_ids" {
  type        = map(string)
  description = "Resource ids of the Azure OpenAI accounts, by names of your own: /subscriptions/…/providers/Microsoft.CognitiveServices/accounts/NAME."
}

resource "crosscloudlink_eip_pool" "egress" {
  name              = "aoai-egress"
  size              = 3
  require_admission = true
}

resource "crosscloudlink_aoai_ip_firewall" "openai" {
  for_each = var.azure_openai_account_ids

  account_id = each.value
  ip_rules   = crosscloudlink_eip_pool.egress.public_ips
}

# Opens the pool's addresses for claims once all accounts have them in their rules. Whatever claims addresses
# of the pool, such as crosscloudlink_lifecycle_eip_assigner, should depend on this resource.
resource "crosscloudlink_eip_admission" "egress" {
  pool_name = crosscloudlink_eip_pool.egress.name

  firewalls = { for name, firewall in crosscloudlink_aoai_ip_firewall.openai : name => {
    admitted_public_ips = firewall.admitted_public_ips
    # A retired address that a firewall still lists, as anybody's entry, is not released. Other entries of others are
    # left out, so that their changes are none of this resource's.
    effective_ip_rules = setintersection(firewall.effective_ip_rules, crosscloudlink_eip_pool.egress.retired_public_ips)
    on_destroy         = firewall.on_destroy
  } }
}
