package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	apply   = "apply"
	destroy = "destroy"
)

// stage is a root module with its own objects in the clouds, on which runs are struck.
type stage struct {
	tf  tfrun.Terraform
	key string // access key id of its AWS calls
	// pool and size are those of the stage's pool, where it has one.
	pool string
	size int
	// intact asserts, by asking the clouds, that they hold what is configured, once.
	intact func(t *testing.T)
	// gone asserts that the clouds hold nothing of ours.
	gone func(t *testing.T)
	// saved asserts, after an interrupt, that the state loses nothing that the clouds hold.
	saved func(t *testing.T, state string)
}

func newStage(t *testing.T, config string) *stage {
	t.Helper()
	key := accessKey()
	return &stage{key: key, tf: acctest.Terraform(t, config, "AWS_ACCESS_KEY_ID="+key)}
}

// configure replaces the configuration.
func (s *stage) configure(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.tf.Dir, "main.tf"), []byte(acctest.Header+config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// do runs a command that must succeed.
func (s *stage) do(t *testing.T, args ...string) string {
	t.Helper()
	output, err := s.tf.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func arguments(command string) []string {
	return []string{command, "-auto-approve", "-input=false", "-no-color"}
}

func (s *stage) apply(t *testing.T) { t.Helper(); s.do(t, arguments(apply)...) }

// asked counts the calls of an AWS action by this stage.
func (s *stage) asked(t *testing.T, operation string) int {
	return len(acctest.Sandbox(t).AWSCloud().Faults.Matching(fault.Rule{Operation: operation, Caller: s.key}))
}

// moment is a point inside a wait of a resource at which a run is struck.
type moment struct {
	wait    string
	command string
	// began is what Terraform prints once the resource's own operation has begun.
	began string
	// prepare brings the clouds to where the run begins; nil if they are there.
	prepare func(t *testing.T, s *stage)
	// arm has the clouds keep the run inside the wait.
	arm func(t *testing.T, s *stage) trap
	// between is what others do before the next run; nil for nothing.
	between func(t *testing.T, s *stage)
}

// trap keeps a run inside a wait.
type trap struct {
	// inside returns once the run stands in the wait.
	inside func(t *testing.T, run *tfrun.Run)
	// release ends that, and returns once the clouds have done all that was asked of them.
	release func(t *testing.T)
}

// hold is a rule of AWS that holds one call of the stage; after, if not nil, has to be
// called first.
func (s *stage) hold(t *testing.T, rule fault.Rule, before bool, after *fault.Rule) trap {
	rule.Caller = s.key
	if after != nil {
		after.Caller = s.key
	}
	return hold(&acctest.Sandbox(t).AWSCloud().Faults, rule, before, after)
}

// hold keeps the first request that matches rule, before its effect or else with the
// effect and without an answer, once one that matches after has had its effect.
func hold(script *fault.Script, rule fault.Rule, before bool, after *fault.Rule) trap {
	gate, effect := fault.NewGate(), make(chan struct{})
	if before {
		rule.Before, rule.Then = gate.Hold, func() { close(effect) }
	} else {
		rule.Then = func() { close(effect); gate.Hold() }
	}
	if after == nil {
		script.Add(rule)
	} else {
		first := *after
		first.Then = func() { script.Add(rule) }
		script.Add(first)
	}
	return trap{
		inside: func(t *testing.T, run *tfrun.Run) {
			t.Helper()
			await(t, "the call to be held", run.Done(), func() bool { return closed(gate.Held()) })
		},
		release: func(t *testing.T) {
			t.Helper()
			gate.Open()
			if closed(gate.Held()) {
				await(t, "the held call to have its effect", nil, func() bool { return closed(effect) })
			}
		},
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// strikeAll strikes a run at each moment, once by SIGINT and once by SIGKILL, on a stage of
// its own, and asserts that the next run makes good whatever was left.
func strikeAll(t *testing.T, set func(t *testing.T) *stage, moments []moment) {
	t.Helper()
	for _, m := range moments {
		for signal, strike := range map[string]func(*testing.T, *stage, moment){"SIGINT": interrupt, "SIGKILL": kill} {
			t.Run(m.wait+"/"+signal, func(t *testing.T) {
				s := set(t)
				if m.prepare != nil {
					m.prepare(t, s)
				}
				strike(t, s, m)
				if m.between != nil {
					m.between(t, s)
				}
				s.do(t, arguments(m.command)...)
				if m.command == apply {
					s.intact(t)
					s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
					s.do(t, arguments(destroy)...)
				}
				s.gone(t)
			})
		}
	}
}

// stand starts the run and returns once it stands inside the wait.
func stand(t *testing.T, s *stage, m moment) (*tfrun.Run, func()) {
	t.Helper()
	held := m.arm(t, s)
	released := false
	release := func() {
		if !released {
			released = true
			held.release(t)
		}
	}
	t.Cleanup(release)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	run, err := s.tf.Start(ctx, nil, arguments(m.command)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		release()
		_, _ = run.Wait()
	})
	held.inside(t, run)
	await(t, "terraform to say "+m.began, run.Done(), func() bool { return strings.Contains(run.Output(), m.began) })
	return run, release
}

// interrupt is Ctrl-C: Terraform has to end by itself, and to save what was done.
func interrupt(t *testing.T, s *stage, m moment) {
	t.Helper()
	run, release := stand(t, s, m)
	if err := run.Interrupt(); err != nil {
		t.Fatal(err)
	}
	await(t, "terraform to hear of the interrupt", run.Done(), func() bool { return strings.Contains(run.Output(), "Interrupt received") })
	release()
	await(t, "terraform to end by itself", nil, func() bool { return closed(run.Done()) })
	output, err := run.Wait()
	var failed *tfrun.Error
	if err != nil && (!errors.As(err, &failed) || failed.ExitCode != 1) {
		t.Fatalf("terraform did not end by itself: %v", err)
	}
	if strings.Contains(output, "panic:") || strings.Contains(output, "Plugin did not respond") {
		t.Fatalf("the provider broke:\n%s", output)
	}
	state, err := tfrun.Terraform{Dir: s.tf.Dir, Env: s.tf.Env}.Do(t.Context(), "show", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := json.Unmarshal([]byte(state), &parsed); err != nil {
		t.Fatalf("the state is broken: %s", err)
	}
	if strings.Contains(state, `"tainted":true`) {
		t.Errorf("the interrupt has tainted a resource: the next apply would destroy it\n%s", state)
	}
	s.saved(t, state)
}

// kill is the power cut: nothing is saved that was not before.
func kill(t *testing.T, s *stage, m moment) {
	t.Helper()
	run, release := stand(t, s, m)
	if err := run.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Wait(); err == nil {
		t.Fatal("a run that was killed ended well")
	}
	release()
}
