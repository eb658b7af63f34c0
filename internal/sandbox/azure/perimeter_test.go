package azure

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// perimeters lists the access modes of the perimeters that Resource Manager tells of.
func (h *harness) perimeters() []string {
	h.t.Helper()
	modes := []string{}
	for _, item := range h.mustSend(http.MethodGet, h.id+"/networkSecurityPerimeterConfigurations", nil)["value"].([]any) {
		properties := item.(map[string]any)["properties"].(map[string]any)
		modes = append(modes, properties["resourceAssociation"].(map[string]any)["accessMode"].(string))
	}
	return modes
}

func TestPerimeterIsListed(t *testing.T) {
	h := start(t, nil)
	if got := h.perimeters(); len(got) != 0 {
		t.Errorf("an account outside of any perimeter lists %v", got)
	}
	for _, mode := range []string{PerimeterLearning, PerimeterEnforced, PerimeterAudit} {
		if err := h.cloud.SetPerimeter(h.id, Perimeter{Name: "corp", AccessMode: mode, AddressPrefixes: []string{"52.1.0.0/16"}}); err != nil {
			t.Fatal(err)
		}
		if got := h.perimeters(); fmt.Sprint(got) != "["+mode+"]" {
			t.Errorf("listed %v, want %s alone", got, mode)
		}
	}
	body := h.mustSend(http.MethodGet, strings.ToLower(h.id)+"/NetworkSecurityPerimeterConfigurations", nil)
	item := body["value"].([]any)[0].(map[string]any)
	properties := item["properties"].(map[string]any)
	perimeter := properties["networkSecurityPerimeter"].(map[string]any)
	if !strings.HasSuffix(perimeter["id"].(string), "/networkSecurityPerimeters/corp") || perimeter["location"] != DefaultLocation ||
		!strings.HasPrefix(item["id"].(string), h.id+"/networkSecurityPerimeterConfigurations/"+perimeter["perimeterGuid"].(string)) || properties["provisioningState"] != "Succeeded" {
		t.Errorf("the configuration is %v", item)
	}
	if got := fmt.Sprint(properties["profile"]); !strings.Contains(got, "52.1.0.0/16") {
		t.Errorf("the profile %v lacks the inbound rule", got)
	}
	if err := h.cloud.LeavePerimeter(h.id); err != nil {
		t.Fatal(err)
	}
	if got := h.perimeters(); len(got) != 0 {
		t.Errorf("after leaving it lists %v", got)
	}

	_, _, err := h.send(h.arm, http.MethodGet, h.id+"x/networkSecurityPerimeterConfigurations", nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	if err := h.cloud.SetPerimeter(h.id, Perimeter{AccessMode: "Transition"}); err == nil {
		t.Error("an unknown access mode was taken")
	}
	if err := h.cloud.SetPerimeter(h.id, Perimeter{AccessMode: PerimeterEnforced, AddressPrefixes: []string{"52.1.2.3"}}); err == nil {
		t.Error("an inbound rule without a prefix length was taken")
	}
	if err := h.cloud.SetPerimeter(h.id+"x", Perimeter{AccessMode: PerimeterEnforced}); err == nil {
		t.Error("an account that is not there was put into a perimeter")
	}
}

// TestPerimeterDecidesOverTheRules is the table of Microsoft's documentation of the transition
// to a perimeter, for callers that the account's rules name, that the perimeter's name, and that nobody names.
func TestPerimeterDecidesOverTheRules(t *testing.T) {
	const byRules, byPerimeter, unnamed = "20.30.40.50", "52.1.2.3", "40.1.1.1"
	in, out, closed := "", refusedByRules, refusedByPublicAccess
	for _, test := range []struct {
		access, mode                string
		byRules, perimeter, unnamed string
	}{
		{accessEnabled, "", in, out, out},
		{accessEnabled, PerimeterLearning, in, in, out},
		{accessEnabled, PerimeterEnforced, out, in, out},
		{accessEnabled, PerimeterAudit, in, out, out},
		{accessDisabled, "", closed, closed, closed},
		{accessDisabled, PerimeterLearning, closed, in, closed},
		{accessDisabled, PerimeterEnforced, out, in, out},
		{accessSecuredByPerimeter, "", closed, closed, closed},
		{accessSecuredByPerimeter, PerimeterLearning, closed, in, closed},
		{accessSecuredByPerimeter, PerimeterEnforced, out, in, out},
	} {
		t.Run(test.access+"/"+test.mode, func(t *testing.T) {
			f := firewall{publicAccess: test.access, defaultAction: "Deny", ipRules: []string{byRules}, perimeterMode: test.mode}
			if test.mode != "" {
				f.perimeterRules = []string{"52.1.0.0/16"}
			}
			for source, want := range map[string]string{byRules: test.byRules, byPerimeter: test.perimeter, unnamed: test.unnamed} {
				if got := f.refusal(source); got != want {
					t.Errorf("%s: refused with %q, want %q", source, got, want)
				}
			}
		})
	}
}

// TestDataPlaneObeysThePerimeter walks an account through the ways in which its rules become inert.
func TestDataPlaneObeysThePerimeter(t *testing.T) {
	h := start(t, nil)
	wantStatus := func(what, source string, want int) {
		t.Helper()
		h.peers.set(source)
		eventually(t, fmt.Sprintf("%s: %s is answered %d", what, source, want), func() bool {
			status, _, _ := h.ask("acme"+dataDomain, "chat", "secret-key")
			return status == want
		})
	}
	wantStatus("outside", "20.30.40.50", 200)
	h.mustSend(http.MethodPatch, h.id, map[string]any{"properties": map[string]any{"publicNetworkAccess": accessSecuredByPerimeter}})
	wantStatus("secured by no perimeter", "20.30.40.50", 403)
	if state, _ := h.cloud.State(h.id); state.PublicNetworkAccess != accessSecuredByPerimeter || len(state.IPRules) != 2 {
		t.Errorf("the account is %+v", state)
	}
	if err := h.cloud.SetPublicNetworkAccess(h.id, accessEnabled); err != nil {
		t.Fatal(err)
	}
	wantStatus("enabled again", "20.30.40.50", 200)
	if err := h.cloud.SetPerimeter(h.id, Perimeter{AccessMode: PerimeterEnforced, AddressPrefixes: []string{"52.1.2.3/32"}}); err != nil {
		t.Fatal(err)
	}
	wantStatus("enforced", "20.30.40.50", 403)
	wantStatus("enforced", "52.1.2.3", 200)
	h.mustSend(http.MethodPut, h.id, map[string]any{"location": "eastus", "kind": "OpenAI", "sku": map[string]any{"name": "S0"},
		"properties": map[string]any{"customSubDomainName": "acme", "networkAcls": map[string]any{"defaultAction": "Allow"}}})
	if got := h.perimeters(); len(got) != 1 {
		t.Errorf("a PUT of the account took it out of its perimeter: %v", got)
	}
	_, _, err := h.send(h.arm, http.MethodPatch, h.id, map[string]any{"properties": map[string]any{"publicNetworkAccess": "SecuredByMagic"}})
	wantARM(t, err, http.StatusBadRequest, "InvalidRequestContent")
}
