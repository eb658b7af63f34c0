variable "account_id" {
  description = "ARM id of the Azure OpenAI account. It may belong to another team and another state."
  type        = string
}

resource "crosscloudlink_eip_pool" "proxies" {
  name                = "openai-egress"
  size                = 3
  require_admission   = true
  deletion_protection = true
}

# The pool's addresses beside the entries that others keep in the same account.
resource "crosscloudlink_aoai_ip_firewall" "proxies" {
  account_id = var.account_id
  owner      = "databricks-production"
  ip_rules   = crosscloudlink_eip_pool.proxies.public_ips
}

# An office that the account's own team relies on as well: listed if it is missing, never removed.
resource "crosscloudlink_aoai_ip_firewall" "office" {
  account_id      = var.account_id
  owner           = "office"
  ip_rules        = ["52.94.76.0/24", "52.95.110.1"]
  shared_ip_rules = ["52.95.110.1"]

  # Left out, these are not touched. On destroy they stay as they are.
  default_action = "Deny"
  bypass         = "AzureServices"
}
