package autoscaling

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const day = 24 * time.Hour

// ids joins the ids of the group's instances, and says which of them are not in service.
func (b *bench) ids() string {
	var out []string
	for _, i := range b.instances() {
		text := *i.InstanceId
		if i.LifecycleState != types.LifecycleStateInService {
			text += " " + string(i.LifecycleState)
		}
		out = append(out, text)
	}
	return strings.Join(out, ",")
}

func TestOldInstancesAreReplacedWithinTheMaintenancePolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		policy      *types.InstanceMaintenancePolicy
		least, most int
	}{
		"terminate first": {&types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(100)}, 1, 2},
		"launch first":    {&types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150)}, 2, 3},
		"without one":     {nil, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.create(2, func(in *api.CreateAutoScalingGroupInput) {
				in.MaxInstanceLifetime, in.InstanceMaintenancePolicy = aws.Int32(int32(day/time.Second)), tc.policy
			})
			b.awaitStates("InService InService")
			b.clock.advance(day / 2)
			b.await("nothing to change", time.Second, func() (string, bool) { got := b.ids(); return got, got == "i-1,i-2" || got == "i-2,i-1" })
			b.clock.advance(day / 2)
			b.await("new instances", 100*time.Millisecond, func() (string, bool) {
				serving, all := 0, b.instances()
				for _, i := range all {
					if i.LifecycleState == types.LifecycleStateInService {
						serving++
					}
				}
				living := 0
				for _, i := range all {
					if !strings.HasPrefix(string(i.LifecycleState), "Terminating") {
						living++
					}
				}
				if serving < tc.least || living > tc.most {
					t.Errorf("%d in service, %d in all: %s", serving, living, b.ids())
				}
				got := b.ids()
				return got, got == "i-3,i-4" || got == "i-4,i-3"
			})
		})
	}
}

func TestLifetimeHasBounds(t *testing.T) {
	b := newBench(t)
	b.create(0)
	update := func(seconds int32) error {
		_, err := b.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), MaxInstanceLifetime: &seconds})
		return err
	}
	wantCode(t, update(86399), "ValidationError", "86400")
	wantCode(t, update(31536001), "ValidationError", "31536000")
	for _, seconds := range []int32{86400, 0} {
		if err := update(seconds); err != nil {
			t.Error(err)
		}
	}
}
