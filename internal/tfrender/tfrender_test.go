package tfrender

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const module = `
variable "names" {
  type = map(object({ size = optional(number, 1) }))

  validation {
    condition     = length(var.names) > 0
    error_message = "names must not be empty."
  }
}

variable "greeting" {
  type     = string
  default  = "hello"
  nullable = false
}

output "lines" {
  value = [for name, n in var.names : "${var.greeting} ${name} ${n.size}"]
}

output "text" {
  value = templatefile("${path.module}/text.tftpl", { names = keys(var.names) })
}
`

func writeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.tf": module, "text.tftpl": "%{ for n in names ~}\n<${n}>\n%{ endfor ~}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOutputs(t *testing.T) {
	dir := writeModule(t)
	got, err := Outputs(t.Context(), dir, map[string]any{
		"names":    map[string]any{"a": map[string]any{}, "b": map[string]any{"size": 3}},
		"greeting": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"lines": []any{"hello a 1", "hello b 3"}, "text": "<a>\n<b>\n"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 {
		t.Errorf("the module's folder holds %v, want its two files alone", left)
	}
}

func TestRefusedInputs(t *testing.T) {
	dir := writeModule(t)
	for name, inputs := range map[string]map[string]any{
		"names must not be empty.":       {"names": map[string]any{}},
		"No value for required variable": {},
	} {
		_, err := Outputs(t.Context(), dir, inputs)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("inputs %v: error %v, want one with %q", inputs, err, name)
		}
		if err != nil && strings.Contains(err.Error(), `"@level"`) {
			t.Errorf("the error shows Terraform's JSON: %v", err)
		}
	}
}

func TestNoModule(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := Outputs(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "no Terraform module") {
			t.Errorf("Outputs(%s): %v, want that there is no module", dir, err)
		}
	}
}
