package ipfirewall

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

var perimeterPath = regexp.MustCompile(`/networkSecurityPerimeterConfigurations$`)

func TestPerimeter(t *testing.T) {
	for mode, warned := range map[string]bool{sandbox.PerimeterEnforced: true, sandbox.PerimeterLearning: false, sandbox.PerimeterAudit: false} {
		t.Run(mode, func(t *testing.T) {
			a := newAzure(t)
			if err := a.SetPerimeter(a.accountID, sandbox.Perimeter{Name: "fence", AccessMode: mode}); err != nil {
				t.Fatal(err)
			}
			_, diags := a.plan(a.config("52.1.2.3"), nil)
			if !warned {
				if len(diags) != 0 {
					t.Errorf("the plan says %v", diags)
				}
				return
			}
			wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("ip_rules"), "A network security perimeter overrides the ip rules",
				a.accountID, "/networkSecurityPerimeters/fence", "inbound access rule")
			if len(diags) != 1 {
				t.Errorf("the plan says %v", diags)
			}
			// It is said again by each plan that changes something, and by no other.
			state := a.mustApply(a.config("52.1.2.3"), nil)
			if _, diags := a.plan(a.config("52.1.2.3"), state); len(diags) != 0 {
				t.Errorf("an empty plan says %v", diags)
			}
			if _, diags := a.plan(a.config("52.1.2.4"), state); len(diags) != 1 {
				t.Errorf("the plan of an update says %v", diags)
			}
		})
	}
}

// Whether there is a perimeter is asked for a warning's sake: no answer is no failure.
func TestPerimeterUnknown(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"forbidden":       {Status: http.StatusForbidden, Code: "AuthorizationFailed"},
		"not found":       {Status: http.StatusNotFound, Code: "ResourceNotFound"},
		"not supported":   {Status: http.StatusBadRequest, Code: "NspNotSupported"},
		"broken":          {Status: http.StatusInternalServerError, Code: "InternalServerError"},
		"not implemented": {Status: http.StatusNotImplemented, Code: "NotImplemented"},
		"no connection":   {LoseRequest: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			if err := a.SetPerimeter(a.accountID, sandbox.Perimeter{AccessMode: sandbox.PerimeterEnforced}); err != nil {
				t.Fatal(err)
			}
			rule.Path, rule.Times = perimeterPath, -1
			a.Faults.Add(rule)
			if _, diags := a.apply(t.Context(), a.config("52.1.2.3"), nil); len(diags) != 0 {
				t.Errorf("the apply says %v", diags)
			}
			a.wantRules(foreignHost, foreignRange, "52.1.2.3")
		})
	}
}

func TestSecuredByPerimeter(t *testing.T) {
	a := newAzure(t, sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "sub", IPRules: []string{foreignHost}, PublicNetworkAccess: "SecuredByPerimeter"})
	_, diags := a.plan(a.config("52.1.2.3"), nil)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("public_network_access"), "The account is secured by its perimeter", a.accountID, "SecuredByPerimeter", "inbound access rule")
	if len(diags) != 1 {
		t.Errorf("the plan says %v", diags)
	}
	state := a.mustApply(a.config("52.1.2.3"), nil)
	if now, _ := a.State(a.accountID); now.PublicNetworkAccess != "SecuredByPerimeter" {
		t.Errorf("left alone, public access became %s", now.PublicNetworkAccess)
	}
	// Named here, it is set here, and no warning is left.
	config := a.config("52.1.2.3")
	config.PublicNetworkAccess = types.StringValue("Enabled")
	if _, diags := a.plan(config, state); len(diags) != 0 {
		t.Errorf("the plan says %v", diags)
	}
}
