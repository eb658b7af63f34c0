// Command testrun runs every test that needs no cloud account: the Go tests and
// each module's `terraform test`. It ends with the line
//
//	N passed, N failed, N skipped
//
// and fails when a test failed, or was skipped without being on the list of allowed skips.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
)

func main() {
	allowed := flag.String("allowed-skips", ".ci/allowed-skips.txt", "file that lists the tests that may be skipped")
	only := flag.String("packages", "./...", "the Go packages to test; the modules' tests run only with ./...")
	flag.Parse()
	if runtime.GOOS != "linux" {
		fmt.Fprintln(os.Stderr, "testrun: the tests apply whole configurations in the sandbox, which runs on Linux only; run them in a Linux machine or container, or single packages with go test")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *allowed, *only); err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, allowedPath, packages string) error {
	allowed, err := readAllowedSkips(allowedPath)
	if err != nil {
		return err
	}
	start := time.Now()
	var total tally
	goErr := goTests(ctx, out, packages, &total)
	var moduleErr error
	if packages == "./..." {
		moduleErr = moduleTests(ctx, out, &total)
	}
	unlisted := total.unlistedSkips(allowed, mirrored)
	fmt.Fprintf(out, "\nran for %s\n", time.Since(start).Round(time.Second))
	for _, name := range total.failures {
		fmt.Fprintf(out, "FAILED  %s\n", name)
	}
	for _, skip := range total.skips {
		fmt.Fprintf(out, "skipped %s\n", skip)
	}
	for _, name := range unlisted {
		if reason := allowed[name]; reason.text != "" {
			fmt.Fprintf(out, "FAILED  %s was skipped, though all that it %s is in a filesystem mirror here\n", name, reason.text)
			continue
		}
		fmt.Fprintf(out, "FAILED  %s was skipped, and %s does not list it\n", name, allowedPath)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", total.passed, len(total.failures)+len(unlisted), len(total.skips)-len(unlisted))
	switch {
	case len(total.failures) > 0 || len(unlisted) > 0:
		return errors.New("not all tests passed")
	case total.passed == 0:
		return errors.New("no test ran")
	default:
		return errors.Join(goErr, moduleErr)
	}
}

// skipReason says why a test may be skipped.
type skipReason struct {
	text string
	// needs are the providers without which the test cannot run; a machine that has them all
	// has no reason to skip it.
	needs []string
}

// readAllowedSkips reads one test name a line; what follows a blank is the reason, and
// lines that start with # are comments. A reason "needs hashicorp/azurerm databricks/databricks"
// names providers.
func readAllowedSkips(path string) (map[string]skipReason, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the allowed skips: %w", err)
	}
	defer func() { _ = file.Close() }()
	allowed := map[string]skipReason{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, text, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		reason := skipReason{text: strings.TrimSpace(text)}
		if reason.text == "" {
			return nil, fmt.Errorf("%s: %s has no reason behind it", path, name)
		}
		if sources, ok := strings.CutPrefix(reason.text, "needs "); ok {
			reason.needs = strings.Fields(sources)
		}
		allowed[name] = reason
	}
	return allowed, lines.Err()
}

// tally counts tests. A parent of subtests counts by its subtests alone.
type tally struct {
	passed   int
	failures []string
	skips    []string
}

func (t *tally) add(name, result string) {
	switch result {
	case "pass":
		t.passed++
	case "fail", "error":
		t.failures = append(t.failures, name)
	case "skip":
		t.skips = append(t.skips, name)
	}
}

// unlistedSkips are the skips that are failures. mirrored tells whether a filesystem mirror of
// this machine has a provider.
func (t *tally) unlistedSkips(allowed map[string]skipReason, mirrored func(provider string) bool) []string {
	var unlisted []string
	for _, name := range t.skips {
		reason, ok := allowed[name]
		if !ok || len(reason.needs) > 0 && !slices.ContainsFunc(reason.needs, func(provider string) bool { return !mirrored(provider) }) {
			unlisted = append(unlisted, name)
		}
	}
	return unlisted
}

// mirrored reports whether a filesystem mirror of this machine has a provider.
func mirrored(provider string) bool {
	versions, _ := plugins.Find(provider)
	return len(versions) > 0
}

// command is a child that gets an interrupt, not a kill, when ctx ends, so that its
// own children are cleaned up.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Stderr = os.Stderr
	return cmd
}
