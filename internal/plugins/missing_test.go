package plugins

import (
	"slices"
	"testing"
)

// What Terraform 1.11.4 prints, in the two ways of not having a provider and in another one.
const (
	unreachable = `
Initializing provider plugins...
╷
│ Error: Failed to query available provider packages
│ 
│ Could not retrieve the list of available versions for provider
│ hashicorp/azurerm: could not connect to registry.terraform.io: failed to
│ request discovery document: Get
│ "https://registry.terraform.io/.well-known/terraform.json": dial tcp: lookup
│ registry.terraform.io: no such host
╵
`
	notInMirror = `
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider
databricks/databricks: provider registry.terraform.io/databricks/databricks
was not found in any of the search locations

  - mirror
`
	tooOld = `
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
no available releases match the given constraints >= 99.0.0
`
	brokenConfiguration = `
Error: Unsupported block type

  on main.tf line 1:
   1: providr "aws" {
`
)

func TestMissing(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   []string
	}{
		"no way to the registry":          {unreachable, []string{"hashicorp/azurerm"}},
		"in no mirror":                    {notInMirror, []string{"databricks/databricks"}},
		"both, once each":                 {unreachable + notInMirror + unreachable, []string{"databricks/databricks", "hashicorp/azurerm"}},
		"too old a version is not hidden": {tooOld, nil},
		"nor is another error":            {brokenConfiguration, nil},
		"nothing printed":                 {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Missing(test.output); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
