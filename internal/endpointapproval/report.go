package endpointapproval

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// isStopped reports whether a wait ended by deadline or cancellation.
func isStopped(err error) bool {
	var stopped *waiter.Error
	return errors.As(err, &stopped)
}

// addApproveError reports why nothing was accepted.
func addApproveError(diags *diag.Diagnostics, err error, seen Observation, serviceName string) {
	var refused *refusal
	var dead *unusable
	var ambiguous *ambiguousRulesError
	var failed *unsuccessfulError
	const nothing = "Nothing was accepted, and nothing is saved that was not before."
	doing := "Approving the connection to " + seen.target.ServiceID + "."
	switch {
	case errors.As(err, &refused):
		diags.AddAttributeError(refused.at, "The connection was not accepted", refused.Error()+"\n\n"+refused.remedy)
	case errors.As(err, &dead) && dead.seen.ruleGone:
		addRuleGone(diags, dead.seen.target)
	case errors.As(err, &dead):
		addUnusable(diags.AddError, dead.seen)
	case errors.As(err, &ambiguous):
		diags.AddAttributeError(path.Root("private_endpoint_rule_id"), "More than one rule leads to the endpoint service", ambiguous.Error()+".\n\nName the one to approve by private_endpoint_rule_id.")
	case isStopped(err):
		next := append(missing(seen, serviceName), nothing+" Apply again to go on waiting; timeouts.create and timeouts.update say for how long.")
		clouderr.Add(diags, "The connection could not be accepted in time", err, "", next...)
	case errors.As(err, &failed):
		clouderr.Add(diags, "AWS did not accept the connection", err, doing+" It was "+seen.describe()+".",
			nothing+" Apply again. If AWS goes on refusing, see under Endpoint services in the VPC console what has become of the connection; one that has failed needs a new rule.")
	default:
		clouderr.Add(diags, "The connection could not be accepted", err, doing)
	}
}

// missing says who has to do what before there is something to accept.
func missing(seen Observation, serviceName string) []string {
	switch {
	case seen.status() == waitingForRule:
		return []string{handOver(seen.target, serviceName),
			"If that takes long, set wait_for_rule = false: the apply then ends without the rule, and a later one goes on."}
	case !seen.asksDatabricks:
		return []string{fmt.Sprintf("AWS shows no connection of %s to %s. Check with the Databricks administrator that it is the VPC endpoint that the rule shows now, and that the rule is for %s.",
			seen.endpointID(), seen.target.ServiceID, serviceName)}
	case seen.endpointID() == "":
		return []string{"Databricks makes the VPC endpoint within some minutes, as a rule. If the rule stays CREATING, have it deleted and added again: the apply then takes up the new one."}
	default:
		return []string{fmt.Sprintf("Databricks has made %s, and AWS does not show its connection to %s. If that lasts, have the rule deleted and added again: the apply then takes up the new one.",
			seen.endpointID(), seen.target.ServiceID)}
	}
}

// handOver is what the Databricks administrator has to do.
func handOver(t Target, serviceName string) string {
	return fmt.Sprintf("The Databricks administrator has to add a private endpoint rule to the network connectivity configuration %s, with the endpoint service %s and the domain names that are to be reached through it.", t.NCCID, serviceName)
}

// addRuleGone reports that the configuration names a rule that does not exist.
func addRuleGone(diags *diag.Diagnostics, t Target) {
	diags.AddAttributeError(path.Root("private_endpoint_rule_id"), "The private endpoint rule does not exist",
		fmt.Sprintf("The network connectivity configuration %s has no rule %s. Write the id of a rule that is there, or leave private_endpoint_rule_id out: then the rule for the endpoint service is found.", t.NCCID, t.RuleID))
}

// addUnusable reports an observation that is dead.
func addUnusable(add func(summary, detail string), seen Observation) {
	add(deadSummary(seen.status()), clouderr.Detail(nil, seen.describe()+".", remedy(seen)))
}

func deadSummary(s status) string {
	if s == connectionUnusable {
		return "The connection can no longer be established"
	}
	return "The private endpoint rule can no longer be used"
}

// remedy is what to do about an observation that can never become established.
func remedy(seen Observation) string {
	const anew = "It never comes back. "
	switch {
	case !seen.asksDatabricks:
		return anew + "Have the VPC endpoint made anew, and write its id into vpc_endpoint_id."
	case seen.rule != nil && seen.rule.ConnectionState == "CREATE_FAILED":
		return anew + endpointrule.FixFailed(*seen.rule) + " After that, apply."
	default:
		return anew + "Have the rule deleted and added again in Databricks (if Terraform makes it: terraform apply -replace with its address), and apply: the approval takes up the new rule."
	}
}

// addLater warns that an apply ended before there was anything to accept.
func addLater(diags *diag.Diagnostics, seen Observation, serviceName string) {
	switch s := seen.status(); {
	case s.dead():
		addUnusable(diags.AddWarning, seen)
	case s == waitingForRule:
		diags.AddWarning("Waiting for a private endpoint rule", handOver(seen.target, serviceName)+"\n\nThen apply again: every plan shows an update until the connection is established.")
	default:
		diags.AddWarning("Waiting for the VPC endpoint", clouderr.Detail(nil, seen.describe()+".",
			append(missing(seen, serviceName), "Apply again to go on: every plan shows an update until the connection is established.")...))
	}
}

// addUnsettled warns that a connection was accepted but is not established.
func addUnsettled(diags *diag.Diagnostics, err error, seen Observation) {
	if seen.status().dead() {
		addUnusable(diags.AddWarning, seen)
		return
	}
	clouderr.AddWarning(diags, "The connection is accepted but not established yet", err, seen.describe()+".",
		"Nothing is lost. Apply again to go on waiting: every plan shows an update until the connection is established.")
}
