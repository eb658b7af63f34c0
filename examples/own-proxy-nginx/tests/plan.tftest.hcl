mock_provider "aws" {
  source          = "../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

variables {
  azure_openai_account_id        = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/acme"
  azure_openai_hostname          = "acme.openai.azure.com"
  network_connectivity_config_id = "00000000-0000-0000-0000-000000000002"
}

run "instances_run_nginx" {
  command = plan

  assert {
    condition     = [for file in yamldecode(module.egress.user_data).write_files : file.path] == ["/etc/nginx/nginx.conf", "/etc/sysctl.d/90-egress-proxy.conf", "/usr/local/sbin/egress-proxy-ready"]
    error_message = "User data must be cloud-config that writes nginx's configuration and the script."
  }

  assert {
    condition = alltrue([for line in [
      "\n        acme.openai.azure.com acme.openai.azure.com:443;\n",
      "\n        listen 443 proxy_protocol so_keepalive=60s:60s:3;\n",
      "\n        listen 8404 proxy_protocol;\n",
      "\n        proxy_timeout 3600s;\n",
    ] : strcontains(yamldecode(module.egress.user_data).write_files[0].content, line)])
    error_message = "nginx must know the host, and expect PROXY headers on both ports."
  }

  assert {
    condition = alltrue([for line in [
      "--region us-east-1 ",
      "--auto-scaling-group-name openai-link-proxy ",
      "--lifecycle-hook-name openai-link-proxy-ready ",
    ] : strcontains(yamldecode(module.egress.user_data).write_files[2].content, line)])
    error_message = "The script must complete the hook of this group."
  }
}
