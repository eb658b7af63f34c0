package elasticip

import "testing"

// told are the public addresses that instances were last told to have.
type told map[string]string

func (told told) moved(instanceID, publicIP string) { told[instanceID] = publicIP }

func TestDisassociationGivesANewAutomaticAddress(t *testing.T) {
	news := told{}
	b := New(Options{Moved: news.moved})
	first := b.LaunchWithPublicIP(machine(1)).String()
	if news["i-1"] != first || b.LaunchWithPublicIP(machine(1)).String() != first {
		t.Fatalf("the instance has %s, and was told %s", first, news["i-1"])
	}
	if len(b.List()) != 0 {
		t.Error("an automatic address is listed as an Elastic IP")
	}
	a := must(b.Allocate(Allocation{}))(t)
	association := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	if len(b.AutomaticIPs()) != 0 || news["i-1"] != a.PublicIP.String() {
		t.Errorf("beside the Elastic IP the instance has %v, and was told %s", b.AutomaticIPs(), news["i-1"])
	}
	wantCode(t, b.Disassociate(association, ""), "")
	second := b.AutomaticIPs()["eni-1"]
	if !second.IsValid() || second.String() == first || news["i-1"] != second.String() {
		t.Errorf("after the disassociation the instance has %s, and was told %s", second, news["i-1"])
	}

	// Its address taken by another instance: the same.
	must(b.Associate(a.AllocationID, "", machine(1), true))(t)
	must(b.Associate(a.AllocationID, "", machine(2), true))(t)
	if got := b.AutomaticIPs()["eni-1"]; !got.IsValid() || got == second || news["i-1"] != got.String() || news["i-2"] != a.PublicIP.String() {
		t.Errorf("the robbed instance has %s; told %v", got, news)
	}
	b.ForgetInstance("i-1")
	if len(b.AutomaticIPs()) != 0 || news["i-1"] != "" {
		t.Errorf("an instance that is gone has %v, and was told %s", b.AutomaticIPs(), news["i-1"])
	}
	b.ForgetInstance("i-2")
	if news["i-2"] != "" || len(b.AutomaticIPs()) != 0 {
		t.Errorf("an instance without automatic address got %v", b.AutomaticIPs())
	}
}

func TestSwapLeavesNoAutomaticAddress(t *testing.T) {
	news := told{}
	b := New(Options{Moved: news.moved})
	b.LaunchWithPublicIP(machine(1))
	one, two := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	must(b.Associate(one.AllocationID, "", machine(1), true))(t)
	must(b.Associate(two.AllocationID, "", machine(1), true))(t)
	if len(b.AutomaticIPs()) != 0 || news["i-1"] != two.PublicIP.String() {
		t.Errorf("automatic %v, told %s", b.AutomaticIPs(), news["i-1"])
	}
}

func TestNoNewAutomaticAddressWithSeveralInterfaces(t *testing.T) {
	b := New(Options{})
	b.LaunchWithPublicIP(machine(1))
	b.SetInterfaces("i-1", 2)
	if len(b.AutomaticIPs()) != 1 {
		t.Error("the second interface took the present address")
	}
	a := must(b.Allocate(Allocation{}))(t)
	association := must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	wantCode(t, b.Disassociate(association, ""), "")
	b.SetInterfaces("i-1", 1)
	b.StartInstance("i-1") // it runs: nothing new
	if got := b.AutomaticIPs(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	b.StopInstance("i-1")
	b.StartInstance("i-1")
	if got := b.AutomaticIPs(); len(got) != 1 {
		t.Errorf("after a stop and a start with one interface it has %v", got)
	}
}

func TestNoNewAutomaticAddressBesideAnotherElasticIP(t *testing.T) {
	b := New(Options{})
	secondary := machine(1)
	secondary.PrivateIP = "10.0.0.2"
	b.LaunchWithPublicIP(machine(1))
	primary, other := must(b.Allocate(Allocation{}))(t), must(b.Allocate(Allocation{}))(t)
	must(b.Associate(other.AllocationID, "", secondary, false))(t)
	if len(b.AutomaticIPs()) != 1 {
		t.Error("an Elastic IP of another private address took the automatic one")
	}
	association := must(b.Associate(primary.AllocationID, "", machine(1), false))(t)
	wantCode(t, b.Disassociate(association, ""), "")
	if got := b.AutomaticIPs(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestStoppedInstanceHasNoAutomaticAddress(t *testing.T) {
	news := told{}
	b := New(Options{Moved: news.moved})
	first := b.LaunchWithPublicIP(machine(1))
	b.StopInstance("i-1")
	if len(b.AutomaticIPs()) != 0 || news["i-1"] != "" {
		t.Errorf("stopped it has %v, told %s", b.AutomaticIPs(), news["i-1"])
	}
	b.StartInstance("i-1")
	second := b.AutomaticIPs()["eni-1"]
	if !second.IsValid() || second == first {
		t.Errorf("started it has %s, before %s", second, first)
	}
	a := must(b.Allocate(Allocation{}))(t)
	must(b.Associate(a.AllocationID, "", machine(1), false))(t)
	b.StopInstance("i-1")
	if !b.find(t, a.AllocationID).InUse() || news["i-1"] != a.PublicIP.String() {
		t.Error("stopping took the Elastic IP")
	}
	b.ForgetInterface("eni-1")
	b.StartInstance("i-1")
	if got := b.AutomaticIPs(); len(got) != 0 {
		t.Errorf("the interface is gone and has %v", got)
	}
}
