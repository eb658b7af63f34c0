variable "azure_openai_account_id" {
  type        = string
  description = "Resource id of the Azure OpenAI account: /subscriptions/…/providers/Microsoft.CognitiveServices/accounts/NAME."
}

resource "crosscloudlink_eip_pool" "egress" {
  name              = "aoai-egress"
  size              = 3
  require_admission = true
}

resource "crosscloudlink_aoai_ip_firewall" "openai" {
  account_id = var.azure_openai_account_id
  ip_rules   = crosscloudlink_eip_pool.egress.public_ips
}

# Opens the pool's addresses for claims once Azure has them in its rules. Whatever claims addresses
# of the pool, such as crosscloudlink_lifecycle_eip_assigner, should depend on this resource.
resource "crosscloudlink_eip_admission" "egress" {
  pool_name           = crosscloudlink_eip_pool.egress.name
  admitted_public_ips = crosscloudlink_aoai_ip_firewall.openai.admitted_public_ips
  # A retired address that the firewall still lists, as anybody's entry, is not released.
  effective_ip_rules = setintersection(crosscloudlink_aoai_ip_firewall.openai.effective_ip_rules, crosscloudlink_eip_pool.egress.retired_public_ips)
}
