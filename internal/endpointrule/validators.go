package endpointrule

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// idPattern holds for Databricks' ids: they stand in paths and in our own composed ids.
var idPattern = regexp.MustCompile(`^[^/\s]+$`)

// NCCID validates the id of a network connectivity configuration.
func NCCID() validator.String {
	return stringvalidator.RegexMatches(idPattern, "must be the id of a network connectivity configuration, as the Databricks account console shows it, without slash or white space")
}

// RuleID validates the id of a private endpoint rule.
func RuleID() validator.String {
	return stringvalidator.RegexMatches(idPattern, "must be the id of a private endpoint rule (the `rule_id` of databricks_mws_ncc_private_endpoint_rule, not its `id`), without slash or white space")
}
