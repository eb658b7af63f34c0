# NAME,AUTO_SCALING_GROUP_ARN
terraform import crosscloudlink_lifecycle_eip_assigner.egress egress,arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:01234567-89ab-cdef-0123-456789abcdef:autoScalingGroupName/proxies
