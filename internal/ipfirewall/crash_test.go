package ipfirewall

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// crashScene is a run that is cut off between any two of its calls: a configuration with the
// rules of start is applied before, whole; the struck runs apply those of want. nil is no
// configuration, so that a run creates or destroys.
type crashScene struct {
	start, want []string
	// others are entries that the account lists beside those of newAzure.
	others []string
	// calls are what the run makes at least.
	calls int
}

var crashScenes = map[string]crashScene{
	"create":                              {want: []string{"52.1.2.3", "52.1.2.4/31", "52.1.3.0/24"}, calls: 6},
	"create that adopts":                  {want: []string{"52.1.2.3", "52.1.2.9"}, others: []string{"52.1.2.9"}, calls: 6},
	"grow":                                {start: []string{"52.1.2.3"}, want: []string{"52.1.2.3", "52.1.2.4", "52.1.2.5"}, calls: 7},
	"shrink":                              {start: []string{"52.1.2.3", "52.1.2.4", "52.1.2.5"}, want: []string{"52.1.2.4"}, calls: 7},
	"rotation":                            {start: []string{"52.1.2.3", "52.1.2.4"}, want: []string{"52.1.2.4", "52.1.2.5"}, calls: 7},
	"rotation of everything, by adoption": {start: []string{"52.1.2.3"}, want: []string{"52.1.2.9"}, others: []string{"52.1.2.9"}, calls: 7},
	"destroy":                             {start: []string{"52.1.2.3", "52.1.2.4/31", "52.1.3.0/24"}, calls: 5},
}

// cutOff is what a cut run hears of a call. The client does not repeat what it is told not to.
type cutOff struct{ error }

func (cutOff) NonRetriable() {}

// under has every call of Resource Manager pass a cut.
func (a *azure) under(cut *powercut.Cut) {
	a.intercept = func(req *http.Request) (*http.Response, error) {
		if !strings.HasPrefix(req.URL.Path, "/subscriptions/") {
			return nil, nil
		}
		if err := cut.Before(req.URL.Path, 0); err != nil {
			return nil, cutOff{err}
		}
		resp, err := a.client.Do(req)
		if err != nil {
			return nil, err
		}
		if err := cut.After(req.URL.Path, 0); err != nil {
			_ = resp.Body.Close()
			return nil, cutOff{err}
		}
		return resp, nil
	}
}

// staged is a crash scene that is set up, ready for runs to be struck.
type staged struct {
	crashScene
	*azure
	state *model
}

// stage sets a scene up in an account of its own.
func (scene crashScene) stage(a *azure, ignoreIfMatch bool) *staged {
	a.t.Helper()
	s := &staged{crashScene: scene, azure: a}
	s.IgnoreIfMatch(ignoreIfMatch)
	name := fmt.Sprintf("aoai-%d", len(s.Accounts()))
	id, err := s.SeedAccount(sandbox.Account{ResourceGroup: "theirs", Name: name, Subdomain: name, IPRules: slices.Concat([]string{foreignHost}, scene.others, []string{foreignRange})})
	if err != nil {
		s.t.Fatal(err)
	}
	s.accountID = id
	if scene.start != nil {
		s.state = s.mustApply(s.config(scene.start...), nil)
	}
	return s
}

// run refreshes, plans and applies, as Terraform does, and reports whether it came through.
func (s *staged) run() bool {
	s.t.Helper()
	if s.state != nil {
		state, diags := s.refresh(s.state)
		if diags.HasError() {
			return false
		}
		s.state = state
	}
	if s.want == nil {
		if s.state == nil {
			return true
		}
		if s.planDestroy(s.state).HasError() || s.destroy(s.t.Context(), s.state).HasError() {
			return false
		}
		s.state = nil
		return true
	}
	planned, diags := s.plan(s.config(s.want...), s.state)
	if diags.HasError() || planned.plan.Action == "none" {
		return !diags.HasError()
	}
	state, diags := s.applyPlan(s.t.Context(), planned, s.state)
	s.state = state
	return !diags.HasError()
}

// strike runs what is cut off, and puts the state back to what a run that was killed
// leaves: what it was.
func (s *staged) strike(cut *powercut.Cut) {
	s.t.Helper()
	before := s.state
	s.under(cut)
	defer func() { s.intercept = nil }()
	s.run()
	if cut.Dead() {
		s.state = before
	}
}

// again runs what was struck, and asserts that it ends as if nothing had struck, then that a
// destroy leaves nothing of ours and all of others.
func (s *staged) again(at string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Log(at)
		}
	}()
	if err := s.AddRule(s.accountID, "7.7.7.7"); err != nil {
		s.t.Fatal(err)
	}
	if !s.run() {
		s.t.Fatal("the next apply failed")
	}
	own := entriesOf(ruleSet(s.want))
	foreign := slices.Concat([]string{foreignHost}, without(s.others, own), []string{foreignRange, "7.7.7.7"})
	s.wantRules(slices.Concat(foreign, own)...)
	if s.want != nil {
		s.state, _ = s.refresh(s.state)
		if planned, diags := s.plan(s.config(s.want...), s.state); planned.plan.Action != "none" || diags.HasError() {
			s.t.Fatalf("the next plan is %q: %v", planned.plan.Action, diags)
		}
		s.mustDestroy(s.state)
	}
	now, _ := s.State(s.accountID)
	// Others' entries are as they were, in their order too.
	if !slices.Equal(now.IPRules, foreign) {
		s.t.Fatalf("after the destroy the account lists %q, want %q", now.IPRules, foreign)
	}
	if now.DefaultAction != "Deny" || now.PublicNetworkAccess != "Enabled" {
		s.t.Fatalf("the account is left as %+v", now)
	}
}

// A run is killed at its k-th call, for every k, with that call's effect and without it, and
// run again.
func TestKilledAtEveryCall(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			for _, ignoreIfMatch := range []bool{false, true} {
				for _, effect := range []bool{false, true} {
					for k, killed := 1, true; killed; k++ {
						at := fmt.Sprintf("If-Match ignored %t, killed at call %d, with its effect %t", ignoreIfMatch, k, effect)
						s := scene.stage(a, ignoreIfMatch)
						cut := &powercut.Cut{At: k, Effect: effect}
						s.strike(cut)
						s.again(at)
						if killed = cut.Dead(); !killed && cut.Calls() < scene.calls {
							t.Errorf("%s: the run makes only %d calls, too few to be the one that was meant", at, cut.Calls())
						}
					}
				}
			}
		})
	}
}

// Every run is killed one call later than the one before, until one comes through.
func TestKilledAgainAndAgain(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for _, effect := range []bool{false, true} {
				s := scene.stage(newAzure(t), false)
				for k, killed := 1, true; killed; k++ {
					cut := &powercut.Cut{At: k, Effect: effect}
					s.strike(cut)
					killed = cut.Dead()
				}
				s.again(fmt.Sprintf("killed at every call, with its effect %t", effect))
			}
		})
	}
}
