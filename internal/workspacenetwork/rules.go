package workspacenetwork

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
)

// rules is what an NCC says of the rules that must be established.
type rules struct {
	// absent are ids that the NCC does not have.
	absent []string
	// pending are rules that are not ESTABLISHED, in words; dead those of them that never
	// will be.
	pending, dead []string
}

func (r rules) established() bool { return len(r.absent) == 0 && len(r.pending) == 0 }

// describe says what is not established, in words; "" if all is.
func (r rules) describe() string { return strings.Join(r.pending, ", ") }

// rulesError is rules that cannot become established.
type rulesError struct {
	nccID string
	rules rules
}

func (e *rulesError) Error() string {
	if len(e.rules.absent) > 0 {
		return fmt.Sprintf("NCC %s has no rule %s.", e.nccID, strings.Join(e.rules.absent, ", "))
	}
	return fmt.Sprintf("In NCC %s, %s.", e.nccID, strings.Join(e.rules.dead, ", "))
}

// observeRules looks for rules by their ids in one list.
func (a *account) observeRules(ctx context.Context, nccID string, ids []string) (rules, error) {
	all, err := a.connectivity.ListPrivateEndpointRulesAll(ctx, settings.ListPrivateEndpointRulesRequest{NetworkConnectivityConfigId: nccID})
	if err != nil {
		return rules{}, unlessRefused(err)
	}
	return chooseRules(all, ids), nil
}

func chooseRules(all []settings.NccPrivateEndpointRule, ids []string) rules {
	var found rules
	for _, id := range slices.Sorted(slices.Values(ids)) {
		at := slices.IndexFunc(all, func(rule settings.NccPrivateEndpointRule) bool { return rule.RuleId == id })
		if at < 0 {
			found.absent = append(found.absent, id)
			continue
		}
		if endpointrule.Established(all[at]) {
			continue
		}
		text := endpointrule.Describe(all[at])
		found.pending = append(found.pending, text)
		if endpointrule.Dead(all[at]) {
			found.dead = append(found.dead, text)
		}
	}
	return found
}

// awaitRules waits until all rules are established, or returns at once how far they are;
// waited is whether that took more than one look. Rules that can never be established are an
// error of a wait.
func (a *account) awaitRules(ctx context.Context, nccID string, ids []string, wait bool) (seen rules, waited bool, err error) {
	if len(ids) == 0 {
		return seen, false, nil
	}
	looks := 0
	err = a.waiter.Until(ctx, "private endpoint rules of NCC "+nccID+" to be ESTABLISHED", func(ctx context.Context) (string, bool, error) {
		looks++
		now, err := a.observeRules(ctx, nccID, ids)
		if err != nil {
			return "", false, err
		}
		seen = now
		if len(now.absent) > 0 || wait && len(now.dead) > 0 {
			return "", false, &rulesError{nccID, now}
		}
		return now.describe(), now.established() || !wait, nil
	})
	return seen, looks > 1, err
}

// addRulesError reports why the rules keep the workspace's network from being touched.
func addRulesError(diags *diag.Diagnostics, err error, nccID string) {
	var failed *rulesError
	const unchanged = " The workspace's network was not changed."
	switch {
	case errors.As(err, &failed) && len(failed.rules.absent) > 0:
		diags.AddAttributeError(atRules, "The private endpoint rule does not exist",
			failed.Error()+unchanged+"\n\nWrite ids of rules of this NCC: the `rule_id` of databricks_mws_ncc_private_endpoint_rule, not its `id`.")
	case errors.As(err, &failed):
		diags.AddAttributeError(atRules, "The private endpoint rule can no longer be used",
			failed.Error()+unchanged+"\n\nIt never comes back. Have the rule deleted and added again (if Terraform makes it: terraform apply -replace with its address), and apply.")
	case isStopped(err):
		clouderr.AddAttribute(diags, atRules, "The private endpoint rules were not established in time", err, "Waiting for rules of NCC "+nccID+"."+unchanged,
			"Have the connection accepted by the owner of the endpoint service, and apply again. If that takes long, set wait_for_rules = false: the apply then ends without the rules, and a later one goes on.")
	default:
		clouderr.AddAttribute(diags, atRules, "Cannot read the private endpoint rules", err, "Listing the rules of NCC "+nccID+"."+unchanged)
	}
}

// addWaitingForRules warns that an apply ended before there was anything to change.
func addWaitingForRules(diags *diag.Diagnostics, found rules, nccID string) {
	if len(found.dead) > 0 {
		diags.AddAttributeWarning(atRules, "The private endpoint rule can no longer be used",
			fmt.Sprintf("In NCC %s, %s. It never comes back: have the rule deleted and added again, and apply. Until then the workspace's network stays as it is.", nccID, found.describe()))
		return
	}
	diags.AddAttributeWarning(atRules, "Waiting for private endpoint rules",
		fmt.Sprintf("In NCC %s, %s. The workspace's network stays as it is.\n\nHave the connection accepted, then apply again: every plan shows an update until the rules are ESTABLISHED.", nccID, found.describe()))
}
