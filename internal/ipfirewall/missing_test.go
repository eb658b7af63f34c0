package ipfirewall

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

var deletedPath = regexp.MustCompile(`/deletedAccounts$`)

// waysOut are what is said of the account of newAzure once it is deleted.
func (a *azure) waysOut() []string {
	const which = "--location eastus --resource-group theirs --name aoai"
	return []string{
		"since " + a.clock.Now().UTC().Format(time.DateOnly), "purges it on " + a.clock.Now().Add(48*time.Hour).UTC().Format(time.DateOnly),
		"az cognitiveservices account recover " + which, "az cognitiveservices account purge " + which,
	}
}

func TestDeletedAccount(t *testing.T) {
	a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Location: "eastus", Subdomain: "aoai-theirs"})
	if _, err := a.SeedAccount(sandbox.Account{ResourceGroup: "others", Name: "aoai", Subdomain: "aoai-others"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range a.Accounts() {
		if strings.Contains(id, "/others/") {
			if err := a.DeleteAccount(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	state := a.mustApply(a.config("52.1.2.3"), nil)
	planned, _ := a.plan(a.config("52.1.2.4"), nil)
	changed, _ := a.plan(a.config("52.1.2.4"), state)
	if err := a.DeleteAccount(a.accountID); err != nil {
		t.Fatal(err)
	}

	_, diags := a.plan(a.config("52.1.2.3"), nil)
	wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account does not exist", append(a.waysOut(), a.accountID, "ResourceNotFound")...)

	// Deleted between plan and apply.
	left, diags := a.applyPlan(t.Context(), planned, nil)
	wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account does not exist", a.waysOut()...)
	if left != nil {
		t.Errorf("state %+v", left)
	}
	_, diags = a.applyPlan(t.Context(), changed, state)
	wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account does not exist", a.waysOut()...)

	gone, diags := a.refresh(state)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account of a firewall is gone", append(a.waysOut(), a.accountID)...)
	if gone != nil {
		t.Errorf("state %+v", gone)
	}
	if diags := a.destroy(t.Context(), state); len(diags) != 0 {
		t.Errorf("destroy: %v", diags)
	}
}

// An account that is purged, or of which Azure does not tell, is just not there.
func TestMissingAccount(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"purged":                    {},
		"no right to see deleted":   {Status: http.StatusForbidden, Code: "AuthorizationFailed"},
		"the subscription is wrong": {Status: http.StatusNotFound, Code: "SubscriptionNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			if err := a.DeleteAccount(a.accountID); err != nil {
				t.Fatal(err)
			}
			if rule.Status == 0 {
				<-a.clock.After(49 * time.Hour)
			} else {
				rule.Path = deletedPath
				a.Faults.Add(rule)
			}
			_, diags := a.plan(a.config("52.1.2.3"), nil)
			wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account does not exist", a.accountID, "Check its name, group and subscription")
			if len(diags) != 1 || strings.Contains(diags[0].Detail(), "purge") || a.Faults.Unused() != 0 {
				t.Errorf("the plan says %v", diags)
			}
		})
	}
}
