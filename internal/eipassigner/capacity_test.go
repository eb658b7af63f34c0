package eipassigner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	tf "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

func TestNeeds(t *testing.T) {
	none := int64(0)
	for name, test := range map[string]struct {
		surge         surge
		maximum, want int64
	}{
		"one zone":                        {surge{maxHealthy: 100, margin: &none}, 3, 3},
		"zones are rebalanced":            {surge{maxHealthy: 100}, 3, 4},
		"10 percent of 10 are 1":          {surge{maxHealthy: 100}, 10, 11},
		"10 percent of 11 are 2":          {surge{maxHealthy: 100}, 11, 13},
		"launch before terminate":         {surge{maxHealthy: 110, margin: &none}, 3, 4},
		"twice the fleet":                 {surge{maxHealthy: 200, margin: &none}, 3, 6},
		"both":                            {surge{maxHealthy: 150}, 5, 9},
		"no room to terminate first":      {surge{minHealthy: 90, maxHealthy: 100, margin: &none}, 3, 4},
		"half of one is one":              {surge{minHealthy: 50, maxHealthy: 100, margin: &none}, 1, 2},
		"half of two leaves room":         {surge{minHealthy: 50, maxHealthy: 100, margin: &none}, 2, 2},
		"nothing has to stay":             {surge{maxHealthy: 100, margin: &none}, 1, 1},
		"room enough beside a high bound": {surge{minHealthy: 90, maxHealthy: 120, margin: &none}, 10, 12},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.surge.needs(test.maximum); got != test.want {
				t.Errorf("%d instances need %d addresses, want %d", test.maximum, got, test.want)
			}
		})
	}
}

// Whatever desired capacity scaling chooses up to the maximum, no instance refresh with the
// group's percentages launches more instances than there are addresses.
func TestNeedsHoldsForEveryDesiredCapacity(t *testing.T) {
	none := int64(0)
	for maximum := int64(1); maximum <= 25; maximum++ {
		for minHealthy := int64(0); minHealthy <= 100; minHealthy += 5 {
			for maxHealthy := int64(100); maxHealthy <= min(200, minHealthy+100); maxHealthy += 5 {
				s := surge{minHealthy: minHealthy, maxHealthy: maxHealthy, margin: &none}
				needs, most := s.needs(maximum), 0
				for desired := 1; desired <= int(maximum); desired++ {
					_, upper := lifecycle.Refresh{MinHealthy: int(minHealthy), MaxHealthy: int(maxHealthy)}.Bounds(desired)
					most = max(most, upper)
				}
				if int(needs) != most {
					t.Fatalf("max_size %d, %d to %d percent: %d addresses for up to %d instances", maximum, minHealthy, maxHealthy, needs, most)
				}
				if fits := s.serves(needs); fits < maximum || s.needs(fits) > needs {
					t.Fatalf("%d addresses serve a max_size of %d, not %d", needs, fits, maximum)
				}
			}
		}
	}
}

func TestSurgeOf(t *testing.T) {
	two := []string{"us-east-1a", "us-east-1b"}
	policy := func(minimum, maximum int32) *types.InstanceMaintenancePolicy {
		return &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(minimum), MaxHealthyPercentage: aws.Int32(maximum)}
	}
	suspended := []types.SuspendedProcess{{ProcessName: aws.String("HealthCheck")}, {ProcessName: aws.String("AZRebalance")}}
	for name, test := range map[string]struct {
		group types.AutoScalingGroup
		// needs of 4 instances
		needs int64
	}{
		"two zones":                      {types.AutoScalingGroup{AvailabilityZones: two}, 5},
		"one zone":                       {types.AutoScalingGroup{AvailabilityZones: two[:1]}, 4},
		"rebalancing is suspended":       {types.AutoScalingGroup{AvailabilityZones: two, SuspendedProcesses: suspended}, 4},
		"something else is":              {types.AutoScalingGroup{AvailabilityZones: two, SuspendedProcesses: suspended[:1]}, 5},
		"spot instances are rebalanced":  {types.AutoScalingGroup{AvailabilityZones: two[:1], SuspendedProcesses: suspended, CapacityRebalance: aws.Bool(true)}, 5},
		"a maintenance policy":           {types.AutoScalingGroup{AvailabilityZones: two[:1], InstanceMaintenancePolicy: policy(50, 150)}, 6},
		"one that leaves no room":        {types.AutoScalingGroup{AvailabilityZones: two[:1], InstanceMaintenancePolicy: policy(90, 100)}, 5},
		"one whose percentages are none": {types.AutoScalingGroup{AvailabilityZones: two[:1], InstanceMaintenancePolicy: policy(-1, -1)}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			if got := surgeOf(test.group).needs(4); got != test.needs {
				t.Errorf("4 instances need %d addresses, want %d", got, test.needs)
			}
		})
	}
}

// twoZones makes the group one that rebalances zones, and replaces with up to maxHealthy percent.
func twoZones(maxHealthy int32) func(*world) {
	return func(w *world) {
		w.group.AvailabilityZones = []string{"us-east-1a", "us-east-1b"}
		w.group.InstanceMaintenancePolicy = &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(maxHealthy)}
	}
}

// planOf plans the creation of m, which holds what the configuration says and the defaults.
func planOf(t *testing.T, w *world, m model) resource.ModifyPlanResponse {
	t.Helper()
	resp := resource.ModifyPlanResponse{Plan: planFor(t, m)}
	w.resource(archARM).ModifyPlan(t.Context(), resource.ModifyPlanRequest{Config: tfsdk.Config(planFor(t, m)), Plan: planFor(t, m), State: emptyState(t)}, &resp)
	return resp
}

// The plan refuses a pool that is too small, with the number that is needed: max_size is 3.
func TestPlanProvesTheCapacity(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(*world)
		edit    func(*model)
		// needed is what a plan asks for; 0 if it has nothing to say.
		needed int
		says   []string
	}{
		"as many as instances, one zone":    {edit: func(m *model) { m.PoolSize = tf.Int64Value(3) }},
		"fewer than instances":              {edit: func(m *model) { m.PoolSize = tf.Int64Value(2) }, needed: 3, says: []string{"max_size is 3", "has 2 addresses", "a max_size of at most 2"}},
		"no spare for rebalancing":          {arrange: twoZones(100), edit: func(m *model) { m.PoolSize = tf.Int64Value(3) }, needed: 4, says: []string{"1 more may start while Auto Scaling rebalances zones", "AZRebalance"}},
		"one spare":                         {arrange: twoZones(100), edit: func(m *model) { m.PoolSize = tf.Int64Value(4) }},
		"told that there is no rebalancing": {arrange: twoZones(100), edit: func(m *model) { m.PoolSize, m.RebalanceMargin = tf.Int64Value(3), tf.Int64Value(0) }},
		"told of more rebalancing":          {edit: func(m *model) { m.PoolSize, m.RebalanceMargin = tf.Int64Value(4), tf.Int64Value(2) }, needed: 5},
		"the group launches first":          {arrange: twoZones(150), edit: func(m *model) { m.PoolSize = tf.Int64Value(5) }, needed: 6, says: []string{"While instances are replaced there may be 5", "is 150"}},
		"told that it will no longer":       {arrange: twoZones(150), edit: func(m *model) { m.PoolSize, m.MaxHealthyPercentage = tf.Int64Value(4), tf.Int64Value(100) }},
		"the group is not known": {edit: func(m *model) { m.PoolSize, m.AutoScalingGroupARN = tf.Int64Value(3), tf.StringUnknown() }, needed: 4,
			says: []string{"unless the group has one zone"}},
		"the group is not known, but what it does": {edit: func(m *model) {
			m.PoolSize, m.AutoScalingGroupARN, m.RebalanceMargin, m.MaxHealthyPercentage = tf.Int64Value(4), tf.StringUnknown(), tf.Int64Value(0), tf.Int64Value(110)
		}},
		"nor what it does": {edit: func(m *model) {
			m.PoolSize, m.AutoScalingGroupARN, m.RebalanceMargin, m.MaxHealthyPercentage = tf.Int64Value(3), tf.StringUnknown(), tf.Int64Unknown(), tf.Int64Unknown()
		}},
		"the pool is not known":         {arrange: twoZones(200), edit: func(m *model) { m.PoolSize = tf.Int64Unknown() }},
		"the largest size is not known": {edit: func(m *model) { m.PoolSize, m.MaxSize = tf.Int64Value(1), tf.Int64Unknown() }},
		"as scaling may make it, not now": {edit: func(m *model) {
			m.PoolSize, m.DesiredCapacity, m.MinSize = tf.Int64Value(2), tf.Int64Value(1), tf.Int64Value(1)
		}, needed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(9)
			if test.arrange != nil {
				test.arrange(w)
			}
			m := planned()
			test.edit(&m)
			resp := planOf(t, w, m)
			if w.writes() != 0 {
				t.Errorf("a plan wrote: %v", w.calls)
			}
			if test.needed == 0 {
				must(t, resp.Diagnostics)
				return
			}
			if !resp.Diagnostics.HasError() {
				t.Fatalf("not refused: %v", resp.Diagnostics)
			}
			detail := resp.Diagnostics.Errors()[0].Detail()
			for _, says := range append(test.says, fmt.Sprintf("`size` to at least %d", test.needed)) {
				if !strings.Contains(detail, says) {
					t.Errorf("nothing says %q: %s", says, detail)
				}
			}
		})
	}
}

// Without pool_size a plan looks at the pool as it is, and warns: the apply may make it larger.
func TestPlanWarnsOfAPoolThatIsSmallYet(t *testing.T) {
	w := newWorld(3)
	twoZones(100)(w)
	resp := planOf(t, w, planned())
	if resp.Diagnostics.HasError() || len(resp.Diagnostics) != 1 || !strings.Contains(resp.Diagnostics[0].Detail(), "`size` to at least 4") {
		t.Errorf("diagnostics %v", resp.Diagnostics)
	}
}

// At the start of an apply the group itself is asked, before anything is made.
func TestApplyProvesTheCapacityOnceMore(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(*world)
		edit    func(*model)
		needed  int
	}{
		"the group rebalances zones":                     {twoZones(100), func(*model) {}, 4},
		"the group launches first, whatever was said":    {twoZones(150), func(m *model) { m.MaxHealthyPercentage, m.RebalanceMargin = tf.Int64Value(100), tf.Int64Value(0) }, 5},
		"what was said is more than what the group does": {twoZones(100), func(m *model) { m.MaxHealthyPercentage, m.RebalanceMargin = tf.Int64Value(200), tf.Int64Value(1) }, 7},
	} {
		t.Run(name, func(t *testing.T) {
			m := planned()
			test.edit(&m)
			w := newWorld(test.needed - 1)
			test.arrange(w)
			state, diags := create(t.Context(), t, w, m)
			if !diags.HasError() || state != nil || !strings.Contains(diags[0].Detail(), fmt.Sprintf("`size` to at least %d", test.needed)) {
				t.Errorf("state %v, diagnostics %v", state, diags)
			}
			if w.writes() != 0 {
				t.Errorf("written before the refusal: %v", w.calls)
			}
			w = newWorld(test.needed)
			test.arrange(w)
			_, diags = create(t.Context(), t, w, m)
			must(t, diags)
		})
	}
}

// An update that needs more addresses is refused before it changes anything; a repair is not.
func TestUpdateProvesTheCapacityOfWhatGrows(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	grown := m
	grown.MaxSize = tf.Int64Value(4)
	grown.setStatusUnknown()
	if _, diags := update(t.Context(), t, w, m, grown); !diags.HasError() || w.writes() != 0 {
		t.Errorf("%d writes, diagnostics %v", w.writes(), diags)
	}
	twoZones(150)(w)
	clear(w.hooks)
	seen, diags := read(t, w, m)
	must(t, diags)
	_, diags = update(t.Context(), t, w, *seen, replan(t, w, *seen, planned(), nil))
	must(t, diags)
	if len(w.hooks) != 2 {
		t.Errorf("hooks %v", w.hooks)
	}
}
