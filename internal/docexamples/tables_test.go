package docexamples

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// update rewrites the tables from the modules' files:
//
//	go test ./internal/docexamples -run TestModuleTables -update
var update = flag.Bool("update", false, "rewrite the tables of the modules' READMEs")

// TestModuleTables compares the tables "Inputs" and "Outputs" of each module's README
// with its variables.tf and outputs.tf.
func TestModuleTables(t *testing.T) {
	readmes := glob(t, "modules/*/README.md")
	if len(readmes) == 0 {
		t.Fatal("there is no module")
	}
	for _, readme := range readmes {
		t.Run(readme, func(t *testing.T) {
			dir, text := filepath.Dir(readme), read(t, readme)
			for heading, table := range map[string]string{"Inputs": inputs(t, dir), "Outputs": outputs(t, dir)} {
				before, rest, ok := strings.Cut(text, "\n## "+heading+"\n\n")
				if !ok {
					t.Errorf("there is no section %q", heading)
					continue
				}
				have, after, more := strings.Cut(rest, "\n\n")
				if have = strings.TrimSuffix(have, "\n"); have == table {
					continue
				}
				if !*update {
					t.Errorf("the table %q is not what the module's files say; it should be:\n%s", heading, table)
					continue
				}
				text = before + "\n## " + heading + "\n\n" + table + "\n"
				if more {
					text += "\n" + after
				}
			}
			if *update {
				if err := os.WriteFile(filepath.Join(repository, readme), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func inputs(t *testing.T, dir string) string {
	t.Helper()
	table := "| name | description | type | default |\n|---|---|---|---|"
	text := read(t, filepath.Join(dir, "variables.tf"))
	for _, block := range parse(t, snippet{dir + "/variables.tf", text}).Blocks {
		value := "required"
		if code := source(text, block, "default"); code != "" {
			value = "`" + code + "`"
		}
		table += "\n| `" + block.Labels[0] + "` | " + description(t, block) + " | `" + source(text, block, "type") + "` | " + value + " |"
	}
	return table
}

func outputs(t *testing.T, dir string) string {
	t.Helper()
	table := "| name | description |\n|---|---|"
	text := read(t, filepath.Join(dir, "outputs.tf"))
	for _, block := range parse(t, snippet{dir + "/outputs.tf", text}).Blocks {
		table += "\n| `" + block.Labels[0] + "` | " + description(t, block) + " |"
	}
	return table
}

// description is the description of a variable or output, fit for a cell.
func description(t *testing.T, block *hclsyntax.Block) string {
	t.Helper()
	attribute := block.Body.Attributes["description"]
	if attribute == nil {
		t.Errorf("%s %q has no description", block.Type, block.Labels[0])
		return ""
	}
	value, diags := attribute.Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(value.AsString()), " "), "|", `\|`)
}

// source is the text of an attribute's expression on one line, or "" without it.
func source(text string, block *hclsyntax.Block, name string) string {
	attribute := block.Body.Attributes[name]
	if attribute == nil {
		return ""
	}
	return strings.Join(strings.Fields(string(attribute.Expr.Range().SliceBytes([]byte(text)))), " ")
}
