package tfrun

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChangesLeavesOutWhatDoesNothing(t *testing.T) {
	got, err := changes([]byte(`{"resource_changes":[
		{"address":"a.same","change":{"actions":["no-op"]}},
		{"address":"data.b.read","change":{"actions":["read"]}},
		{"address":"c.new","change":{"actions":["create"]}},
		{"address":"d.again","change":{"actions":["delete","create"]}}],
		"output_changes":{"x":{"actions":["update"]},"y":{"actions":["no-op"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, c := range got {
		addresses = append(addresses, c.Address)
	}
	if want := []string{"c.new", "d.again", "output.x"}; !slices.Equal(addresses, want) {
		t.Errorf("changes %v, want %v", addresses, want)
	}
}

func TestRunsTellLinesExitCodesAndOutput(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte("output \"x\" {\n  value = \"hello\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tf := Terraform{Dir: dir, Env: append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull)}
	var lines []string
	run, err := tf.Start(t.Context(), func(line string) { lines = append(lines, line) }, "apply", "-auto-approve", "-no-color")
	if err != nil {
		t.Fatal(err)
	}
	output, err := run.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(lines, `x = "hello"`) || !strings.Contains(output, `x = "hello"`) {
		t.Errorf("lines %q", lines)
	}
	if got, err := tf.Plan(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("a second plan: %v, %v", got, err)
	}
	_, err = tf.Do(t.Context(), "output", "-raw", "missing")
	var failed *Error
	if !errors.As(err, &failed) || failed.ExitCode != 1 || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v, want an *Error with what terraform said", err)
	}
}
