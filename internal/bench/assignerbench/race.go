package assignerbench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// raceLimit bounds one contender's race, from the launches to the last one in service.
const raceLimit = 3 * time.Minute

// race has n instances launch at once on n addresses of a fresh account, and a contender serve them.
func race(ctx context.Context, buildDir string, n int, serve contender) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, raceLimit, fmt.Errorf("the race took more than %s", raceLimit))
	defer cancel()
	e, err := startEmulator(ctx, buildDir)
	if err != nil {
		return outcome{}, err
	}
	defer e.close()
	f, err := newFleet(ctx, e, n)
	if err != nil {
		return outcome{}, err
	}
	waiting, err := f.launch(ctx, n)
	if err != nil {
		return outcome{}, err
	}
	events := make([][]byte, n)
	for i, event := range waiting {
		if events[i], err = event.payload(); err != nil {
			return outcome{}, err
		}
	}
	owners, err := f.interfaces(ctx)
	if err != nil {
		return outcome{}, err
	}
	e.aws.Faults.ClearLog()
	snapshot := holdSnapshot(ctx, &e.aws.Faults, n)
	if err := serve(ctx, e, events); err != nil {
		return outcome{}, err
	}
	if asked := snapshot(); asked != n {
		return outcome{}, fmt.Errorf("%d of %d claimers asked for the pool at first", asked, n)
	}
	return f.observe(ctx, owners)
}

// holdSnapshot holds the answers to the first n DescribeAddresses of the contender until all n are there, or
// ctx ends; asked tells how many there were.
func holdSnapshot(ctx context.Context, script *fault.Script, n int) (asked func() int) {
	gate := fault.NewGate()
	var held atomic.Int64
	script.Add(fault.Rule{Operation: "ec2:DescribeAddresses", Caller: contenderKey, Times: n, Then: func() {
		if held.Add(1) == int64(n) {
			gate.Open()
		}
		gate.Hold()
	}})
	context.AfterFunc(ctx, gate.Open)
	return func() int { return int(held.Load()) }
}

// observe waits until the launches that go on are in service, and looks at what they have. owners
// maps the instances' interfaces to them.
func (f *fleet) observe(ctx context.Context, owners map[string]string) (outcome, error) {
	calls := f.emulator.calls(contenderKey)
	inService, err := f.settled(ctx)
	if err != nil {
		return outcome{}, err
	}
	pool, err := f.pool(ctx)
	if err != nil {
		return outcome{}, err
	}
	seen := observation{
		given: map[string]map[string]bool{}, held: map[string][]string{}, admitted: map[string]bool{}, inService: inService,
		associateCalls: calls["ec2:AssociateAddress"], steals: f.emulator.aws.AddressCounts().Steals,
	}
	seen.calls = calls.Total()
	for _, id := range owners {
		seen.launches = append(seen.launches, id)
	}
	for _, form := range f.emulator.record.of("AssociateAddress") {
		id := form.Get("InstanceId")
		if id == "" {
			id = owners[form.Get("NetworkInterfaceId")]
		}
		allocation := form.Get("AllocationId")
		if seen.given[allocation] == nil {
			seen.given[allocation] = map[string]bool{}
		}
		seen.given[allocation][id] = true
	}
	for _, address := range pool {
		allocation, tags := aws.ToString(address.AllocationId), map[string]string{}
		for _, tag := range address.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		seen.admitted[allocation] = eiptag.Claimable(tags)
		if id := aws.ToString(address.InstanceId); id != "" {
			seen.held[id] = append(seen.held[id], allocation)
		}
	}
	return seen.outcome(), nil
}
