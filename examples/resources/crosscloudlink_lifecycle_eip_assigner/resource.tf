# One address for each of at most three instances, and one for the instance that Auto Scaling
# launches above that while it rebalances zones.
resource "crosscloudlink_eip_pool" "egress" {
  name = "egress"
  size = 4
}

# The group is made empty; the assigner raises it once everything that serves it is there.
resource "aws_autoscaling_group" "proxies" {
  name                = "proxies"
  min_size            = 0
  max_size            = 0
  desired_capacity    = 0
  vpc_zone_identifier = var.subnet_ids

  # Its tag_specifications must tag "instance" and "network-interface" with
  # "crosscloudlink:eip-pool" = "egress": the function may give addresses to nothing else.
  launch_template {
    id      = var.launch_template_id
    version = var.launch_template_version
  }

  lifecycle {
    ignore_changes = [min_size, max_size, desired_capacity]
  }
}

resource "crosscloudlink_lifecycle_eip_assigner" "egress" {
  name                   = "egress"
  auto_scaling_group_arn = aws_autoscaling_group.proxies.arn # not the name: a replaced group has another ARN
  pool_name              = crosscloudlink_eip_pool.egress.name
  pool_size              = crosscloudlink_eip_pool.egress.size
  min_size               = 2
  max_size               = 3

  lifecycle {
    # Fails the apply, without tainting anything, when instances do not get into service in time.
    postcondition {
      condition     = self.status == "in_service"
      error_message = "Not all proxies are in service: ${self.status_reason}"
    }
  }
}

variable "subnet_ids" {
  type = list(string)
}

variable "launch_template_id" {
  type = string
}

variable "launch_template_version" {
  type = string
}
