# ACCOUNT_ID#OWNER. The next apply takes over the entries of ip_rules that the account lists.
terraform import crosscloudlink_aoai_ip_firewall.proxies '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/openai#databricks-production'

# With the entries named, the state has them at once, and the next plan is empty.
terraform import crosscloudlink_aoai_ip_firewall.proxies '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/openai#databricks-production#52.94.76.5,52.94.76.6'
