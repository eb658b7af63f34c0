package ipfirewall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

var (
	accountPath   = regexp.MustCompile(`(?i)/accounts/aoai$`)
	operationPath = regexp.MustCompile(`/operationResults/`)
)

func TestLifecycle(t *testing.T) {
	for _, kind := range []string{"OpenAI", "AIServices"} {
		t.Run(kind, func(t *testing.T) { testLifecycle(t, kind) })
	}
}

func testLifecycle(t *testing.T, kind string) {
	a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Kind: kind, Subdomain: "aoai-theirs", IPRules: []string{foreignHost, foreignRange}, DefaultAction: "Deny"})
	state := a.mustApply(a.config("52.1.2.3", "52.1.2.4/32", "52.1.3.0/24"), nil)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.4", "52.1.3.0/24")
	wantRuleSet(t, state.IPRules, "52.1.2.3", "52.1.2.4/32", "52.1.3.0/24")
	wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3", "52.1.2.4")
	wantSet(t, "unmanaged_ip_rules", state.UnmanagedIPRules, foreignRange, foreignHost)
	wantSet(t, "effective_ip_rules", state.EffectiveIPRules, "52.1.2.3", "52.1.2.4", "52.1.3.0/24", foreignRange, foreignHost)
	if state.RuleCount.ValueInt64() != 5 || state.CustomSubdomain.ValueString() != "aoai-theirs" || state.ProvisioningState.ValueString() != "Succeeded" ||
		state.ID.ValueString() != a.accountID+"#default" || state.Owner.ValueString() != "default" {
		t.Errorf("state %+v", state)
	}
	before, _ := a.State(a.accountID)
	if state.ETag.ValueString() != before.ETag {
		t.Errorf("etag %s, want %s", state.ETag, before.ETag)
	}

	// One change takes an entry in and another out; foreign ones stay.
	state = a.mustApply(a.config("52.1.2.3", "52.1.2.6/31"), state)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.6", "52.1.2.7")
	wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3", "52.1.2.6", "52.1.2.7")

	if diags := a.destroy(t.Context(), state); len(diags) != 0 {
		t.Fatalf("destroy: %v", diags)
	}
	a.wantRules(foreignHost, foreignRange)
	after, _ := a.State(a.accountID)
	if after.DefaultAction != "Deny" || after.Bypass != "" || after.PublicNetworkAccess != "Enabled" {
		t.Errorf("the destroy left %+v", after)
	}
}

func TestSettingsAreTouchedOnlyWhenNamed(t *testing.T) {
	a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "aoai-theirs", DefaultAction: "Allow", Bypass: "None"})
	state := a.mustApply(a.config("52.1.2.3"), nil)
	if now, _ := a.State(a.accountID); now.DefaultAction != "Allow" || now.Bypass != "None" || now.PublicNetworkAccess != "Enabled" {
		t.Fatalf("left alone, the account became %+v", now)
	}
	config := a.config("52.1.2.3")
	config.DefaultAction, config.Bypass, config.PublicNetworkAccess = types.StringValue("Deny"), types.StringValue("AzureServices"), types.StringValue("Disabled")
	state = a.mustApply(config, state)
	if now, _ := a.State(a.accountID); now.DefaultAction != "Deny" || now.Bypass != "AzureServices" || now.PublicNetworkAccess != "Disabled" {
		t.Fatalf("named, the account became %+v", now)
	}
	// Named settings that somebody changes show as drift, and are healed.
	if err := a.SetPublicNetworkAccess(a.accountID, "Enabled"); err != nil {
		t.Fatal(err)
	}
	refreshed, _ := a.refresh(state)
	if refreshed.PublicNetworkAccess.ValueString() != "Enabled" || refreshed.DefaultAction.ValueString() != "Deny" {
		t.Errorf("refreshed %+v", refreshed)
	}
	state = a.mustApply(config, refreshed)
	// Named no longer, they stay as they are; so they do on destroy, which says what that means.
	state = a.mustApply(a.config("52.1.2.3"), state)
	diags := a.destroy(t.Context(), state)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account admits nobody now", a.accountID)
	if now, _ := a.State(a.accountID); now.DefaultAction != "Deny" || now.Bypass != "AzureServices" || now.PublicNetworkAccess != "Disabled" || len(now.IPRules) != 0 {
		t.Errorf("the destroy left %+v", now)
	}
}

func TestDrift(t *testing.T) {
	a := newAzure(t)
	config := a.config("52.1.2.3", "52.1.2.4/31")
	state := a.mustApply(config, nil)

	// What others do to their own entries is no drift.
	if err := errors.Join(a.AddRule(a.accountID, "7.7.7.7"), a.RemoveRule(a.accountID, foreignHost)); err != nil {
		t.Fatal(err)
	}
	state, _ = a.refresh(state)
	wantRuleSet(t, state.IPRules, "52.1.2.3", "52.1.2.4/31")
	wantSet(t, "unmanaged_ip_rules", state.UnmanagedIPRules, "7.7.7.7", foreignRange)
	planned, _ := a.plan(config, state)
	if !planned.ETag.Equal(state.ETag) || !planned.AdmittedPublicIPs.Equal(state.AdmittedPublicIPs) {
		t.Error("a foreign change plans an update")
	}

	// What others do to ours is, and is healed; their entries are not put back.
	if err := a.RemoveRule(a.accountID, "52.1.2.5"); err != nil {
		t.Fatal(err)
	}
	state, _ = a.refresh(state)
	wantRuleSet(t, state.IPRules, "52.1.2.3", "52.1.2.4")
	wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3", "52.1.2.4")
	planned, diags := a.plan(config, state)
	if len(diags) != 0 || !planned.AdmittedPublicIPs.IsUnknown() {
		t.Errorf("planned %s %v", planned.AdmittedPublicIPs, diags)
	}
	a.mustApply(config, state)
	a.wantRules("7.7.7.7", foreignRange, "52.1.2.3", "52.1.2.4", "52.1.2.5")
}

func TestRespellingWritesNothing(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3", "52.1.2.4", "52.1.2.5"), nil)
	a.calls()
	planned, diags := a.plan(a.config("52.1.2.3/32", "52.1.2.4/31"), state)
	if len(diags) != 0 || !planned.IPRules.Equal(state.IPRules) || !planned.ETag.Equal(state.ETag) {
		t.Errorf("a respelling plans %s %v", planned.IPRules, diags)
	}
	// Terraform may still send it, for instance with another change beside it.
	respelt := a.config("52.1.2.3/32", "52.1.2.4/31")
	respelt.AllowLockout = types.BoolValue(true)
	a.mustApply(respelt, state)
	if got := a.calls(); got["Accounts_Update"] != 0 {
		t.Errorf("a respelling called %v", got)
	}
}

func TestPlanKnowsWhatItCan(t *testing.T) {
	a := newAzure(t)
	config := a.config()
	config.IPRules = types.SetUnknown(config.IPRules.ElementType(t.Context()))
	planned, diags := a.plan(config, nil)
	if len(diags) != 0 {
		t.Errorf("unknown rules: %v", diags)
	}
	if !planned.AdmittedPublicIPs.IsUnknown() || planned.ID.ValueString() != a.accountID+"#default" {
		t.Errorf("planned %+v", planned)
	}
	state := a.mustApply(a.config("52.1.2.3"), nil)
	config = a.config("52.1.2.3")
	config.DefaultAction = types.StringValue("Deny")
	planned, _ = a.plan(config, state)
	if !planned.AdmittedPublicIPs.Equal(state.AdmittedPublicIPs) || !planned.CustomSubdomain.Equal(state.CustomSubdomain) || !planned.ETag.IsUnknown() {
		t.Errorf("with the same rules, planned %s %s %s", planned.AdmittedPublicIPs, planned.CustomSubdomain, planned.ETag)
	}
	planned, _ = a.plan(a.config("52.1.2.3", "52.1.2.4"), state)
	if !planned.AdmittedPublicIPs.IsUnknown() {
		t.Errorf("with other rules, planned %s", planned.AdmittedPublicIPs)
	}
	// An account that is made in the same apply cannot be asked about.
	a.calls()
	config = a.config("52.1.2.3")
	config.AccountID = types.StringUnknown()
	if planned, diags := a.plan(config, nil); len(diags) != 0 || !planned.ID.IsUnknown() {
		t.Errorf("unknown account: %s %v", planned.ID, diags)
	}
	if got := a.calls(); len(got) != 0 {
		t.Errorf("an unknown account was asked about: %v", got)
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Run("an account that is not there", func(t *testing.T) {
		a := newAzure(t)
		config := a.config("52.1.2.3")
		config.AccountID = types.StringValue(a.accountID + "x")
		_, diags := a.plan(config, nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account does not exist", a.accountID+"x", "ResourceNotFound", "azurerm_cognitive_account")
	})
	t.Run("an account without custom subdomain", func(t *testing.T) {
		a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai"})
		_, diags := a.plan(a.config("52.1.2.3"), nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Root("account_id"), "The account has no custom subdomain", "an account without custom subdomain", "custom_subdomain_name")
	})
	t.Run("the 101st rule", func(t *testing.T) {
		rules := make([]string, 99)
		for i := range rules {
			rules[i] = fmt.Sprintf("9.9.%d.0/24", i)
		}
		a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "sub", IPRules: rules})
		_, diags := a.plan(a.config("52.1.2.3", "52.1.2.5"), nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Root("ip_rules"), "Too many ip rules", "101", "takes 100")
		a.mustApply(a.config("52.1.2.3"), nil)
	})
	t.Run("a lock-out", func(t *testing.T) {
		a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "sub"})
		config := a.config()
		config.DefaultAction = types.StringValue("Deny")
		_, diags := a.plan(config, nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Root("ip_rules"), "Nobody could reach the account", "allow_lockout = true")
		config.AllowLockout = types.BoolValue(true)
		a.mustApply(config, nil)
		if now, _ := a.State(a.accountID); now.DefaultAction != "Deny" {
			t.Errorf("allowed, the account became %+v", now)
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		a := newAzure(t)
		a.Faults.Add(fault.Rule{Method: http.MethodGet, Path: accountPath, Times: -1, Status: http.StatusForbidden, Code: "AuthorizationFailed", Message: "The client has no authorization"})
		_, diags := a.plan(a.config("52.1.2.3"), nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot read the account's firewall", "AuthorizationFailed", "Cognitive Services Contributor")
	})
}

func TestPlanWarns(t *testing.T) {
	a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "sub", IPRules: []string{"52.1.2.3", foreignHost}, DefaultAction: "Allow", PublicNetworkAccess: "Disabled"})
	_, diags := a.plan(a.config("52.1.2.3", "52.1.2.4"), nil)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("ip_rules"), "Existing firewall entries will be adopted", "52.1.2.3", "shared_ip_rules")
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("public_network_access"), "Public access to the account is off", "private endpoints")
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("default_action"), "The account admits every address", "Deny")
	if diags.HasError() {
		t.Error(diags)
	}
}

// A state whose account is gone is dropped, with a word; destroying it is done.
func TestAccountGone(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3"), nil)
	state.AccountID = types.StringValue(a.accountID + "x")
	gone, diags := a.refresh(state)
	if gone != nil {
		t.Errorf("state %+v", gone)
	}
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account of a firewall is gone", a.accountID+"x")
	if diags := a.destroy(t.Context(), state); len(diags) != 0 {
		t.Errorf("destroy: %v", diags)
	}
}

// What is spelled out in contributing/decisions/0003: what an apply wrote before it was
// killed is taken up by the next one and leaves with the resource.
func TestKilledApplyLeavesNoLitter(t *testing.T) {
	for name, fault := range map[string]fault.Rule{
		"killed before the write":              {Method: http.MethodPatch, LoseRequest: true},
		"killed after the write":               {Method: http.MethodPatch, LoseAnswer: true},
		"killed when all was done":             {},
		"killed while waiting for Azure's end": {Method: http.MethodGet, Path: operationPath, LoseRequest: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			config := a.config("52.1.2.3", "52.1.2.4")
			// The state that a killed provider would have returned reaches nobody. A cut
			// connection stands for the moment of the kill, the context for the process's end.
			ctx, kill := context.WithCancel(t.Context())
			if fault.Method != "" {
				fault.Path = cmpOr(fault.Path, accountPath)
				fault.Before = kill
				a.Faults.Add(fault)
			}
			_, _ = a.apply(ctx, config, nil)
			kill()
			a.Faults.Clear()

			state := a.mustApply(config, nil)
			a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.4")
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3", "52.1.2.4")
			if diags := a.destroy(t.Context(), state); diags.HasError() {
				t.Fatal(diags)
			}
			a.wantRules(foreignHost, foreignRange)
		})
	}
}

func cmpOr(a, b *regexp.Regexp) *regexp.Regexp {
	if a != nil {
		return a
	}
	return b
}

// A killed update leaves the state as it was before it, and an entry of the new
// configuration in the account: it is ours by the configuration.
func TestKilledUpdateLeavesNoLitter(t *testing.T) {
	a := newAzure(t)
	before := a.mustApply(a.config("52.1.2.3"), nil)
	a.mustApply(a.config("52.1.2.4"), before) // its state is lost
	refreshed, _ := a.refresh(before)
	wantRuleSet(t, refreshed.IPRules)
	state := a.mustApply(a.config("52.1.2.4"), refreshed)
	if diags := a.destroy(t.Context(), state); diags.HasError() {
		t.Fatal(diags)
	}
	a.wantRules(foreignHost, foreignRange)
}

func TestSharedRulesAreNeverRemoved(t *testing.T) {
	a := newAzure(t)
	config := a.config("52.1.2.3", foreignHost, "52.1.2.9")
	config.SharedIPRules = ruleSet([]string{foreignHost, "52.1.2.9"})
	_, diags := a.plan(config, nil)
	if len(diags) != 0 {
		t.Errorf("a shared rule is warned of: %v", diags)
	}
	state := a.mustApply(config, nil)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.9")
	// Leaving both lists at once, a shared rule stays.
	config = a.config("52.1.2.3", foreignHost)
	config.SharedIPRules = ruleSet([]string{foreignHost})
	state = a.mustApply(config, state)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.9")
	if diags := a.destroy(t.Context(), state); diags.HasError() {
		t.Fatal(diags)
	}
	a.wantRules(foreignHost, foreignRange, "52.1.2.9")
}

// Refused at apply, too: the account may have filled up, or the rules be known only now.
func TestApplyRefuses(t *testing.T) {
	a := newAzure(t)
	planned, diags := a.plan(a.config("52.1.2.3"), nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	for i := range 98 {
		if err := a.AddRule(a.accountID, fmt.Sprintf("7.7.%d.0/24", i)); err != nil {
			t.Fatal(err)
		}
	}
	a.calls()
	state, diags := a.applyPlan(t.Context(), planned, nil)
	wantDiagnostic(t, diags, diag.SeverityError, path.Root("ip_rules"), "Too many ip rules", "101")
	if state != nil || a.calls()["Accounts_Update"] != 0 {
		t.Error("something was written")
	}
}

func withTimeout(m model, operation, duration string) model {
	names := map[string]attr.Type{"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType}
	values := map[string]attr.Value{}
	for name := range names {
		values[name] = types.StringNull()
	}
	values[operation] = types.StringValue(duration)
	m.Timeouts = timeouts.Value{Object: types.ObjectValueMust(names, values)}
	return m
}

// Before the write a cancelled create saves nothing; after it the write is followed to
// its end and saved.
func TestCancelledCreate(t *testing.T) {
	t.Run("before the write", func(t *testing.T) {
		a := newAzure(t)
		planned, _ := a.plan(a.config("52.1.2.3"), nil)
		ctx, cancel := context.WithCancel(t.Context())
		a.Faults.Add(fault.Rule{Method: http.MethodPatch, Path: accountPath, Status: 409, Code: "RequestConflict", Then: cancel})
		state, diags := a.applyPlan(ctx, planned, nil)
		wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot write the account's firewall", "context canceled", "firewall of account aoai")
		if state != nil {
			t.Errorf("state %+v", state)
		}
		a.wantRules(foreignHost, foreignRange)
	})
	for name, rule := range map[string]fault.Rule{
		"while the write is on its way": {Method: http.MethodPatch, Path: accountPath},
		"while Azure works":             {Method: http.MethodGet, Path: operationPath},
		"while reading back":            {Method: http.MethodGet, Path: accountPath, Skip: 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			planned, _ := a.plan(a.config("52.1.2.3"), nil)
			ctx, cancel := context.WithCancel(t.Context())
			rule.Before = cancel
			a.Faults.Add(rule)
			state, diags := a.applyPlan(ctx, planned, nil)
			if len(diags) != 0 || state == nil {
				t.Fatalf("state %v, diagnostics %v", state, diags)
			}
			if a.Faults.Unused() != 0 || ctx.Err() == nil {
				t.Fatal("not cancelled")
			}
			a.wantRules(foreignHost, foreignRange, "52.1.2.3")
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3")
			if planned, _ := a.plan(a.config("52.1.2.3"), state); !planned.ETag.Equal(state.ETag) {
				t.Error("the next plan is not empty")
			}
		})
	}
}

func TestCancelledDelete(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	a.Faults.Add(fault.Rule{Method: http.MethodPatch, Path: accountPath, Before: cancel})
	if diags := a.destroy(ctx, state); len(diags) != 0 {
		t.Errorf("destroy: %v", diags)
	}
	a.wantRules(foreignHost, foreignRange)
}

// A create whose write Azure took, but whose end could not be seen, does not fail, since
// a failed create is destroyed by the next apply: it warns, admits only what was seen,
// and the next plan shows the rest.
func TestUnseenEndOfCreate(t *testing.T) {
	for name, readBack := range map[string]fault.Rule{
		"stale":   {Stale: true}, // what the account was before
		"refused": {Status: http.StatusForbidden, Code: "AuthorizationFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			planned, _ := a.plan(a.config("52.1.2.3"), nil)
			readBack.Method, readBack.Path, readBack.Skip = http.MethodGet, accountPath, 1
			a.Faults.Add(readBack, fault.Rule{Method: http.MethodGet, Path: operationPath, Status: http.StatusForbidden, Code: "AuthorizationFailed"})
			state, diags := a.applyPlan(t.Context(), planned, nil)
			wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account's firewall is not yet as planned", a.accountID, "AuthorizationFailed")
			if diags.HasError() || state == nil || a.Faults.Unused() != 0 {
				t.Fatalf("state %v, diagnostics %v", state, diags)
			}
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs)
			wantRuleSet(t, state.IPRules, "52.1.2.3")
			state, _ = a.refresh(state)
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3")
			if planned, _ := a.plan(a.config("52.1.2.3"), state); !planned.ETag.Equal(state.ETag) {
				t.Error("the next plan is not empty")
			}
		})
	}
}

// A write that Azure gives up is begun again if that may pass, and else ends the create
// with nothing saved.
func TestFailedOperation(t *testing.T) {
	failing := func(a *azure, code string, times int) {
		a.intercept = func(req *http.Request) (*http.Response, error) {
			header := http.Header{"Content-Type": {"application/json"}}
			switch {
			case times > 0 && req.Method == http.MethodPatch:
				header.Set("Azure-AsyncOperation", a.URL()+"/failing")
				return &http.Response{StatusCode: http.StatusAccepted, Header: header, Body: http.NoBody}, nil
			case req.URL.Path == "/failing":
				times--
				return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(
					fmt.Sprintf(`{"status":"Failed","error":{"code":%q,"message":"It did not work."}}`, code)))}, nil
			}
			return nil, nil
		}
	}
	a := newAzure(t)
	failing(a, "TransientError", 2)
	state := a.mustApply(a.config("52.1.2.3"), nil)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3")

	failing(a, "InternalFailure", 1)
	state, diags := a.apply(t.Context(), a.config("52.1.2.4"), state)
	wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot change the account's firewall", "InternalFailure", "It did not work.")
	wantRuleSet(t, state.IPRules, "52.1.2.4", "52.1.2.3")
	a.wantRules(foreignHost, foreignRange, "52.1.2.3")

	b := newAzure(t)
	failing(b, "InternalFailure", 1)
	state, diags = b.apply(t.Context(), b.config("52.1.2.3"), nil)
	wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot write the account's firewall", "InternalFailure", "It did not work.")
	if state != nil {
		t.Errorf("state %+v", state)
	}
}

func TestDeadline(t *testing.T) {
	a := newAzure(t)
	a.Faults.Add(fault.Rule{Method: http.MethodPatch, Path: accountPath, Times: -1, Status: 409, Code: "RequestConflict", Message: "Another operation is being performed"})
	a.resource.cloud.waiter = waiter.Waiter{Min: 10 * time.Millisecond, Max: 20 * time.Millisecond}
	planned, _ := a.plan(withTimeout(a.config("52.1.2.3"), "create", "300ms"), nil)
	state, diags := a.applyPlan(t.Context(), planned, nil)
	wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot write the account's firewall",
		"waiting for the firewall of account aoai", "deadline exceeded", "RequestConflict", "Another operation is being performed")
	if state != nil {
		t.Errorf("state %+v", state)
	}
}

// An update whose end was not seen forgets neither the old entries nor the new ones.
func TestUnseenEndOfUpdate(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3"), nil)
	planned, _ := a.plan(a.config("52.1.2.4"), state)
	a.Faults.Add(
		fault.Rule{Method: http.MethodGet, Path: operationPath, Status: http.StatusForbidden, Code: "AuthorizationFailed"},
		fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 1, Times: 1, Status: http.StatusForbidden, Code: "AuthorizationFailed"},
	)
	state, diags := a.applyPlan(t.Context(), planned, state)
	wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot change the account's firewall", "AuthorizationFailed")
	wantRuleSet(t, state.IPRules, "52.1.2.4", "52.1.2.3")
	state, _ = a.refresh(state)
	wantRuleSet(t, state.IPRules, "52.1.2.4")
	if diags := a.destroy(t.Context(), state); diags.HasError() {
		t.Fatal(diags)
	}
	a.wantRules(foreignHost, foreignRange)
}

// Owners that write to one account at once, in one process or several, lose nothing,
// and neither does somebody who edits by hand.
func TestConcurrentWriters(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, processes := range []string{"one process", "several processes"} {
		t.Run(processes, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			a := newAzure(t)
			const owners = 6
			want := []string{foreignHost, foreignRange}
			var group errgroup.Group
			for owner := range owners {
				process := a
				if processes == "several processes" {
					process = a.otherProcess()
				}
				final := fmt.Sprintf("52.%d.0.9", owner)
				want = append(want, final)
				steps := random.IntN(3) + 2
				group.Go(func() error {
					var state *model
					for step := range steps + 1 {
						rules := []string{fmt.Sprintf("52.%d.0.%d", owner, step), fmt.Sprintf("52.%d.%d.0/24", owner, step+1)}
						if step == steps {
							rules = []string{final}
						}
						var diags diag.Diagnostics
						if state, diags = process.apply(t.Context(), a.config(rules...), state); diags.HasError() {
							return fmt.Errorf("owner %d: %v", owner, diags)
						}
					}
					return nil
				})
			}
			group.Go(func() error {
				for i := range 5 {
					if err := a.AddRule(a.accountID, fmt.Sprintf("7.7.7.%d", i)); err != nil {
						return err
					}
				}
				return nil
			})
			for i := range 5 {
				want = append(want, fmt.Sprintf("7.7.7.%d", i))
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			a.wantRules(want...)
		})
	}
}

func TestImport(t *testing.T) {
	a := newAzure(t)
	config := a.config("52.1.2.3", "52.1.3.0/24")
	config.Owner = types.StringValue("team")
	a.mustApply(config, nil)

	for id, wantEmpty := range map[string]bool{
		a.accountID + "#team":                      false,
		a.accountID + "#team#52.1.2.3,52.1.3.0/24": true,
	} {
		state := a.importOf(id)
		a.calls()
		planned, _ := a.plan(config, state)
		if empty := planned.ETag.Equal(state.ETag); empty != wantEmpty {
			t.Errorf("after the import of %s the plan is empty: %t", id, empty)
		}
		// The first apply adopts what is listed, and writes nothing.
		state, diags := a.applyPlan(t.Context(), planned, state)
		if diags.HasError() || a.calls()["Accounts_Update"] != 0 {
			t.Errorf("the apply after the import wrote, or failed: %v", diags)
		}
		if planned, _ := a.plan(config, state); !planned.ETag.Equal(state.ETag) {
			t.Errorf("after import and apply the plan is not empty")
		}
		if !slices.Equal(entriesOf(state.IPRules), entriesOf(config.IPRules)) {
			t.Errorf("state %s", state.IPRules)
		}
	}
}
