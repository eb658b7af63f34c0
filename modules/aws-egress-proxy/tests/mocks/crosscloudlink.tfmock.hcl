mock_resource "crosscloudlink_eip_pool" {
  defaults = {
    public_ips = ["52.0.0.1", "52.0.0.2"]
  }
}

mock_resource "crosscloudlink_lifecycle_eip_assigner" {
  defaults = {
    in_service_count = 2
    status           = "in_service"
    status_reason    = ""
  }
}
