package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// promise watches that at no moment an address of a pool may be claimed that an account's firewall does not list, and
// that none is released that it lists.
type promise struct {
	t             *testing.T
	pool, account string
	ec2           *ec2.Client

	mu sync.Mutex
	// known are the public IPs that the pool has ever had.
	known map[string]bool
	looks int
}

func (p *promise) look() {
	out, err := p.ec2.DescribeAddresses(context.Background(), &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{p.pool}}},
	})
	if err != nil {
		p.t.Error(err)
		return
	}
	account, ok := acctest.Sandbox(p.t).Azure().State(p.account)
	if !ok {
		p.t.Errorf("there is no account %s", p.account)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks++
	released := maps.Clone(p.known)
	for _, a := range out.Addresses {
		ip, tags := aws.ToString(a.PublicIp), map[string]string{}
		for _, tag := range a.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		p.known[ip] = true
		delete(released, ip)
		if eiptag.Claimable(tags) && !slices.Contains(account.IPRules, ip) {
			p.t.Errorf("%s (%s) may be claimed, and the firewall lists %v", aws.ToString(a.AllocationId), ip, account.IPRules)
		}
	}
	for ip := range released {
		if slices.Contains(account.IPRules, ip) {
			p.t.Errorf("%s is released, and the firewall lists %v", ip, account.IPRules)
		}
	}
}

// walledConfig is a pool, a firewall that admits all of it, and the gate between the two.
func walledConfig(pool, account string, size int, retire ...string) string {
	return poolConfig(pool, fmt.Sprint(size), "require_admission = true", "retire = "+hcl(retire...)) +
		firewallConfig(account, "crosscloudlink_eip_pool.test.public_ips") + `
resource "crosscloudlink_eip_admission" "test" {
  pool_name           = crosscloudlink_eip_pool.test.name
  admitted_public_ips = crosscloudlink_aoai_ip_firewall.test.admitted_public_ips
  effective_ip_rules  = setintersection(crosscloudlink_aoai_ip_firewall.test.effective_ip_rules, crosscloudlink_eip_pool.test.retired_public_ips)
}
`
}

// SIGKILL of Terraform and provider behind each call to AWS and Azure, while a pool in use grows and rotates, and
// while it shrinks and rotates: the promise of the gate holds at every call of every run, and the next run
// ends with all as configured.
func TestPromiseKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	account, pool := seedAccount(t, nil), unique("walled")
	s := newStage(t, walledConfig(pool, account, 2))
	s.pool = pool
	watched := &promise{t: t, pool: pool, account: account, ec2: compute(t), known: map[string]bool{}}
	g := newGuillotine(t, s, account, watched.look)
	s.apply(t)

	// rotate changes the size and rotates an address out, which something uses until the run is dead, or nothing at all.
	rotate := func(k, size int, used bool) (killed bool) {
		leaver := aws.ToString(poolMembers(t, pool)[0].AllocationId)
		free := func() {}
		if used {
			free = occupy(t, leaver)
		}
		s.configure(t, walledConfig(pool, account, size, leaver))
		killed = g.run(t, k, apply)
		free()
		s.again(t)
		members := poolMembers(t, pool)
		var ips []string
		for _, a := range members {
			ips = append(ips, aws.ToString(a.PublicIp))
			if tagOf(a, eiptag.Admission) != eiptag.AdmissionAdmitted || tagOf(a, eiptag.Lifecycle) != "" {
				t.Errorf("killed at call %d: %s has the tags %v", k, aws.ToString(a.AllocationId), a.Tags)
			}
		}
		if len(members) != size || slices.Contains(allocationIDs(members), leaver) {
			t.Errorf("killed at call %d: EC2 has %v, want %d addresses and not %s", k, allocationIDs(members), size, leaver)
		}
		if err := wantEntries(t, account, ips...); err != nil {
			t.Errorf("killed at call %d: %v", k, err)
		}
		return killed
	}
	// Used and unused alternate, so that only two rounds without a kill have come through both ways.
	last := 0
	for k := 1; k <= last+2; k++ {
		killed := rotate(k, 4, k%2 == 0)
		if rotate(k, 2, k%2 == 1) || killed {
			last = k
		}
		if t.Failed() || k > 40 {
			t.Fatalf("killed at call %d: see above", k)
		}
	}
	s.do(t, arguments(destroy)...)
	if err := noMembers(t, pool)(nil); err != nil {
		t.Error(err)
	}
	if err := wantEntries(t, account); err != nil {
		t.Error(err)
	}
	t.Logf("killed at each of up to %d calls; %d looks at the promise", last, watched.looks)
}
