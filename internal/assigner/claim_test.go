package assigner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// lambdaTimeout is the longest that a function may run.
const lambdaTimeout = 15 * time.Minute

// invoke delivers a payload as Lambda does: with a deadline, and after an error twice more.
func invoke(t *testing.T, a *Assigner, payload []byte) (Result, error) {
	t.Helper()
	var result Result
	var err error
	for _, pause := range []time.Duration{0, time.Minute, 2 * time.Minute} {
		<-time.After(pause)
		ctx, cancel := context.WithTimeout(t.Context(), lambdaTimeout)
		var got any
		got, err = a.Handle(ctx, payload)
		cancel()
		result, _ = got.(Result)
		if err == nil {
			break
		}
	}
	return result, err
}

func TestLaunchGetsOneAddressAndContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(3, 1)
		got, err := invoke(t, newAssigner(f, 1), launchEvent(f.instances["i-00"]))
		if err != nil || got.Outcome != OutcomeContinue || got.PublicIP == "" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if held := f.held("i-00"); len(held) != 1 || held[0] != got.AllocationID {
			t.Errorf("i-00 holds %v, the answer says %s", held, got.AllocationID)
		}
		want := map[string]int{"DescribeInstances": 1, "DescribeAddresses": 2, "AssociateAddress": 1, "CompleteLifecycleAction": 1}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
		f.check(t)
	})
}

// The interface gets an address of the pool by another run, between this run's reads and its claim.
func TestTwoRunsForOneInstanceEndWithOneAddress(t *testing.T) {
	for _, swap := range []bool{false, true} {
		t.Run(fmt.Sprintf("swap %t", swap), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(2, 1)
				f.swap = swap
				i := f.instances["i-00"]
				wanted := candidates(free(f.asPool(), nil), claimant{i.id, i.zone})
				f.before = func(op string, n int) error {
					if op == "AssociateAddress" && n == 1 {
						f.giveTo(wanted[1].allocationID, i.id)
					}
					return nil
				}
				got, err := invoke(t, newAssigner(f, 2), launchEvent(i))
				if err != nil || got.Outcome != OutcomeContinue {
					t.Fatalf("got %+v, %v", got, err)
				}
				if held := f.held("i-00"); len(held) != 1 || held[0] != got.AllocationID {
					t.Errorf("i-00 holds %v, the answer says %s", held, got.AllocationID)
				}
				if left := len(free(f.asPool(), nil)); left != 1 {
					t.Errorf("%d addresses are free, want 1", left)
				}
				f.check(t)
			})
		})
	}
}

// A fresh event is taken at its word, but nothing is taken from the instance on its account.
func TestFreshDuplicateCutsNoServingInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2, 1)
		i := f.instances["i-00"]
		payload := launchEvent(i)
		a := newAssigner(f, 15)
		first, err := invoke(t, a, payload)
		if err != nil {
			t.Fatal(err)
		}
		// Sound: the duplicate finds it so. Retired meanwhile: the instance serves, so it stays.
		for _, retire := range []bool{false, true} {
			if retire {
				f.tag(first.AllocationID, eiptag.Lifecycle, eiptag.LifecycleRetired)
			}
			clear(f.calls)
			got, err := invoke(t, a, payload)
			if err != nil || got.Outcome == OutcomeAbandon || f.calls["DisassociateAddress"]+f.calls["AssociateAddress"]+f.calls["CreateTags"] != 0 {
				t.Errorf("retired %t: got %+v, %v with calls %v", retire, got, err, f.calls)
			}
			if held := f.held("i-00"); len(held) != 1 || held[0] != first.AllocationID {
				t.Errorf("retired %t: i-00 holds %v", retire, held)
			}
		}
	})
}

// The event that sent an instance into the warm pool comes again once the instance is to serve.
func TestLateWarmPoolEventContinuesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0, 1)
		i := f.instances["i-00"]
		payload := lifecycleEvent(i, testConfig.LaunchHook, launching, warmPool)
		i.token = "token-of-the-second-wait"
		if _, err := invoke(t, newAssigner(f, 16), payload); err != nil {
			t.Error(err)
		}
		if i.lifecycle != statePendingWait {
			t.Errorf("the instance is %s without an address", i.lifecycle)
		}
		f.check(t)
	})
}

// An instance that came back from a warm pool keeps its address when the event of its earlier departure comes again.
func TestLateTerminateEventTakesNothingFromAServingInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 0)
		i := f.addInstance("i-00", stateInService)
		f.giveTo("eipalloc-00", "i-00")
		payload := terminateEvent(i)
		<-time.After(time.Hour)
		if got, err := invoke(t, newAssigner(f, 17), payload); err != nil || got.Outcome != OutcomeIgnored {
			t.Errorf("got %+v, %v", got, err)
		}
		if held := f.held("i-00"); len(held) != 1 {
			t.Errorf("i-00 holds %v", held)
		}
	})
}

func TestTerminateCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 0)
		i := f.addInstance("i-00", stateTerminatingWait)
		f.giveTo("eipalloc-00", "i-00")
		if _, err := invoke(t, newAssigner(f, 18), terminateEvent(i)); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{
			"DescribeAutoScalingInstances": 1, "DescribeInstances": 1, "DescribeAddresses": 1, "DisassociateAddress": 1, "CreateTags": 1,
			"CompleteLifecycleAction": 1,
		}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
		tags := toAddress(f.addresses["eipalloc-00"]).tags
		if tags[eiptag.LastZone] != i.zone || !strings.HasSuffix(tags[eiptag.LastReason], "released by i-00: the instance leaves the group") {
			t.Errorf("tags %v", tags)
		}
	})
}

func TestOneConflictCostsThreeCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(3, 1)
		i := f.instances["i-00"]
		wanted := candidates(free(f.asPool(), nil), claimant{i.id, i.zone})
		f.before = func(op string, n int) error {
			if op == "AssociateAddress" && n == 1 {
				f.give(wanted[0].allocationID, "i-99", "eni-99", "10.0.0.99")
			}
			return nil
		}
		got, err := invoke(t, newAssigner(f, 19), launchEvent(i))
		if err != nil || got.AllocationID != wanted[1].allocationID {
			t.Errorf("got %+v, %v, want %s", got, err, wanted[1].allocationID)
		}
		want := map[string]int{"DescribeInstances": 1, "DescribeAddresses": 3, "AssociateAddress": 2, "DescribeAutoScalingGroups": 1, "CompleteLifecycleAction": 1}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
	})
}

// lines decodes what was written, one JSON value a line.
func lines(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range bytes.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, one)
	}
	return out
}

func TestAbandonedLaunchLeavesAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0, 1)
		i := f.instances["i-00"]
		var log, metrics bytes.Buffer
		a := newAssigner(f, 20)
		a.Log, a.Metrics = slog.New(slog.NewJSONHandler(&log, nil)), &metrics
		for i.lifecycle == statePendingWait {
			<-time.After(time.Minute)
			if _, err := a.Reconcile(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		const reason = "no address within 1h0m0s of the launch: pool egress is empty"
		if i.result != resultAbandon || !strings.Contains(i.abandoned, reason) {
			t.Errorf("ended with %s, tag %q", i.result, i.abandoned)
		}
		found := slices.ContainsFunc(lines(t, log.Bytes()), func(line map[string]any) bool {
			return line["level"] == "ERROR" && line["outcome"] == OutcomeAbandon && line["instance_id"] == "i-00" && strings.Contains(fmt.Sprint(line["reason"]), reason)
		})
		if !found {
			t.Errorf("the log has no error with the reason:\n%s", &log)
		}
		if !slices.ContainsFunc(lines(t, metrics.Bytes()), func(line map[string]any) bool { return line["Abandons"] == 1.0 }) {
			t.Errorf("no metric Abandons:\n%s", &metrics)
		}
		report, err := a.Report(t.Context())
		if err != nil || len(report.Abandoned) != 1 || report.Abandoned[0].InstanceID != "i-00" || report.Abandoned[0].At == nil || !strings.Contains(report.Abandoned[0].Reason, reason) {
			t.Errorf("report %+v, %v", report.Abandoned, err)
		}
	})
}

// A fault of the table in the design's research: what is injected into an otherwise sound
// launch of one instance with two addresses, and how it must end.
func TestLaunchUnderOneFault(t *testing.T) {
	// first refuses the first n calls of an operation.
	first := func(op string, n int, code, message string) func(string, int) error {
		return func(called string, count int) error {
			if called == op && count <= n {
				return apiError(code, message)
			}
			return nil
		}
	}
	tests := map[string]struct {
		arrange func(f *fakeAWS)
		outcome string
		holds   int
		reason  string
		token   string // replaces the event's
		atLeast map[string]int
	}{
		"the first address is taken": {
			arrange: func(f *fakeAWS) {
				f.before = first("AssociateAddress", 1, "Resource.AlreadyAssociated", "resource eipalloc-00 is already associated with associate-id eipassoc-1")
			},
			outcome: OutcomeContinue, holds: 1, atLeast: map[string]int{"AssociateAddress": 2},
		},
		"the interface has a foreign address": {
			arrange: func(f *fakeAWS) { f.instances["i-00"].foreignIP = "54.9.9.9" },
			outcome: OutcomeAbandon, holds: 0, reason: "54.9.9.9",
		},
		"it holds one of the pool already": {
			arrange: func(f *fakeAWS) { f.giveTo("eipalloc-01", "i-00") },
			outcome: OutcomeContinue, holds: 1,
		},
		"the association answers late and took effect": {
			arrange: func(f *fakeAWS) {
				f.after = func(op string, n int) error {
					if op == "AssociateAddress" && n == 1 {
						return errors.New("read tcp: i/o timeout")
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the instance is pending": {
			arrange: func(f *fakeAWS) {
				f.before = first("AssociateAddress", 3, "InvalidInstanceID", "The pending instance 'i-00' is not in a valid state for this operation.")
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the volume is pending": {
			arrange: func(f *fakeAWS) {
				f.before = first("AssociateAddress", 3, "IncorrectInstanceState", "The pending-volume-availability instance to which 'eni-00' is attached is not in a valid state for this operation")
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the instance terminates meanwhile": {
			arrange: func(f *fakeAWS) {
				f.before = func(op string, _ int) error {
					if op != "AssociateAddress" {
						return nil
					}
					f.terminate(f.instances["i-00"])
					return apiError("InvalidInstanceID", "The terminated instance 'i-00' is not in a valid state for this operation.")
				}
			},
			outcome: OutcomeIgnored, holds: 0,
		},
		"the instance is not visible at first": {
			arrange: func(f *fakeAWS) {
				hidden := f.instances["i-00"]
				delete(f.instances, "i-00")
				f.before = func(op string, n int) error {
					if n == 8 {
						f.instances["i-00"] = hidden
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"one address of the pool is deleted": {
			arrange: func(f *fakeAWS) {
				f.before = first("AssociateAddress", 1, "InvalidAllocationID.NotFound", "The allocation ID 'eipalloc-00' does not exist")
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the role's policy has not spread": {
			arrange: func(f *fakeAWS) {
				f.before = func(string, int) error {
					if time.Since(f.instances["i-00"].launched) < 40*time.Second {
						return apiError("UnauthorizedOperation", "You are not authorized to perform this operation.")
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the role is refused for good": {
			arrange: func(f *fakeAWS) {
				f.before = first("AssociateAddress", 1<<30, "UnauthorizedOperation", "You are not authorized to perform this operation.")
			},
			outcome: OutcomeAbandon, holds: 0, reason: "role is refused",
		},
		"bursts of throttling": {
			arrange: func(f *fakeAWS) {
				f.before = func(op string, n int) error {
					if n%3 != 0 {
						return apiError("RequestLimitExceeded", "Request limit exceeded.")
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"Auto Scaling contends with itself": {
			arrange: func(f *fakeAWS) {
				f.before = first("CompleteLifecycleAction", 3, "ResourceContention", "You already have a pending update to an Amazon EC2 Auto Scaling resource")
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the answer to the completion is lost": {
			arrange: func(f *fakeAWS) {
				f.after = func(op string, n int) error {
					if op == "CompleteLifecycleAction" && n == 1 {
						return errors.New("connection reset by peer")
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"the token is another action's": {
			arrange: func(f *fakeAWS) {}, token: "token-of-yesterday",
			outcome: OutcomeContinue, holds: 1, atLeast: map[string]int{"CompleteLifecycleAction": 2},
		},
		"the instance is told to go after the claim": {
			arrange: func(f *fakeAWS) {
				f.before = func(op string, n int) error {
					if op == "CompleteLifecycleAction" && n == 1 {
						f.instances["i-00"].lifecycle, f.instances["i-00"].hook = stateTerminatingWait, testConfig.TerminateHook
					}
					return nil
				}
			},
			outcome: OutcomeReleased, holds: 0,
		},
		"EC2 shows the association late": {
			arrange: func(f *fakeAWS) { f.staleness = 8 * time.Second },
			outcome: OutcomeContinue, holds: 1,
		},
		"the instance and the pool disagree for a while": {
			arrange: func(f *fakeAWS) {
				f.instances["i-00"].foreignIP = "52.0.0.1"
				f.before = func(op string, n int) error {
					if op == "DescribeInstances" && n == 4 {
						f.instances["i-00"].foreignIP = ""
					}
					if op == "AssociateAddress" && f.calls["DescribeInstances"] < 4 {
						f.violations = append(f.violations, "claimed while the listings disagree")
					}
					return nil
				}
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"an association is accepted and never seen": {
			arrange: func(f *fakeAWS) { f.phantoms = 1 },
			outcome: OutcomeContinue, holds: 1, atLeast: map[string]int{"AssociateAddress": 2},
		},
		"it holds one on its second private address": {
			arrange: func(f *fakeAWS) { f.give("eipalloc-00", "i-00", "eni-00", "10.0.0.200") },
			outcome: OutcomeContinue, holds: 1, atLeast: map[string]int{"DisassociateAddress": 1},
		},
		"it holds two, and the release of one is throttled": {
			arrange: func(f *fakeAWS) {
				f.giveTo("eipalloc-00", "i-00")
				f.give("eipalloc-01", "i-00", "eni-00", "10.0.0.200")
				f.before = first("DisassociateAddress", 2, "RequestLimitExceeded", "Request limit exceeded.")
			},
			outcome: OutcomeContinue, holds: 1,
		},
		"two interfaces, the primary one listed last": {
			arrange: func(f *fakeAWS) { f.instances["i-00"].extraENI = "eni-aaa" },
			outcome: OutcomeContinue, holds: 1,
		},
		"a NAT Gateway has the first address": {
			arrange: func(f *fakeAWS) { f.give("eipalloc-00", "", "eni-nat", "10.0.0.99") },
			outcome: OutcomeContinue, holds: 1,
		},
		"no address is admitted": {
			arrange: func(f *fakeAWS) {
				for id := range f.addresses {
					f.tag(id, eiptag.Admission, eiptag.AdmissionRequired)
				}
			},
			outcome: OutcomeAbandon, holds: 0, reason: "2 wait for the firewall's admission",
		},
		"the pool's tag has another case": {
			arrange: func(f *fakeAWS) { clear(f.addresses); f.remember() },
			outcome: OutcomeAbandon, holds: 0, reason: "case-sensitive",
		},
		"it holds an address that has been retired": {
			arrange: func(f *fakeAWS) {
				f.giveTo("eipalloc-00", "i-00")
				f.tag("eipalloc-00", eiptag.Lifecycle, eiptag.LifecycleRetired)
			},
			outcome: OutcomeContinue, holds: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(2, 1)
				i := f.instances["i-00"]
				payload := launchEvent(i)
				test.arrange(f)
				if test.token != "" {
					payload = []byte(strings.Replace(string(payload), i.token, test.token, 1))
				}
				a := newAssigner(f, 7)
				got, err := invoke(t, a, payload)
				// What the retries leave is the reconciler's: once a minute.
				for err != nil && time.Since(i.launched) < 3*time.Hour {
					<-time.After(time.Minute)
					var done Reconciliation
					done, _ = a.Reconcile(t.Context())
					for _, result := range done.Results {
						if result.Outcome != OutcomeHandedOver {
							got, err = result, nil
						}
					}
				}
				if got.Outcome != test.outcome || !strings.Contains(got.Reason, test.reason) {
					t.Errorf("got %+v, %v; want outcome %s with %q", got, err, test.outcome, test.reason)
				}
				if held := f.held("i-00"); len(held) != test.holds {
					t.Errorf("i-00 holds %v, want %d", held, test.holds)
				}
				for id, address := range f.addresses {
					if address.NetworkInterfaceId != nil && *address.NetworkInterfaceId == "eni-aaa" {
						t.Errorf("%s is on the second interface", id)
					}
				}
				for op, least := range test.atLeast {
					if f.calls[op] < least {
						t.Errorf("%s was called %d times, want at least %d", op, f.calls[op], least)
					}
				}
				f.check(t)
			})
		})
	}
}

// A foreign address is not waited for, but looked at twice: a listing may lag.
func TestForeignAddressEndsTheWaitSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		i := f.instances["i-00"]
		i.foreignIP = "54.9.9.9"
		if got, err := invoke(t, newAssigner(f, 21), launchEvent(i)); err != nil || got.Outcome != OutcomeAbandon {
			t.Errorf("got %+v, %v", got, err)
		}
		if took := time.Since(i.launched); took < settle || took > visible {
			t.Errorf("abandoned after %s", took)
		}
	})
}

func TestWaitingInstancesSendHeartbeatsAndGetTheFirstFreeAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 2)
		f.giveTo("eipalloc-00", "i-01")
		f.instances["i-01"].lifecycle, f.instances["i-01"].hook = stateInService, ""
		start := time.Now()
		f.before = func(op string, _ int) error {
			if op == "DescribeAddresses" && time.Since(start) > 10*time.Minute && len(f.heldLocked("i-01")) > 0 {
				f.take("eipalloc-00")
			}
			return nil
		}
		got, err := invoke(t, newAssigner(f, 3), launchEvent(f.instances["i-00"]))
		if err != nil || got.Outcome != OutcomeContinue {
			t.Fatalf("got %+v, %v", got, err)
		}
		if beats := f.calls["RecordLifecycleActionHeartbeat"]; beats < 5 {
			t.Errorf("%d heartbeats in 10 minutes, want one in 100 s", beats)
		}
		f.check(t)
	})
}

func TestClaimHandsOverBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0, 1)
		i := f.instances["i-00"]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := newAssigner(f, 4).Handle(ctx, launchEvent(i))
		var handOver *HandOverError
		if !errors.As(err, &handOver) || handOver.InstanceID != "i-00" {
			t.Fatalf("got %v, want *HandOverError", err)
		}
		if ctx.Err() != nil {
			t.Error("the function ran into its deadline")
		}
		if left := time.Until(i.expires); left < 299*time.Second {
			t.Errorf("the hook expires in %s: no heartbeat at the hand-over", left)
		}
		if i.lifecycle != statePendingWait {
			t.Errorf("the instance is %s", i.lifecycle)
		}
	})
}

func TestEventsThatAreNotOurs(t *testing.T) {
	event := func(edit func(string) string) []byte {
		return []byte(edit(string(launchEvent(&fakeInstance{id: "i-00"}))))
	}
	tests := map[string][]byte{
		"another group":                      event(func(s string) string { return strings.Replace(s, `"proxies"`, `"others"`, 1) }),
		"another hook":                       event(func(s string) string { return strings.Replace(s, "launch-hook", "drain-hook", 1) }),
		"another transition":                 event(func(s string) string { return strings.Replace(s, "LAUNCHING", "PONDERING", 1) }),
		"another source":                     event(func(s string) string { return strings.Replace(s, "aws.autoscaling", "aws.ec2", 1) }),
		"a test notification":                []byte(`{"Event":"autoscaling:TEST_NOTIFICATION","AutoScalingGroupName":"proxies"}`),
		"no JSON":                            []byte(`not json`),
		"no instance":                        event(func(s string) string { return strings.Replace(s, `"i-00"`, `""`, 1) }),
		"an empty object":                    []byte(`{}`),
		"null":                               []byte(`null`),
		"an id of another kind":              event(func(s string) string { return strings.Replace(s, `"i-00"`, `"eni-00"`, 1) }),
		"a huge payload":                     event(func(s string) string { return strings.Replace(s, "token-i-00", strings.Repeat("x", maxPayload), 1) }),
		"a test notification in an envelope": event(func(s string) string { return strings.Replace(s, launching, testNotification, 1) }),
	}
	for name, payload := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(1, 1)
				got, err := newAssigner(f, 5).Handle(t.Context(), payload)
				if result, ok := got.(Result); err != nil || !ok || result.Outcome != OutcomeIgnored || result.Reason == "" || len(result.Reason) > 1000 {
					t.Errorf("got %+v, %v", got, err)
				}
				if len(f.calls) != 0 {
					t.Errorf("calls were made: %v", f.calls)
				}
			})
		})
	}
}

func TestWarmPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		i := f.instances["i-00"]
		i.lifecycle = "Warmed:Pending:Wait"
		f.calls = map[string]int{}
		// The fake counts any CONTINUE into service as a violation; into the pool there is none.
		got, err := invoke(t, newAssigner(f, 6), lifecycleEvent(i, testConfig.LaunchHook, launching, warmPool))
		if err != nil || got.Outcome != OutcomeContinue || f.calls["AssociateAddress"] != 0 {
			t.Errorf("got %+v, %v with calls %v", got, err, f.calls)
		}
	})
}

func TestTerminateReleasesAndAlwaysContinues(t *testing.T) {
	tests := map[string]func(f *fakeAWS){
		"plain": func(*fakeAWS) {},
		"the association is gone already": func(f *fakeAWS) {
			f.before = func(op string, n int) error {
				if op == "DisassociateAddress" && n == 1 {
					f.take("eipalloc-00")
				}
				return nil
			}
		},
		"the release is throttled for a minute": func(f *fakeAWS) {
			f.before = func(op string, n int) error {
				if op == "DisassociateAddress" {
					return apiError("RequestLimitExceeded", "Request limit exceeded.")
				}
				return nil
			}
		},
		"the instance is gone already": func(f *fakeAWS) { f.terminate(f.instances["i-00"]) },
		"the group is gone": func(f *fakeAWS) {
			f.before = func(op string, n int) error {
				if op == "CompleteLifecycleAction" {
					return apiError("ValidationError", "AutoScalingGroup name not found - no such group: proxies")
				}
				return nil
			}
			f.instances["i-00"].lifecycle = ""
		},
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(1, 0)
				i := f.addInstance("i-00", stateTerminatingWait)
				f.giveTo("eipalloc-00", "i-00")
				arrange(f)
				got, err := invoke(t, newAssigner(f, 8), terminateEvent(i))
				if err != nil || got.Outcome != OutcomeContinue {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		})
	}
}

func TestLateDuplicateTouchesNoNewerOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		old := f.instances["i-00"]
		launch, terminate := launchEvent(old), terminateEvent(old)
		a := newAssigner(f, 9)
		if _, err := invoke(t, a, launch); err != nil {
			t.Fatal(err)
		}
		f.terminate(old)
		<-time.After(5 * time.Hour)
		young := f.addInstance("i-01", statePendingWait)
		if _, err := invoke(t, a, launchEvent(young)); err != nil {
			t.Fatal(err)
		}
		for _, payload := range [][]byte{launch, terminate} {
			if got, err := invoke(t, a, payload); err != nil {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		if held := f.held("i-01"); len(held) != 1 {
			t.Errorf("the newer owner holds %v", held)
		}
		f.check(t)
	})
}

func TestTerminateBeforeLaunchLeavesNothingHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 0)
		i := f.addInstance("i-00", stateTerminatingWait)
		a := newAssigner(f, 12)
		if got, err := invoke(t, a, terminateEvent(i)); err != nil || got.Outcome != OutcomeContinue {
			t.Fatalf("got %+v, %v", got, err)
		}
		if got, err := invoke(t, a, launchEvent(i)); err != nil || got.Outcome == OutcomeContinue {
			t.Errorf("got %+v, %v", got, err)
		}
		if held := f.held("i-00"); len(held) != 0 || f.calls["AssociateAddress"] != 0 {
			t.Errorf("i-00 holds %v after %d claims", held, f.calls["AssociateAddress"])
		}
	})
}

// N claimers, M addresses, reads that lag, events delivered twice, reconcilers in between, seeded latencies.
func TestConcurrentClaimersNeverShareNorSteal(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				instances := 2 + int(seed%9)
				addresses := 1 + int(seed*7%11)
				f := newFake(addresses, instances)
				f.swap = seed%2 == 0
				f.staleness = time.Duration(seed%4) * 2 * time.Second
				var all sync.WaitGroup
				for n := range instances {
					i := f.instances[fmt.Sprintf("i-%02d", n)]
					payload := launchEvent(i)
					for copies := range 1 + seed%2 {
						all.Go(func() { _, _ = invoke(t, newAssigner(f, seed<<16|uint64(n)<<4|copies), payload) })
					}
				}
				all.Go(func() {
					a := newAssigner(f, seed<<16|0xffff)
					for range 150 {
						<-time.After(time.Minute)
						_, _ = a.Reconcile(t.Context())
					}
				})
				all.Wait()
				want := min(instances, addresses)
				if got := f.results(); got[resultContinue] != want || got[resultContinue]+got[resultAbandon] != instances {
					t.Errorf("%d instances, %d addresses: ended as %v, want %d CONTINUE", instances, addresses, got, want)
				}
				for id, i := range f.instances {
					if held := f.held(id); i.result == resultContinue && len(held) != 1 || i.result != resultContinue && len(held) != 0 {
						t.Errorf("%s (%s) holds %v", id, i.result, held)
					}
				}
				f.check(t)
			})
		})
	}
}

func TestReportAnswersAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(4, 2)
		f.instances["i-00"].lifecycle = stateInService
		f.giveTo("eipalloc-00", "i-00")
		f.tag("eipalloc-00", eiptag.LastReason, "2026-01-02T03:04:05Z claimed by i-00")
		f.give("eipalloc-01", "", "eni-nat", "")
		f.tag("eipalloc-02", eiptag.Admission, eiptag.AdmissionRequired)
		f.tag("eipalloc-03", eiptag.Lifecycle, eiptag.LifecycleRetired)
		got, err := newAssigner(f, 10).Handle(t.Context(), json.RawMessage(`{"report":true}`))
		if err != nil {
			t.Fatal(err)
		}
		report := got.(Report)
		var states []string
		for _, line := range report.Addresses {
			states = append(states, line.State)
		}
		if fmt.Sprint(states) != "[in_use foreign waiting_for_admission retired]" {
			t.Errorf("states %v", states)
		}
		if first := report.Addresses[0]; first.InstanceID != "i-00" || first.LastReason != "claimed by i-00" || first.Since == nil || first.Since.Year() != 2026 {
			t.Errorf("first line %+v", first)
		}
		if fmt.Sprint(report.Counts) != "map[foreign:1 in_use:1 members_InService:1 members_Pending:Wait:1 retired:1 waiting_for_admission:1]" {
			t.Errorf("counts %v", report.Counts)
		}
		if report.Addresses[0].Zone != "us-east-1a" {
			t.Errorf("zone %q", report.Addresses[0].Zone)
		}
		if len(report.Without) != 1 || report.Without[0].InstanceID != "i-01" || report.Without[0].Reason == "" {
			t.Errorf("without an address: %+v", report.Without)
		}
		if f.calls["AssociateAddress"]+f.calls["DisassociateAddress"]+f.calls["CreateTags"] != 0 {
			t.Errorf("a report changed something: %v", f.calls)
		}
	})
}

// A claim writes no note. So one that is older than the holder is about the holder before.
func TestReportTellsSinceWhenWithoutANote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		i := f.instances["i-00"]
		f.giveTo("eipalloc-00", "i-00")
		f.tag("eipalloc-00", eiptag.LastReason, "1999-12-31T00:00:00Z released by i-99: the instance leaves the group")
		f.tag("eipalloc-00", eiptag.LastZone, "us-east-1c")
		report, err := newAssigner(f, 22).Report(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		line := report.Addresses[0]
		if line.Since == nil || !line.Since.Equal(i.launched) || line.LastReason != "claimed by i-00" || line.Zone != i.zone {
			t.Errorf("line %+v", line)
		}
	})
}

// EC2 takes 200 values a filter, and Auto Scaling 50 ids a call; the fake refuses more.
func TestALargeGroupIsReadInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(460, 0)
		for n := range 460 {
			lifecycle := stateInService
			if n >= 400 {
				lifecycle = "" // strays
			}
			id := fmt.Sprintf("i-%03d", n)
			f.addInstance(id, lifecycle)
			f.give(fmt.Sprintf("eipalloc-%02d", n), id, "eni-"+id[2:], "10.0.0."+id[2:])
		}
		report, err := newAssigner(f, 23).Report(t.Context())
		if err != nil || report.Counts["in_use"] != 400 || report.Counts["stray"] != 60 {
			t.Errorf("counts %v, %v", report.Counts, err)
		}
		want := map[string]int{"DescribeAutoScalingGroups": 1, "DescribeAddresses": 1, "DescribeInstances": 4, "DescribeAutoScalingInstances": 2}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
	})
}

// An event of another clock's future ages by our clock from its arrival on.
func TestEventOfTheFutureEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		payload := bytes.Replace(launchEvent(f.instances["i-00"]), []byte(`"time":"2000-`), []byte(`"time":"2090-`), 1)
		delete(f.instances, "i-00")
		began := time.Now()
		got, err := newAssigner(f, 24).Handle(t.Context(), payload)
		if result, ok := got.(Result); err != nil || !ok || result.Outcome != OutcomeIgnored {
			t.Errorf("got %+v, %v", got, err)
		}
		if took := time.Since(began); took < visible || took > visible+time.Minute {
			t.Errorf("took %s", took)
		}
	})
}
