package autoscaling

import (
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Health of an instance as Auto Scaling sees it.
const (
	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

// Processes that SuspendProcesses knows and this service honours or merely stores.
var processes = []string{
	"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance",
	"HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions",
}

// templateRef is a group's launch template as the user named it: Version may be
// "$Latest" or "$Default". ID and Name are both known once resolved.
type templateRef struct {
	ID, Name, Version string
}

// maintenancePolicy holds percentages; nil pointers are unset.
type maintenancePolicy struct {
	MinHealthyPercentage int
	MaxHealthyPercentage int
}

// tag is a tag of a group.
type tag struct {
	Key, Value string
	Propagate  bool
}

// group is an Auto Scaling group. Service.mu guards all of it.
type group struct {
	name, arn string
	created   time.Time

	min, max, desired int
	template          templateRef
	subnets           []string
	// zones maps each subnet to its availability zone.
	zones map[string]string

	healthCheckType         string
	healthCheckGracePeriod  int
	defaultCooldown         int
	defaultInstanceWarmup   *int
	maxInstanceLifetime     *int
	capacityRebalance       bool
	protectedFromScaleIn    bool
	terminationPolicies     []string
	context                 string
	desiredCapacityType     string
	serviceLinkedRoleARN    string
	maintenance             *maintenancePolicy
	capacityDistribution    string
	zonalShiftEnabled       bool
	impairedZoneHealthCheck string
	capacityReservation     string

	targetGroups []string
	tags         []tag
	metrics      []string
	suspended    []string
	hooks        []lifecycle.Hook
	policies     []policy
	// pool is nil for a group without a warm pool.
	pool *lifecycle.Pool
	// retainOnAbandon is the instance lifecycle policy's TerminateHookAbandon=retain.
	retainOnAbandon bool

	instances  []*instance
	activities []*activity
	refreshes  []*refresh

	// starting and warming count the launches into group and warm pool that have no instance
	// id yet, by subnet.
	starting, warming map[string]int
	// launches counts all launches.
	launches int
	backoff  lifecycle.Backoff

	// deleting is set by DeleteAutoScalingGroup; force skips hooks.
	deleting bool
	force    bool

	// wake has room for one signal: something about the group changed.
	wake chan struct{}
}

func (g *group) kick() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *group) isSuspended(process string) bool { return slices.Contains(g.suspended, process) }

// live counts the instances that count as capacity, and the launches of such.
func (g *group) live() int {
	n := 0
	for _, i := range g.instances {
		if i.life.State().Capacity() {
			n++
		}
	}
	for _, starting := range g.starting {
		n += starting
	}
	return n
}

// pending counts the launches that have no instance yet.
func (g *group) pending() int {
	n := 0
	for _, starting := range g.starting {
		n += starting
	}
	for _, warming := range g.warming {
		n += warming
	}
	return n
}

// rules is the group as the rules of the lifecycle see it.
func (s *Service) rules(g *group) lifecycle.Group {
	return lifecycle.Group{
		Name: g.name, Hooks: g.hooks, Pool: g.pool, RetainOnAbandon: g.retainOnAbandon,
		TerminateHooksAfterAbandon: s.deps.TerminateHooksAfterAbandon,
	}
}

// census is the group as its choices see it.
func (g *group) census(surge int) lifecycle.Census {
	c := lifecycle.Census{
		Desired: g.desired, Max: g.max, Live: g.live(), Surge: surge, Pool: g.pool,
		LaunchSuspended: g.isSuspended("Launch"), TerminateSuspended: g.isSuspended("Terminate"), NotBefore: g.backoff.Until(),
	}
	for _, i := range g.instances {
		if i.life.State().Warm() {
			c.Warm++
		}
		if g.startable(i) {
			c.Resting++
		}
	}
	for _, n := range g.warming {
		c.Warm += n
	}
	return c
}

// startable reports whether an instance of the warm pool can join the group: it rests, and
// no refresh is about to replace it.
func (g *group) startable(i *instance) bool {
	r := g.activeRefresh()
	return i.life.State().Resting() && (r == nil || !r.replaces(i))
}

// lives are the instances as the rules of the lifecycle see them.
func (g *group) lives() []*lifecycle.Instance {
	out := make([]*lifecycle.Instance, 0, len(g.instances))
	for _, i := range g.instances {
		out = append(out, i.life)
	}
	return out
}

func (g *group) instance(id string) *instance {
	for _, i := range g.instances {
		if i.id == id {
			return i
		}
	}
	return nil
}

// instance is a member of a group. Service.mu guards all of it.
type instance struct {
	group *group
	id    string
	// life decides the instance's state.
	life      *lifecycle.Instance
	eni       string
	privateIP string
	subnet    string
	zone      string
	health    string
	// template has the version's number.
	template     templateRef
	userData     []byte
	profileARN   string
	instanceType string
	imageID      string
	protected    bool
	launched     time.Time
	inService    time.Time
	// serial is the number of the launch in the group.
	serial int
	// registered: target groups may know it.
	registered bool
	// halted: EC2 stopped the machine.
	halted bool
	// next is closed when the instance begins another move; changed has room for one signal:
	// an action changed.
	next    chan struct{}
	changed chan struct{}
	// activity is the present move's.
	activity *activity
}

// signal tells the instance's worker that an action changed.
func (i *instance) signal() {
	select {
	case i.changed <- struct{}{}:
	default:
	}
}
