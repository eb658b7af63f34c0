################################################################################
# For the AWS team
################################################################################

output "hostnames" {
  description = "For the AWS team's `hostnames`: host names of the account. Known before the first apply."
  value       = module.azure_openai.hostnames
}

output "firewall" {
  description = "For the AWS team's `firewall`: the proxies' addresses that the account's firewall was seen to list, all entries that it lists, whoever's they are, and what becomes of the proxies' entries when they are destroyed. Null before there are any."
  value = one([for firewall in crosscloudlink_aoai_ip_firewall.this : {
    admitted_public_ips = firewall.admitted_public_ips
    effective_ip_rules  = firewall.effective_ip_rules
    on_destroy          = firewall.on_destroy
  }])
}

################################################################################
# For this team
################################################################################

output "next_steps" {
  description = "What to hand to whom, and what to wait for, until the link works; empty when this state is done."
  value = length(var.proxy_public_ips) > 0 ? [] : [
    "Give the AWS team the output hostnames, for hostnames of examples/three-teams/aws. When it has applied, write its output public_ips into proxy_public_ips here, apply, and give it the output firewall.",
  ]
}

output "endpoint" {
  description = "Base URL of the account, for the serving endpoint in Databricks."
  value       = module.azure_openai.endpoint
}

output "account_id" {
  description = "Resource id of the account."
  value       = module.azure_openai.account_id
}

output "deployment_names" {
  description = "Model deployments of the account."
  value       = module.azure_openai.deployment_names
}
