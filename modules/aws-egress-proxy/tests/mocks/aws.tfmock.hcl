mock_data "aws_region" {
  defaults = {
    id = "us-east-1"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition          = "aws"
    dns_suffix         = "amazonaws.com"
    reverse_dns_prefix = "com.amazonaws"
  }
}

mock_data "aws_default_tags" {
  defaults = {
    tags = {}
  }
}

mock_data "aws_availability_zones" {
  defaults = {
    names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"]
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_ec2_instance_type" {
  defaults = {
    memory_size = 2048
  }
}

mock_data "aws_subnet" {
  defaults = {
    availability_zone = "us-east-1a"
  }
}

mock_data "aws_lb" {
  defaults = {
    arn_suffix                                                   = "net/shared/0123456789abcdef"
    internal                                                     = true
    vpc_id                                                       = "vpc-0123456789abcdef0"
    security_groups                                              = ["sg-0123456789abcdef0"]
    subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    enable_cross_zone_load_balancing                             = true
    enforce_security_group_inbound_rules_on_private_link_traffic = "off"
  }
}

mock_data "aws_vpc_endpoint_service" {
  defaults = {
    service_id          = "vpce-svc-0fedcba9876543210"
    acceptance_required = true
  }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/openai-link-nlb/0123456789abcdef"
    arn_suffix = "net/openai-link-nlb/0123456789abcdef"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/openai-link-proxy/0123456789abcdef"
    arn_suffix = "targetgroup/openai-link-proxy/0123456789abcdef"
  }
}

mock_resource "aws_iam_instance_profile" {
  defaults = {
    arn = "arn:aws:iam::123456789012:instance-profile/openai-link-proxy-20260101000000000000000001"
  }
}

mock_resource "aws_launch_template" {
  defaults = {
    id = "lt-0123456789abcdef0"
  }
}

mock_resource "aws_autoscaling_group" {
  defaults = {
    arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:01234567-89ab-cdef-0123-456789abcdef:autoScalingGroupName/openai-link-proxy"
  }
}

mock_resource "aws_vpc_endpoint_service" {
  defaults = {
    id           = "vpce-svc-0123456789abcdef0"
    service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = {
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:openai-link"
  }
}

mock_resource "aws_nat_gateway" {
  defaults = {
    id = "nat-0123456789abcdef0"
  }
}
