mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name      = "openai-link"
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"] } }
}

run "an_instance_gets_all_that_haproxy_needs" {
  command = plan

  assert {
    condition     = startswith(output.user_data, "#cloud-config\n") && aws_launch_template.proxy.user_data == base64gzip(output.user_data)
    error_message = "User data must be cloud-config, compressed."
  }

  assert {
    condition     = { for file in yamldecode(output.user_data).write_files : file.path => file.content if contains(keys(module.haproxy_config.files), file.path) } == module.haproxy_config.files
    error_message = "The instance must get the very files that modules/haproxy-config makes."
  }

  assert {
    condition     = one([for file in yamldecode(output.user_data).write_files : file.content if file.path == "/etc/haproxy/haproxy.cfg"]) == output.haproxy_cfg
    error_message = "The instance must get the very configuration that the output shows."
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "bind :443 accept-proxy\n") && strcontains(output.haproxy_cfg, "bind :8404 accept-proxy\n")
    error_message = "The load balancer sends PROXY headers, on health checks too: HAProxy must expect them."
  }

  assert {
    condition     = output.domain_names == ["acme.openai.azure.com"] && !can(regex("frontend status", output.haproxy_cfg))
    error_message = "Databricks must be told the host names; there must be no status port unless asked for."
  }

  assert {
    condition     = yamldecode(output.user_data).packages == ["haproxy", "socat", "logrotate"] && !yamldecode(output.user_data).package_upgrade
    error_message = "Only what is needed may be installed."
  }

  assert {
    condition = can(regex(
      "ip_local_reserved_ports = 8404\n",
      one([for file in yamldecode(output.user_data).write_files : file.content if file.path == "/etc/sysctl.d/90-egress-proxy.conf"]),
    ))
    error_message = "A connection to an upstream must never take the health port."
  }

  assert {
    condition = can(regex(
      "(?s)\nExecReload=\n.*haproxy -c .*show servers state.*/var/lib/haproxy/server-state\\.new.*kill -USR2 \\$MAINPID\n$",
      one([for file in yamldecode(output.user_data).write_files : file.content if file.path == "/etc/systemd/system/haproxy.service.d/egress-proxy.conf"]),
    ))
    error_message = "A reload must check the configuration, then save the addresses, and only then take place."
  }
}

run "in_service_means_serving" {
  command = plan

  assert {
    condition = (
      aws_autoscaling_lifecycle_hook.ready.name == "openai-link-proxy-ready" &&
      aws_autoscaling_lifecycle_hook.ready.autoscaling_group_name == "openai-link-proxy" &&
      aws_autoscaling_lifecycle_hook.ready.lifecycle_transition == "autoscaling:EC2_INSTANCE_LAUNCHING" &&
      aws_autoscaling_lifecycle_hook.ready.default_result == "ABANDON" &&
      aws_autoscaling_lifecycle_hook.ready.heartbeat_timeout == 3600
    )
    error_message = "A second launch hook must keep an instance out of service until it serves, and give it up if it never does."
  }

  assert {
    condition     = contains(yamldecode(output.user_data).runcmd, "/usr/local/sbin/egress-proxy-ready") && index(yamldecode(output.user_data).runcmd, "/usr/local/sbin/egress-proxy-ready") > index(yamldecode(output.user_data).runcmd, "systemctl enable --now haproxy")
    error_message = "The script must run once HAProxy was started."
  }

  assert {
    condition     = one([for file in yamldecode(output.user_data).write_files : file.permissions if file.path == "/usr/local/sbin/egress-proxy-ready"]) == "0755"
    error_message = "The script must be executable."
  }

  assert {
    condition = alltrue([for text in [
      "--region us-east-1 ",
      "--auto-scaling-group-name openai-link-proxy ",
      "--lifecycle-hook-name ${output.user_data_inputs.lifecycle_hook_name} ",
      "socket=${module.haproxy_config.health_socket}\n",
    ] : strcontains(one([for file in yamldecode(output.user_data).write_files : file.content if file.path == "/usr/local/sbin/egress-proxy-ready"]), text)])
    error_message = "The script must complete this group's hook, once HAProxy answers on the socket that its configuration has."
  }
}

run "role_has_the_least_rights" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    create_proxy_log_group   = false
    enable_proxy_metrics     = false
  }

  assert {
    condition = (
      yamldecode(output.user_data).packages == ["haproxy", "socat"] &&
      !anytrue([for file in yamldecode(output.user_data).write_files : can(regex("logrotate|cloudwatch", file.path))]) &&
      !strcontains(output.user_data, "StandardOutput=")
    )
    error_message = "Without log group and metrics the log stays in the journal, and there is no agent."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.proxy[0].policy) == {
      Version = "2012-10-17"
      Statement = [{
        Sid      = "ReportThatItServes"
        Effect   = "Allow"
        Action   = "autoscaling:CompleteLifecycleAction"
        Resource = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/openai-link-proxy"
      }]
    }
    error_message = "A proxy may report that it serves, to its own group, and nothing else."
  }

  assert {
    condition     = jsondecode(aws_iam_role.proxy[0].assume_role_policy).Statement[0].Principal.Service == "ec2.amazonaws.com" && length(jsondecode(aws_iam_role.proxy[0].assume_role_policy).Statement) == 1
    error_message = "Only EC2 may take the role."
  }

  assert {
    condition     = aws_iam_role.proxy[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary" && length(aws_iam_role_policy_attachment.session_manager) == 0
    error_message = "The role must be within the boundary, and there must be no way in unless asked for."
  }

  assert {
    condition     = aws_launch_template.proxy.iam_instance_profile[0].arn == aws_iam_instance_profile.proxy[0].arn
    error_message = "The proxies must have the profile."
  }
}

run "log_and_metrics_need_rights_on_them_alone" {
  command = plan

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.proxy[0].policy).Statement : statement.Action] == [
      "autoscaling:CompleteLifecycleAction",
      ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      "cloudwatch:PutMetricData",
    ]
    error_message = "The agent must be able to write log and metrics."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.proxy[0].policy).Statement[2].Condition.StringEquals["cloudwatch:namespace"] == "crosscloudlink/egress-proxy"
    error_message = "PutMetricData knows no resource: the namespace must bind it."
  }

  assert {
    condition = alltrue([for line in ["LogsDirectory=haproxy", "StandardOutput=append:/var/log/haproxy/haproxy.log"] : strcontains(
      one([for file in yamldecode(output.user_data).write_files : file.content if file.path == "/etc/systemd/system/haproxy.service.d/egress-proxy.conf"]),
      "\n${line}\n",
    )])
    error_message = "The agent reads files: HAProxy's log must be one."
  }

  assert {
    condition = alltrue([for path in ["/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json", "/etc/logrotate.d/egress-proxy", "/etc/systemd/system/logrotate.timer.d/egress-proxy.conf"] :
      contains([for file in yamldecode(output.user_data).write_files : file.path], path)
    ])
    error_message = "The agent must have its configuration, and the log must be rotated."
  }
}

run "session_manager" {
  command = plan

  variables {
    enable_session_manager = true
  }

  assert {
    condition     = aws_iam_role_policy_attachment.session_manager[0].policy_arn == "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    error_message = "Session Manager needs AWS's own policy."
  }
}

run "profile_of_ones_own" {
  command = plan

  variables {
    create_instance_profile = false
    instance_profile_arn    = "arn:aws:iam::123456789012:instance-profile/proxy"
  }

  assert {
    condition     = length(aws_iam_role.proxy) == 0 && length(aws_iam_role_policy.proxy) == 0 && length(aws_iam_instance_profile.proxy) == 0
    error_message = "No role may be made."
  }

  assert {
    condition     = aws_launch_template.proxy.iam_instance_profile[0].arn == "arn:aws:iam::123456789012:instance-profile/proxy"
    error_message = "The proxies must have the profile that was given."
  }

  assert {
    condition     = jsondecode(output.proxy_policy_json).Statement[0].Action == "autoscaling:CompleteLifecycleAction"
    error_message = "Whoever makes the role must be told what it needs."
  }
}

run "connections_follow_the_memory" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.proxy[0]
    values = { memory_size = 4096 }
  }

  assert {
    condition     = output.max_connections == 40000 && strcontains(output.haproxy_cfg, "\n    maxconn 40000\n")
    error_message = "4 GiB carry 40,000 connections."
  }
}

run "connections_stay_below_what_the_load_balancer_holds" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.proxy[0]
    values = { memory_size = 16384 }
  }

  assert {
    condition     = output.max_connections == 50000
    error_message = "A load balancer behind PrivateLink holds 55,000 connections to one target."
  }
}

run "connections_given" {
  command = plan

  variables {
    max_connections = 3000
  }

  assert {
    condition     = output.max_connections == 3000 && length(data.aws_ec2_instance_type.proxy) == 0
    error_message = "A given number needs no question to EC2."
  }
}

run "ten_long_upstreams_fit_into_user_data" {
  command = plan

  variables {
    status_port = 8405
    upstreams   = { for i in range(10) : "upstream-of-a-very-long-name-${i}" => { hostname = "an-account-of-a-rather-long-name-${i}.openai.azure.com", addresses = 4 } }
  }

  assert {
    condition     = length(output.user_data) > 16384 && length(aws_launch_template.proxy.user_data) < 12000
    error_message = "As many upstreams as are accepted must fit into the 16 KiB of user data."
  }

  assert {
    condition     = length(output.domain_names) == 10 && output.domain_names[9] == "an-account-of-a-rather-long-name-9.openai.azure.com"
    error_message = "Each host must be in the private endpoint rule."
  }
}

run "image_and_user_data_of_ones_own" {
  command = plan

  variables {
    ami_id    = "ami-0fedcba9876543210"
    user_data = "#cloud-config\nruncmd:\n  - systemctl enable --now my-proxy\n"
  }

  assert {
    condition     = aws_launch_template.proxy.image_id == "ami-0fedcba9876543210" && base64decode(aws_launch_template.proxy.user_data) == "#cloud-config\nruncmd:\n  - systemctl enable --now my-proxy\n"
    error_message = "An image and user data of one's own must arrive as they are."
  }

  assert {
    condition     = output.haproxy_cfg == null && output.user_data == "#cloud-config\nruncmd:\n  - systemctl enable --now my-proxy\n"
    error_message = "The outputs must not show what no instance runs."
  }

  assert {
    condition     = aws_autoscaling_lifecycle_hook.ready.name == "openai-link-proxy-ready" && length(aws_iam_role_policy.proxy) == 1
    error_message = "An instance with user data of one's own completes the same hook, with the same rights."
  }
}

run "user_data_of_ones_own_is_too_large" {
  command = plan

  variables {
    user_data = "#!/bin/bash\n${join("\n", [for i in range(1000) : "echo this is line ${i}"])}"
  }

  expect_failures = [aws_launch_template.proxy]
}

run "x86_64" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = aws_launch_template.proxy.image_id == "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64" && one(data.aws_ec2_instance_type.proxy[*].instance_type) == "t3.small"
    error_message = "The architecture must decide on the image, and on the memory that is counted with."
  }
}
