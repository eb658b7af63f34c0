// Package tfrender evaluates Terraform modules that consist of expressions alone: no
// provider, no resource. It is how tests, measurements and generators get the very text
// that a module renders.
package tfrender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// Outputs evaluates the module in moduleDir with the given inputs and returns its outputs,
// decoded as encoding/json does. Values of inputs are whatever JSON can hold; a null means
// what it means in a module call. Nothing is written to moduleDir, and no plugin is looked
// for. The error of inputs that the module refuses has Terraform's own text.
func Outputs(ctx context.Context, moduleDir string, inputs map[string]any) (outputs map[string]any, err error) {
	moduleDir, err = filepath.Abs(moduleDir)
	if err != nil {
		return nil, err
	}
	// Terraform takes a path that does not exist, or a folder without configuration, for
	// an empty module.
	if found, err := filepath.Glob(filepath.Join(moduleDir, "*.tf")); err != nil || len(found) == 0 {
		return nil, errors.Join(fmt.Errorf("%s holds no Terraform module", moduleDir), err)
	}
	work, err := os.MkdirTemp("", "tfrender-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	variables, err := json.Marshal(inputs)
	if err != nil {
		return nil, fmt.Errorf("inputs: %w", err)
	}
	variablesFile := filepath.Join(work, "inputs.tfvars.json")
	if err := os.WriteFile(variablesFile, variables, 0o600); err != nil {
		return nil, err
	}
	cliConfig := filepath.Join(work, "terraform.tfrc")
	if err := os.WriteFile(cliConfig, nil, 0o600); err != nil {
		return nil, err
	}
	terraform := tfrun.Terraform{
		Dir: moduleDir,
		Env: append(tfrun.Environ(os.Environ(), cliConfig), "TF_DATA_DIR="+filepath.Join(work, "data")),
	}
	// All values of such a module are known in the plan.
	plan := filepath.Join(work, "plan")
	text, err := terraform.Do(ctx, "plan", "-json", "-input=false", "-lock=false", "-out="+plan, "-var-file="+variablesFile)
	if err != nil {
		return nil, fmt.Errorf("evaluating the module %s: %w", moduleDir, readable(text, err))
	}
	shown, err := terraform.Do(ctx, "show", "-json", plan)
	if err != nil {
		return nil, fmt.Errorf("evaluating the module %s: %w", moduleDir, err)
	}
	return plannedOutputs(shown)
}

func plannedOutputs(planJSON string) (map[string]any, error) {
	var plan struct {
		PlannedValues struct {
			Outputs map[string]struct{ Value any }
		} `json:"planned_values"`
	}
	if err := json.Unmarshal([]byte(planJSON), &plan); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	outputs := map[string]any{}
	for name, output := range plan.PlannedValues.Outputs {
		outputs[name] = output.Value
	}
	return outputs, nil
}

// message is the part that is read here of a line of `terraform plan -json`.
type message struct {
	Type       string
	Diagnostic struct{ Severity, Summary, Detail string }
}

// readable is the error of a failed run with the text of the diagnostics alone.
func readable(text string, err error) error {
	var failed *tfrun.Error
	if !errors.As(err, &failed) {
		return err
	}
	var diagnostics []string
	for line := range strings.Lines(text) {
		var m message
		if json.Unmarshal([]byte(line), &m) == nil && m.Type == "diagnostic" && m.Diagnostic.Severity == "error" {
			diagnostics = append(diagnostics, strings.TrimSpace(m.Diagnostic.Summary+": "+m.Diagnostic.Detail))
		}
	}
	if len(diagnostics) == 0 {
		return err
	}
	return errors.New(strings.Join(diagnostics, "\n"))
}
