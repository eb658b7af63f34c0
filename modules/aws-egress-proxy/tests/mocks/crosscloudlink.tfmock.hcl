mock_resource "crosscloudlink_eip_pool" {
  defaults = {
    public_ips = ["52.0.0.1", "52.0.0.2"]
    slot_allocation_ids = {
      us-east-1a = "eipalloc-0000000000000000a"
      us-east-1b = "eipalloc-0000000000000000b"
      us-east-1c = "eipalloc-0000000000000000c"
    }
  }
}

mock_resource "crosscloudlink_eip_admission" {
  defaults = {
    admitted_allocation_ids = ["eipalloc-0000000000000000a", "eipalloc-0000000000000000b", "eipalloc-0000000000000000c"]
  }
}

mock_resource "crosscloudlink_lifecycle_eip_assigner" {
  defaults = {
    function_name    = "openai-link-eip-assigner"
    in_service_count = 2
    status           = "in_service"
    status_reason    = ""
  }
}
