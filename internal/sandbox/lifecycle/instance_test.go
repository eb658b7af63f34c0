package lifecycle

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// tokens numbers tokens: t1, t2 and so on.
func tokens() func() string {
	n := 0
	return func() string { n++; return "t" + strconv.Itoa(n) }
}

func hook(name string, transition Transition, heartbeat int, result Result) Hook {
	return Hook{Name: name, Transition: transition, Heartbeat: time.Duration(heartbeat) * time.Second, DefaultResult: result}
}

// hooked is a group with one hook per transition.
func hooked(change ...func(*Group)) Group {
	g := Group{Name: "g", NewToken: tokens(), Hooks: []Hook{hook("launch", Launching, 60, Abandon), hook("terminate", Termination, 60, Continue)}}
	for _, f := range change {
		f(&g)
	}
	return g
}

// TestWays plays whole ways through a group. A step is what the keeper or the clock does;
// the state after it is what the API shows.
func TestWays(t *testing.T) {
	warm := func(g *Group) { g.Pool = &Pool{MaxPrepared: -1} }
	reusing := func(g *Group) { g.Pool = &Pool{MaxPrepared: -1, ReuseOnScaleIn: true, State: Running} }
	retaining := func(g *Group) { g.RetainOnAbandon = true }
	unhooked := func(g *Group) { g.Hooks = nil }
	for name, c := range map[string]struct {
		change []func(*Group)
		to     Place
		steps  []string
	}{
		"launched and terminated without hooks": {
			change: []func(*Group){unhooked}, to: AutoScalingGroup,
			steps: []string{"Pending", "hold Pending", "arrive InService", "leave Terminating", "hold Terminating", "arrive Terminated", "leave Terminated"},
		},
		"launched and terminated with hooks": {
			to: AutoScalingGroup,
			steps: []string{
				"Pending", "hold Pending:Wait", "judge Pending:Wait", "arrive Pending:Wait", "continue Pending:Wait", "judge Pending:Proceed", "arrive InService",
				"leave Terminating", "hold Terminating:Wait", "continue Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated",
			},
		},
		"an abandoned launch terminates without its terminate hooks": {
			to:    AutoScalingGroup,
			steps: []string{"Pending", "hold Pending:Wait", "abandon Pending:Wait", "judge Terminating", "hold Terminating", "arrive Terminated"},
		},
		"an abandoned launch terminates with its terminate hooks, if they run then": {
			change: []func(*Group){func(g *Group) { g.TerminateHooksAfterAbandon = true }}, to: AutoScalingGroup,
			steps: []string{"Pending", "hold Pending:Wait", "abandon Pending:Wait", "judge Terminating", "hold Terminating:Wait", "continue Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated"},
		},
		"a launch that times out is abandoned": {
			to:    AutoScalingGroup,
			steps: []string{"Pending", "hold Pending:Wait", "59 judge Pending:Wait", "1 judge Terminating"},
		},
		"a termination that is abandoned ends all the same": {
			to:    AutoScalingGroup,
			steps: []string{"arrive InService", "leave Terminating", "hold Terminating:Wait", "abandon Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated"},
		},
		"sent away while it waits for its launch hooks": {
			to:    AutoScalingGroup,
			steps: []string{"Pending", "hold Pending:Wait", "leave Terminating", "hold Terminating:Wait", "60 judge Terminating:Proceed", "arrive Terminated"},
		},
		"force lets a waiting instance go": {
			change: []func(*Group){retaining}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "leave Terminating", "hold Terminating:Wait", "force Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated"},
		},
		"force skips hooks": {
			to:    AutoScalingGroup,
			steps: []string{"arrive InService", "force Terminating", "hold Terminating", "arrive Terminated"},
		},
		"retained, terminated by hand, retained again, let go": {
			change: []func(*Group){retaining}, to: AutoScalingGroup,
			steps: []string{
				"arrive InService", "leave Terminating", "hold Terminating:Wait", "abandon Terminating:Wait", "judge Terminating:Proceed", "arrive Terminating:Retained", "hold Terminating:Retained", "arrive Terminating:Retained",
				"leave Terminating", "hold Terminating:Wait", "abandon Terminating:Wait", "judge Terminating:Proceed", "arrive Terminating:Retained",
				"leave Terminating", "hold Terminating:Wait", "continue Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated",
			},
		},
		"a retained instance that is forced out": {
			change: []func(*Group){retaining}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "leave Terminating", "hold Terminating:Wait", "abandon Terminating:Wait", "judge Terminating:Proceed", "force Terminating:Proceed", "arrive Terminated"},
		},
		"no retention of an abandoned launch": {
			change: []func(*Group){retaining}, to: AutoScalingGroup,
			steps: []string{"hold Pending:Wait", "abandon Pending:Wait", "judge Terminating", "hold Terminating", "arrive Terminated"},
		},
		"through the warm pool, the launch hook twice": {
			change: []func(*Group){warm}, to: WarmPool,
			steps: []string{
				"Warmed:Pending", "start Warmed:Pending", "hold Warmed:Pending:Wait", "continue Warmed:Pending:Wait", "judge Warmed:Pending:Proceed", "arrive Warmed:Stopped",
				"start Pending", "hold Pending:Wait", "continue Pending:Wait", "judge Pending:Proceed", "arrive InService", "reuse Warmed:Pending",
			},
		},
		"terminated in the warm pool": {
			change: []func(*Group){warm}, to: WarmPool,
			steps: []string{"arrive Warmed:Stopped", "reuse Warmed:Terminating", "hold Warmed:Terminating:Wait", "60 judge Warmed:Terminating:Proceed", "arrive Warmed:Terminated"},
		},
		"abandoned on the way into the warm pool": {
			change: []func(*Group){warm}, to: WarmPool,
			steps: []string{"hold Warmed:Pending:Wait", "abandon Warmed:Pending:Wait", "judge Warmed:Terminating", "hold Warmed:Terminating", "arrive Warmed:Terminated"},
		},
		"back to the warm pool by the terminate hook": {
			change: []func(*Group){reusing}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "reuse Warmed:Pending", "hold Warmed:Pending:Wait", "continue Warmed:Pending:Wait", "judge Warmed:Pending:Proceed", "arrive Warmed:Running", "start Pending"},
		},
		"an abandoned return still returns": {
			change: []func(*Group){reusing}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "reuse Warmed:Pending", "hold Warmed:Pending:Wait", "abandon Warmed:Pending:Wait", "judge Warmed:Pending:Proceed", "arrive Warmed:Running"},
		},
		"an abandoned return is retained": {
			change: []func(*Group){reusing, retaining}, to: AutoScalingGroup,
			steps: []string{
				"arrive InService", "reuse Warmed:Pending", "hold Warmed:Pending:Wait", "abandon Warmed:Pending:Wait", "judge Warmed:Pending:Proceed", "arrive Warmed:Pending:Retained", "start Warmed:Pending:Retained",
				"leave Warmed:Terminating", "hold Warmed:Terminating:Wait", "abandon Warmed:Terminating:Wait", "judge Warmed:Terminating:Proceed", "arrive Warmed:Terminating:Retained",
			},
		},
		"an abandoned return that is sent away is not retained": {
			change: []func(*Group){reusing, retaining}, to: AutoScalingGroup,
			steps: []string{
				"arrive InService", "reuse Warmed:Pending", "hold Warmed:Pending:Wait", "abandon Warmed:Pending:Wait", "judge Warmed:Pending:Proceed",
				"leave Warmed:Terminating", "hold Warmed:Terminating:Wait", "continue Warmed:Terminating:Wait", "judge Warmed:Terminating:Proceed", "arrive Warmed:Terminated",
			},
		},
		"sent away on its way back to the warm pool": {
			change: []func(*Group){reusing}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "reuse Warmed:Pending", "hold Warmed:Pending:Wait", "leave Warmed:Terminating", "hold Warmed:Terminating:Wait"},
		},
		"an instance that was never in service does not return to the pool": {
			change: []func(*Group){reusing}, to: AutoScalingGroup,
			steps: []string{"Pending", "reuse Terminating"},
		},
		"a deleted launch hook abandons": {
			to:    AutoScalingGroup,
			steps: []string{"hold Pending:Wait", "drop:terminate Pending:Wait", "judge Pending:Wait", "drop:launch Pending:Wait", "judge Terminating"},
		},
		"a deleted terminate hook continues": {
			change: []func(*Group){retaining}, to: AutoScalingGroup,
			steps: []string{"arrive InService", "leave Terminating", "hold Terminating:Wait", "drop:terminate Terminating:Wait", "judge Terminating:Proceed", "arrive Terminated"},
		},
		"one of two hooks does not end the wait, an abandoned one does": {
			change: []func(*Group){func(g *Group) { g.Hooks = append(g.Hooks, hook("second", Launching, 90, Abandon)) }}, to: AutoScalingGroup,
			steps: []string{"hold Pending:Wait", "continue Pending:Wait", "60 judge Pending:Wait", "30 judge Terminating"},
		},
		"an abandoned hook ends the wait for the others": {
			change: []func(*Group){func(g *Group) { g.Hooks = append(g.Hooks, hook("second", Launching, 90, Abandon)) }}, to: AutoScalingGroup,
			steps: []string{"hold Pending:Wait", "abandon Pending:Wait", "judge Terminating"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := hooked(c.change...)
			i, now := New("i-1", c.to, g), noon
			for _, step := range c.steps {
				play(t, g, i, &now, step)
			}
		})
	}
}

// play does "[seconds] [what] state".
func play(t *testing.T, g Group, i *Instance, now *time.Time, step string) {
	t.Helper()
	words := fields(step)
	want := State(words[len(words)-1])
	words = words[:len(words)-1]
	if len(words) > 0 {
		if n, err := strconv.Atoi(words[0]); err == nil {
			*now, words = now.Add(time.Duration(n)*time.Second), words[1:]
		}
	}
	for _, what := range words {
		switch what {
		case "hold":
			i.Hold(g, *now)
		case "judge":
			i.Judge(g, *now)
		case "arrive":
			bound := i.Bound()
			if got := i.Arrive(); !got.Waiting() && got != bound {
				t.Errorf("it arrived at %s, and was bound for %s", got, bound)
			}
		case "leave":
			i.Leave(g, Departure{})
		case "reuse":
			i.Leave(g, Departure{Reuse: true})
		case "force":
			i.Leave(g, Departure{SkipHooks: true})
		case "start":
			i.Start()
		case "continue", "abandon":
			open := i.Actions()[0]
			result := map[string]Result{"continue": Continue, "abandon": Abandon}[what]
			if _, err := Complete([]*Instance{i}, Call{Hook: open.Hook.Name, Token: open.Token}, result, *now); err != nil {
				t.Fatalf("%s: %s", step, err)
			}
		case "drop:launch":
			i.DropHook("launch")
		case "drop:terminate":
			i.DropHook("terminate")
		default:
			t.Fatalf("step %q", step)
		}
	}
	if got := i.State(); got != want {
		t.Fatalf("after %q: %s", step, got)
	}
}

func fields(s string) []string {
	var out []string
	for len(s) > 0 {
		n := slices.Index([]byte(s), ' ')
		if n < 0 {
			return append(out, s)
		}
		out, s = append(out, s[:n]), s[n+1:]
	}
	return out
}

func TestEventsNameOriginAndDestinationOnlyBesideAWarmPool(t *testing.T) {
	g := hooked(func(g *Group) { g.Hooks[0].NotificationMetadata = "ours" })
	i := New("i-1", AutoScalingGroup, g)
	events := i.Hold(g, noon)
	text, err := json.Marshal(events[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"LifecycleActionToken":"t1","AutoScalingGroupName":"g","LifecycleHookName":"launch","EC2InstanceId":"i-1","LifecycleTransition":"autoscaling:EC2_INSTANCE_LAUNCHING","NotificationMetadata":"ours"}`
	if string(text) != want || events[0].DetailType != "EC2 Instance-launch Lifecycle Action" {
		t.Errorf("%s %s", events[0].DetailType, text)
	}

	g.Pool = &Pool{MaxPrepared: -1, ReuseOnScaleIn: true}
	seen := map[string]bool{}
	hold := func(i *Instance) {
		for _, e := range i.Hold(g, noon) {
			seen[e.DetailType+" "+string(e.Origin)+" "+string(e.Destination)] = true
		}
		i.DropHook("terminate")
		if open := i.Actions(); len(open) > 0 && open[0].Result == "" {
			if _, err := Complete([]*Instance{i}, Call{Hook: "launch", InstanceID: i.ID()}, Continue, noon); err != nil {
				t.Error(err)
			}
		}
		i.Judge(g, noon)
		i.Arrive()
	}
	warm, cold := New("i-2", WarmPool, g), New("i-3", AutoScalingGroup, g)
	hold(warm)
	warm.Start()
	hold(warm)
	warm.Leave(g, Departure{Reuse: true})
	hold(warm)
	warm.Leave(g, Departure{})
	hold(warm)
	hold(cold)
	cold.Leave(g, Departure{})
	hold(cold)
	for _, want := range []string{
		"EC2 Instance-launch Lifecycle Action EC2 WarmPool",
		"EC2 Instance-launch Lifecycle Action WarmPool AutoScalingGroup",
		"EC2 Instance-terminate Lifecycle Action AutoScalingGroup WarmPool",
		"EC2 Instance-terminate Lifecycle Action WarmPool EC2",
		"EC2 Instance-launch Lifecycle Action EC2 AutoScalingGroup",
		"EC2 Instance-terminate Lifecycle Action AutoScalingGroup EC2",
	} {
		if !seen[want] {
			t.Errorf("no event %s in %v", want, seen)
		}
	}
}

func TestCallsOnActions(t *testing.T) {
	g := hooked()
	i, other := New("i-1", AutoScalingGroup, g), New("i-2", AutoScalingGroup, g)
	members := []*Instance{other, i}
	i.Hold(g, noon)
	want := func(err error, code, message string) {
		t.Helper()
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != code || refused.Message != message {
			t.Errorf("got %v, want %s: %s", err, code, message)
		}
	}
	complete := func(c Call, result Result, seconds int) error {
		_, err := Complete(members, c, result, at(seconds))
		return err
	}
	want(complete(Call{Hook: "launch"}, Continue, 0), "ValidationError", "Either LifecycleActionToken or InstanceId is required")
	want(complete(Call{Hook: "launch", Token: "t9"}, Continue, 0), "ValidationError", "No active Lifecycle Action found with token t9")
	want(complete(Call{Hook: "terminate", Token: "t1"}, Continue, 0), "ValidationError", "No active Lifecycle Action found with token t1")
	want(complete(Call{Hook: "launch", InstanceID: "i-2"}, Continue, 0), "ValidationError", "No active Lifecycle Action found with instance ID i-2")
	want(complete(Call{Hook: "launch", Token: "t1"}, "MAYBE", 0), "ValidationError", "Invalid LifecycleActionResult: MAYBE")
	// A token tells more than an instance does.
	want(complete(Call{Hook: "launch", Token: "t9", InstanceID: "i-1"}, Continue, 0), "ValidationError", "No active Lifecycle Action found with token t9")
	// Nobody has judged yet, and the deadline counts all the same.
	want(complete(Call{Hook: "launch", Token: "t1"}, Continue, 60), "ValidationError", "No active Lifecycle Action found with token t1")
	if held, err := Heartbeat(members, Call{Hook: "launch", InstanceID: "i-1"}, at(59)); err != nil || held != i {
		t.Fatal(held, err)
	}
	if next, ok := i.NextDeadline(); !ok || next != at(119) {
		t.Errorf("next deadline %s %v", next, ok)
	}
	if held, err := Complete(members, Call{Hook: "launch", Token: "t1"}, Continue, at(60)); err != nil || held != i {
		t.Fatal(held, err)
	}
	want(complete(Call{Hook: "launch", Token: "t1"}, Continue, 60), "ValidationError", "No active Lifecycle Action found with token t1")
	if _, ok := i.NextDeadline(); ok {
		t.Error("a deadline is left")
	}
}

func TestOneAbandonVoidsTheOtherActionsAtOnce(t *testing.T) {
	g := Group{Hooks: []Hook{hook("address", Launching, 60, Abandon), hook("ready", Launching, 600, Abandon)}}
	completed := func(first Result, seconds int) error {
		i := New("i-1", AutoScalingGroup, g)
		i.Hold(g, noon)
		if first != "" {
			if _, err := Complete([]*Instance{i}, Call{Hook: "address", InstanceID: "i-1"}, first, noon); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Complete([]*Instance{i}, Call{Hook: "ready", InstanceID: "i-1"}, Continue, at(seconds))
		return err
	}
	if err := completed(Continue, 599); err != nil {
		t.Errorf("after a CONTINUE: %v", err)
	}
	if err := completed(Abandon, 0); err == nil {
		t.Error("taken after an ABANDON")
	}
	if err := completed("", 60); err == nil {
		t.Error("taken after a time-out whose default is ABANDON")
	}
}

func TestHeartbeatsDoNotOutliveTheGlobalTimeout(t *testing.T) {
	for _, c := range []struct {
		heartbeat int
		want      time.Duration
	}{{30, 3000 * time.Second}, {7200, 48 * time.Hour}} {
		g := Group{Hooks: []Hook{hook("launch", Launching, c.heartbeat, Continue)}}
		i, now := New("i-1", AutoScalingGroup, g), noon
		i.Hold(g, now)
		for !i.Judge(g, now).Done && now.Before(at(72*3600)) {
			if _, err := Heartbeat([]*Instance{i}, Call{Hook: "launch", InstanceID: "i-1"}, now); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second * 29)
		}
		if waited := now.Sub(noon); waited < c.want || waited > c.want+29*time.Second {
			t.Errorf("heartbeat %d: it waited %s, want %s", c.heartbeat, waited, c.want)
		}
	}
}

func TestRandomTokensDiffer(t *testing.T) {
	g := hooked(func(g *Group) { g.NewToken = nil })
	a, b := New("i-1", AutoScalingGroup, g).Hold(g, noon), New("i-2", AutoScalingGroup, g).Hold(g, noon)
	if x, y := a[0].LifecycleActionToken, b[0].LifecycleActionToken; len(x) != 36 || x == y {
		t.Errorf("tokens %q and %q", x, y)
	}
}

func TestStatesOfPools(t *testing.T) {
	for state, want := range map[PoolState]State{"": WarmedStopped, Stopped: WarmedStopped, Running: WarmedRunning, Hibernated: WarmedHibernated} {
		g := Group{Pool: &Pool{State: state}}
		i := New("i-1", WarmPool, g)
		g.Pool = &Pool{State: Running}
		// What the pool said at the launch counts.
		if got := i.Arrive(); got != want {
			t.Errorf("%q: %s", state, got)
		}
	}
}
