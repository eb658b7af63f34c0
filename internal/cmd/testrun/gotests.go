package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// goTimeout bounds one package's tests; those that apply whole configurations are slow
// on a busy machine.
const goTimeout = "40m"

// parallelTests is how many tests of a package run at once. It is more than the processors of a
// small machine: the longest tests wait, for a minute each, for what the stock providers wait for.
const parallelTests = "4"

const modulePath = "github.com/crosscloudlink/terraform-provider-crosscloudlink"

// testEvent is a line of `go test -json` (go doc test2json).
type testEvent struct {
	Action, Package, Test, Output string
	ImportPath                    string
	FailedBuild                   string
	Elapsed                       float64
}

// wholeProduct are the packages whose tests run Terraform with the built provider: what they test is in other
// processes, which a race detector in theirs does not see.
var wholeProduct = []string{modulePath + "/internal/e2e", modulePath + "/internal/docexamples"}

// goTests runs the tests of packages, under the race detector where it can see something and there is a C
// compiler, which it needs.
func goTests(ctx context.Context, out io.Writer, packages string, total *tally) error {
	list := command(ctx, "go", "list", packages)
	text, err := list.Output()
	if err != nil {
		return fmt.Errorf("listing the packages: %w", err)
	}
	var raced, whole []string
	for _, pkg := range strings.Fields(string(text)) {
		if slices.Contains(wholeProduct, pkg) {
			whole = append(whole, pkg)
		} else {
			raced = append(raced, pkg)
		}
	}
	var race []string
	if err := canRace(ctx); err != nil {
		fmt.Fprintf(out, "without the race detector: %s\n", err)
	} else {
		race = []string{"-race"}
	}
	return errors.Join(goTest(ctx, out, total, raced, race...), goTest(ctx, out, total, whole))
}

// canRace says why the race detector cannot be used, if so.
func canRace(ctx context.Context) error {
	text, err := command(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return err
	}
	settings := strings.Fields(string(text))
	if len(settings) < 2 || settings[0] != "1" {
		return errors.New("cgo is off (CGO_ENABLED)")
	}
	_, err = exec.LookPath(settings[1])
	return err
}

func goTest(ctx context.Context, out io.Writer, total *tally, packages []string, flags ...string) error {
	if len(packages) == 0 {
		return nil
	}
	args := append([]string{"test", "-json", "-count=1", "-timeout", goTimeout, "-parallel", parallelTests}, flags...)
	cmd := command(ctx, "go", append(args, packages...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	readErr := readGoTests(stdout, out, total)
	waitErr := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) && len(total.failures) > 0 {
		waitErr = nil
	}
	return errors.Join(readErr, waitErr)
}

// readGoTests counts the events of `go test -json`, and shows the output of what failed.
func readGoTests(events io.Reader, out io.Writer, total *tally) error {
	output := map[string][]string{}
	isParent := map[string]bool{}
	decoder := json.NewDecoder(events)
	for {
		var event testEvent
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading go test's events: %w", err)
		}
		pkg := strings.TrimPrefix(strings.TrimPrefix(event.Package, modulePath), "/")
		name := pkg + "." + event.Test
		switch event.Action {
		case "build-output":
			fmt.Fprint(out, event.Output)
		case "run":
			if parent, _, ok := cutLast(event.Test, "/"); ok {
				isParent[pkg+"."+parent] = true
			}
		case "output":
			output[name] = append(output[name], event.Output)
		case "pass", "fail", "skip":
			finishGoTest(out, total, event, pkg, name, isParent[name], output[name])
			delete(output, name)
		}
	}
}

func finishGoTest(out io.Writer, total *tally, event testEvent, pkg, name string, isParent bool, output []string) {
	if event.Test == "" {
		finishGoPackage(out, total, event, pkg, output)
		return
	}
	// A parent's own failure (a t.Error beside its subtests) shows in its output; it counts
	// once more, which is better than not at all.
	if !isParent || event.Action == "fail" {
		total.add(name, event.Action)
	}
	if event.Action == "fail" {
		fmt.Fprint(out, strings.Join(output, ""))
	}
}

func finishGoPackage(out io.Writer, total *tally, event testEvent, pkg string, output []string) {
	if event.Action == "skip" {
		return // no test files
	}
	fmt.Fprintf(out, "%-4s %s (%.1fs)\n", event.Action, pkg, event.Elapsed)
	if event.Action != "fail" {
		return
	}
	for _, failed := range total.failures {
		if strings.HasPrefix(failed, pkg+".") {
			return
		}
	}
	// The package failed without a failing test: it does not build, or panicked, or timed out.
	fmt.Fprint(out, strings.Join(output, ""))
	total.add(pkg, "fail")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
