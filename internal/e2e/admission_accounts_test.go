package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// writesTo is a rule for the next write to an account.
func writesTo(account string) fault.Rule {
	return fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile("(?i)^" + regexp.QuoteMeta(account) + "$")}
}

// refuseWrite has Azure refuse the next write to an account.
func refuseWrite(t *testing.T, account string) {
	t.Helper()
	rule := writesTo(account)
	rule.Status, rule.Code, rule.Message = http.StatusForbidden, "AuthorizationFailed", "The client does not have authorization."
	acctest.Sandbox(t).Azure().Faults.Add(rule)
}

// fails runs a command that must fail, and say all of these.
func (s *stage) fails(t *testing.T, args []string, says ...string) {
	t.Helper()
	output, err := s.tf.Do(t.Context(), args...)
	if err == nil {
		t.Fatalf("terraform %s succeeded:\n%s", args[0], output)
	}
	for _, words := range says {
		if !strings.Contains(strings.Join(strings.Fields(output), " "), words) {
			t.Errorf("terraform %s does not say %q:\n%s", args[0], words, output)
		}
	}
}

// twoAccounts are one pool behind the firewalls of two accounts in two regions.
type twoAccounts struct {
	*stage
	t          *testing.T
	east, west string
}

// admitted are the allocation ids of the pool that may be claimed.
func (w twoAccounts) admitted() []string {
	w.t.Helper()
	return allocationIDs(slices.DeleteFunc(poolMembers(w.t, w.pool), func(a ec2types.Address) bool { return tagOf(a, eiptag.Admission) != eiptag.AdmissionAdmitted }))
}

func (w twoAccounts) publicIPs() (ips []string) {
	w.t.Helper()
	for _, a := range poolMembers(w.t, w.pool) {
		ips = append(ips, aws.ToString(a.PublicIp))
	}
	return ips
}

// wantWhole asserts that the pool has so many addresses, all admitted, that the firewalls of these accounts list them, and that
// nothing is left to do.
func (w twoAccounts) wantWhole(size int, accounts ...string) {
	w.t.Helper()
	w.do(w.t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	if all, admitted := allocationIDs(poolMembers(w.t, w.pool)), w.admitted(); len(all) != size || !slices.Equal(admitted, all) {
		w.t.Errorf("the pool has %v, of which %v are admitted; want %d, and all of them", all, admitted, size)
	}
	for _, account := range []string{w.east, w.west} {
		var want []string
		if slices.Contains(accounts, account) {
			want = w.publicIPs()
		}
		if err := wantEntries(w.t, account, want...); err != nil {
			w.t.Error(err)
		}
	}
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// One pool behind two accounts in two regions, one of them slow or refusing. Whatever comes between: nothing may be claimed
// before both list it, and nothing is released before both have forgotten it.
func TestAdmissionBehindTwoAccounts(t *testing.T) {
	t.Parallel()
	inRegion := func(location string) string {
		return seedAccount(t, func(a *azure.Account) { a.Location = location })
	}
	w := twoAccounts{t: t, east: inRegion("eastus"), west: inRegion("westeurope")}
	both, pool := map[string]string{"east": w.east, "west": w.west}, unique("walled")
	w.stage = newStage(t, walledConfig(pool, both, 2))
	w.pool = pool
	watched := newPromise(t, pool, w.east, w.west)
	g := newGuillotine(t, w.stage, "", watched.look)
	for _, account := range []string{w.east, w.west} { // each write is followed by a read; rules for the writes are the test's
		g.hook(&acctest.Sandbox(t).Azure().Faults, false, fault.Rule{Method: http.MethodGet, Path: writesTo(account).Path})
	}

	// The one refuses: the other's list alone admits nobody.
	refuseWrite(t, w.west)
	w.fails(t, arguments(apply), "AuthorizationFailed")
	if err := wantEntries(t, w.east, w.publicIPs()...); err != nil {
		t.Error(err)
	}
	if admitted := w.admitted(); len(admitted) > 0 {
		t.Errorf("%v are admitted, and one account lists none of them", admitted)
	}

	// The one is slow, while the other has listed the addresses long ago.
	gate := fault.NewGate()
	rule := writesTo(w.west)
	rule.Before = gate.Hold
	acctest.Sandbox(t).Azure().Faults.Add(rule)
	run, err := w.tf.Start(t.Context(), nil, arguments(apply)...)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the write to the slow account", run.Done(), func() bool { return closed(gate.Held()) })
	if admitted := w.admitted(); len(admitted) > 0 {
		t.Errorf("%v are admitted, and one account lists none of them yet", admitted)
	}
	gate.Open()
	if output, err := run.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	w.wantWhole(2, w.east, w.west)

	// Entries of others come and go: none of the admission's business.
	cloud := acctest.Sandbox(t).Azure()
	if err := cloud.AddRule(w.east, "198.51.100.7"); err != nil {
		t.Fatal(err)
	}
	w.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	if err := cloud.RemoveRule(w.east, "198.51.100.7"); err != nil {
		t.Fatal(err)
	}
	w.wantWhole(2, w.east, w.west)

	// The one account follows later, as another team's does, while the pool rotates an address out and grows: what it does not list
	// yet is not admitted, and what it still lists is not released.
	before := allocationIDs(poolMembers(t, pool))
	late := strings.Replace(walledConfig(pool, both, 3, before[0]), "= crosscloudlink_eip_pool.test.public_ips",
		fmt.Sprintf("= each.key == \"west\" ? tolist(%s) : crosscloudlink_eip_pool.test.public_ips", hcl(w.publicIPs()...)), 1)
	w.configure(t, late)
	w.apply(t)
	if all := allocationIDs(poolMembers(t, pool)); len(all) != 4 || !slices.Contains(all, before[0]) {
		t.Errorf("the pool has %v, want %s among them, which one account still lists", all, before[0])
	}
	if admitted := w.admitted(); !slices.Equal(admitted, before[1:]) {
		t.Errorf("%v are admitted, and both accounts list only %v", admitted, before[1:])
	}
	w.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	w.configure(t, walledConfig(pool, both, 2, before[0]))
	w.apply(t)
	if all := allocationIDs(poolMembers(t, pool)); slices.Contains(all, before[0]) {
		t.Errorf("both accounts have forgotten %s, and it is still there", before[0])
	}
	w.wantWhole(2, w.east, w.west)

	// One address is rotated out, and the one account does not let it go.
	before = allocationIDs(poolMembers(t, pool))
	w.configure(t, walledConfig(pool, both, 2, before[0]))
	refuseWrite(t, w.west)
	w.fails(t, arguments(apply), "AuthorizationFailed")
	if all := allocationIDs(poolMembers(t, pool)); len(all) != 3 || !slices.Contains(all, before[0]) {
		t.Errorf("the pool has %v, want %s among them, which one account still lists", all, before[0])
	}
	if admitted := w.admitted(); slices.Contains(admitted, before[0]) && len(admitted) > 2 || !slices.Contains(admitted, before[1]) {
		t.Errorf("%v are admitted, want %s and not what only one account lists", admitted, before[1])
	}
	w.apply(t)
	if all := allocationIDs(poolMembers(t, pool)); slices.Contains(all, before[0]) {
		t.Errorf("both accounts have forgotten %s, and it is still there", before[0])
	}
	w.wantWhole(2, w.east, w.west)

	// The one account leaves, while the pool shrinks: it has forgotten its entries before anything is released. Its own have no
	// say in what may be claimed any more.
	watched.leave(w.west)
	w.configure(t, walledConfig(pool, map[string]string{"east": w.east}, 1))
	refuseWrite(t, w.west)
	w.fails(t, arguments(apply), "AuthorizationFailed")
	if n := len(poolMembers(t, pool)); n != 2 {
		t.Errorf("the pool has %d addresses, and an account still lists 2", n)
	}
	w.apply(t)
	w.wantWhole(1, w.east)

	// It joins again, while the pool grows.
	w.configure(t, walledConfig(pool, both, 2))
	w.apply(t)
	watched.join(w.west)
	w.wantWhole(2, w.east, w.west)

	refuseWrite(t, w.west)
	w.fails(t, arguments(destroy), "AuthorizationFailed")
	if n := len(poolMembers(t, pool)); n != 2 {
		t.Errorf("the pool has %d addresses, and an account still lists 2", n)
	}
	w.do(t, arguments(destroy)...)
	if err := noMembers(t, pool)(nil); err != nil {
		t.Error(err)
	}
	for _, account := range []string{w.east, w.west} {
		if err := wantEntries(t, account); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d looks at the promise", watched.looks)
}

// Entries that outlive their firewall must not name addresses that go back to AWS.
func TestAdmissionAndEntriesThatStay(t *testing.T) {
	t.Parallel()
	account, pool := seedAccount(t, nil), unique("kept")
	walls := wallsConfig(map[string]string{"openai": account}, `on_destroy = "keep"`)
	s := newStage(t, poolConfig(pool, "1", "require_admission = true")+walls)
	s.pool = pool
	const refused = "A firewall would keep addresses that go back to AWS"
	s.fails(t, arguments(apply), refused, `firewalls["openai"]`, "has no addresses yet", "existing_allocation_ids")
	if err := noMembers(t, pool)(nil); err != nil {
		t.Error(err)
	}
	if err := wantEntries(t, account); err != nil {
		t.Error(err)
	}

	// Addresses of one's own: the pool first, for AWS to show it.
	made, err := compute(t).AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	if err != nil {
		t.Fatal(err)
	}
	mine, ip := aws.ToString(made.AllocationId), aws.ToString(made.PublicIp)
	owned := poolConfig(pool, "1", "require_admission = true", "existing_allocation_ids = "+hcl(mine))
	s.configure(t, owned)
	s.apply(t)
	s.configure(t, owned+walls)
	s.apply(t)
	s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")

	// The pool would grow by an address that it releases one day: the plan cannot see that, the apply can, and then the way
	// to its release is closed until the firewall is told to let go.
	grown := poolConfig(pool, "2", "require_admission = true", "existing_allocation_ids = "+hcl(mine))
	s.configure(t, grown+walls)
	s.fails(t, arguments(apply), refused)
	s.fails(t, arguments(destroy), refused)
	members := poolMembers(t, pool)
	if len(members) != 2 {
		t.Errorf("the pool has %v", allocationIDs(members))
	}
	s.configure(t, grown+wallsConfig(map[string]string{"openai": account}))
	s.apply(t)
	s.configure(t, owned+wallsConfig(map[string]string{"openai": account}))
	s.apply(t)
	s.configure(t, owned+walls)
	s.apply(t)
	s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")

	s.do(t, arguments(destroy)...)
	if err := wantEntries(t, account, ip); err != nil {
		t.Error(err)
	}
	release(t, mine) // it is still ours to release
}
