package assigner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// What can go wrong between an instance's launch and its end, and what has to come of it. Each case
// is a fault that AWS or people are known to cause.
func TestFaults(t *testing.T) {
	// In the order in which an instance's life meets them; the names are the requirements.
	faults := []struct {
		name string
		test func(t *testing.T)
	}{
		{"as many launches as addresses, all on one stale listing: each gets its own", concurrentLaunches},
		{"more launches than addresses: the others wait with heartbeats and are then abandoned", moreLaunchesThanAddresses},
		{"an address that was taken meanwhile: the next one, and no error", addressTaken},
		{"an interface that has an address already: kept if it is the pool's, never swapped if it is foreign", interfaceTaken},
		{"an association that is not seen, or that somebody else is seen to have: never believed", associationNotSeen},
		{"an association whose answer was lost: found and kept", associationAnswerLost},
		{"an instance that is still pending: tried again", func(t *testing.T) {
			// InvalidInstanceID stands for pending and terminated instances alike.
			retried(t, "AssociateAddress", assignertest.Refusal("InvalidInstanceID", "The pending instance 'i-0123' is not in a valid state for this operation."))
		}},
		{"an instance that has been terminated: nothing held, nothing completed in vain", instanceTerminated},
		{"an instance whose volume or creation is pending: tried again", func(t *testing.T) {
			retried(t, "AssociateAddress", assignertest.Refusal("IncorrectInstanceState", "The pending-volume-availability instance to which 'eni-0123' is attached is not in a valid state for this operation"))
		}},
		{"an instance that EC2 does not show for a minute: waited for", instanceNotVisible},
		{"an interface that does not exist: the way of an instance that goes", interfaceNotFound},
		{"an address that somebody has deleted: the others are used", addressDeleted},
		{"a release of what is released already, said or silent: done", releaseTwice},
		{"a role that is refused for half a minute, and for good: waited for, and abandoned", roleRefused},
		{"bursts of throttling on both services: ridden out", throttled},
		{"errors on AWS's side and broken connections: tried again, never a blind CONTINUE", serverErrors},
		{"no active lifecycle action after the claim: the group's state decides", noActiveAction},
		{"a group that has been deleted: no error, and what it had is free", groupDeleted},
		{"an Auto Scaling group that contends with itself: tried again", func(t *testing.T) {
			retried(t, "CompleteLifecycleAction", assignertest.Refusal("ResourceContention", "You already have a pending update to an Amazon EC2 Auto Scaling resource"))
		}},
		{"a heartbeat that is refused because the time is up: given up without a storm", heartbeatRefused},
		{"an event delivered twice, at once and six hours late: no second address, no newer owner touched", duplicateEvents},
		{"a lost event: the next scheduled run does its work", lostEvents},
		{"a terminate event before the launch event: no address on a dead instance", terminateBeforeLaunch},
		{"an instance terminated under a running launch: its address ends free", terminatedMeanwhile},
		{"a function killed between any two calls: the next run converges", killedAnywhere},
		{"a warm pool's events, and events without an origin: no address for who rests", warmPool},
		{"another group's or hook's event, a test notification, an unknown transition: nothing touched", notOurs},
		{"an address of the pool at a NAT Gateway or a load balancer: never free, never taken back", foreignHolder},
		{"doubles, strays and members without: repaired in that order, a few at a time", repairs},
		{"an instance with two interfaces, the primary one not listed first: the primary one gets it", twoInterfaces},
		{"an instance that is gone before its terminate event: the release is idempotent", goneBeforeTerminate},
		{"an address in use: released after the drain only", releaseAfterDrain},
		{"an exhausted pool: the function allocates nothing", allocatesNothing}, // the plan's half is the pool's: AddressLimitExceeded in package eippool
		{"a deadline a second away: handed over with nothing half done", deadlineNear},
		{"an empty pool, a wrong tag value, a tag in another case: a reason of its own", emptyPool},
		{"launches that are abandoned again and again: each with its reason, and no address leaks", abandonLoop},
	}
	for _, fault := range faults {
		t.Run(fault.name, fault.test)
	}
}

// What people get wrong: nothing is touched that need not be, and the reason names it.
func TestBadInput(t *testing.T) {
	t.Run("an address in another network border group: the others are used", func(t *testing.T) {
		s := launch(t, 1)
		addElsewhere(s, 3)
		s.play()
		s.serves()
		if held := s.Instance(s.id).Addresses[0]; held.AllocationID != s.Pool()[0].AllocationID {
			t.Errorf("%+v", held)
		}
	})
	t.Run("addresses in another network border group only", func(t *testing.T) {
		s := launch(t, 0)
		addElsewhere(s, 2)
		s.play()
		s.isAbandoned("InvalidParameterCombination")
	})
	t.Run("an instance without an interface", func(t *testing.T) {
		s := launch(t, 1)
		s.ec2 = func(c assignertest.EC2) assignertest.EC2 { return bare{c} }
		s.play()
		s.isAbandoned("primary interface")
		s.called("AssociateAddress", 0, 0)
	})
	t.Run("an instance that nobody knows", func(t *testing.T) {
		s := launch(t, 1)
		before := maps.Clone(s.Calls())
		unknown := json.RawMessage(strings.ReplaceAll(string(s.launchEvent()), s.id, "i-0ffffffffffffffff"))
		if err := s.Invoke(unknown, 15*time.Minute); err != nil {
			t.Error(err)
		}
		if got := s.Calls()["AssociateAddress"] - before["AssociateAddress"]; got > 1 { // a scheduled run gives the waiting instance its own
			t.Errorf("%d associations", got)
		}
		if last := s.results[len(s.results)-1]; last.Outcome == assigner.OutcomeContinue {
			t.Errorf("%+v", last)
		}
	})
	t.Run("a pool whose addresses somebody released by hand", func(t *testing.T) {
		s := launch(t, 3)
		for _, a := range s.Pool() {
			if err := s.Book().Release(a.AllocationID, ""); err != nil {
				t.Fatal(err)
			}
		}
		s.play()
		s.isAbandoned("is empty")
	})
}

// addElsewhere puts addresses of another network border group in the pool.
func addElsewhere(s *scene, n int) {
	for range n {
		_, err := s.Book().Allocate(elasticip.Allocation{BorderGroup: assignertest.OtherBorderGroup, Tags: map[string]string{assignertest.PoolTagKey: assignertest.PoolName}})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// bare shows instances without their interfaces.
type bare struct{ assignertest.EC2 }

func (c bare) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, options ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out, err := c.EC2.DescribeInstances(ctx, in, options...)
	if err == nil {
		for _, reservation := range out.Reservations {
			for i := range reservation.Instances {
				reservation.Instances[i].NetworkInterfaces = nil
			}
		}
	}
	return out, err
}

func concurrentLaunches(t *testing.T) {
	for seed := range uint64(20) {
		n := 2 + int(seed)*2
		got := assignertest.Contest{Launches: n, Addresses: n, Zones: 1 + int(seed%3), Seed: seed}.Run(handle)
		if got.InService != n || got.Steals != 0 || got.Doubles != 0 || got.Unassigned != 0 {
			t.Errorf("seed %d: %+v", seed, got)
		}
	}
}

func moreLaunchesThanAddresses(t *testing.T) {
	got := assignertest.Contest{Launches: 7, Addresses: 4, Seed: 3, Scheduled: true, For: 2 * time.Hour}.Run(handle)
	if got.InService != 4 || got.Steals != 0 || got.Doubles != 0 {
		t.Errorf("%+v", got)
	}
	if beats := got.Calls["RecordLifecycleActionHeartbeat"]; beats < 3*10 {
		t.Errorf("%d heartbeats of three instances that wait for an hour", beats)
	}
	s := launch(t, 0)
	s.play()
	s.isAbandoned("no address within")
}

func addressTaken(t *testing.T) {
	s := launch(t, 3)
	s.Script(refuse("AssociateAddress", 1, assignertest.Refusal("Resource.AlreadyAssociated", "resource eipalloc-0 is already associated with associate-id eipassoc-1")))
	started := s.Now()
	if err := s.Invoke(s.launchEvent(), time.Minute); err != nil || s.Now().Sub(started) > 700*time.Millisecond {
		t.Errorf("%v after %s: it waited before it took the next", err, s.Now().Sub(started))
	}
	s.await(time.Minute, "service", func() bool { return s.state() == "InService" })
	s.serves()
	s.called("AssociateAddress", 2, 2)
	if len(s.GivenUp) > 0 || len(s.results) != 1 {
		t.Errorf("the conflict surfaced: %+v", s.results)
	}
}

func interfaceTaken(t *testing.T) {
	t.Run("by an address of the pool", func(t *testing.T) {
		s := launch(t, 3)
		own := s.Pool()[2].AllocationID
		// The listings show it only after the attempt.
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			if s.Calls()["AssociateAddress"] == 0 {
				what.Stale = 20 * time.Second
			}
			return what
		})
		if err := s.Associate(own, s.id); err != nil {
			t.Fatal(err)
		}
		s.play()
		s.serves()
		if held := s.pooled(s.Instance(s.id)); !slices.Equal(held, []string{own}) {
			t.Errorf("holds %v, had %s", held, own)
		}
	})
	for _, lenient := range []bool{false, true} {
		t.Run(fmt.Sprintf("by a foreign address, with EC2 swapping %t", lenient), func(t *testing.T) {
			s := launch(t, 3, func(s *assignertest.Schedule) { s.Lenient = lenient })
			s.Do("foreign", 0)
			s.play()
			s.isAbandoned("foreign address")
			if s.Elapsed() > 10*time.Minute {
				t.Errorf("it took %s, and waiting could not help", s.Elapsed())
			}
			s.called("AssociateAddress", 0, 0)
		})
	}
}

func associationNotSeen(t *testing.T) {
	t.Run("for some seconds", func(t *testing.T) {
		s := launch(t, 2)
		claimed := time.Time{}
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			switch {
			case call.Op == "AssociateAddress":
				claimed = s.Now()
			case !claimed.IsZero() && s.Now().Sub(claimed) < 8*time.Second:
				what.Stale = 10 * time.Second
			}
			return what
		})
		s.play()
		s.serves()
		s.called("AssociateAddress", 1, 1)
	})
	t.Run("ever", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(func(call assignertest.Call) assignertest.Interference {
			return assignertest.Interference{Phantom: call.Op == "AssociateAddress" && call.N == 1}
		})
		s.play()
		s.serves()
		s.called("AssociateAddress", 2, 3)
	})
	t.Run("but another's", func(t *testing.T) {
		s := launch(t, 2, func(s *assignertest.Schedule) { s.Desired = 2 })
		s.await(time.Minute, "two waiting instances", func() bool {
			return len(slices.DeleteFunc(s.In("Pending:Wait"), func(i assignertest.Instance) bool { return i.State != "running" })) == 2
		})
		rival := s.In("Pending:Wait")[1].ID
		if rival == s.id {
			rival = s.In("Pending:Wait")[0].ID
		}
		// EC2 accepts both associations of one address, and only the rival's is real.
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			in, ok := call.Input.(*ec2.AssociateAddressInput)
			if ok && call.N == 1 {
				what.Phantom = true
				if err := s.Associate(aws.ToString(in.AllocationId), rival); err != nil {
					t.Error(err)
				}
			}
			return what
		})
		s.play()
		s.serves()
	})
}

func associationAnswerLost(t *testing.T) {
	s := launch(t, 3)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if call.Op == "AssociateAddress" && call.N == 1 {
			what.Lose = errors.New("read tcp: i/o timeout")
		}
		return what
	})
	s.play()
	s.serves()
	s.called("AssociateAddress", 1, 1)
}

// retried has the first calls of an operation refused, for what time mends.
func retried(t *testing.T, op string, err error) {
	s := launch(t, 2)
	s.Script(refuse(op, 3, err))
	s.play()
	s.serves()
	s.called(op, 4, 8)
}

func instanceTerminated(t *testing.T) {
	s := launch(t, 2)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if call.Op == "AssociateAddress" && call.N == 1 {
			s.Terminate(s.id)
			what.Refuse = assignertest.Refusal("InvalidInstanceID", "The terminated instance '%s' is not in a valid state for this operation.", s.id)
		}
		return what
	})
	s.play()
	s.Run(2 * time.Minute)
	if s.inUse() > 1 { // its successor's
		t.Errorf("%+v", s.Pool())
	}
	for _, result := range s.results {
		if result.InstanceID == s.id && result.Outcome == assigner.OutcomeContinue && result.AllocationID != "" {
			t.Errorf("a dead instance was told to go on: %+v", result)
		}
	}
}

func instanceNotVisible(t *testing.T) {
	s := launch(t, 2)
	seen := s.Now().Add(70 * time.Second)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if in, ok := call.Input.(*ec2.DescribeInstancesInput); ok && s.Now().Before(seen) {
			if len(in.InstanceIds) > 0 {
				what.Refuse = assignertest.Refusal("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", s.id)
			} else {
				what.Stale = 30 * time.Second
				in.Filters[0].Values = []string{"i-hidden"}
			}
		}
		return what
	})
	s.play()
	s.serves()
	for _, result := range s.results {
		if result.Outcome != assigner.OutcomeContinue && result.Outcome != assigner.OutcomeHandedOver {
			t.Errorf("it did not wait: %+v", result)
		}
	}
}

func interfaceNotFound(t *testing.T) {
	s := launch(t, 2)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if call.Op == "AssociateAddress" && call.N == 1 {
			s.Terminate(s.id) // the interface goes with it
		}
		return what
	})
	s.play()
	s.Run(3 * time.Minute)
	if held := s.pooled(s.Instance(s.id)); len(held) > 0 || len(s.GivenUp) > 0 {
		t.Errorf("holds %v, given up %s", held, s.GivenUp)
	}
}

func addressDeleted(t *testing.T) {
	s := launch(t, 2)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		in, ok := call.Input.(*ec2.AssociateAddressInput)
		if ok && call.N == 1 {
			if err := s.Book().Release(aws.ToString(in.AllocationId), ""); err != nil {
				t.Error(err)
			}
		}
		return what
	})
	s.play()
	s.serves()
	s.called("AssociateAddress", 2, 2)
}

func releaseTwice(t *testing.T) {
	tests := map[string]func(s *scene, a string) assignertest.Interference{
		"refused": func(s *scene, _ string) assignertest.Interference {
			return assignertest.Interference{Refuse: assignertest.Refusal("InvalidAssociationID.NotFound", "The association ID 'eipassoc-0' does not exist")}
		},
		"the address is gone": func(s *scene, _ string) assignertest.Interference {
			return assignertest.Interference{Refuse: assignertest.Refusal("InvalidAddress.NotFound", "Address '52.0.0.1' not found.")}
		},
		"silent": func(s *scene, _ string) assignertest.Interference {
			if err := s.Disassociate(s.Instance(s.id).Addresses[0]); err != nil {
				s.t.Error(err)
			}
			return assignertest.Interference{}
		},
	}
	for name, interfere := range tests {
		t.Run(name, func(t *testing.T) {
			s := launch(t, 1)
			s.play()
			s.SendAway(s.id)
			s.await(time.Minute, "Terminating:Wait", func() bool { return s.state() == "Terminating:Wait" })
			s.Script(func(call assignertest.Call) (what assignertest.Interference) {
				if call.Op == "DisassociateAddress" && call.N == 1 {
					return interfere(s, "")
				}
				return what
			})
			started := s.Now()
			if err := s.Invoke(s.terminateEvent(), time.Minute); err != nil || s.Now().Sub(started) > 30*time.Second {
				t.Errorf("%v after %s", err, s.Now().Sub(started))
			}
			s.called("DisassociateAddress", 1, 1)
			s.await(2*time.Minute, "the end", func() bool { return s.state() == "" })
			if s.inUse() != 0 {
				t.Errorf("%+v", s.Pool())
			}
		})
	}
}

func roleRefused(t *testing.T) {
	denied := func(until time.Duration) func(s *scene) func(assignertest.Call) assignertest.Interference {
		return func(s *scene) func(assignertest.Call) assignertest.Interference {
			end := s.Now().Add(until)
			return func(call assignertest.Call) (what assignertest.Interference) {
				if s.Now().Before(end) && call.Op != "CompleteLifecycleAction" && call.Op != "CreateTags" {
					what.Refuse = assignertest.Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")
				}
				if in, ok := call.Input.(*ec2.AssociateAddressInput); ok && in != nil && s.Now().Before(end) {
					what.Refuse = assignertest.Refusal("AuthFailure", "You do not have permission to access the specified resource.")
				}
				return what
			}
		}
	}
	t.Run("for half a minute", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(denied(30 * time.Second)(s))
		s.play()
		s.serves()
	})
	t.Run("for good", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(refuse("AssociateAddress", 1<<30, assignertest.Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")))
		s.play()
		s.isAbandoned("role is refused")
		if s.measured("Denied") == 0 {
			t.Error("no metric tells an alarm of the refusals")
		}
		if waited := s.Elapsed(); waited > 20*time.Minute {
			t.Errorf("it took %s", waited)
		}
	})
}

func throttled(t *testing.T) {
	s := launch(t, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if rng.IntN(3) != 0 {
			what.Refuse = assignertest.Refusal("RequestLimitExceeded", "Request limit exceeded.")
			if strings.Contains(call.Op, "AutoScaling") || strings.Contains(call.Op, "Lifecycle") {
				what.Refuse = assignertest.Refusal("Throttling", "Rate exceeded")
			}
		}
		return what
	})
	s.play()
	s.serves()
}

func serverErrors(t *testing.T) {
	errs := []error{
		assignertest.Refusal("InternalError", "An internal error has occurred"), assignertest.Refusal("ServiceUnavailable", "The service is unavailable."),
		errors.New("read tcp: connection reset by peer"), errors.New("deserialization failed: unexpected EOF"),
	}
	for _, err := range errs {
		t.Run(err.Error(), func(t *testing.T) {
			s := launch(t, 2)
			s.Script(func(call assignertest.Call) (what assignertest.Interference) {
				if s.Elapsed() < 4*time.Minute {
					what.Refuse = err
				}
				return what
			})
			s.Deliver(s.launchEvent())
			s.Run(3 * time.Minute)
			if s.state() != "Pending:Wait" {
				t.Errorf("%s while nothing works", s.state())
			}
			s.await(time.Hour, "the end of the launch", func() bool { return !strings.HasPrefix(s.state(), "Pending") })
			s.serves()
		})
	}
}

func noActiveAction(t *testing.T) {
	t.Run("because it is completed", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			if call.Op == "CompleteLifecycleAction" && call.N == 1 {
				what.Lose = errors.New("read tcp: i/o timeout")
			}
			return what
		})
		s.play()
		s.Run(10 * time.Minute)
		s.serves()
		if len(s.GivenUp) > 0 {
			t.Error("the event was given up")
		}
	})
	t.Run("because the instance goes", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			if call.Op == "CompleteLifecycleAction" && call.N == 1 {
				s.SendAway(s.id)
			}
			return what
		})
		if err := s.Invoke(s.launchEvent(), 15*time.Minute); err != nil {
			t.Error(err)
		}
		if s.inUse() != 0 {
			t.Errorf("%s holds %v", s.state(), s.pooled(s.Instance(s.id)))
		}
	})
	t.Run("because the token is another action's", func(t *testing.T) {
		s := launch(t, 2)
		s.Script(func(call assignertest.Call) (what assignertest.Interference) {
			if call.Op == "CompleteLifecycleAction" && call.N == 1 {
				what.Refuse = assignertest.Refusal("ValidationError", "No active Lifecycle Action found with token token-0")
			}
			return what
		})
		s.play()
		s.serves()
	})
}

func groupDeleted(t *testing.T) {
	s := launch(t, 2)
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if call.Op == "CompleteLifecycleAction" && call.N == 1 {
			s.DeleteGroup()
		}
		return what
	})
	if err := s.Invoke(s.launchEvent(), 15*time.Minute); err != nil {
		t.Error(err)
	}
	s.Run(5 * time.Minute)
	if s.inUse() != 0 || len(s.GivenUp) > 0 {
		t.Errorf("%+v, given up %s", s.Pool(), s.GivenUp)
	}
}

func heartbeatRefused(t *testing.T) {
	s := launch(t, 0)
	s.Script(refuse("RecordLifecycleActionHeartbeat", 1<<30, assignertest.Refusal("ValidationError", "No active Lifecycle Action found with instance ID i-0123")))
	s.play()
	if i := s.Instance(s.id); i.LifecycleState == "InService" {
		t.Errorf("%+v", i)
	}
	if minutes := int(s.Elapsed() / time.Minute); s.Calls()["RecordLifecycleActionHeartbeat"] > 5*(minutes+1) {
		t.Errorf("%d heartbeats in %d minutes", s.Calls()["RecordLifecycleActionHeartbeat"], minutes)
	}
}

func duplicateEvents(t *testing.T) {
	s := launch(t, 3)
	event := s.launchEvent()
	for range 3 {
		s.Deliver(event)
	}
	s.play()
	s.Run(time.Minute)
	s.serves()
	first := s.id
	s.SendAway(first)
	s.Do("desired", 1)
	s.await(time.Minute, "Terminating:Wait", func() bool { return s.Instance(first).LifecycleState == "Terminating:Wait" })
	terminate := s.EventOf(assignertest.TerminateHook, first)
	s.Deliver(terminate)
	s.await(10*time.Minute, "a successor in service", func() bool { return len(s.In("InService")) == 1 && s.Instance(first).LifecycleState == "" })
	s.Run(6 * time.Hour)
	before := s.inUse()
	calls := maps.Clone(s.Calls())
	for _, late := range []json.RawMessage{event, terminate} {
		if err := s.Invoke(late, 15*time.Minute); err != nil {
			t.Error(err)
		}
	}
	if ops := touched(calls, s.Calls()); s.inUse() != before || slices.Contains(ops, "AssociateAddress") || slices.Contains(ops, "DisassociateAddress") {
		t.Errorf("late events did %v, %d addresses are in use", ops, s.inUse())
	}
}

func lostEvents(t *testing.T) {
	s := launch(t, 1)
	s.await(2*time.Minute, "service without an event", func() bool { return s.state() == "InService" })
	s.serves()
	s.SendAway(s.id)
	s.await(4*time.Minute, "the end without an event", func() bool { return s.state() == "" })
	if s.inUse() != 0 {
		t.Errorf("%+v", s.Pool())
	}
}

func terminateBeforeLaunch(t *testing.T) {
	s := launch(t, 1)
	event := s.launchEvent()
	s.SendAway(s.id)
	s.await(time.Minute, "Terminating:Wait", func() bool { return s.state() == "Terminating:Wait" })
	for _, payload := range []json.RawMessage{s.terminateEvent(), event} {
		if err := s.Invoke(payload, 15*time.Minute); err != nil {
			t.Error(err)
		}
	}
	s.await(2*time.Minute, "the end", func() bool { return s.state() == "" })
	if s.inUse() != 0 {
		t.Errorf("%+v", s.Pool())
	}
}

func terminatedMeanwhile(t *testing.T) {
	for _, op := range []string{"DescribeInstances", "DescribeAddresses", "AssociateAddress", "CompleteLifecycleAction"} {
		t.Run("at "+op, func(t *testing.T) {
			s := launch(t, 1)
			s.Script(func(call assignertest.Call) (what assignertest.Interference) {
				if call.Op == op && call.N == 1 {
					s.SendAway(s.id)
				}
				return what
			})
			s.Deliver(s.launchEvent())
			s.await(10*time.Minute, "the end", func() bool { return s.state() == "" })
			if s.inUse() != 0 {
				t.Errorf("%+v", s.Pool())
			}
		})
	}
}

// killed plays a launch, or the end of an instance, in which one run is killed at its k-th call.
func killed(t *testing.T, k int, after, leaving bool) (reached bool) {
	s := launch(t, 2)
	event := s.launchEvent
	if leaving {
		s.play()
		s.SendAway(s.id)
		s.await(time.Minute, "Terminating:Wait", func() bool { return s.state() == "Terminating:Wait" })
		event = s.terminateEvent
	}
	victim := 0
	s.Script(func(call assignertest.Call) (what assignertest.Interference) {
		if victim == 0 {
			victim = call.Run
		}
		if call.Run == victim && call.InRun == k {
			reached = true
			what.KillBefore, what.KillAfter = !after, after
		}
		return what
	})
	s.Deliver(event())
	s.Run(10 * time.Minute)
	if leaving {
		if s.state() != "" || s.inUse() != 0 {
			t.Errorf("%s, %+v", s.state(), s.Pool())
		}
		return reached
	}
	s.serves()
	return reached
}

func killedAnywhere(t *testing.T) {
	for _, leaving := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for k := 1; ; k++ {
				reached := true
				t.Run(fmt.Sprintf("leaving %t, call %d, after its effect %t", leaving, k, after), func(t *testing.T) {
					reached = killed(t, k, after, leaving)
				})
				if !reached {
					if k < 4 {
						t.Errorf("only %d calls were made", k-1)
					}
					break
				}
			}
		}
	}
}

func warmPool(t *testing.T) {
	s := launch(t, 2, func(s *assignertest.Schedule) { s.Desired, s.Warm, s.Reuse = 0, 1, true })
	s.await(time.Minute, "Warmed:Pending:Wait", func() bool { return len(s.In("Warmed:Pending:Wait")) == 1 })
	s.id = s.In("Warmed:Pending:Wait")[0].ID
	toPool := s.launchEvent()
	if !strings.Contains(string(toPool), `"Destination":"WarmPool"`) {
		t.Fatalf("%s", toPool)
	}
	if err := s.Invoke(toPool, time.Minute); err != nil {
		t.Error(err)
	}
	s.await(time.Minute, "Warmed:Stopped", func() bool { return s.state() == "Warmed:Stopped" })
	s.called("AssociateAddress", 0, 0)

	s.Do("desired", 1)
	s.await(time.Minute, "Pending:Wait", func() bool { return s.state() == "Pending:Wait" })
	// The pool's event comes again, late: it must not let through who enters service now.
	if err := s.Invoke(toPool, time.Minute); err != nil {
		t.Error(err)
	}
	s.Run(5 * time.Second)
	s.play()
	s.serves()

	s.SendAway(s.id)
	s.await(time.Minute, "the hook on the way back", func() bool { return strings.Contains(string(s.terminateEvent()), `"Destination":"WarmPool"`) })
	back := s.terminateEvent()
	if err := s.Invoke(back, time.Minute); err != nil {
		t.Error(err)
	}
	s.await(time.Minute, "Warmed:Stopped", func() bool { return s.state() == "Warmed:Stopped" })
	if s.inUse() != 0 {
		t.Errorf("%+v", s.Pool())
	}

	s.Do("desired", 1)
	s.await(time.Minute, "Pending:Wait", func() bool { return s.state() == "Pending:Wait" })
	s.play()
	s.serves()
	s.Run(5 * time.Minute)
	// And the way back's event, late, must not cut who serves again.
	if err := s.Invoke(back, time.Minute); err != nil {
		t.Error(err)
	}
	s.serves()
}

func notOurs(t *testing.T) {
	s := launch(t, 1)
	event := string(s.launchEvent())
	payloads := map[string]string{
		"another group":       strings.ReplaceAll(event, assignertest.GroupName, "others"),
		"another hook":        strings.ReplaceAll(event, assignertest.LaunchHook, "drain"),
		"another transition":  strings.ReplaceAll(event, "EC2_INSTANCE_LAUNCHING", "EC2_INSTANCE_PONDERING"),
		"a test notification": `{"AccountId":"111122223333","RequestId":"1","AutoScalingGroupARN":"arn","AutoScalingGroupName":"proxies","Service":"AWS Auto Scaling","Event":"autoscaling:TEST_NOTIFICATION","Time":"2100-01-01T00:00:00.000Z"}`,
		"no lifecycle event":  `{"source":"aws.autoscaling","detail-type":"EC2 Instance Launch Successful","detail":{"AutoScalingGroupName":"proxies","EC2InstanceId":"` + s.id + `"}}`,
	}
	for name, payload := range payloads {
		before := maps.Clone(s.Calls())
		if err := s.Invoke(json.RawMessage(payload), 15*time.Minute); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if ops := touched(before, s.Calls()); len(ops) > 0 || s.state() != "Pending:Wait" {
			t.Errorf("%s: %v, and the instance is %s", name, ops, s.state())
		}
		if last := s.results[len(s.results)-1]; last.Outcome != assigner.OutcomeIgnored || last.Reason == "" {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

func foreignHolder(t *testing.T) {
	s := launch(t, 3)
	s.Do("lend", 0) // to a NAT Gateway's interface
	if err := s.Book().Manage(s.Pool()[1].AllocationID, "nlb"); err != nil {
		t.Fatal(err)
	}
	s.play()
	s.serves()
	s.called("AssociateAddress", 1, 1)
	s.Run(20 * time.Minute)
	s.called("DisassociateAddress", 0, 0)
	if pool := s.Pool(); pool[0].Association == nil || pool[1].Managed == "" {
		t.Errorf("%+v", pool)
	}
}

func repairs(t *testing.T) {
	t.Run("a double is released, the one on the primary private address kept", func(t *testing.T) {
		s := launch(t, 3)
		s.play()
		own := s.pooled(s.Instance(s.id))
		s.Do("give", 0, 0)
		if held := s.pooled(s.Instance(s.id)); len(held) != 2 {
			t.Fatalf("holds %v", held)
		}
		s.await(3*time.Minute, "one address", func() bool { return len(s.pooled(s.Instance(s.id))) == 1 })
		if held := s.pooled(s.Instance(s.id)); !slices.Equal(held, own) {
			t.Errorf("keeps %v, had %v", held, own)
		}
	})
	t.Run("a stray is marked, and released by a later run", func(t *testing.T) {
		s := launch(t, 2)
		s.play()
		s.Do("detach", 0)
		s.Run(90 * time.Second)
		if held := s.pooled(s.Instance(s.id)); len(held) != 1 || !strings.Contains(s.Instance(s.id).Addresses[0].Tags[eiptag.LastReason], "stray") {
			t.Errorf("%+v", s.Instance(s.id))
		}
		s.await(5*time.Minute, "its release", func() bool { return len(s.pooled(s.Instance(s.id))) == 0 })
	})
	t.Run("a member without gets one", func(t *testing.T) {
		s := launch(t, 2)
		s.play()
		if err := s.Disassociate(s.Instance(s.id).Addresses[0]); err != nil {
			t.Fatal(err)
		}
		s.await(2*time.Minute, "another address", func() bool { return len(s.pooled(s.Instance(s.id))) == 1 })
	})
	t.Run("a double first, then who is without", func(t *testing.T) {
		// The only address that the second member can get is the first member's second one.
		s := launch(t, 2, func(s *assignertest.Schedule) { s.Desired = 2 })
		s.await(5*time.Minute, "two in service", func() bool { return len(s.In("InService")) == 2 })
		members := s.In("InService")
		if err := s.Disassociate(members[1].Addresses[0]); err != nil {
			t.Fatal(err)
		}
		s.Do("give", 0, 0)
		runs := s.Now()
		s.await(3*time.Minute, "one address each", func() bool {
			return len(s.Instance(members[0].ID).Addresses) == 1 && len(s.Instance(members[1].ID).Addresses) == 1
		})
		if took := s.Now().Sub(runs); took > 70*time.Second {
			t.Errorf("took more than one run: %s", took)
		}
	})
	t.Run("a bounded number a run", func(t *testing.T) {
		const members = 60
		s := launch(t, members, func(s *assignertest.Schedule) { s.Desired, s.Faults = members, nil })
		s.await(10*time.Minute, "all in service", func() bool { return len(s.In("InService")) == members })
		for _, a := range s.Pool() {
			if err := s.Disassociate(a); err != nil {
				t.Fatal(err)
			}
		}
		before := s.Calls()["AssociateAddress"]
		s.Run(65 * time.Second)
		if first := s.Calls()["AssociateAddress"] - before; first == 0 || first >= members {
			t.Errorf("the first run made %d of %d repairs", first, members)
		}
		s.await(30*time.Minute, "all repaired", func() bool { return s.inUse() == members })
	})
}

func twoInterfaces(t *testing.T) {
	for seed := range uint64(40) {
		s := launch(t, 2, func(s *assignertest.Schedule) { s.Seed = seed })
		i := s.Instance(s.id)
		if i.SecondInterfaceID == "" {
			continue
		}
		s.play()
		s.serves()
		if to := s.Instance(s.id).Addresses[0].Association.Target; to.InterfaceID != i.InterfaceID || to.PrivateIP != i.PrivateIP {
			t.Errorf("the address is at %+v, the primary interface is %s", to, i.InterfaceID)
		}
		return
	}
	t.Error("no instance had two interfaces")
}

func goneBeforeTerminate(t *testing.T) {
	s := launch(t, 1)
	s.play()
	s.Terminate(s.id)
	s.await(2*time.Minute, "Terminating:Wait", func() bool { return s.state() == "Terminating:Wait" })
	for range 2 {
		if err := s.Invoke(s.terminateEvent(), 15*time.Minute); err != nil {
			t.Error(err)
		}
	}
	s.await(2*time.Minute, "the end", func() bool { return s.state() == "" })
	if len(s.pooled(s.Instance(s.id))) != 0 {
		t.Errorf("%+v", s.Pool())
	}
}

func releaseAfterDrain(t *testing.T) {
	s := launch(t, 1)
	s.play()
	s.SendAway(s.id)
	s.await(time.Minute, "Terminating", func() bool { return s.state() == "Terminating" })
	drained := s.RunUntil(time.Minute, func() bool { return s.inUse() == 0 || s.state() == "Terminating:Wait" })
	if !drained || s.inUse() != 1 {
		t.Errorf("%s with %d addresses in use: released while it drains", s.state(), s.inUse())
	}
	if err := s.Invoke(s.terminateEvent(), time.Minute); err != nil || s.inUse() != 0 {
		t.Errorf("%v, %d addresses in use", err, s.inUse())
	}
}

func allocatesNothing(t *testing.T) {
	asks := reflect.TypeFor[assigner.EC2]()
	for n := range asks.NumMethod() {
		if name := asks.Method(n).Name; strings.HasPrefix(name, "Allocate") || strings.HasPrefix(name, "Release") {
			t.Errorf("the function may call %s: an address that the firewall does not know would serve", name)
		}
	}
}

func deadlineNear(t *testing.T) {
	for _, left := range []time.Duration{time.Second, 14 * time.Second, 20 * time.Second, time.Minute} {
		t.Run(left.String(), func(t *testing.T) {
			s := launch(t, 0)
			before := s.In("Pending:Wait")[0]
			err := s.Invoke(s.launchEvent(), left)
			var handOver *assigner.HandOverError
			if !errors.As(err, &handOver) || handOver.InstanceID != s.id {
				t.Fatalf("%v, want a *HandOverError", err)
			}
			if s.state() != before.LifecycleState || s.inUse() != 0 {
				t.Errorf("%s with %d addresses in use", s.state(), s.inUse())
			}
		})
	}
}

func emptyPool(t *testing.T) {
	retag := func(value func(tags map[string]string)) func(s *scene) {
		return func(s *scene) {
			for _, a := range s.Pool() {
				if err := s.Retag(a, value); err != nil {
					s.t.Error(err)
				}
			}
		}
	}
	tests := map[string]struct {
		addresses int
		arrange   func(s *scene)
		reason    string
	}{
		"no address at all": {0, func(*scene) {}, "is empty"},
		"another value":     {2, retag(func(tags map[string]string) { tags[assignertest.PoolTagKey] = "ingress" }), "is empty"},
		"another case":      {2, retag(func(tags map[string]string) { tags[assignertest.PoolTagKey] = "Egress" }), "case-sensitive"},
		"none admitted":     {2, retag(func(tags map[string]string) { tags[eiptag.Admission] = eiptag.AdmissionRequired }), "admission"},
		"all retired":       {2, retag(func(tags map[string]string) { tags[eiptag.Lifecycle] = eiptag.LifecycleRetired }), "leaving the pool"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := launch(t, test.addresses)
			test.arrange(s)
			s.play()
			s.isAbandoned(test.reason)
		})
	}
}

func abandonLoop(t *testing.T) {
	s := launch(t, 2, func(s *assignertest.Schedule) { s.Faults = nil })
	s.Script(refuse("AssociateAddress", 1<<30, assignertest.Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")))
	s.Run(2 * time.Hour)
	abandoned := 0
	for _, i := range s.Instances() {
		if i.Tags[eiptag.Abandoned] != "" {
			abandoned++
		}
		if i.LifecycleState == "InService" || len(i.Addresses) > 0 {
			t.Errorf("%+v", i)
		}
	}
	if counted := s.measured("Abandons"); abandoned < 3 || s.inUse() != 0 || int(counted) != abandoned {
		t.Errorf("%d launches abandoned, %v measured, %d addresses in use", abandoned, counted, s.inUse())
	}
}
