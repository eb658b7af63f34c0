# An admission is imported by the name of its pool
terraform import crosscloudlink_eip_admission.egress aoai-egress

# With a tag_key of the pool's own: NAME,TAG_KEY
terraform import crosscloudlink_eip_admission.egress aoai-egress,egress-pool
