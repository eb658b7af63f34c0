# What an instance does between its start and its first connection. In service is who has an address and answers: the
# assigner's hook waits for the first, a hook that the instance itself completes for the second.

locals {
  ready_hook_name = "${local.group_name}-ready"
  ready_script    = "/usr/local/sbin/egress-proxy-ready"

  haproxy_cfg = var.user_data == null ? module.haproxy_config.haproxy_cfg : null

  # More than any instance type carries, and below what a load balancer behind PrivateLink can hold to one target (55,000).
  most_connections = 50000
  max_connections = var.max_connections != null ? var.max_connections : min(
    local.most_connections,
    floor(one(data.aws_ec2_instance_type.proxy[*].memory_size) / 1024 * 10000),
  )

  agent_runs = local.cloudwatch_agent_config != null
  agent_files = { for content in local.cloudwatch_agent_config[*] : "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json" => {
    permissions = "0644"
    content     = content
  } }

  # The agent of Amazon Linux 2023 reads files and not the journal.
  log_files = { for name, content in {
    "/etc/logrotate.d/egress-proxy"                           = templatefile("${path.module}/templates/logrotate.tftpl", { log_path = local.proxy_log_path })
    "/etc/systemd/system/logrotate.timer.d/egress-proxy.conf" = file("${path.module}/templates/logrotate.timer.conf")
  } : name => { content = content, permissions = "0644" } if local.logs_proxies }

  packages = local.logs_proxies ? ["haproxy", "socat", "logrotate"] : ["haproxy", "socat"]

  # By path. HAProxy's are there before the package is: its own configuration, a "noreplace" one, then steps aside.
  instance_files = merge(
    { for path, content in module.haproxy_config.files : path => { content = content, permissions = "0644" } },
    local.agent_files,
    local.log_files,
    {
      "/etc/sysctl.d/90-egress-proxy.conf" = {
        permissions = "0644"
        content = templatefile("${path.module}/templates/sysctl.conf.tftpl", {
          reserved_ports = compact([var.health_port, var.status_port])
        })
      }
      "/etc/systemd/system/haproxy.service.d/egress-proxy.conf" = {
        permissions = "0644"
        content = templatefile("${path.module}/templates/haproxy.service.conf.tftpl", {
          stats_socket = module.haproxy_config.stats_socket
          state_file   = module.haproxy_config.state_file
          log_path     = local.logs_proxies ? local.proxy_log_path : null
        })
      }
      (local.ready_script) = {
        permissions = "0755"
        content = templatefile("${path.module}/templates/egress-proxy-ready.sh.tftpl", {
          region        = local.region
          group_name    = local.group_name
          hook_name     = local.ready_hook_name
          health_socket = module.haproxy_config.health_socket
        })
      }
    },
  )

  cloud_config = {
    package_update  = false
    package_upgrade = false
    packages        = local.packages
    write_files = [for path, file in local.instance_files : {
      path        = path
      owner       = "root:root"
      permissions = file.permissions
      content     = file.content
    }]
    runcmd = concat(
      [
        # dnf may be busy or S3 slow during the first seconds of a boot; installing what is installed does nothing.
        "for attempt in 1 2 3 4 5 6; do dnf -y install ${join(" ", local.packages)} && break; sleep 10; done",
        "sysctl --system",
        "systemctl daemon-reload",
        "systemctl enable --now haproxy",
      ],
      local.logs_proxies ? ["systemctl enable logrotate.timer && systemctl restart logrotate.timer"] : [],
      [local.ready_script],
      # Last, since a proxy serves without it.
      local.agent_runs ? ["dnf -y install amazon-cloudwatch-agent && systemctl enable --now amazon-cloudwatch-agent"] : [],
    )
  }

  user_data = var.user_data != null ? var.user_data : "#cloud-config\n${yamlencode(local.cloud_config)}"

  # EC2 takes no more than 16 KiB, which ten upstreams would exceed; cloud-init unpacks what is compressed. What reads
  # user data of another's making is not known here.
  encoded_user_data = var.user_data != null ? base64encode(var.user_data) : base64gzip(local.user_data)
}

module "haproxy_config" {
  source = "../haproxy-config"

  upstreams         = var.upstreams
  proxy_port        = local.proxy_port
  health_port       = var.health_port
  status_port       = var.status_port
  proxy_protocol    = true
  require_public_ip = !local.behind_nat
  max_connections   = local.max_connections
  tunnel_timeout    = var.tunnel_timeout
}

data "aws_ec2_instance_type" "proxy" {
  count = var.max_connections == null ? 1 : 0

  instance_type = local.instance_type
}

# Beside the assigner's hook: an instance comes into service only when both are completed, and one of them giving it up
# ends it.
resource "aws_autoscaling_lifecycle_hook" "ready" {
  name                   = local.ready_hook_name
  autoscaling_group_name = local.autoscaling_group_name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  default_result         = "ABANDON"
  heartbeat_timeout      = var.bootstrap_timeout
}
