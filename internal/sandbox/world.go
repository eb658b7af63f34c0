package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
)

// Seed says what exists in the clouds before the first apply.
type Seed int

const (
	// SeedExistingServices is what examples/existing-services builds on: an Azure OpenAI
	// account behind its firewall, and a Databricks workspace with its network and a serving
	// endpoint for the account's model. All of it belongs to other people.
	SeedExistingServices Seed = iota
	// SeedWorkspace is what examples/complete and examples/three-teams build on: a Databricks
	// workspace with a network of its own, and nothing in Azure.
	SeedWorkspace
	// SeedNothing leaves the clouds empty.
	SeedNothing
)

// seeds are the names of the seeds on the command line.
var seeds = map[string]Seed{"existing-services": SeedExistingServices, "workspace": SeedWorkspace, "nothing": SeedNothing}

// ParseSeed returns the seed of a name: existing-services, workspace or nothing.
func ParseSeed(name string) (Seed, error) {
	seed, ok := seeds[name]
	if !ok {
		return 0, fmt.Errorf("unknown seed %q: say %s", name, strings.Join(slices.Sorted(maps.Keys(seeds)), ", "))
	}
	return seed, nil
}

// World names what exists in the clouds before the first apply. All fields are empty
// with SeedNothing.
type World struct {
	// AzureAccountID is the ARM id of the Azure OpenAI account; with SeedWorkspace, empty.
	AzureAccountID string
	// AzureHostname is the account's host, <subdomain>.openai.azure.com; with SeedWorkspace,
	// that of the account that the examples will make.
	AzureHostname string
	// ForeignIPRules are the firewall entries of other people, which must never change.
	ForeignIPRules []string
	// Deployment is the name of the model's deployment in the account.
	Deployment string
	// NetworkConnectivityConfigID is the NCC that the workspace is bound to.
	NetworkConnectivityConfigID string
	// NetworkPolicyID is the workspace's network policy: it allows AzureHostname alone.
	NetworkPolicyID string
	// WorkspaceID is the workspace's number.
	WorkspaceID int64
	// ServingEndpoint is the name of the serving endpoint for the account's model.
	ServingEndpoint string
	// QueryClientID and QueryClientSecret are the OAuth credentials of a service principal
	// that may query the serving endpoint, and nothing else.
	QueryClientID, QueryClientSecret string
}

// What all seeds have in common: names that a reader meets again in the demo's lines.
const (
	subdomain = "acme-models"
	model     = "gpt-4o"
	location  = "eastus"
)

// seedWorld makes what a seed says.
func seedWorld(seed Seed, az *azure.Cloud, dbx *databricks.Cloud) (World, error) {
	switch seed {
	case SeedExistingServices:
		return seedExistingServices(az, dbx)
	case SeedWorkspace:
		return seedWorkspace(dbx)
	default:
		return World{}, nil
	}
}

// seedWorkspace makes a workspace whose network is as Databricks and its own administrators
// left it: a configuration of its own, and the default policy.
func seedWorkspace(dbx *databricks.Cloud) (World, error) {
	w := World{
		AzureHostname:     subdomain + ".openai.azure.com",
		Deployment:        "chat",
		NetworkPolicyID:   "default-policy",
		WorkspaceID:       4058233711027561,
		ServingEndpoint:   "azure-chat",
		QueryClientID:     "9e7b1c54-20d6-4f3a-8a15-6c3d7f0e2b48",
		QueryClientSecret: "sandbox-databricks-query-secret",
	}
	var err error
	if w.NetworkConnectivityConfigID, err = dbx.SeedNCC("acme-serverless", Region); err != nil {
		return World{}, err
	}
	dbx.AddServicePrincipal(w.QueryClientID, w.QueryClientSecret, false)
	return w, dbx.SeedWorkspace(databricks.Workspace{
		ID: w.WorkspaceID, Name: "acme-data", Region: Region, NCCID: w.NetworkConnectivityConfigID,
	})
}

// seedExistingServices adds what other people have made already: the Azure OpenAI account,
// the workspace's policy, and a serving endpoint for the account's model.
func seedExistingServices(az *azure.Cloud, dbx *databricks.Cloud) (World, error) {
	w, err := seedWorkspace(dbx)
	if err != nil {
		return World{}, err
	}
	w.ForeignIPRules = []string{"20.50.60.70", "40.112.10.0/28", "13.64.99.7"}
	w.NetworkPolicyID = "acme-restricted"
	w.AzureAccountID, err = az.SeedAccount(azure.Account{
		ResourceGroup: "rg-models", Name: "acme-models", Location: location, Subdomain: subdomain, DefaultAction: "Deny",
		IPRules: w.ForeignIPRules, Deployments: map[string]string{w.Deployment: model},
	})
	if err != nil {
		return World{}, err
	}
	account, ok := az.State(w.AzureAccountID)
	if !ok {
		return World{}, fmt.Errorf("the seeded account %s is not there", w.AzureAccountID)
	}
	if err := dbx.SeedPolicy(w.NetworkPolicyID, w.AzureHostname); err != nil {
		return World{}, err
	}
	if err := dbx.AttachPolicy(w.WorkspaceID, w.NetworkPolicyID); err != nil {
		return World{}, err
	}
	_, err = dbx.SeedServingEndpoint(databricks.ServingEndpoint{
		WorkspaceID: w.WorkspaceID, Name: w.ServingEndpoint, Model: model, APIBase: "https://" + w.AzureHostname,
		APIVersion: "2024-10-21", Deployment: w.Deployment, Key: account.Keys[0], CanQuery: []string{w.QueryClientID},
	})
	return w, err
}
