package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// addressWrites are the calls of EC2 by which a pool and its admission change something.
var addressWrites = []string{"ec2:AllocateAddress", "ec2:CreateTags", "ec2:DeleteTags", "ec2:DisassociateAddress", "ec2:ReleaseAddress"}

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
