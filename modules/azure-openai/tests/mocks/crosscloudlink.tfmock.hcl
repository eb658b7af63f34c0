mock_data "crosscloudlink_aoai_account_availability" {
  defaults = {
    account_exists      = false
    subdomain_available = true
    soft_deleted        = false
    deleted_account_id  = null
    reason              = ""
  }
}
