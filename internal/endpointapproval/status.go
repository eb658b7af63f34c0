package endpointapproval

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
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
	awsDeleting          = "deleting"
)

// awsDeadStates are those from which no connection comes back.
var awsDeadStates = map[string]bool{"rejected": true, "failed": true, awsDeleting: true, "deleted": true, "expired": true}

// awsCounts reports whether a connection in this state may keep its endpoint service from
// being deleted; "" is none.
func awsCounts(state string) bool {
	return state != "" && (state == awsDeleting || !awsDeadStates[state])
}

// awsPasses reports whether a state is one that AWS leaves by itself.
func awsPasses(state string) bool {
	return state != awsAvailable && state != awsPendingAcceptance && !awsDeadStates[state]
}

// awsState is a connection's state in lower case, or "" when AWS shows none.
func awsState(connection *types.VpcEndpointConnection) string {
	if connection == nil {
		return ""
	}
	return strings.ToLower(string(connection.VpcEndpointState))
}

// status judges an observation.
func (o Observation) status() status {
	if o.asksDatabricks {
		switch {
		case o.ruleGone, o.rule != nil && endpointrule.Dead(*o.rule):
			return ruleUnusable
		case o.rule == nil:
			return waitingForRule
		case o.rule.VpcEndpointId == "":
			return waitingForEndpoint
		}
	}
	switch state := awsState(o.connection); {
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
	case endpointrule.Established(*o.rule):
		return established
	default:
		return waitingForDatabricks
	}
}

// describe says in words what was observed, for logs, warnings and time-outs.
func (o Observation) describe() string {
	var parts []string
	if o.asksDatabricks {
		switch {
		case o.ruleGone:
			parts = append(parts, fmt.Sprintf("rule %s does not exist any more", o.target.RuleID))
		case o.rule == nil:
			parts = append(parts, "no rule for this endpoint service in NCC "+o.target.NCCID)
		default:
			parts = append(parts, endpointrule.Describe(*o.rule))
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
