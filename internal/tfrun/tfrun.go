// Package tfrun runs the Terraform CLI on a root module as a user does, and can
// interrupt or kill a run together with its provider plugins.
package tfrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Terraform is a root module in a folder, with the environment its runs get.
type Terraform struct {
	// Dir is the root module's folder.
	Dir string
	// Env is the whole environment of a run; nil takes the process's own.
	Env []string
	// Log gets all that the runs print; nil discards it.
	Log io.Writer
}

// Error is a run that ended with an error: the command and the end of what it printed.
type Error struct {
	Args     []string
	ExitCode int
	Output   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("terraform %s: exit status %d\n%s", strings.Join(e.Args, " "), e.ExitCode, tail(e.Output, maxErrorLines))
}

// maxErrorLines is how many of the last lines of a failed run its error repeats.
const maxErrorLines = 60

// Run is a Terraform command under way.
type Run struct {
	args   []string
	cmd    *exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
	lines  []func(line string)
	rest   []byte
	log    io.Writer
	done   chan struct{}
	err    error
}

// Start starts a command, in a process group of its own so that Kill reaches its plugins
// too. onLine, if not nil, is called with each line as it is printed. When ctx ends, the
// run is interrupted as by Ctrl-C.
func (t Terraform) Start(ctx context.Context, onLine func(line string), args ...string) (*Run, error) {
	run := &Run{args: args, log: t.Log, done: make(chan struct{})}
	if onLine != nil {
		run.lines = append(run.lines, onLine)
	}
	run.cmd = exec.CommandContext(ctx, "terraform", args...)
	run.cmd.Dir, run.cmd.Env = t.Dir, t.Env
	run.cmd.Stdout, run.cmd.Stderr = run, run
	run.cmd.Cancel = func() error { return run.cmd.Process.Signal(os.Interrupt) }
	run.cmd.WaitDelay = time.Minute
	ownGroup(run.cmd)
	if err := run.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting terraform: %w", err)
	}
	go func() {
		run.err = run.cmd.Wait()
		close(run.done)
	}()
	return run, nil
}

// Do runs a command to its end and returns what it printed.
func (t Terraform) Do(ctx context.Context, args ...string) (string, error) {
	run, err := t.Start(ctx, nil, args...)
	if err != nil {
		return "", err
	}
	return run.Wait()
}

// Write takes the command's output; it is for the command alone.
func (r *Run) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.output.Write(p)
	if r.log != nil {
		_, _ = r.log.Write(p)
	}
	r.rest = append(r.rest, p...)
	var lines []string
	for {
		line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
		if !ok {
			break
		}
		lines = append(lines, string(line))
		r.rest = rest
	}
	r.mu.Unlock()
	for _, line := range lines {
		for _, onLine := range r.lines {
			onLine(line)
		}
	}
	return len(p), nil
}

// Done is closed when the command has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

// Output returns what the command has printed so far.
func (r *Run) Output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String()
}

// Wait waits for the command's end and returns what it printed; the error of a command
// that failed is an *Error.
func (r *Run) Wait() (string, error) {
	<-r.done
	output := r.Output()
	var exit *exec.ExitError
	if errors.As(r.err, &exit) {
		return output, &Error{Args: r.args, ExitCode: exit.ExitCode(), Output: output}
	}
	return output, r.err
}

// Interrupt sends what Ctrl-C in a terminal sends: an interrupt to Terraform and its plugins.
func (r *Run) Interrupt() error { return signalGroup(r.cmd, os.Interrupt) }

// Kill ends Terraform and its plugins at once, with no chance to save anything.
func (r *Run) Kill() error { return signalGroup(r.cmd, os.Kill) }

// Change is what a plan means to do with a resource.
type Change struct {
	Address string
	// Actions is "no-op", "create", "read", "update", "delete", or two of them for a replacement.
	Actions []string
}

// PlanFile is the file in the root module's folder that Plan saves its plan to, for
// `terraform apply`.
const PlanFile = "tfrun.tfplan"

// Plan makes and saves a plan, and returns its changes other than no-op and read, resources first.
func (t Terraform) Plan(ctx context.Context, args ...string) ([]Change, error) {
	if _, err := t.Do(ctx, append([]string{"plan", "-input=false", "-no-color", "-out=" + PlanFile}, args...)...); err != nil {
		return nil, err
	}
	quiet := t
	quiet.Log = nil
	text, err := quiet.Do(ctx, "show", "-json", PlanFile)
	if err != nil {
		return nil, err
	}
	return changes([]byte(text))
}

func changes(planJSON []byte) ([]Change, error) {
	var plan struct {
		ResourceChanges []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string `json:"actions"`
			} `json:"change"`
		} `json:"resource_changes"`
		OutputChanges map[string]struct {
			Actions []string `json:"actions"`
		} `json:"output_changes"`
	}
	if err := json.Unmarshal(planJSON, &plan); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	var out []Change
	for _, r := range plan.ResourceChanges {
		if !idle(r.Change.Actions) {
			out = append(out, Change{r.Address, r.Change.Actions})
		}
	}
	for name, o := range plan.OutputChanges {
		if !idle(o.Actions) {
			out = append(out, Change{"output." + name, o.Actions})
		}
	}
	return out, nil
}

func idle(actions []string) bool {
	return len(actions) == 1 && (actions[0] == "no-op" || actions[0] == "read")
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
