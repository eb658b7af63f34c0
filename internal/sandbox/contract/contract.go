// Package contract is for the tests that run a stock provider against one of the sandbox's
// clouds: what the provider does with the real cloud, it must be able to do with that one.
package contract

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// foreign begin the names of the variables that would lead Terraform or a stock provider elsewhere.
var foreign = []string{"AWS_", "ARM_", "AZURE_", "DATABRICKS_", "TF_"}

// Resources are the values of resources and data sources by address.
type Resources map[string]map[string]any

// Root is a root module that uses stock providers.
type Root struct {
	tfrun.Terraform
	timeout time.Duration
}

// New copies a root module to a folder of its own and initialises it, or skips the test:
// when it is to be short, without Terraform, and where a plugin that the module needs can be
// had neither from a filesystem mirror nor from the registry. The module's environment leads
// to no cloud. The test appends to Env what leads to its own, and does so after New: the
// certificate of a registry does not come from the sandbox. The timeout bounds each of the
// Root's own methods.
func New(t *testing.T, folder string, timeout time.Duration) *Root {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole Terraform run takes long; -short leaves it out")
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	cliConfig, err := plugins.Write(t.Context(), plugins.Options{BuildDir: filepath.Join(dir, ".build")})
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc(foreign, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
	})
	root := &Root{Terraform: tfrun.Terraform{Dir: dir, Env: tfrun.Environ(env, cliConfig)}, timeout: timeout}
	if output, err := root.Do(t.Context(), "init", "-input=false", "-no-color"); err != nil {
		if reason := plugins.Unavailable(output); reason != "" {
			t.Skip(reason)
		}
		t.Fatal(err)
	}
	return root
}

// Run runs a command that changes something, such as apply or destroy.
func (r *Root) Run(t *testing.T, command string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), r.timeout)
	defer cancel()
	if output, err := r.Do(ctx, append([]string{command, "-auto-approve", "-input=false", "-no-color"}, args...)...); err != nil {
		t.Fatalf("terraform %s: %v\n%s", command, err, output)
	}
}

// State returns what the state holds. It must not be empty.
func (r *Root) State(t *testing.T) Resources {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), r.timeout)
	defer cancel()
	text, err := r.Do(ctx, "show", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatal(err)
	}
	resources := Resources{}
	for _, resource := range shown.Values.RootModule.Resources {
		resources[resource.Address] = resource.Values
	}
	if len(resources) == 0 {
		t.Fatal("the state is empty")
	}
	return resources
}

// Changes makes and saves a plan, and returns its actions by address, as tfrun.Terraform.Plan does.
func (r *Root) Changes(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), r.timeout)
	defer cancel()
	changes, err := r.Plan(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	planned := map[string][]string{}
	for _, change := range changes {
		planned[change.Address] = change.Actions
	}
	return planned
}

// WantNoChanges plans, and reports each change: that of a managed resource among resources in
// a subtest of its own, named by the address, and any other in the test itself.
func (r *Root) WantNoChanges(t *testing.T, resources Resources, args ...string) {
	t.Helper()
	planned := r.Changes(t, args...)
	for address, actions := range planned {
		if _, known := resources[address]; !known {
			t.Errorf("%s: plans to %v", address, actions)
		}
	}
	for address := range resources {
		if strings.HasPrefix(address, "data.") {
			continue
		}
		t.Run(address, func(t *testing.T) {
			if actions := planned[address]; actions != nil {
				t.Errorf("plans to %v", actions)
			}
		})
	}
	if len(planned) > 0 {
		output, err := r.Do(t.Context(), append([]string{"plan", "-input=false", "-no-color"}, args...)...)
		t.Logf("the plan (%v):\n%s", err, output)
	}
}
