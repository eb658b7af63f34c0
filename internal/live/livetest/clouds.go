package livetest

import (
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// Clients are the provider's clients of a sandbox, without its environment being the process's own. Its
// Azure is not among them: see Azure.
func Clients(sb *sandbox.Sandbox) *clients.Clients {
	env := Environment(sb)
	return clients.New(clients.Config{
		AWS: clients.AWSConfig{
			Region: env("AWS_REGION"), AccessKey: env("AWS_ACCESS_KEY_ID"), SecretKey: env("AWS_SECRET_ACCESS_KEY"), EndpointURL: env("AWS_ENDPOINT_URL"),
			SharedConfigFiles: []string{env("AWS_CONFIG_FILE")}, SharedCredentialsFiles: []string{env("AWS_SHARED_CREDENTIALS_FILE")},
		},
		Getenv: env,
	})
}

// Environment reads the variables by which tools find a sandbox.
func Environment(sb *sandbox.Sandbox) func(string) string {
	values := map[string]string{}
	for _, variable := range sb.Env() {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}
