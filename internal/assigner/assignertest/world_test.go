package assignertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

// idle does nothing.
func idle(context.Context, assignertest.Clients, json.RawMessage) error { return nil }

// within runs do once as the function of a world.
func within(t *testing.T, s assignertest.Schedule, do func(ctx context.Context, w *assignertest.World, c assignertest.Clients)) *assignertest.World {
	t.Helper()
	var w *assignertest.World
	asked := false
	w = assignertest.NewWorld(s, func(ctx context.Context, c assignertest.Clients, _ json.RawMessage) error {
		if asked {
			do(ctx, w, c)
		}
		return nil
	}, func(line string) { t.Log(line) })
	t.Cleanup(w.Close)
	w.Silence()
	w.Run(50 * time.Second)
	asked = true
	if err := w.Invoke(nil, 15*time.Minute); err != nil {
		t.Fatal(err)
	}
	return w
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// associate claims the n-th address of the pool for the m-th instance.
func associate(ctx context.Context, w *assignertest.World, c assignertest.Clients, n, m int, allow *bool) error {
	_, err := c.EC2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
		AllocationId: aws.String(w.Pool()[n].AllocationID), NetworkInterfaceId: aws.String(w.Instances()[m].InterfaceID), AllowReassociation: allow,
	})
	return err
}

func TestReassociationIsTheDefaultAndCounted(t *testing.T) {
	w := within(t, assignertest.Schedule{Addresses: 1, Desired: 2}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
		if err := associate(ctx, w, c, 0, 0, aws.Bool(false)); err != nil {
			t.Error(err)
		}
		if err := associate(ctx, w, c, 0, 1, aws.Bool(false)); code(err) != "Resource.AlreadyAssociated" {
			t.Errorf("with reassociation forbidden: %v", err)
		}
		if err := associate(ctx, w, c, 0, 1, nil); err != nil {
			t.Error(err)
		}
	})
	if counts := w.Book().Counts(); counts.Steals != 1 || counts.Remaps != 1 {
		t.Errorf("%+v", counts)
	}
	if len(w.Violations) != 1 || !strings.Contains(w.Violations[0], "without a release") {
		t.Errorf("violations %q", w.Violations)
	}
}

func TestTargetWithAnAddressIsRefusedOrSwapped(t *testing.T) {
	for _, lenient := range []bool{false, true} {
		within(t, assignertest.Schedule{Addresses: 2, Desired: 1, Lenient: lenient}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
			if err := associate(ctx, w, c, 0, 0, aws.Bool(false)); err != nil {
				t.Error(err)
			}
			err := associate(ctx, w, c, 1, 0, aws.Bool(false))
			if !lenient && (code(err) != "Resource.AlreadyAssociated" || !strings.Contains(err.Error(), w.Instances()[0].InterfaceID)) {
				t.Errorf("strict: %v", err)
			}
			if held := w.Instances()[0].Addresses; len(held) != 1 || lenient != (held[0].AllocationID == w.Pool()[1].AllocationID) {
				t.Errorf("lenient %t: %v, holds %+v", lenient, err, held)
			}
		})
	}
}

func TestReadsLagByTheSchedule(t *testing.T) {
	within(t, assignertest.Schedule{Addresses: 1, Desired: 1, Stale: 10 * time.Second}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
		seen := func() bool {
			out, err := c.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{
				{Name: aws.String("tag:" + assignertest.PoolTagKey), Values: []string{assignertest.PoolName}},
			}})
			if err != nil || len(out.Addresses) != 1 {
				t.Fatalf("%+v, %v", out, err)
			}
			return out.Addresses[0].AssociationId != nil
		}
		if err := associate(ctx, w, c, 0, 0, aws.Bool(false)); err != nil {
			t.Error(err)
		}
		var shown []bool
		for range 20 {
			shown = append(shown, seen())
		}
		if !slices.Contains(shown, true) || !slices.Contains(shown, false) {
			t.Errorf("twenty reads within the lag: %v", shown)
		}
		<-c.Clock.After(11 * time.Second)
		for range 20 {
			if !seen() {
				t.Error("a read lags by more than the schedule says")
			}
		}
	})
}

func TestTokensOutliveNeitherTheirActionNorTheirTime(t *testing.T) {
	complete := func(ctx context.Context, c assignertest.Clients, token string) error {
		_, err := c.AutoScaling.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
			AutoScalingGroupName: aws.String(assignertest.GroupName), LifecycleHookName: aws.String(assignertest.LaunchHook),
			LifecycleActionToken: aws.String(token), LifecycleActionResult: aws.String("ABANDON"),
		})
		return err
	}
	tokenOf := func(w *assignertest.World) string {
		var event struct {
			Detail struct{ LifecycleActionToken string }
		}
		if err := json.Unmarshal(w.Events[0], &event); err != nil {
			t.Fatal(err)
		}
		return event.Detail.LifecycleActionToken
	}
	within(t, assignertest.Schedule{Addresses: 1, Desired: 1}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
		if err := complete(ctx, c, tokenOf(w)); err != nil {
			t.Error(err)
		}
		if err := complete(ctx, c, tokenOf(w)); code(err) != "ValidationError" || !strings.Contains(err.Error(), "No active Lifecycle Action found with token") {
			t.Errorf("a second time: %v", err)
		}
	})
	within(t, assignertest.Schedule{Addresses: 1, Desired: 1}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
		token := tokenOf(w)
		<-c.Clock.After(assignertest.HeartbeatTimeout)
		if err := complete(ctx, c, token); code(err) != "ValidationError" {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestDisassociationGivesAnAutomaticAddressBack(t *testing.T) {
	within(t, assignertest.Schedule{Seed: 1, Addresses: 1, Desired: 1, Automatic: true}, func(ctx context.Context, w *assignertest.World, c assignertest.Clients) {
		owner := func() string {
			out, err := c.EC2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{w.Instances()[0].ID}})
			if err != nil {
				t.Fatal(err)
			}
			for _, nic := range out.Reservations[0].Instances[0].NetworkInterfaces {
				if aws.ToInt32(nic.Attachment.DeviceIndex) == 0 && nic.Association != nil {
					return aws.ToString(nic.Association.IpOwnerId)
				}
			}
			return ""
		}
		before := owner()
		if err := associate(ctx, w, c, 0, 0, aws.Bool(false)); err != nil {
			t.Error(err)
		}
		with := owner()
		if _, err := c.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: aws.String(w.Pool()[0].Association.ID)}); err != nil {
			t.Error(err)
		}
		if after := owner(); before != "amazon" || with == "amazon" || after != "amazon" {
			t.Errorf("owners before, with and after the Elastic IP: %q, %q, %q", before, with, after)
		}
	})
}

func TestRunEndsWhereItIsKilled(t *testing.T) {
	var stages []string
	w := assignertest.NewWorld(assignertest.Schedule{Addresses: 1}, func(ctx context.Context, c assignertest.Clients, _ json.RawMessage) error {
		defer func() { stages = append(stages, "deferred") }()
		_, err := c.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
		stages = append(stages, "past the call")
		return err
	}, nil)
	defer w.Close()
	w.Silence()
	w.Script(func(assignertest.Call) assignertest.Interference { return assignertest.Interference{KillAfter: true} })
	if err := w.Invoke(nil, time.Minute); err == nil || !slices.Equal(stages, []string{"deferred"}) {
		t.Errorf("%v, %q", err, stages)
	}
	w.Script(nil)
	stages = nil
	w.Script(func(assignertest.Call) assignertest.Interference { return assignertest.Interference{Slow: time.Hour} })
	started := w.Now()
	if err := w.Invoke(nil, time.Minute); err == nil || w.Now().Sub(started) != time.Minute {
		t.Errorf("at its deadline: %v after %s", err, w.Now().Sub(started))
	}
}

func TestPanicOfAFunctionIsAViolation(t *testing.T) {
	broken := func(context.Context, assignertest.Clients, json.RawMessage) error { panic("an index out of range") }
	violations := assignertest.Schedule{Addresses: 1, Desired: 1, Active: time.Minute}.Play(broken, nil)
	if len(violations) == 0 || !strings.Contains(violations[0], "an index out of range") {
		t.Errorf("%q", violations)
	}
}

func TestIdleFunctionLeavesTheWorldUnsettled(t *testing.T) {
	violations := assignertest.Schedule{Addresses: 1, Desired: 1, Active: time.Minute}.Play(idle, nil)
	if len(violations) == 0 {
		t.Error("nobody gives addresses, and all is well")
	}
}

func TestLambdaTriesThreeTimes(t *testing.T) {
	var tries []time.Duration
	var w *assignertest.World
	w = assignertest.NewWorld(assignertest.Schedule{}, func(context.Context, assignertest.Clients, json.RawMessage) error {
		tries = append(tries, w.Elapsed())
		return errors.New("not today")
	}, nil)
	defer w.Close()
	w.Silence()
	w.Deliver([]byte(`{}`))
	w.Run(time.Hour)
	if want := []time.Duration{0, time.Minute, 3 * time.Minute}; !slices.Equal(tries, want) || len(w.GivenUp) != 1 {
		t.Errorf("tries at %v, want %v; given up %d", tries, want, len(w.GivenUp))
	}
}
