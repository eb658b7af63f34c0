package autoscaling

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Lifecycle states of an instance.
const (
	statePending            = "Pending"
	statePendingWait        = "Pending:Wait"
	statePendingProceed     = "Pending:Proceed"
	stateInService          = "InService"
	stateTerminating        = "Terminating"
	stateTerminatingWait    = "Terminating:Wait"
	stateTerminatingProceed = "Terminating:Proceed"
)

// Transitions that a hook can hold.
const (
	transitionLaunching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	transitionTerminating = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// Results of a lifecycle action.
const (
	resultContinue = "CONTINUE"
	resultAbandon  = "ABANDON"
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
	hooks        []hook

	instances  []*instance
	activities []*activity

	// starting counts launches that have no instance id yet.
	starting map[string]int // by subnet
	// failures counts launches that failed one after the other; noLaunchBefore is the pause they cost.
	failures       int
	noLaunchBefore time.Time

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

// live counts the instances that count as capacity: all that are not on their way out.
func (g *group) live() int {
	n := 0
	for _, i := range g.instances {
		if !i.leaving() {
			n++
		}
	}
	for _, starting := range g.starting {
		n += starting
	}
	return n
}

// hook is a lifecycle hook.
type hook struct {
	name, transition string
	// heartbeat is in seconds.
	heartbeat            int
	defaultResult        string
	notificationMetadata string
}

// globalTimeout is the longest time, in seconds, that heartbeats can keep an instance
// waiting: 100 heartbeats or 48 hours, whichever is less.
func (h hook) globalTimeout() int { return min(100*h.heartbeat, 48*60*60) }

// instance is a member of a group. Service.mu guards all of it.
type instance struct {
	group  *group
	id     string
	eni    string
	subnet string
	zone   string
	state  string
	health string
	// template has the version's number.
	template     templateRef
	instanceType string
	imageID      string
	protected    bool
	launched     time.Time
	inService    time.Time
	// actions are the hooks' actions of the current wait.
	actions []*lifecycleAction
	// leave, once closed, sends the instance to Terminating; cause and how say why.
	leave     chan struct{}
	leaveHow  departure
	changed   chan struct{}
	terminate *activity
}

// departure says why and how an instance leaves.
type departure struct {
	cause     string
	skipHooks bool
}

func (i *instance) leaving() bool {
	select {
	case <-i.leave:
		return true
	default:
		return false
	}
}

// signal tells the instance's worker that an action changed.
func (i *instance) signal() {
	select {
	case i.changed <- struct{}{}:
	default:
	}
}

// lifecycleAction is one hook's hold on one instance.
type lifecycleAction struct {
	hook     hook
	token    string
	deadline time.Time
	// end is when heartbeats no longer help.
	end    time.Time
	result string
	// reason is AWS's text for a result that ended a launch.
	reason string
}

// activity is a scaling activity.
type activity struct {
	id, groupName, groupARN    string
	description, cause, detail string
	start, end                 time.Time
	status, message            string
	progress                   int
}

func (a *activity) finish(now time.Time, status, message string) {
	a.end, a.status, a.message, a.progress = now, status, message, 100
}

// details is the activity's Details: a JSON document in a string.
func details(zone, subnet string) string {
	return fmt.Sprintf(`{"Subnet ID":%s,"Availability Zone":%s}`, strconv.Quote(subnet), strconv.Quote(zone))
}

// leastUsedSubnet picks where the next instance goes: the zone with the fewest members,
// and in it the subnet with the fewest, the first of the group's list on a tie.
func leastUsedSubnet(subnets []string, zones map[string]string, inSubnet map[string]int) string {
	inZone := map[string]int{}
	for subnet, n := range inSubnet {
		inZone[zones[subnet]] += n
	}
	best := ""
	for _, s := range subnets {
		switch {
		case best == "":
			best = s
		case inZone[zones[s]] != inZone[zones[best]]:
			if inZone[zones[s]] < inZone[zones[best]] {
				best = s
			}
		case inSubnet[s] < inSubnet[best]:
			best = s
		}
	}
	return best
}

// member is what choosing an instance to terminate looks at.
type member struct {
	id, zone  string
	outdated  bool
	protected bool
	launched  time.Time
}

// scaleInChoice picks the n instances that leave when a group shrinks, by the default
// termination policy: from the zone with the most members, those of an older template
// version first, then the oldest. Protected members stay.
func scaleInChoice(members []member, n int) []string {
	left := slices.Clone(members)
	var out []string
	for len(out) < n {
		inZone := map[string]int{}
		for _, m := range left {
			inZone[m.zone]++
		}
		best := -1
		for i, m := range left {
			if m.protected {
				continue
			}
			if best == -1 || leavesBefore(m, left[best], inZone) {
				best = i
			}
		}
		if best == -1 {
			break
		}
		out = append(out, left[best].id)
		left = slices.Delete(left, best, best+1)
	}
	return out
}

func leavesBefore(a, b member, inZone map[string]int) bool {
	if inZone[a.zone] != inZone[b.zone] {
		return inZone[a.zone] > inZone[b.zone]
	}
	if a.outdated != b.outdated {
		return a.outdated
	}
	return a.launched.Before(b.launched)
}
