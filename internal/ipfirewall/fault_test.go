package ipfirewall

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// clientTries is how often the client asks again where it is throttled, answered with 5xx or
// not at all, before it gives the failure back. A write it sends once.
const clientTries = 4

// patchFault answers that many writes of the account with an error.
func patchFault(times, status int, code, message string) fault.Rule {
	return fault.Rule{Method: http.MethodPatch, Path: accountPath, Times: times, Status: status, Code: code, Message: message}
}

func (a *azure) askedToWait(rule fault.Rule, header string) []fault.Rule {
	rule.Header = http.Header{"Retry-After": {header}}
	return []fault.Rule{rule}
}

// Each fault passes by itself, and the result is the same as without it.
func TestPassingFaults(t *testing.T) {
	get := func(skip int) fault.Rule { return fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: skip} }
	one := func(rule fault.Rule) func(*azure) []fault.Rule {
		return func(*azure) []fault.Rule { return []fault.Rule{rule} }
	}
	tests := map[string]struct {
		faults func(a *azure) []fault.Rule
		// writes are the requests of writing that it takes.
		writes int
		// waits is how long it takes at least, by Azure's wish.
		waits time.Duration
		// theirs is what somebody else lists meanwhile.
		theirs string
	}{
		"another operation on the account": {faults: one(patchFault(2, 409, "RequestConflict", "Another operation is being performed on the parent resource.")), writes: 3},
		"another operation, with a wait": {faults: func(a *azure) []fault.Rule {
			return a.askedToWait(patchFault(1, 409, "RequestConflict", "Another operation"), "30")
		}, writes: 2, waits: 30 * time.Second},
		"a conflict of etags inside Azure":        {faults: one(patchFault(2, 409, "TransientError", "Etag conflict on the resource.")), writes: 3},
		"a version that is not the last":          {faults: one(patchFault(2, 412, "IfMatchPreconditionFailed", "The specified precondition 'If-Match' failed.")), writes: 3},
		"an account that is not settled, as 400":  {faults: one(patchFault(2, 400, "BadRequest", "Account aoai in state Accepted")), writes: 3},
		"an account that is not settled, as 409":  {faults: one(patchFault(2, 409, "Conflict", "Account aoai is in state Accepted.")), writes: 3},
		"an account that is not settled, by code": {faults: one(patchFault(2, 400, "AccountProvisioningStateInvalid", "No.")), writes: 3},
		"a state that is not terminal":            {faults: one(patchFault(2, 409, "Conflict", "The resource entity provisioning state is not terminal.")), writes: 3},
		"throttling, with a wait longer than the client's": {faults: func(a *azure) []fault.Rule {
			return a.askedToWait(patchFault(2, 429, "TooManyRequests", "Rate limit."), "120")
		}, writes: 3, waits: 4 * time.Minute},
		"throttling, until a time": {faults: func(a *azure) []fault.Rule {
			return a.askedToWait(patchFault(1, 429, "TooManyRequests", "Rate limit."), a.clock.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
		}, writes: 2, waits: 4*time.Minute + 50*time.Second},
		"throttling, without a wait":       {faults: one(patchFault(2, 429, "Throttled", "Rate limit.")), writes: 3},
		"an internal error":                {faults: one(patchFault(2, 500, "InternalServerError", "")), writes: 3},
		"a bad gateway":                    {faults: one(patchFault(2, 502, "BadGateway", "")), writes: 3},
		"a busy server":                    {faults: one(patchFault(2, 503, "ServerBusy", "")), writes: 3},
		"a gateway's time-out":             {faults: one(patchFault(2, 504, "GatewayTimeout", "")), writes: 3},
		"a request's time-out":             {faults: one(patchFault(2, 408, "RequestTimeout", "")), writes: 3},
		"lost requests":                    {faults: one(fault.Rule{Method: http.MethodPatch, LoseRequest: true, Times: 2}), writes: 3},
		"a lost answer":                    {faults: one(fault.Rule{Method: http.MethodPatch, LoseAnswer: true}), writes: 1},
		"a doubled request":                {faults: one(fault.Rule{Method: http.MethodPatch, Repeat: true}), writes: 1},
		"reads ahead of the write, broken": {faults: one(fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 1, Times: clientTries + 1, Status: 503, Code: "ServerBusy"}), writes: 1},
		"reads back, throttled":            {faults: one(fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 2, Times: clientTries + 1, Status: 429, Code: "TooManyRequests"}), writes: 1},
		"reads back, stale":                {faults: one(fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 2, Times: 2, Stale: true}), writes: 2},
		"polls that fail":                  {faults: one(fault.Rule{Method: http.MethodGet, Path: operationPath, Times: clientTries + 1, Status: 500, Code: "InternalServerError"}), writes: 1},
		"polls that are throttled, with a wait": {faults: func(a *azure) []fault.Rule {
			return a.askedToWait(fault.Rule{Method: http.MethodGet, Path: operationPath, Status: 429, Code: "TooManyRequests"}, "90")
		}, writes: 1, waits: 90 * time.Second},
		"a writer between read and write": {faults: func(a *azure) []fault.Rule {
			rule := get(1)
			rule.Then = func() { _ = a.AddRule(a.accountID, "7.7.7.7") }
			return []fault.Rule{rule}
		}, writes: 2, theirs: "7.7.7.7"},
		"a writer who undoes ours": {faults: func(a *azure) []fault.Rule {
			rule := get(2)
			rule.Before = func() { _ = a.SetRules(a.accountID, foreignHost, foreignRange, "7.7.7.7") }
			return []fault.Rule{rule}
		}, writes: 2, theirs: "7.7.7.7"},
		"an operation of somebody else's under way": {faults: func(a *azure) []fault.Rule {
			rule := get(1)
			rule.Before = a.writeElsewhere
			return []fault.Rule{rule}
		}, writes: 2, waits: 3 * time.Second},
	}
	for name, test := range tests {
		for _, operation := range []string{"create", "update"} {
			t.Run(name+" in "+operation, func(t *testing.T) {
				a := newAzure(t)
				var state *model
				if operation == "update" {
					state = a.mustApply(a.config("52.1.2.9"), nil)
				}
				a.Faults.ClearLog()
				a.Faults.Add(test.faults(a)...)
				start := a.clock.Now()
				state, diags := a.apply(t.Context(), a.config("52.1.2.3"), state)
				if len(diags) != 0 {
					t.Fatalf("diagnostics %v", diags)
				}
				if n := a.Faults.Unused(); n != 0 {
					t.Fatalf("%d faults did not strike", n)
				}
				want := []string{foreignHost, foreignRange, "52.1.2.3"}
				if test.theirs != "" {
					want = append(want, test.theirs)
				}
				a.wantRules(want...)
				wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3")
				if got := a.writes(); got != test.writes {
					t.Errorf("%d writes, want %d", got, test.writes)
				}
				if took := a.clock.Now().Sub(start); took < test.waits {
					t.Errorf("it took %s, and Azure asked for %s", took, test.waits)
				}
			})
		}
	}
}

// writes counts the requests of writing, those that had no effect too.
func (a *azure) writes() int {
	n := 0
	for _, entry := range a.Faults.Log() {
		if entry.Method == http.MethodPatch {
			n++
		}
	}
	return n
}

// writeElsewhere has another client change the account's tags, which takes Azure some time.
func (a *azure) writeElsewhere() {
	a.t.Helper()
	req, err := runtime.NewRequest(a.t.Context(), http.MethodPatch, a.URL()+a.accountID+"?api-version="+azureaccount.APIVersion)
	if err == nil {
		err = runtime.MarshalAsJSON(req, map[string]any{"tags": map[string]string{"by": "them"}})
	}
	if err != nil {
		a.t.Error(err)
		return
	}
	if _, err := pipelineOf(a.t, a.Cloud, a.client).Do(req); err != nil {
		a.t.Error(err)
	}
}

// Failures that do not pass end an operation at the first of them: nothing is saved of a
// create, and nothing is changed by any.
func TestLastingFaults(t *testing.T) {
	tests := map[string]struct {
		status  int
		code    string
		message string
		words   []string
	}{
		"a deleted account of the name":         {409, "FlagMustBeSetForRestore", "An existing resource has been soft-deleted.", nil},
		"a provider that is not registered":     {409, "MissingSubscriptionRegistration", "The subscription is not registered.", nil},
		"a conflict of another kind":            {409, "Conflict", "The account cannot be changed.", nil},
		"a lock":                                {409, "ScopeLocked", "The scope is locked.", []string{"Microsoft.CognitiveServices/accounts/write", "management lock"}},
		"a lock, as 403":                        {403, "ScopeLocked", "The scope is locked.", []string{"Microsoft.CognitiveServices/accounts/write", "management lock"}},
		"a missing right":                       {403, "AuthorizationFailed", "The client does not have authorization.", []string{"Refused for want of a right: Microsoft.CognitiveServices/accounts/write", "Cognitive Services Contributor"}},
		"a missing right on another's subnet":   {403, "LinkedAuthorizationFailed", "The client lacks permission on /subnet.", []string{"Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"}},
		"a policy":                              {403, "RequestDisallowedByPolicy", "Disallowed by policy 'closed'.", []string{"Microsoft.CognitiveServices/accounts/write", "Azure Policy"}},
		"an address that Azure does not take":   {400, "BadRequest", "Invalid IP address or range 52.1.2.3.", nil},
		"words of a passing fault, as 403":      {403, "AuthorizationFailed", "Account aoai in state Accepted", nil},
		"a bypass that the kind does not have":  {400, "NetworkAclsBypassNotSupported", "The Kind does not support Trusted Services.", nil},
		"a method that Azure does not know any": {405, "MethodNotAllowed", "Not allowed.", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			existing := a.mustApply(withOwner(a.config("52.1.2.9"), "existing"), nil)
			words := append(test.words, a.accountID, test.code, test.message)
			begin := func() {
				a.Faults.Clear()
				a.Faults.ClearLog()
				a.Faults.Add(patchFault(-1, test.status, test.code, test.message))
			}
			end := func(what string, diags diag.Diagnostics) {
				t.Helper()
				wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), what, words...)
				if n := a.writes(); n != 1 || len(diags) != 1 {
					t.Errorf("%d writes, and said %v", n, diags)
				}
				a.wantRules(foreignHost, foreignRange, "52.1.2.9")
			}

			begin()
			state, diags := a.apply(t.Context(), a.config("52.1.2.3"), nil)
			end("Cannot write the account's firewall", diags)
			if state != nil {
				t.Errorf("state %+v", state)
			}
			begin()
			state, diags = a.apply(t.Context(), withOwner(a.config("52.1.2.3"), "existing"), existing)
			end("Cannot change the account's firewall", diags)
			wantRuleSet(t, state.IPRules, "52.1.2.9")
			begin()
			end("Cannot remove entries from the account's firewall", a.destroy(t.Context(), existing))
		})
	}
}

// A right that is missing is named, whichever call wants it, and nothing is changed.
func TestForbiddenReads(t *testing.T) {
	denied := fault.Rule{Method: http.MethodGet, Path: accountPath, Status: http.StatusForbidden, Code: "AuthorizationFailed", Message: "No."}
	words := []string{"Refused for want of a right: Microsoft.CognitiveServices/accounts/read", "Cognitive Services Contributor"}
	a := newAzure(t)
	existing := a.mustApply(a.config("52.1.2.9"), nil)
	toCreate, _ := a.plan(withOwner(a.config("52.1.2.3"), "new"), nil)
	toUpdate, _ := a.plan(a.config("52.1.2.3"), existing)
	for name, test := range map[string]struct {
		run     func() diag.Diagnostics
		summary string
	}{
		"the plan of a create": {func() diag.Diagnostics {
			_, diags := a.plan(withOwner(a.config("52.1.2.3"), "new"), nil)
			return diags
		}, "Cannot read the account's firewall"},
		"the plan of an update": {func() diag.Diagnostics {
			_, diags := a.plan(a.config("52.1.2.3"), existing)
			return diags
		}, "Cannot read the account's firewall"},
		"a create": {func() diag.Diagnostics {
			state, diags := a.applyPlan(t.Context(), toCreate, nil)
			if state != nil {
				t.Errorf("state %+v", state)
			}
			return diags
		}, "Cannot write the account's firewall"},
		"a refresh": {func() diag.Diagnostics {
			state, diags := a.refresh(existing)
			if state == nil || !state.IPRules.Equal(existing.IPRules) {
				t.Errorf("state %+v", state)
			}
			return diags
		}, "Cannot read the account's firewall"},
		"an update": {func() diag.Diagnostics {
			state, diags := a.applyPlan(t.Context(), toUpdate, existing)
			wantRuleSet(t, state.IPRules, "52.1.2.9")
			return diags
		}, "Cannot change the account's firewall"},
		"a destroy": {func() diag.Diagnostics { return a.destroy(t.Context(), existing) }, "Cannot remove entries from the account's firewall"},
	} {
		t.Run(name, func(t *testing.T) {
			a.Faults.ClearLog()
			a.Faults.Add(denied)
			diags := test.run()
			wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), test.summary, words...)
			if len(diags) != 1 || a.writes() != 0 || a.Faults.Unused() != 0 {
				t.Errorf("%d writes, and said %v", a.writes(), diags)
			}
			a.wantRules(foreignHost, foreignRange, "52.1.2.9")
		})
	}
}

// The end of a write is asked for by calls of its own, which have rights of their own.
func TestForbiddenPolls(t *testing.T) {
	for name, test := range map[string]struct {
		rule   fault.Rule
		action string
	}{
		"of the operation": {fault.Rule{Method: http.MethodGet, Path: operationPath}, "Microsoft.CognitiveServices/locations/operationResults/read"},
		"of the account":   {fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 1}, "Microsoft.CognitiveServices/accounts/read"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			planned, _ := a.plan(a.config("52.1.2.3"), nil)
			test.rule.Status, test.rule.Code, test.rule.Times = http.StatusForbidden, "AuthorizationFailed", -1
			a.Faults.Add(test.rule)
			state, diags := a.applyPlan(t.Context(), planned, nil)
			wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account's firewall is not yet as planned", "Refused for want of a right: "+test.action)
			if diags.HasError() || state == nil {
				t.Fatalf("state %+v, said %v", state, diags)
			}
			a.Faults.Clear()
			state, _ = a.refresh(state)
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs, "52.1.2.3")
		})
	}
}

// A gateway that gives a write up does not know what became of it: what Azure took is saved,
// and what it did not take is not.
func TestGivenUpWrite(t *testing.T) {
	for name, taken := range map[string]bool{"taken": true, "not taken": false} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			planned, _ := a.plan(a.config("52.1.2.3"), nil)
			ctx, cancel := context.WithCancel(t.Context())
			a.intercept = func(req *http.Request) (*http.Response, error) {
				if req.Method != http.MethodPatch {
					return nil, nil
				}
				if taken {
					resp, err := a.client.Do(req)
					if err != nil {
						return nil, err
					}
					_ = resp.Body.Close()
				}
				cancel()
				return &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":{"code":"GatewayTimeout","message":""}}`))}, nil
			}
			state, diags := a.applyPlan(ctx, planned, nil)
			if !taken {
				wantDiagnostic(t, diags, diag.SeverityError, path.Empty(), "Cannot write the account's firewall", "GatewayTimeout")
				if state != nil {
					t.Errorf("state %+v", state)
				}
				return
			}
			wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "The account's firewall is not yet as planned", "GatewayTimeout")
			wantRuleSet(t, state.IPRules, "52.1.2.3")
			wantSet(t, "admitted_public_ips", state.AdmittedPublicIPs)
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"Retry-After: 17": 17 * time.Second, "Retry-After: Wed, 02 Jan 2030 03:05:05 GMT": time.Minute, "Retry-After: soon": 0, "Retry-After: ": 0,
		"Retry-After-Ms: 250": 250 * time.Millisecond, "X-Ms-Retry-After-Ms: 1500": 1500 * time.Millisecond,
	} {
		err := azureError(http.StatusTooManyRequests, "TooManyRequests", "")
		name, value, _ := strings.Cut(header, ": ")
		responseOf(t, err).Header.Set(name, value)
		if got := retryAfter(err, now); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
	if got := retryAfter(http.ErrHandlerTimeout, now); got != 0 {
		t.Errorf("without an answer: %s", got)
	}
}
