################################################################################
# Account
################################################################################

output "account_id" {
  description = "ARM id of the account, for `crosscloudlink_aoai_ip_firewall`. It comes after the deployments: what refers to it never runs while one of them is made, changed or deleted, which Azure would refuse."
  value       = local.account_id

  depends_on = [azurerm_cognitive_deployment.this, azurerm_cognitive_deployment.unpinned]
}

output "account_name" {
  description = "Name of the account."
  value       = local.name
}

output "resource_group_name" {
  description = "Name of the account's resource group."
  value       = local.resource_group_name
}

output "location" {
  description = "Azure region of the account."
  value       = local.location
}

output "kind" {
  description = "Kind of the account: `OpenAI` or `AIServices`."
  value       = local.kind
}

output "principal_id" {
  description = "Object id of the account's system-assigned identity, to give it rights elsewhere; null without one."
  value       = try(coalesce(local.identity[0].principal_id), null)
}

################################################################################
# What callers need
################################################################################

output "custom_subdomain_name" {
  description = "Custom subdomain of the account."
  value       = local.custom_subdomain_name
}

output "hostname" {
  description = "Host name that OpenAI's clients call: `<custom subdomain>.openai.azure.com`. Known in the plan, for `upstreams` of aws-egress-proxy."
  value       = "${local.custom_subdomain_name}.${local.domains[0]}"
}

output "hostnames" {
  description = "All host names under which the account answers: for kind OpenAI the one above, for AIServices those under cognitiveservices.azure.com and services.ai.azure.com as well. Known in the plan."
  value       = [for domain in local.domains : "${local.custom_subdomain_name}.${domain}"]
}

output "endpoint" {
  description = "`https://<hostname>/`."
  value       = "https://${local.custom_subdomain_name}.${local.domains[0]}/"
}

################################################################################
# Deployments
################################################################################

output "deployment_names" {
  description = "Names of the deployments, sorted. Clients write one of them where OpenAI's own service takes a model's name."
  value       = keys(var.deployments)
}

output "deployment_ids" {
  description = "ARM ids of the deployments by name."
  value       = { for name, deployment in local.deployments : name => deployment.id }
}
