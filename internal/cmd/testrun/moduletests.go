package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	buildDir       = ".build"
	providerBinary = buildDir + "/bin/terraform-provider-crosscloudlink"
)

// moduleTests runs `terraform test` of each module and root module that has tests, on a
// copy, so that no lock file or plugin folder appears beside the sources.
func moduleTests(ctx context.Context, out io.Writer, total *tally) error {
	config, err := plugins.Write(ctx, plugins.Options{BuildDir: buildDir, ProviderBinary: providerBinary})
	if err != nil {
		return err
	}
	work := filepath.Join(buildDir, "testrun")
	if err := tfrun.CopyModules(".", work); err != nil {
		return err
	}
	var tested []string
	for _, depth := range []string{"*/*", "*/*/*"} { // modules/NAME, examples/NAME, examples/three-teams/NAME
		found, err := filepath.Glob(filepath.Join(work, filepath.FromSlash(depth), "tests", "*.tftest.hcl"))
		if err != nil {
			return err
		}
		tested = append(tested, found...)
	}
	var errs []error
	last := ""
	for _, file := range tested {
		dir := filepath.Dir(filepath.Dir(file))
		if dir == last {
			continue
		}
		last = dir
		name, err := filepath.Rel(work, dir)
		if err != nil {
			return err
		}
		errs = append(errs, moduleTest(ctx, out, dir, filepath.ToSlash(name), config, total))
	}
	return errors.Join(errs...)
}

func moduleTest(ctx context.Context, out io.Writer, dir, name, cliConfig string, total *tally) error {
	terraform := func(args ...string) *exec.Cmd {
		cmd := command(ctx, "terraform", args...)
		cmd.Dir, cmd.Env = dir, tfrun.Environ(os.Environ(), cliConfig)
		return cmd
	}
	initialise := terraform("init", "-backend=false", "-input=false", "-no-color")
	initialise.Stderr = nil // CombinedOutput takes it
	if text, err := initialise.CombinedOutput(); err != nil {
		if reason := plugins.Unavailable(string(text)); reason != "" {
			fmt.Fprintf(out, "skip %s: %s\n", name, reason)
			total.add(name, "skip")
			return nil
		}
		fmt.Fprintf(out, "%s\n", text)
		total.add(name+" (terraform init)", "fail")
		return nil
	}
	cmd := terraform("test", "-json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting terraform test: %w", err)
	}
	before := len(total.failures)
	readErr := readModuleTests(stdout, out, name, total)
	waitErr := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) {
		waitErr = nil
		if len(total.failures) == before {
			total.add(name+" (terraform test)", "fail")
		}
	}
	verdict := "pass"
	if len(total.failures) > before {
		verdict = "fail"
	}
	fmt.Fprintf(out, "%-4s %s\n", verdict, name)
	return errors.Join(readErr, waitErr)
}

// readModuleTests counts the runs in the output of `terraform test -json`, and shows the errors.
func readModuleTests(lines io.Reader, out io.Writer, module string, total *tally) error {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var line struct {
			Type    string `json:"type"`
			TestRun struct {
				Path, Run, Progress, Status string
			} `json:"test_run"`
			Diagnostic struct {
				Severity, Summary, Detail string
			} `json:"diagnostic"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return fmt.Errorf("reading terraform test's output: %w", err)
		}
		switch {
		case line.Type == "diagnostic" && line.Diagnostic.Severity == "error":
			fmt.Fprintf(out, "%s: %s: %s\n", module, line.Diagnostic.Summary, strings.TrimSpace(line.Diagnostic.Detail))
		case line.Type == "test_run" && line.TestRun.Progress == "complete":
			total.add(path.Join(module, filepath.ToSlash(line.TestRun.Path))+"."+line.TestRun.Run, line.TestRun.Status)
		}
	}
	return scanner.Err()
}
