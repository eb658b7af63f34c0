# Proxies with stable addresses behind an endpoint service, unless endpoint_service_name names one that exists.

module "egress" {
  count  = local.makes_egress ? 1 : 0
  source = "../aws-egress-proxy"

  name = var.name
  tags = var.tags

  upstreams = local.upstreams
  # What the firewall was seen to list: no proxy serves with any other address, and none that it still lists is given back.
  firewalls = { openai = crosscloudlink_aoai_ip_firewall.this }

  egress_mode             = var.egress_mode
  create_vpc              = var.create_vpc
  vpc_cidr                = var.vpc_cidr
  azs                     = var.azs
  vpc_id                  = var.vpc_id
  public_subnet_ids       = var.public_subnet_ids
  private_subnet_ids      = var.private_subnet_ids
  private_route_table_ids = var.private_route_table_ids
  egress_cidr_blocks      = var.egress_cidr_blocks

  min_size                    = var.min_size
  max_size                    = var.max_size
  desired_capacity            = var.desired_capacity
  architecture                = var.architecture
  instance_type               = var.instance_type
  ami_id                      = var.ami_id
  user_data                   = var.user_data
  create_instance_profile     = var.create_instance_profile
  instance_profile_arn        = var.instance_profile_arn
  enable_session_manager      = var.enable_session_manager
  bootstrap_timeout           = var.bootstrap_timeout
  root_volume_size            = var.root_volume_size
  ebs_kms_key_arn             = var.ebs_kms_key_arn
  health_check_type           = var.health_check_type
  health_check_grace_period   = var.health_check_grace_period
  max_instance_lifetime       = var.max_instance_lifetime
  instance_maintenance_policy = var.instance_maintenance_policy
  scaling_policies            = var.scaling_policies
  health_port                 = var.health_port
  status_port                 = var.status_port
  tunnel_timeout              = var.tunnel_timeout
  max_connections             = var.max_connections
  deregistration_delay        = var.deregistration_delay

  eip_pool_name           = var.eip_pool_name
  eip_pool_size           = var.eip_pool_size
  existing_allocation_ids = var.existing_allocation_ids
  public_ipv4_pool        = var.public_ipv4_pool
  retire_allocation_ids   = var.retire_allocation_ids
  deletion_protection     = var.deletion_protection

  heartbeat_timeout        = var.heartbeat_timeout
  log_retention_in_days    = var.log_retention_in_days
  permissions_boundary_arn = var.permissions_boundary_arn
  assigner_role_arn        = var.assigner_role_arn
  failure_destination_arn  = var.failure_destination_arn

  databricks_principal_arns         = var.databricks_principal_arns
  databricks_gov_shard              = var.databricks_gov_shard
  load_balancer_deletion_protection = var.load_balancer_deletion_protection

  create_dashboard            = var.create_dashboard
  create_alarms               = var.create_alarms
  alarm_actions               = var.alarm_actions
  warning_actions             = var.warning_actions
  ok_actions                  = var.ok_actions
  runbook_url                 = var.runbook_url
  create_proxy_log_group      = var.create_proxy_log_group
  proxy_log_retention_in_days = var.proxy_log_retention_in_days
  proxy_log_kms_key_arn       = var.proxy_log_kms_key_arn
  enable_proxy_metrics        = var.enable_proxy_metrics
}
