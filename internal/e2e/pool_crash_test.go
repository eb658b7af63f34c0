package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// addressWrites are the calls of EC2 by which a pool and its admission change something.
var addressWrites = []string{"ec2:AllocateAddress", "ec2:CreateTags", "ec2:DeleteTags", "ec2:DisassociateAddress", "ec2:ReleaseAddress"}

// guillotine kills the runs of a stage behind the effect of a call, before its answer, and looks at
// every call of theirs. Calls count from a run's first write on: before it there is nothing to be lost.
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

// newGuillotine sets the hooks on all that the stage asks of AWS, and on an account of Azure's unless it is "".
func newGuillotine(t *testing.T, s *stage, account string, watch func()) *guillotine {
	t.Helper()
	g := &guillotine{stage: s, watch: watch, gate: fault.NewGate()}
	hook := func(rule fault.Rule, write bool) fault.Rule {
		rule.Times, rule.Then = -1, func() { g.called(write) }
		return rule
	}
	amazon := &acctest.Sandbox(t).AWSCloud().Faults
	for _, operation := range addressWrites {
		amazon.Add(hook(fault.Rule{Caller: s.key, Operation: operation}, true))
	}
	amazon.Add(hook(fault.Rule{Caller: s.key}, false))
	if account != "" {
		path := regexp.MustCompile("(?i)^" + regexp.QuoteMeta(account) + "$")
		acctest.Sandbox(t).Azure().Faults.Add(hook(fault.Rule{Method: http.MethodPatch, Path: path}, true), hook(fault.Rule{Path: path}, false))
	}
	return g
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

// again applies, and asserts an empty plan and that no address is lost, tagged or not.
func (s *stage) again(t *testing.T) {
	t.Helper()
	s.apply(t)
	s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	if members, held := allocationIDs(poolMembers(t, s.pool)), s.held(t); len(members) != held {
		t.Fatalf("the runs have allocated %d addresses more than they have released, and the pool has %v", held, members)
	}
}

// held is how many addresses the stage's runs have allocated and not released, by what EC2 was asked and did.
func (s *stage) held(t *testing.T) int {
	t.Helper()
	done := func(operation string) (n int) {
		for _, entry := range acctest.Sandbox(t).AWSCloud().Faults.Matching(fault.Rule{Operation: operation, Caller: s.key}) {
			if entry.Status == http.StatusOK {
				n++
			}
		}
		return n
	}
	return done("ec2:AllocateAddress") - done("ec2:ReleaseAddress")
}

// SIGKILL of Terraform and provider behind each call of creates and destroys: the next run makes good what was left.
func TestPoolKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	t.Run("create and destroy", func(t *testing.T) {
		s := poolStage(t)
		s.resize(t, 3)
		g := newGuillotine(t, s, "", nil)
		for k, killed := 1, true; killed; k++ {
			killed = g.run(t, k, apply)
			s.again(t)
			s.intact(t)
			killed = g.run(t, k, destroy) || killed
			s.do(t, arguments(destroy)...)
			s.gone(t)
			if killed && k > 20 {
				t.Fatalf("no run has come through by call %d", k)
			}
		}
	})
	t.Run("grow and shrink", func(t *testing.T) {
		s := poolStage(t)
		s.apply(t)
		g := newGuillotine(t, s, "", nil)
		for k, killed := 1, true; killed; k++ {
			before := allocationIDs(poolMembers(t, s.pool))
			s.resize(t, 4)
			killed = g.run(t, k, apply)
			s.again(t)
			s.intact(t)
			for _, id := range before {
				if !slices.Contains(allocationIDs(poolMembers(t, s.pool)), id) {
					t.Errorf("killed at call %d: growth has cost address %s", k, id)
				}
			}
			s.resize(t, 2)
			killed = g.run(t, k, apply) || killed
			s.again(t)
			s.intact(t)
			if killed && k > 20 {
				t.Fatalf("no run has come through by call %d", k)
			}
		}
	})
}

// TestPoolDataSource reads a pool that the same configuration makes, as another one would.
func TestPoolDataSource(t *testing.T) {
	name := unique("pool")
	const outputs = `
data "crosscloudlink_eip_pool" "test" {
  name = crosscloudlink_eip_pool.test.name
  depends_on = [crosscloudlink_eip_pool.test]
}

output "states" {
  value = join(" ", sort([for id, a in data.crosscloudlink_eip_pool.test.addresses : "${id}=${a.state}"]))
}

output "counts" {
  value = join(" ", [for state, n in data.crosscloudlink_eip_pool.test.counts : "${state}=${n}" if n > 0])
}

output "same" {
  value = sort(data.crosscloudlink_eip_pool.test.public_ips) == sort(crosscloudlink_eip_pool.test.public_ips)
}
`
	s := newStage(t, poolConfig(name, "3", "require_admission = true")+outputs)
	output := func(name string) string {
		return strings.Trim(strings.TrimSpace(s.do(t, "output", "-json", name)), `"`)
	}
	expectOutput := func(name, want string) {
		t.Helper()
		if got := output(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	s.apply(t)
	expectOutput("counts", "waiting_for_admission=3")
	expectOutput("same", "true")

	all := allocationIDs(poolMembers(t, name))
	for _, id := range all[:2] {
		retag(t, id, eiptag.Admission, eiptag.AdmissionAdmitted)
	}
	free := occupy(t, all[0]) // by an interface without an instance, which is none of the fleet
	retag(t, all[2], eiptag.Lifecycle, eiptag.LifecycleRetired)
	s.configure(t, fmt.Sprintf("data \"crosscloudlink_eip_pool\" \"test\" {\n  name = %q\n}\n", name)+
		"resource \"crosscloudlink_eip_pool\" \"test\" {\n  name = \""+name+"\"\n  size = 2\n  require_admission = true\n}\n"+outputs[strings.Index(outputs, "output \"states\""):])
	s.apply(t)
	expectOutput("states", strings.Join([]string{all[0] + "=foreign", all[1] + "=free", all[2] + "=retired"}, " "))
	expectOutput("counts", "foreign=1 free=1 retired=1")
	free()
	for _, a := range poolMembers(t, name) {
		retag(t, aws.ToString(a.AllocationId), eiptag.Admission, eiptag.AdmissionRequired)
	}
	s.do(t, arguments(destroy)...)

	s.configure(t, "data \"crosscloudlink_eip_pool\" \"test\" {\n  name = \""+name+"\"\n}\n")
	if output, err := s.tf.Do(t.Context(), "plan", "-input=false", "-no-color"); err == nil || !strings.Contains(output, "No such pool") {
		t.Errorf("the plan of a pool that is not there: %v\n%s", err, output)
	}
}
