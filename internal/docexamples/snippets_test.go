package docexamples

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// snippet is a configuration that the documentation shows.
type snippet struct {
	// name is the file that holds it, with a number behind it in Markdown.
	name, text string
}

// fence is a block of HCL in Markdown.
var fence = regexp.MustCompile("(?ms)^```(?:hcl|terraform)\n(.*?)^```$")

// snippets collects every configuration that documentation shows; generated pages are left
// out, since they repeat what lies under examples/ and templates/.
func snippets(t *testing.T) []snippet {
	t.Helper()
	var all []snippet
	for _, pattern := range []string{"examples/provider/*.tf", "examples/resources/*/resource.tf", "examples/data-sources/*/data-source.tf", "examples/functions/*/function.tf"} {
		for _, path := range glob(t, pattern) {
			all = append(all, snippet{path, read(t, path)})
		}
	}
	for _, pattern := range []string{"README.md", "modules/*/README.md", "examples/*/README.md", "examples/*/*/README.md", "templates/guides/*"} {
		for _, path := range glob(t, pattern) {
			for i, block := range fence.FindAllStringSubmatch(read(t, path), -1) {
				all = append(all, snippet{fmt.Sprintf("%s/%d", path, i+1), block[1]})
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no configuration was found in the documentation")
	}
	return all
}

// builtIn is the provider that is a part of Terraform itself.
const builtIn = "terraform"

// sources are the providers that snippets use.
var sources = map[string]string{
	"crosscloudlink": "crosscloudlink/crosscloudlink",
	"aws":            "hashicorp/aws",
	"azurerm":        "hashicorp/azurerm",
	"databricks":     "databricks/databricks",
}

func TestSnippetsAreValid(t *testing.T) {
	for _, s := range snippets(t) {
		t.Run(s.name, func(t *testing.T) {
			body := parse(t, s)
			used := usedProviders(body)
			for _, provider := range used {
				if sources[provider] == "" {
					t.Fatalf("it needs the provider %s, which no example of ours should", provider)
				}
			}
			validate(t, s, body, used)
		})
	}
}

func parse(t *testing.T, s snippet) *hclsyntax.Body {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(s.text), s.name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		t.Fatalf("%T is not HCL's native syntax", file.Body)
	}
	return body
}

// usedProviders lists the local names of the providers that a configuration uses by itself.
func usedProviders(body *hclsyntax.Body) []string {
	used := map[string]bool{}
	for _, block := range body.Blocks {
		switch block.Type {
		case "resource", "data", "ephemeral":
			if name, _, _ := strings.Cut(block.Labels[0], "_"); name != builtIn {
				used[name] = true
			}
		case "provider":
			used[block.Labels[0]] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// declaresProviders reports whether a configuration has a required_providers block.
func declaresProviders(body *hclsyntax.Body) bool {
	return slices.ContainsFunc(body.Blocks, func(block *hclsyntax.Block) bool {
		return block.Type == "terraform" && slices.ContainsFunc(block.Body.Blocks, func(inner *hclsyntax.Block) bool {
			return inner.Type == "required_providers"
		})
	})
}

// validate runs `terraform validate` on the snippet as a root module of its own. It is
// skipped where a stock provider that it needs is not to be had.
func validate(t *testing.T, s snippet, body *hclsyntax.Body, used []string) {
	t.Helper()
	binary, err := providerBinary()
	if err != nil {
		t.Fatal(err)
	}
	cliConfig, err := plugins.Write(t.Context(), plugins.Options{BuildDir: filepath.Join(scratch, "plugins"), ProviderBinary: binary})
	if err != nil {
		t.Fatal(err)
	}
	dir := rootModule(t, s.text)
	if !declaresProviders(body) && len(used) > 0 {
		var declared strings.Builder
		for _, provider := range used {
			fmt.Fprintf(&declared, "    %s = { source = %q }\n", provider, sources[provider])
		}
		writeFile(t, filepath.Join(dir, "providers.tf"), "terraform {\n  required_providers {\n"+declared.String()+"  }\n}\n")
	}
	terraform := tfrun.Terraform{Dir: dir, Env: tfrun.Environ(append(os.Environ(), "TF_DATA_DIR="), cliConfig)}
	if output, err := terraform.Do(t.Context(), "init", "-backend=false", "-input=false", "-no-color"); err != nil {
		if reason := plugins.Unavailable(output); reason != "" {
			t.Skip(reason)
		}
		t.Fatal(err)
	}
	if _, err := terraform.Do(t.Context(), "validate", "-no-color"); err != nil {
		t.Error(err)
	}
}

var (
	// publishedModule is a module's source as users outside of the repository write it.
	publishedModule = regexp.MustCompile(`(source\s*=\s*)"[^"]*//modules/([a-z0-9-]+)(?:\?[^"]*)?"(?:\n\s*version\s*=\s*"[^"]*")?`)
	localModule     = regexp.MustCompile(`source\s*=\s*"\.\.?/`)
)

// rootModule writes a configuration into a folder of its own, in which local paths to modules lead
// to copies, both from the repository's root and from two levels below.
func rootModule(t *testing.T, text string) (dir string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "examples", "snippet")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text = publishedModule.ReplaceAllString(text, `$1"./modules/$2"`)
	if localModule.MatchString(text) {
		modules := filepath.Join(repository, "modules")
		for _, at := range []string{filepath.Join(top, "modules"), filepath.Join(dir, "modules")} {
			if err := os.CopyFS(at, os.DirFS(modules)); err != nil {
				t.Fatal(err)
			}
		}
	}
	writeFile(t, filepath.Join(dir, "main.tf"), text)
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
