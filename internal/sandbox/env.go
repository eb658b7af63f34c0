package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Credentials for the sandbox's AWS. The key is in the form of a real one, since tools
// check that.
const (
	accessKeyID     = accessKeyPrefix + "000000000"
	secretAccessKey = "sandbox-secret-access-key-of-no-account"
)

// cloudPrefixes begin the names of the variables by which tools find a cloud. None of the
// caller's own may reach a command that runs in the sandbox: it must not touch a real one.
var cloudPrefixes = []string{"AWS_", "ARM_", "AZURE_", "DATABRICKS_", "TF_CLI_CONFIG_FILE="}

// setEnv works out Env once everything runs.
func (s *Sandbox) setEnv(seed Seed, trust, cliConfig string) error {
	// Nothing of the user's own profiles: they could name other endpoints.
	empty := filepath.Join(s.dir, "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		return fmt.Errorf("writing an empty configuration: %w", err)
	}
	s.env = []string{
		"AWS_ENDPOINT_URL=" + s.aws.URL,
		"AWS_ACCESS_KEY_ID=" + accessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + secretAccessKey,
		"AWS_REGION=" + Region,
		"AWS_CONFIG_FILE=" + empty,
		"AWS_SHARED_CREDENTIALS_FILE=" + empty,
		"AWS_EC2_METADATA_DISABLED=true",
		"ARM_METADATA_HOSTNAME=" + strings.TrimPrefix(s.azure.URL(), "https://"),
		"ARM_TENANT_ID=" + s.azure.TenantID(),
		"ARM_CLIENT_ID=" + s.azure.ClientID(),
		"ARM_CLIENT_SECRET=" + s.azure.ClientSecret(),
		"ARM_SUBSCRIPTION_ID=" + s.azure.SubscriptionID(),
		"AZURE_CONFIG_DIR=" + s.dir,
		"SSL_CERT_FILE=" + trust,
		"DATABRICKS_HOST=" + s.databricks.URL(),
		"DATABRICKS_ACCOUNT_ID=" + s.databricks.AccountID(),
		"DATABRICKS_CLIENT_ID=" + s.databricks.ClientID(),
		"DATABRICKS_CLIENT_SECRET=" + s.databricks.ClientSecret(),
		// Beside ARM_* variables the Databricks SDK cannot tell which way is meant.
		"DATABRICKS_AUTH_TYPE=oauth-m2m",
		"DATABRICKS_CONFIG_FILE=" + empty,
		// The function's zip runs on this machine.
		"TF_VAR_architecture=" + Architecture(),
	}
	switch seed {
	case SeedExistingServices:
		s.env = append(s.env,
			"TF_VAR_azure_openai_account_id="+s.World.AzureAccountID,
			"TF_VAR_azure_openai_hostname="+s.World.AzureHostname,
			"TF_VAR_network_connectivity_config_id="+s.World.NetworkConnectivityConfigID,
		)
	case SeedWorkspace:
		s.env = append(s.env,
			"TF_VAR_azure_openai_name="+subdomain,
			"TF_VAR_azure_location="+location,
			fmt.Sprintf("TF_VAR_databricks_workspace_ids=[%d]", s.World.WorkspaceID),
		)
	case SeedNothing:
	}
	if cliConfig != "" {
		s.env = append(s.env, "TF_CLI_CONFIG_FILE="+cliConfig)
	}
	return nil
}

// Env returns the variables, as NAME=value, by which tools find the sandbox's clouds,
// their credentials, and the inputs of the example for what exists there already.
func (s *Sandbox) Env() []string { return slices.Clone(s.env) }

// Environ returns an environment for a command: base without any of its own ways to a
// cloud, and Env.
func (s *Sandbox) Environ(base []string) []string {
	out := slices.DeleteFunc(slices.Clone(base), ToUnset)
	return append(out, s.env...)
}

// ToUnset reports whether a variable (NAME or NAME=value) leads to a cloud, and so must not
// be seen by what runs in the sandbox unless Env sets it.
func ToUnset(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.ContainsFunc(cloudPrefixes, func(prefix string) bool { return strings.HasPrefix(name+"=", prefix) })
}

// Architecture is this machine's, in the spelling of AWS: functions run here.
func Architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}
