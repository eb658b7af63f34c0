package elasticip

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// wantCode fails the test unless err is the refusal with that code ("": none).
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refused *Error
	switch {
	case err == nil && code == "":
	case !errors.As(err, &refused) || refused.Code != code:
		t.Fatalf("want the code %q, got %v", code, err)
	}
}

// must returns v and ends the test on an error.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// machine is the target of instance number n: its primary address.
func machine(n int) Target {
	return Target{InterfaceID: fmt.Sprint("eni-", n), InstanceID: fmt.Sprint("i-", n), PrivateIP: "10.0.0.1", OwnerID: "123456789012", BorderGroup: DefaultBorderGroup}
}

// find returns the address with an id.
func (b *Book) find(t *testing.T, id string) Address {
	t.Helper()
	return must(Select(b.List(), []string{id}, nil))(t)[0]
}

func TestAssociateTakesTheAddressFromItsHolder(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{}))(t)
	first := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	_, err := b.Associate(a.AllocationID, "", machine(2), false)
	wantCode(t, err, "Resource.AlreadyAssociated")
	second := must(b.Associate(a.AllocationID, "", machine(2), true))(t)
	if got := b.find(t, a.AllocationID); first == second || got.Association.Target != machine(2) || got.Association.ID != second {
		t.Errorf("after %s and %s the address is %+v", first, second, got.Association)
	}
	if got := b.Counts(); got != (Counts{Remaps: 1, Steals: 1}) {
		t.Errorf("counts %+v, want one remap and one steal", got)
	}
	must(b.Associate("", a.PublicIP.String(), machine(2), false))(t) // what is so already is charged again, and no more
	if got := b.Counts(); got != (Counts{Remaps: 2, Steals: 1}) {
		t.Errorf("counts %+v, want two remaps and one steal", got)
	}
}

func TestTargetThatHasAnAddressAlready(t *testing.T) {
	for name, tc := range map[string]struct {
		lenient, reassociate bool
		code                 string
	}{
		"strict": {false, false, "Resource.AlreadyAssociated"}, "lenient": {true, false, ""},
		"strict, with reassociation": {false, true, ""}, "lenient, with reassociation": {true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := New(Options{Lenient: tc.lenient})
			old, young := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
			must(b.Associate(old.AllocationID, "", machine(1), false))(t)
			_, err := b.Associate(young.AllocationID, "", machine(1), tc.reassociate)
			wantCode(t, err, tc.code)
			if swapped := tc.code == ""; (b.find(t, young.AllocationID).Association != nil) != swapped || (b.find(t, old.AllocationID).Association == nil) != swapped {
				t.Errorf("now %+v", b.List())
			} else if got := b.Counts(); swapped != (got.Swaps == 1) || got.Steals+got.Remaps != 0 {
				t.Errorf("counts %+v", got)
			}
		})
	}
}

func TestSecondaryPrivateAddressHoldsItsOwn(t *testing.T) {
	b := New(Options{})
	one, two := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	secondary := machine(1)
	secondary.PrivateIP = "10.0.0.2"
	must(b.Associate(one.AllocationID, "", machine(1), false))(t)
	must(b.Associate(two.AllocationID, "", secondary, false))(t)
	_, err := b.Associate(one.AllocationID, "", secondary, false)
	wantCode(t, err, "Resource.AlreadyAssociated")
	must(b.Associate(one.AllocationID, "", secondary, true))(t)
	if got := b.Counts(); got != (Counts{Remaps: 1, Swaps: 1}) { // the instance keeps it: nothing is stolen
		t.Errorf("counts %+v", got)
	}
}

func TestInterfaceTakesItsAddressesAlong(t *testing.T) {
	news := told{}
	b := New(Options{Moved: news.moved})
	a := must(b.Allocate(Allocation{}))(t)
	must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	b.MoveInterface("eni-1", "")
	if got := b.find(t, a.AllocationID).Association.Target; got.InstanceID != "" || got.InterfaceID != "eni-1" {
		t.Errorf("after the detachment at %+v", got)
	}
	b.MoveInterface("eni-1", "i-2")
	if got := b.find(t, a.AllocationID).Association.Target.InstanceID; got != "i-2" || b.Steals() != 0 {
		t.Errorf("after the attachment at %s, %d steals", got, b.Steals())
	}
	if news["i-1"] != "" || news["i-2"] != a.PublicIP.String() {
		t.Errorf("instances were told %v", news)
	}
	b.ForgetInstance("i-1")
	if !b.find(t, a.AllocationID).InUse() {
		t.Error("the end of the former instance took the address")
	}
	b.ForgetInterface("eni-1")
	if b.find(t, a.AllocationID).InUse() {
		t.Error("the interface is gone and has the address")
	}
}

func TestManagedAddressIsNobodysElse(t *testing.T) {
	b := New(Options{})
	a, other := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	association := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	wantCode(t, b.Manage(a.AllocationID, "nlb"), "")
	_, err := b.Associate(a.AllocationID, "", machine(2), true)
	wantCode(t, err, "AuthFailure")
	_, err = b.Associate(other.AllocationID, "", machine(1), true)
	wantCode(t, err, "AuthFailure")
	wantCode(t, b.Disassociate(association, ""), "AuthFailure")
	wantCode(t, b.Disassociate("", a.PublicIP.String()), "AuthFailure")
	wantCode(t, b.Release(a.AllocationID, ""), "AuthFailure")
	if got := b.find(t, a.AllocationID); got.Managed != "nlb" || !got.InUse() || got.Association.ID != association {
		t.Errorf("the address became %+v", got)
	}
	b.ForgetInterface("eni-1")
	if got := b.find(t, a.AllocationID); !got.InUse() || got.Association != nil {
		t.Errorf("the address became %+v", got)
	}
	wantCode(t, b.Manage(a.AllocationID, ""), "")
	wantCode(t, b.Release(a.AllocationID, ""), "")
	wantCode(t, b.Manage(a.AllocationID, ""), "InvalidAllocationID.NotFound")
}

func TestOnlyItsServiceMovesTheAddressOfARequesterManagedInterface(t *testing.T) {
	b := New(Options{})
	a, other := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	gateway := Target{InterfaceID: "eni-nat", PrivateIP: "10.0.0.9", OwnerID: "123456789012", RequesterManaged: true}
	id := must(b.Associate(a.AllocationID, "", gateway, false))(t)
	second := gateway
	second.InterfaceID = "eni-nat-2"
	_, err := b.Associate(a.AllocationID, "", second, false)
	wantCode(t, err, "Resource.AlreadyAssociated")
	_, err = b.Associate(a.AllocationID, "", machine(1), true)
	wantCode(t, err, "AuthFailure")
	mine := gateway
	mine.RequesterManaged = false
	_, err = b.Associate(other.AllocationID, "", mine, true)
	wantCode(t, err, "AuthFailure")
	wantCode(t, b.Disassociate(id, ""), "AuthFailure")
	wantCode(t, b.Release(a.AllocationID, ""), "AuthFailure")
	if got := b.find(t, a.AllocationID); got.Association == nil || got.Association.ID != id || got.Managed != "" {
		t.Errorf("the address is %+v", got)
	}
	b.ForgetInterface("eni-nat")
	wantCode(t, b.Release(a.AllocationID, ""), "")
	if err := b.Manage(other.AllocationID, "rnat"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Associate(other.AllocationID, "", second, false)
	wantCode(t, err, "AuthFailure")
}

func TestDisassociateTwiceIsNoError(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{}))(t)
	association := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	wantCode(t, b.Release(a.AllocationID, ""), "InvalidIPAddress.InUse")
	for range 2 {
		wantCode(t, b.Disassociate(association, ""), "")
		wantCode(t, b.Disassociate("", a.PublicIP.String()), "")
	}
	again := must(b.Associate(a.AllocationID, "", machine(2), false))(t)
	wantCode(t, b.Disassociate(association, ""), "") // the former one ends nothing of the present one
	if got := b.find(t, a.AllocationID).Association; got == nil || got.ID != again || b.Counts() != (Counts{Remaps: 1}) {
		t.Errorf("association %+v, counts %+v", got, b.Counts())
	}
	wantCode(t, b.Disassociate("eipassoc-never", ""), "InvalidAssociationID.NotFound")
	wantCode(t, b.Disassociate("", "192.0.2.1"), "InvalidAddress.NotFound")
	wantCode(t, b.Disassociate("", "x"), "InvalidAddress.NotFound")
}

func TestAssociateRefusals(t *testing.T) {
	b := New(Options{BorderGroups: []string{DefaultBorderGroup, "us-east-1-bos-1"}})
	local := must(b.Allocate(Allocation{BorderGroup: "us-east-1-bos-1"}))(t)
	_, err := b.Associate("eipalloc-unknown", "", machine(1), true)
	wantCode(t, err, "InvalidAllocationID.NotFound")
	_, err = b.Associate("", "192.0.2.1", machine(1), true)
	wantCode(t, err, "InvalidAddress.NotFound")
	_, err = b.Associate(local.AllocationID, "", machine(1), true)
	wantCode(t, err, "InvalidParameterCombination")
	home := machine(1)
	home.BorderGroup = "" // the Region's own
	_, err = b.Associate(local.AllocationID, "", home, true)
	wantCode(t, err, "InvalidParameterCombination")
	must(b.Associate(must(b.Allocate(Allocation{}))(t).AllocationID, "", home, false))(t)
	wantCode(t, b.Release(local.AllocationID, DefaultBorderGroup), "InvalidAddress.NotFound")
	wantCode(t, b.Release(local.AllocationID, "us-east-1-bos-1"), "")
	wantCode(t, b.Release(local.AllocationID, ""), "InvalidAllocationID.NotFound")
}

func TestQuotaCountsAmazonsAddressesByBorderGroup(t *testing.T) {
	b := New(Options{Quota: 1, BorderGroups: []string{"home", "local"}, Pools: map[string][]netip.Prefix{"ipv4pool-ec2-1": {netip.MustParsePrefix("198.51.100.0/24")}}})
	first := must(b.Allocate(Allocation{}))(t)
	must(b.Allocate(Allocation{BorderGroup: "local"}))(t)
	for range 2 {
		must(b.Allocate(Allocation{Pool: "ipv4pool-ec2-1"}))(t)
	}
	_, err := b.Allocate(Allocation{})
	wantCode(t, err, "AddressLimitExceeded")
	b.SetQuota(2)
	must(b.Allocate(Allocation{}))(t)
	b.SetQuota(1)
	wantCode(t, b.Release(first.AllocationID, ""), "")
	_, err = b.Allocate(Allocation{})
	wantCode(t, err, "AddressLimitExceeded")
	_, err = b.Allocate(Allocation{Pool: "ipv4pool-ec2-2"})
	wantCode(t, err, "InvalidPublicIpv4PoolID.NotFound")
	_, err = b.Allocate(Allocation{BorderGroup: "elsewhere"})
	wantCode(t, err, "InvalidParameterValue")
}

func TestReleasedAddressMayBeAskedBack(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{Tags: map[string]string{"a": "b"}}))(t)
	ask := Allocation{Ask: a.PublicIP.String()}
	_, err := b.Allocate(ask)
	wantCode(t, err, "InvalidAddress.NotFound") // it is held
	wantCode(t, b.Release(a.AllocationID, ""), "")
	if fresh := must(b.Allocate(Allocation{}))(t); fresh.PublicIP == a.PublicIP {
		t.Error("a released address went to someone who did not ask for it")
	}
	back := must(b.Allocate(ask))(t)
	if back.PublicIP != a.PublicIP || back.AllocationID == a.AllocationID || len(back.Tags) != 0 {
		t.Errorf("got %+v back", back)
	}
	_, err = b.Allocate(ask)
	wantCode(t, err, "InvalidAddress.NotFound") // it is held again
	if b.GiveAway(a.PublicIP) {
		t.Error("a held address was given away")
	}
	wantCode(t, b.Release(back.AllocationID, ""), "")
	if !b.GiveAway(a.PublicIP) {
		t.Error("a released address was not given away")
	}
	_, err = b.Allocate(ask)
	wantCode(t, err, "InvalidAddress.NotFound")
	next := must(b.Allocate(Allocation{}))(t).PublicIP.Next()
	b.GiveAway(next)
	if got := must(b.Allocate(Allocation{}))(t).PublicIP; got == next {
		t.Errorf("got %s, which another account has", got)
	}
	_, err = b.Allocate(Allocation{Ask: "x"})
	wantCode(t, err, "InvalidParameterValue")
}

func TestRetagIsAllOrNothing(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{Tags: map[string]string{"keep": "1"}}))(t)
	before := b.List()
	set := func(tags map[string]string) { tags["new"] = "2" }
	wantCode(t, b.Retag([]string{a.AllocationID, "eipalloc-unknown"}, set), "InvalidElasticIpID.NotFound")
	if tags := b.find(t, a.AllocationID).Tags; len(tags) != 1 {
		t.Errorf("half a call was done: %v", tags)
	}
	wantCode(t, b.Retag([]string{a.AllocationID}, func(tags map[string]string) {
		for i := range MaxTags {
			tags[fmt.Sprint(i)] = ""
		}
	}), "TagLimitExceeded")
	wantCode(t, b.Retag([]string{a.AllocationID}, set), "")
	if tags := b.find(t, a.AllocationID).Tags; len(tags) != 2 || len(before[0].Tags) != 1 {
		t.Errorf("now %v, and in the listing before %v", tags, before[0].Tags)
	}
	_, err := b.Allocate(Allocation{Tags: tooMany()})
	wantCode(t, err, "TagLimitExceeded")
}

func TestAlteredAddress(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{}))(t)
	association := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	wantCode(t, b.Alter(a.AllocationID, func(a *Address) {
		a.AllocationID, a.Pool, a.BorderGroup, a.Tags = "eipalloc-other", "ipv4pool-ec2-1", "elsewhere", map[string]string{"a": "b"}
		a.PublicIP, a.Association = netip.Addr{}, nil
	}), "")
	wantCode(t, b.Release(a.AllocationID, ""), "InvalidAllocationID.NotFound")
	got := b.find(t, "eipalloc-other")
	if got.Pool != "ipv4pool-ec2-1" || got.BorderGroup != "elsewhere" || got.Tags["a"] != "b" || got.PublicIP != a.PublicIP || got.Association.ID != association {
		t.Errorf("the address became %+v", got)
	}
	wantCode(t, b.Disassociate(association, ""), "")
	wantCode(t, b.Release("eipalloc-other", ""), "")
	wantCode(t, b.Alter("eipalloc-other", func(*Address) {}), "InvalidAllocationID.NotFound")
}

func tooMany() map[string]string {
	tags := map[string]string{}
	for i := range MaxTags + 1 {
		tags[fmt.Sprint(i)] = ""
	}
	return tags
}

func TestSelectFailsAsAWhole(t *testing.T) {
	b := New(Options{})
	one, two := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	if got := must(Select(b.List(), []string{two.AllocationID, one.AllocationID}, nil))(t); len(got) != 2 || got[0].AllocationID != one.AllocationID {
		t.Errorf("selected %+v", got)
	}
	if got := must(Select(b.List(), nil, []string{two.PublicIP.String()}))(t); len(got) != 1 || got[0].AllocationID != two.AllocationID {
		t.Errorf("selected %+v", got)
	}
	for _, ids := range [][]string{{one.AllocationID, "eipalloc-a"}, {"eipalloc-a", "eipalloc-b"}} {
		_, err := Select(b.List(), ids, nil)
		wantCode(t, err, "InvalidAllocationID.NotFound")
	}
	_, err := Select(b.List(), nil, []string{"192.0.2.1"})
	wantCode(t, err, "InvalidAddress.NotFound")
}

func TestStaleListing(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := New(Options{Remember: 10 * time.Second, Now: func() time.Time { return now }})
	start := now
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	a := must(b.Allocate(Allocation{}))(t)
	now = at(2)
	must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	now = at(4)
	b.ForgetInstance("i-1")
	wantCode(t, b.Release(a.AllocationID, ""), "")
	state := func(second int) string {
		switch list := b.ListAsOf(at(second)); {
		case len(list) == 0:
			return "none"
		case list[0].InUse():
			return "used"
		default:
			return "free"
		}
	}
	check := func(want ...string) {
		t.Helper()
		for second, want := range want {
			if got := state(second); got != want {
				t.Errorf("at %s the listing as of %d s shows %s, want %s", now.Sub(start), second, got, want)
			}
		}
	}
	check("free", "free", "used", "used", "none", "none")
	if state(-1) != "none" {
		t.Error("the address is there before it was allocated")
	}
	now = at(13) // what was earlier than the third second is out of reach
	must(b.Allocate(Allocation{}))(t)
	check("used", "used", "used", "used", "none")
	for second := range 10 {
		now = at(20 + second)
		wantCode(t, b.Manage(b.List()[0].AllocationID, ""), "")
	}
	now = at(30)
	wantCode(t, b.Manage(b.List()[0].AllocationID, ""), "")
	if n := len(b.entries[len(b.entries)-1].versions); n != 11 {
		t.Errorf("%d versions are remembered, want those of the last ten seconds and the one before", n)
	}
	wantCode(t, b.Release(b.List()[0].AllocationID, ""), "")
	if len(b.entries) != 1 {
		t.Errorf("%d addresses are remembered, want the one that was just released", len(b.entries))
	}
}

func TestBookWithoutMemoryShowsThePresent(t *testing.T) {
	b := New(Options{})
	a := must(b.Allocate(Allocation{}))(t)
	if got := b.ListAsOf(time.Time{}); len(got) != 1 || got[0].AllocationID != a.AllocationID {
		t.Errorf("listed %+v", got)
	}
	wantCode(t, b.Release(a.AllocationID, ""), "")
	if len(b.entries) != 0 {
		t.Errorf("%d addresses are remembered", len(b.entries))
	}
}
