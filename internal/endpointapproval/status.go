package endpointapproval

import (
	"fmt"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/settings"
)

// status is how far the connection has come, judged from what both clouds say.
type status string

const (
	// The Databricks administrator has not added a rule for the endpoint service yet.
	waitingForRule status = "waiting_for_rule"
	// Databricks is still making the VPC endpoint, or AWS does not show it yet.
	waitingForEndpoint status = "waiting_for_endpoint"
	// The connection asks to be accepted.
	pendingAcceptance status = "pending_acceptance"
	// Accepted; AWS is setting the connection up.
	waitingForAWS status = "waiting_for_aws"
	// Available in AWS; Databricks has not noticed yet.
	waitingForDatabricks status = "waiting_for_databricks"
	// Both sides agree: traffic can flow.
	established status = "established"
	// Available in AWS; Databricks was not asked.
	approved status = "approved"
	// The rule was deleted, rejected, disconnected, has expired or failed. It never comes back.
	ruleUnusable status = "rule_unusable"
	// AWS says that the connection was rejected, deleted or has failed. It never comes back.
	connectionUnusable status = "connection_unusable"
)

// settled reports whether there is nothing left to do.
func (s status) settled() bool { return s == established || s == approved }

// dead reports whether only another connection can help.
func (s status) dead() bool { return s == ruleUnusable || s == connectionUnusable }

// accepted reports whether the connection has been accepted, by whomever.
func (s status) accepted() bool {
	return s == waitingForAWS || s == waitingForDatabricks || s.settled()
}

// States of a connection in AWS, in lower case: the SDK's constants and the wire
// disagree about capitals.
const (
	awsPendingAcceptance = "pendingacceptance"
	awsAvailable         = "available"
)

var awsDeadStates = map[string]bool{"rejected": true, "failed": true, "deleting": true, "deleted": true, "expired": true}

// awsState is the state in lower case, or "" when AWS shows no connection.
func (o observation) awsState() string {
	if o.connection == nil {
		return ""
	}
	return strings.ToLower(string(o.connection.VpcEndpointState))
}

// status judges an observation.
func (o observation) status() status {
	if o.asksDatabricks {
		switch {
		case o.ruleGone, o.rule != nil && ruleIsDead(*o.rule):
			return ruleUnusable
		case o.rule == nil:
			return waitingForRule
		case o.rule.VpcEndpointId == "":
			return waitingForEndpoint
		}
	}
	switch state := o.awsState(); {
	case state == "":
		return waitingForEndpoint
	case awsDeadStates[state]:
		return connectionUnusable
	case state == awsPendingAcceptance:
		return pendingAcceptance
	case state != awsAvailable:
		return waitingForAWS
	case !o.asksDatabricks:
		return approved
	case o.rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished:
		return established
	default:
		return waitingForDatabricks
	}
}

// ruleIsDead reports whether a rule can never become ESTABLISHED any more.
func ruleIsDead(rule settings.NccPrivateEndpointRule) bool {
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
		// A state that is not known yet may still become ESTABLISHED.
		return false
	}
}

// describe says in words what was observed, for logs, warnings and time-outs.
func (o observation) describe() string {
	var parts []string
	if o.asksDatabricks {
		switch {
		case o.ruleGone:
			parts = append(parts, fmt.Sprintf("rule %s does not exist any more", o.target.ruleID))
		case o.rule == nil:
			parts = append(parts, "no rule for this endpoint service in NCC "+o.target.nccID)
		default:
			parts = append(parts, describeRule(*o.rule))
		}
	}
	switch id := o.endpointID(); {
	case id == "":
	case o.connection == nil:
		parts = append(parts, "AWS shows no connection of "+id)
	default:
		parts = append(parts, fmt.Sprintf("connection of %s is %s in AWS", id, o.connection.VpcEndpointState))
	}
	return fmt.Sprintf("%s: %s", o.status(), strings.Join(parts, ", "))
}

func describeRule(rule settings.NccPrivateEndpointRule) string {
	text := fmt.Sprintf("rule %s is %s", rule.RuleId, rule.ConnectionState)
	if rule.Deactivated {
		text += " and deactivated (deleted, kept by Databricks for a while)"
	}
	if rule.ErrorMessage != "" {
		text += fmt.Sprintf(" (%s)", rule.ErrorMessage)
	}
	return text
}
