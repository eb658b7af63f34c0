package docexamples

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/provider"
)

const prefix = "crosscloudlink_"

func server(t *testing.T) tfprotov6.ProviderServer {
	t.Helper()
	s, err := providerserver.NewProtocol6WithError(provider.New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemas(t *testing.T) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	all, err := server(t).GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.ResourceSchemas) == 0 {
		t.Fatal("the provider has no resources")
	}
	return all
}

// attributes walks all attributes of a schema, nested ones by their path.
func attributes(s *tfprotov6.Schema, visit func(path string, a *tfprotov6.SchemaAttribute)) {
	var walk func(prefix string, list []*tfprotov6.SchemaAttribute)
	walk = func(prefix string, list []*tfprotov6.SchemaAttribute) {
		for _, a := range list {
			visit(prefix+a.Name, a)
			if a.NestedType != nil {
				walk(prefix+a.Name+".", a.NestedType.Attributes)
			}
		}
	}
	walk("", s.Block.Attributes)
}

// exempt are attributes that another library describes, or does not.
func exempt(path string) bool { return path == "timeouts" }

// TestEverythingIsDescribed looks at each resource, data source and attribute, and
// at each attribute's place on the generated page.
func TestEverythingIsDescribed(t *testing.T) {
	all := schemas(t)
	pages := map[string]*tfprotov6.Schema{"docs/index.md": all.Provider}
	for name, schema := range all.ResourceSchemas {
		pages["docs/resources/"+strings.TrimPrefix(name, prefix)+".md"] = schema
	}
	for name, schema := range all.DataSourceSchemas {
		pages["docs/data-sources/"+strings.TrimPrefix(name, prefix)+".md"] = schema
	}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		t.Run(page, func(t *testing.T) {
			schema, text := pages[page], read(t, page)
			if schema.Block.Description == "" {
				t.Error("the schema has no description")
			}
			attributes(schema, func(path string, a *tfprotov6.SchemaAttribute) {
				if a.Description == "" && !exempt(path) {
					t.Errorf("attribute %s has no description", path)
				}
				line := regexp.MustCompile("(?m)^- `"+a.Name+"` \\(.*$").FindAllString(text, -1)
				if !slices.ContainsFunc(line, func(l string) bool { return strings.Contains(l, strings.SplitN(a.Description, "\n", 2)[0]) }) {
					t.Errorf("the page does not say what %s is; run make generate", path)
				}
			})
		})
	}
}

// TestResourcePagesAreWhole asks each resource's page for what the schema cannot say.
func TestResourcePagesAreWhole(t *testing.T) {
	for name := range schemas(t).ResourceSchemas {
		t.Run(name, func(t *testing.T) {
			text := read(t, "docs/resources/"+strings.TrimPrefix(name, prefix)+".md")
			for _, heading := range []string{"## Example Usage", "## How it behaves", "**On destroy**", "**A slow create.**", "**What is adopted.**", "## Permissions", "## Schema", "## Import"} {
				if !strings.Contains(text, "\n"+heading) {
					t.Errorf("the page has no %q", heading)
				}
			}
		})
	}
}

var importLine = regexp.MustCompile(`(?m)^terraform import ([a-z0-9_]+)\.([a-z0-9_]+) '?([^'\n]+)'?$`)

// TestImportExamples feeds the ids of each import.sh to the provider, and looks for the
// address in the example beside it.
func TestImportExamples(t *testing.T) {
	for name := range schemas(t).ResourceSchemas {
		t.Run(name, func(t *testing.T) {
			dir := "examples/resources/" + name
			lines := importLine.FindAllStringSubmatch(read(t, dir+"/import.sh"), -1)
			if len(lines) == 0 {
				t.Fatal("import.sh has no line `terraform import TYPE.NAME ID`")
			}
			example := read(t, dir+"/resource.tf")
			for _, line := range lines {
				if line[1] != name || !strings.Contains(example, `resource "`+line[1]+`" "`+line[2]+`" {`) {
					t.Errorf("resource.tf has no %s.%s", line[1], line[2])
				}
				resp, err := server(t).ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: line[3]})
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range resp.Diagnostics {
					t.Errorf("importing %q: %s: %s", line[3], d.Summary, d.Detail)
				}
			}
		})
	}
}
