package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// promise watches that at no moment an address of a pool may be claimed that not every account's firewall lists, and that none
// is released that any of them lists.
type promise struct {
	t        *testing.T
	pool     string
	accounts []string
	ec2      *ec2.Client

	mu sync.Mutex
	// known are the public IPs that the pool has ever had.
	known map[string]bool
	// aside are the accounts that have no say in what may be claimed.
	aside map[string]bool
	looks int
}

func newPromise(t *testing.T, pool string, accounts ...string) *promise {
	t.Helper()
	return &promise{t: t, pool: pool, accounts: accounts, ec2: compute(t), known: map[string]bool{}, aside: map[string]bool{}}
}

// leave takes an account's say in what may be claimed, until it joins; what it lists must not be released all the same.
func (p *promise) leave(account string) { p.setAside(account, true) }

func (p *promise) join(account string) { p.setAside(account, false) }

func (p *promise) setAside(account string, aside bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aside[account] = aside
}

func (p *promise) look() {
	out, err := p.ec2.DescribeAddresses(context.Background(), &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{p.pool}}},
	})
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks++
	released, claimable := maps.Clone(p.known), map[string]string{}
	for _, a := range out.Addresses {
		ip, tags := aws.ToString(a.PublicIp), map[string]string{}
		for _, tag := range a.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		p.known[ip] = true
		delete(released, ip)
		if eiptag.Claimable(tags) {
			claimable[ip] = aws.ToString(a.AllocationId)
		}
	}
	for _, id := range p.accounts {
		account, ok := acctest.Sandbox(p.t).Azure().State(id)
		if !ok {
			p.t.Errorf("there is no account %s", id)
			return
		}
		for ip, allocation := range claimable {
			if !p.aside[id] && !slices.Contains(account.IPRules, ip) {
				p.t.Errorf("%s (%s) may be claimed, and the firewall of %s lists %v", allocation, ip, id, account.IPRules)
			}
		}
		for ip := range released {
			if slices.Contains(account.IPRules, ip) {
				p.t.Errorf("%s is released, and the firewall of %s lists %v", ip, id, account.IPRules)
			}
		}
	}
}

// walledConfig is a pool, firewalls that admit all of it, by the names of their accounts, and the gate between them.
func walledConfig(pool string, accounts map[string]string, size int, retire ...string) string {
	return poolConfig(pool, fmt.Sprint(size), "require_admission = true", "retire = "+hcl(retire...)) + wallsConfig(accounts)
}

// wallsConfig is walledConfig without the pool; more are further arguments of the firewalls.
func wallsConfig(accounts map[string]string, more ...string) string {
	ids := ""
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		ids += fmt.Sprintf("%s = %q, ", name, accounts[name])
	}
	return fmt.Sprintf(`
resource "crosscloudlink_aoai_ip_firewall" "test" {
  for_each = { %s }

  account_id = each.value
  ip_rules   = crosscloudlink_eip_pool.test.public_ips
  %s
}
`, ids, strings.Join(more, "\n  ")) + gateConfig
}

// gateConfig is the gate between firewalls and a pool.
const gateConfig = `
resource "crosscloudlink_eip_admission" "test" {
  pool_name = crosscloudlink_eip_pool.test.name

  firewalls = { for name, firewall in crosscloudlink_aoai_ip_firewall.test : name => {
    admitted_public_ips = firewall.admitted_public_ips
    effective_ip_rules  = setintersection(firewall.effective_ip_rules, crosscloudlink_eip_pool.test.retired_public_ips)
    on_destroy          = firewall.on_destroy
  } }
}
`

// SIGKILL of Terraform and provider behind each call to AWS and Azure, while a pool in use grows and rotates, and
// while it shrinks and rotates: the promise of the gate holds at every call of every run, and the next run
// ends with all as configured.
func TestPromiseKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	account, pool := seedAccount(t, nil), unique("walled")
	accounts := map[string]string{"openai": account}
	s := newStage(t, walledConfig(pool, accounts, 2))
	s.pool = pool
	watched := newPromise(t, pool, account)
	g := newGuillotine(t, s, account, watched.look)
	s.apply(t)

	// rotate changes the size and rotates an address out, which something uses until the run is dead, or nothing at all.
	rotate := func(k, size int, used bool) (killed bool) {
		leaver := aws.ToString(poolMembers(t, pool)[0].AllocationId)
		free := func() {}
		if used {
			free = occupy(t, leaver)
		}
		s.configure(t, walledConfig(pool, accounts, size, leaver))
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
