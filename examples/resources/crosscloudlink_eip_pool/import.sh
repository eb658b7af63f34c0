# A pool is imported by its name, the value of the tag on its addresses
terraform import crosscloudlink_eip_pool.egress aoai-egress

# With a tag_key of its own: NAME,TAG_KEY
terraform import crosscloudlink_eip_pool.egress aoai-egress,egress-pool
