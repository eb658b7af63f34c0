package eippool

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
)

// crashScene is an apply that is cut off between any two of its calls.
type crashScene struct {
	// start is applied before, whole; nil: there is no pool.
	start pooltest.Config
	// between is what instances and hands do then. It gets the ids of the pool's addresses and mine, an
	// address of the user's.
	between func(region *pooltest.Region, all []string, mine string)
	// want is the configuration that the struck run and those after it apply; nil destroys.
	want func(all []string, mine string) pooltest.Config
	// allocates and releases are what the change takes, if nothing strikes; untags are addresses of the user's that leave.
	allocates, releases int
	// keeps are the indices of addresses of the pool that have to survive under their ids; retires those of them that
	// have to end as retired.
	keeps, retires []int
	// returns are the indices of lost addresses whose public IP has to be back.
	returns []int
}

func always(config pooltest.Config) func([]string, string) pooltest.Config {
	return func([]string, string) pooltest.Config { return config }
}

var crashScenes = map[string]crashScene{
	"create":       {want: always(egress3), allocates: 3},
	"create gated": {want: always(gated), allocates: 3},
	"create around an address of the user's": {allocates: 2, want: func(_ []string, mine string) pooltest.Config {
		return egress3.With(pooltest.Config{"existing_allocation_ids": []string{mine}})
	}},
	"grow": {start: egress3, want: always(egress3.With(pooltest.Config{"size": 5})), allocates: 2, keeps: []int{0, 1, 2}},
	"grow gated": {start: gated, want: always(gated.With(pooltest.Config{"size": 5})), allocates: 2, keeps: []int{0, 1, 2},
		between: func(region *pooltest.Region, all []string, _ string) { admitAll(region, all) }},
	"shrink": {start: egress3, want: always(egress3.With(pooltest.Config{"size": 1})), releases: 2, keeps: []int{2},
		between: func(region *pooltest.Region, all []string, _ string) { region.Attach(all[2], "i-busy") }},
	"shrink gated": {start: gated, want: always(gated.With(pooltest.Config{"size": 1})), keeps: []int{0, 1, 2}, retires: []int{1, 2},
		between: func(region *pooltest.Region, all []string, _ string) {
			admitAll(region, all)
			region.Attach(all[0], "i-busy")
		}},
	"shrink by force": {start: egress3, want: always(egress3.With(pooltest.Config{"size": 1, "force_release": true})), releases: 2, keeps: []int{0},
		between: func(region *pooltest.Region, all []string, _ string) {
			for _, id := range all {
				region.Attach(id, "i-busy")
			}
		}},
	"retire": {start: egress3, allocates: 2, releases: 1, keeps: []int{0, 2},
		between: func(region *pooltest.Region, all []string, _ string) { region.Attach(all[0], "i-busy") },
		want: func(all []string, _ string) pooltest.Config {
			return egress3.With(pooltest.Config{"retire": all[:2]})
		}},
	"retire gated": {start: gated, allocates: 2, keeps: []int{0, 1, 2}, retires: []int{1},
		between: func(region *pooltest.Region, all []string, _ string) {
			admitAll(region, all)
			region.Attach(all[0], "i-busy")
		},
		want: func(all []string, _ string) pooltest.Config {
			return gated.With(pooltest.Config{"retire": all[:2]})
		}},
	"existing joins": {start: egress3, keeps: []int{0, 1, 2}, allocates: 1, want: func(_ []string, mine string) pooltest.Config {
		return egress3.With(pooltest.Config{"size": 5, "existing_allocation_ids": []string{mine}})
	}},
	"existing joins a gated pool and is retired in place of another": {start: gated, keeps: []int{0, 1, 2}, retires: []int{1},
		want: func(all []string, mine string) pooltest.Config {
			return gated.With(pooltest.Config{"existing_allocation_ids": []string{mine}, "retire": all[1:2]})
		}},
	"tags change": {start: egress3, keeps: []int{0, 1, 2}, want: always(egress3.With(pooltest.Config{"tags": map[string]string{"stage": "prod"}}))},
	"a gate is put up": {start: egress3, keeps: []int{0, 1, 2}, want: always(gated),
		between: func(region *pooltest.Region, all []string, _ string) { region.Attach(all[0], "i-busy") }},
	"a lost address is asked back": {start: egress3, want: always(egress3), allocates: 1, keeps: []int{0, 2}, returns: []int{1},
		between: func(region *pooltest.Region, all []string, _ string) { region.Lose(all[1]) }},
	"lost addresses are asked back while the pool grows": {start: gated, want: always(gated.With(pooltest.Config{"size": 4})), allocates: 4, returns: []int{0, 1, 2},
		between: func(region *pooltest.Region, all []string, _ string) {
			for _, id := range all {
				region.Lose(id)
			}
		}},
	"a lost address is somebody else's by now": {start: egress3, want: always(egress3), allocates: 2, keeps: []int{2}, returns: []int{1},
		between: func(region *pooltest.Region, all []string, _ string) {
			gone, _ := region.Find(all[0])
			region.Gone[gone.IP] = true
			region.Lose(all[0])
			region.Lose(all[1])
		}},
	"an address has lost its tags": {start: gated, want: always(gated), keeps: []int{0, 1, 2}, between: func(region *pooltest.Region, all []string, _ string) {
		region.Change(all[1], func(e *pooltest.Elastic) { clear(e.Tags) })
	}},
	"destroy":       {start: egress3, want: always(nil), releases: 3},
	"destroy gated": {start: gated, want: always(nil), releases: 3},
	"destroy by force": {start: egress3.With(pooltest.Config{"force_release": true}), want: always(nil), releases: 3,
		between: func(region *pooltest.Region, all []string, _ string) { region.Attach(all[1], "i-busy") }},
}

func admitAll(region *pooltest.Region, ids []string) {
	for _, id := range ids {
		region.Change(id, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
	}
}

// staged is a crash scene that is set up, ready for runs to be struck.
type staged struct {
	crashScene
	region      *pooltest.Region
	pool        *pooltest.Core
	config      pooltest.Config
	mine, other string
	before      []pooltest.Elastic
}

func (scene crashScene) stage(t *testing.T, lag int) *staged {
	t.Helper()
	region := pooltest.NewRegion()
	region.Quota = 20
	s := &staged{crashScene: scene, region: region, pool: newPool(t, region)}
	s.mine = region.Add(map[string]string{"Name": "bastion"})
	s.other = region.Add(map[string]string{eiptag.DefaultPoolKey: "other", eiptag.Owner: "team-a"})
	var all []string
	if scene.start != nil {
		s.pool.Run(scene.start)
		all = s.pool.Strings("allocation_ids")
	}
	for _, id := range all {
		e, _ := region.Find(id)
		s.before = append(s.before, e)
	}
	if scene.between != nil {
		scene.between(region, all, s.mine)
	}
	region.CatchUp()
	region.Lag = lag
	s.config = scene.want(all, s.mine)
	return s
}

// strike runs an apply that is cut off, and puts the state back to what a run that was killed leaves: what it was.
func (s *staged) strike(t *testing.T, cut *powercut.Cut) {
	t.Helper()
	state := s.pool.State
	s.region.Before, s.region.After = cut.Before, cut.After
	defer func() { s.region.Before, s.region.After = nil, nil }()
	if s.pool.Refresh().Failed {
		return
	}
	if p := s.pool.Plan(s.config); !p.Failed && !p.Empty {
		s.pool.Apply(t.Context(), p)
	}
	if cut.Dead() {
		s.pool.State = state
	}
}

// again applies what was struck, and counts. At is which of the scene's runs it was, for messages.
func (s *staged) again(t *testing.T, at string) {
	t.Helper()
	if s.config == nil && s.pool.State.IsNull() {
		return
	}
	s.pool.Run(s.config)
	s.count(t, at)
	if s.config != nil {
		s.region.CatchUp()
		s.pool.ExpectEmptyPlan(s.config)
	}
	if t.Failed() {
		t.Fatalf("%s: see above", at)
	}
}

// count asserts that no address is lost and none too many.
func (s *staged) count(t *testing.T, at string) {
	t.Helper()
	ours, active, retired := map[string]pooltest.Elastic{}, 0, 0
	ips := map[string]bool{}
	for _, e := range s.region.Addresses() {
		if e.Tags[eiptag.DefaultPoolKey] != "egress" {
			continue
		}
		ours[e.ID], ips[e.IP] = e, true
		switch e.Tags[eiptag.Lifecycle] {
		case "":
			active++
		case eiptag.LifecycleRetired:
			retired++
		}
	}
	if s.config == nil {
		expect(t, at+": addresses after the destroy", len(ours), 0)
	} else {
		listed := slices.Concat(s.pool.Strings("allocation_ids"), s.pool.Strings("retired_allocation_ids"))
		expect(t, at+": listed", slices.Sorted(slices.Values(listed)), slices.Sorted(maps.Keys(ours)))
		expect(t, at+": active", active, s.config["size"].(int))
		expect(t, at+": retired", retired, len(s.retires))
	}
	for _, i := range s.keeps {
		if _, there := ours[s.before[i].ID]; !there {
			t.Errorf("%s: %s is lost", at, s.before[i].ID)
		}
	}
	for _, i := range s.retires {
		expect(t, at+": lifecycle of "+s.before[i].ID, ours[s.before[i].ID].Tags[eiptag.Lifecycle], eiptag.LifecycleRetired)
	}
	for _, i := range s.returns {
		if !ips[s.before[i].IP] {
			t.Errorf("%s: %s is not back", at, s.before[i].IP)
		}
	}
	for _, e := range s.region.Released() {
		if e.InUse() || e.ID == s.mine || e.ID == s.other {
			t.Errorf("%s: released %+v", at, e)
		}
	}
	expect(t, at+": the user's own address keeps its name", tagsOf(t, s.region, s.mine)["Name"], "bastion")
	if _, joined := ours[s.mine]; !joined {
		expect(t, at+": tags of the user's own address", tagsOf(t, s.region, s.mine), map[string]string{"Name": "bastion"})
	}
	expect(t, at+": tags of another pool's address", tagsOf(t, s.region, s.other), map[string]string{eiptag.DefaultPoolKey: "other", eiptag.Owner: "team-a"})
}

// churn asserts that the runs together have allocated and released no more than the change takes: with
// listings that are true, nobody gives back what the next run has to ask for.
func (s *staged) churn(t *testing.T, at string) {
	t.Helper()
	there := map[string]bool{}
	for _, e := range s.before {
		there[e.ID] = true
	}
	allocated := 0
	for _, e := range slices.Concat(s.region.Addresses(), s.region.Released()) {
		if !there[e.ID] && e.ID != s.mine && e.ID != s.other {
			allocated++
		}
	}
	expect(t, at+": allocated in all", allocated, s.allocates)
	expect(t, at+": released in all", len(s.region.Released()), s.releases)
}

// An apply is killed behind the effect of its k-th call, for every k, and then applied again: no address is lost and
// none too many, whatever EC2's listings still show. The k-th call without its effect is the (k-1)-th with it, since a
// run that is killed saves nothing of the pool.
func TestKilledAfterEveryCall(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for _, lag := range []int{0, 2} {
				for k, killed := 0, true; killed; k++ {
					at := fmt.Sprintf("lag %d, killed behind call %d", lag, k)
					s := scene.stage(t, lag)
					cut := &powercut.Cut{At: max(k, 1), Effect: k > 0}
					s.strike(t, cut)
					s.again(t, at)
					if lag == 0 {
						s.churn(t, at)
					}
					if killed = cut.Dead(); !killed && k < 4 {
						t.Errorf("%s: the run makes only %d calls, too few to be the one that was meant", at, cut.Calls())
					}
				}
			}
		})
	}
}

// Every run is killed one call later than the one before, until one comes through. EC2's listings lag within a run,
// and have caught up when the next one begins.
func TestKilledAgainAndAgain(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for lag := range 3 {
				at := fmt.Sprintf("lag %d", lag)
				s := scene.stage(t, lag)
				for k, killed := 1, true; killed; k++ {
					cut := &powercut.Cut{At: k, Effect: true}
					s.strike(t, cut)
					s.region.CatchUp()
					killed = cut.Dead()
				}
				s.again(t, at)
				if lag == 0 {
					s.churn(t, at)
				}
			}
		})
	}
}
