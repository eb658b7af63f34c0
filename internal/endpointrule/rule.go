package endpointrule

import (
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/settings"
)

// Dead reports whether a rule can never become ESTABLISHED any more. A state that is not
// known here may still become so.
func Dead(rule settings.NccPrivateEndpointRule) bool {
	if rule.Deactivated {
		return true
	}
	switch rule.ConnectionState {
	case settings.NccPrivateEndpointRulePrivateLinkConnectionStateCreateFailed,
		settings.NccPrivateEndpointRulePrivateLinkConnectionStateRejected,
		settings.NccPrivateEndpointRulePrivateLinkConnectionStateDisconnected,
		settings.NccPrivateEndpointRulePrivateLinkConnectionStateExpired:
		return true
	default:
		return false
	}
}

// Established reports whether traffic can flow by the rule.
func Established(rule settings.NccPrivateEndpointRule) bool {
	return !rule.Deactivated && rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished
}

// Describe says in words how far a rule is.
func Describe(rule settings.NccPrivateEndpointRule) string {
	text := fmt.Sprintf("rule %s is %s", rule.RuleId, rule.ConnectionState)
	if rule.Deactivated {
		text += " and deactivated (deleted, kept by Databricks for a while)"
	}
	if rule.ErrorMessage != "" {
		text += fmt.Sprintf(" (%s)", rule.ErrorMessage)
	}
	return text
}
