package e2e_test

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// guillotine kills the runs of a stage behind the effect of a call, before its answer, and looks at
// every call of theirs that it is hooked to. Calls count from a run's first write on: before it there is
// nothing to be lost.
type guillotine struct {
	stage *stage
	// watch is called after the effect of every call; nil for nothing.
	watch func()

	mu      sync.Mutex
	at      int // 0 lets all pass
	calls   int
	writing bool
	gate    *fault.Gate
}

// newGuillotine is hooked to all that a stage with addresses asks of AWS, and to an account of Azure's unless it is "".
func newGuillotine(t *testing.T, s *stage, account string, watch func()) *guillotine {
	t.Helper()
	g := &guillotine{stage: s, watch: watch}
	g.hookAWS(t, addressWrites...)
	if account != "" {
		g.hookAzure(t, account)
	}
	return g
}

// hookAWS hooks all that the stage asks of AWS; writes are the operations that change something.
func (g *guillotine) hookAWS(t *testing.T, writes ...string) {
	t.Helper()
	script := &acctest.Sandbox(t).AWSCloud().Faults
	for _, operation := range writes {
		g.hook(script, true, fault.Rule{Caller: g.stage.key, Operation: operation})
	}
	g.hook(script, false, fault.Rule{Caller: g.stage.key})
}

// hookAzure hooks all that is asked of an account of Azure's.
func (g *guillotine) hookAzure(t *testing.T, account string) {
	t.Helper()
	path := regexp.MustCompile("(?i)^" + regexp.QuoteMeta(account) + "$")
	g.hookPath(&acctest.Sandbox(t).Azure().Faults, path)
}

// hookDatabricks hooks all whose path matches.
func (g *guillotine) hookDatabricks(t *testing.T, path *regexp.Regexp) {
	t.Helper()
	g.hookPath(&acctest.Sandbox(t).Databricks().Faults, path)
}

// hookPath hooks a cloud in which the method tells a write from a read.
func (g *guillotine) hookPath(script *fault.Script, path *regexp.Regexp) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		g.hook(script, true, fault.Rule{Method: method, Path: path})
	}
	g.hook(script, false, fault.Rule{Path: path})
}

func (g *guillotine) hook(script *fault.Script, write bool, rule fault.Rule) {
	rule.Times, rule.Then = -1, func() { g.called(write) }
	script.Add(rule)
}

func (g *guillotine) called(write bool) {
	if g.watch != nil {
		g.watch()
	}
	g.mu.Lock()
	g.writing = g.writing || write
	if g.writing {
		g.calls++
	}
	gate, fall := g.gate, g.at > 0 && g.calls == g.at
	g.mu.Unlock()
	if fall {
		gate.Hold()
	}
}

// run runs a command and kills it at its k-th call; false if it came to its end, with fewer calls.
func (g *guillotine) run(t *testing.T, k int, command string) (killed bool) {
	t.Helper()
	gate := fault.NewGate()
	g.set(k, gate)
	defer func() {
		gate.Open()
		g.set(0, gate)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run, err := g.stage.tf.Start(ctx, nil, arguments(command)...)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-gate.Held():
		if err := run.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(); err == nil {
			t.Fatal("a run that was killed ended well")
		}
		return true
	case <-run.Done():
		if output, err := run.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return false
	}
}

func (g *guillotine) set(at int, gate *fault.Gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at, g.calls, g.writing, g.gate = at, 0, false, gate
}

// act is a command of a stage that is killed, and then run again.
type act struct {
	command string
	// prepare brings configuration and clouds to where the command begins; killed looks at what it has left behind when
	// it was killed. Nil for nothing.
	prepare, killed func()
	// holds is asserted once the command has come to its end.
	holds func() error
}

// everyCall plays the acts of a round, each killed at its k-th call and then run again to its end, for every k until
// no act has as many calls.
func (g *guillotine) everyCall(t *testing.T, round func() []act) {
	t.Helper()
	const most = 40
	k, struck := 1, true
	for ; struck; k++ {
		struck = false
		for i, a := range round() {
			struck = g.play(t, k, a) || struck
			if t.Failed() {
				t.Fatalf("act %d (%s), killed at call %d: see above", i+1, a.command, k)
			}
		}
		if k > most {
			t.Fatalf("no run has come through by call %d", k)
		}
	}
	// The last round was not struck, and k is one further.
	if k -= 2; k < 2 {
		t.Fatalf("no run makes a call after its first write: killed at up to %d", k)
	}
	t.Logf("killed at each of up to %d calls", k)
}

func (g *guillotine) play(t *testing.T, k int, a act) (struck bool) {
	t.Helper()
	if a.prepare != nil {
		a.prepare()
	}
	if struck = g.run(t, k, a.command); struck {
		if a.killed != nil {
			a.killed()
		}
		g.stage.do(t, arguments(a.command)...)
	}
	if a.command == apply {
		g.stage.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	}
	if err := a.holds(); err != nil {
		t.Error(err)
	}
	return struck
}
