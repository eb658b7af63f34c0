# By network connectivity configuration, private endpoint rule and endpoint service:
terraform import crosscloudlink_databricks_private_endpoint_approval.openai 7f7d9b9e-2a0e-4a63-9c1f-3a1a8c0f5a11/3f6b1c52-0d53-4b0c-8a53-6a2f0a5f3b9e/vpce-svc-0123456789abcdef0

# The only live rule of the configuration for the endpoint service:
terraform import crosscloudlink_databricks_private_endpoint_approval.openai 7f7d9b9e-2a0e-4a63-9c1f-3a1a8c0f5a11/vpce-svc-0123456789abcdef0

# Without Databricks, by VPC endpoint and endpoint service:
terraform import crosscloudlink_databricks_private_endpoint_approval.given vpce-0123456789abcdef0/vpce-svc-0123456789abcdef1
