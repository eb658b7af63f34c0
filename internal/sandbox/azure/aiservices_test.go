package azure

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// TestAIServicesAccount holds what tells an account of kind AIServices from one of kind OpenAI: its
// endpoints, the hosts that answer, and properties of Foundry that a client must not stumble over.
func TestAIServicesAccount(t *testing.T) {
	h := start(t, nil)
	id, err := h.cloud.SeedAccount(Account{
		ResourceGroup: "rg-ai", Name: "foundry", Kind: "AIServices", Subdomain: "foundry", IPRules: []string{"20.30.40.50"},
		Bypass: "AzureServices", Deployments: map[string]string{"chat": "gpt-4o"}, Key: "foundry-key",
	})
	if err != nil {
		t.Fatal(err)
	}
	injections := []any{map[string]any{"scenario": "agent", "subnetArmId": "/subnets/agents", "useMicrosoftManagedNetwork": false}}
	h.mustSend(http.MethodPatch, id, map[string]any{"properties": map[string]any{"networkInjections": injections, "allowProjectManagement": true}})
	h.mustSend(http.MethodPatch, id, rulesBody("20.30.40.50", "52.1.2.3"))

	account := h.mustSend(http.MethodGet, id, nil)
	properties := account["properties"].(map[string]any)
	if account["kind"] != "AIServices" || fmt.Sprint(properties["networkInjections"]) != fmt.Sprint(injections) || properties["allowProjectManagement"] != true {
		t.Errorf("the account is %v", account)
	}
	endpoints := properties["endpoints"].(map[string]any)
	for name, want := range map[string]string{
		"OpenAI Language Model Instance API": "https://foundry.openai.azure.com/",
		"AI Foundry API":                     "https://foundry.services.ai.azure.com/",
	} {
		if endpoints[name] != want {
			t.Errorf("endpoint %q is %v, want %s", name, endpoints[name], want)
		}
	}
	if properties["endpoint"] != "https://foundry.cognitiveservices.azure.com/" {
		t.Errorf("the endpoint is %v", properties["endpoint"])
	}
	if state, _ := h.cloud.State(id); !slices.Equal(state.IPRules, []string{"20.30.40.50", "52.1.2.3"}) || state.Bypass != "AzureServices" || state.DefaultAction != "Deny" {
		t.Errorf("the firewall is %+v", state)
	}

	for _, domain := range []string{dataDomain, servicesDomain, foundryDomain} {
		h.peers.set("52.1.2.3")
		eventually(t, "the rule reaches "+domain, func() bool {
			status, _, _ := h.ask("foundry"+domain, "chat", "foundry-key")
			return status == 200
		})
		h.peers.set("40.1.1.1")
		if status, _, body := h.ask("foundry"+domain, "chat", "foundry-key"); status != 403 {
			t.Errorf("%s: a stranger was answered %d %v", domain, status, body)
		}
		h.peers.set("20.30.40.50")
		if status, _, _ := h.ask("acme"+domain, "chat", "secret-key"); (status == 200) != (domain == dataDomain) {
			t.Errorf("%s: the OpenAI account answers %d", domain, status)
		}
	}
}
