package azure

import "net/http"

// resourceProviders are the namespaces that the subscription has registered: those of
// which the sandbox knows something.
var resourceProviders = []string{
	namespace, insightsNamespace, "Microsoft.ManagedIdentity", "Microsoft.OperationalInsights", "Microsoft.Resources",
}

// listResourceProviders is what azurerm 4 asks for before anything else, to register what
// it may need.
func listResourceProviders(call *armCall) (reply, *armError) {
	items := make([]any, len(resourceProviders))
	for i, name := range resourceProviders {
		items[i] = map[string]any{
			"id":        "/subscriptions/" + call.cloud.options.SubscriptionID + "/providers/" + name,
			"namespace": name, "registrationState": "Registered", "registrationPolicy": "RegistrationRequired",
			"resourceTypes": []any{},
		}
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}
