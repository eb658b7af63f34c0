package autoscaling

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Statuses of an instance refresh.
const (
	refreshPending    = "Pending"
	refreshInProgress = "InProgress"
	refreshSuccessful = "Successful"
	refreshCancelling = "Cancelling"
	refreshCancelled  = "Cancelled"
)

// Detail types of the events of an instance refresh.
const (
	eventRefreshStarted   = "EC2 Auto Scaling Instance Refresh Started"
	eventRefreshSucceeded = "EC2 Auto Scaling Instance Refresh Succeeded"
	eventRefreshCancelled = "EC2 Auto Scaling Instance Refresh Cancelled"
)

// refresh is one instance refresh of a group.
type refresh struct {
	id, status string
	start, end time.Time
	prefs      refreshPreferences
	limits     lifecycle.Refresh
	// warmup is how long a new instance is in service before it counts as healthy.
	warmup time.Duration
	// desired is the launch template of the desired configuration, empty for the group's.
	desired templateRef
	// target is the template's version that instances shall have, by its number.
	target templateRef
	// image is what the template's parameter said when the refresh began; empty without one.
	image string
	// after is the serial of the last launch that the refresh may replace.
	after int
	// toUpdate and warmToUpdate are what is left; total is toUpdate's first value.
	toUpdate, warmToUpdate, total int
}

// refreshPreferences are as the caller gave them; nil is not given.
type refreshPreferences struct {
	MinHealthyPercentage      *int
	MaxHealthyPercentage      *int
	InstanceWarmup            *int
	SkipMatching              *bool
	AutoRollback              *bool
	ScaleInProtectedInstances string `xml:",omitempty"`
	StandbyInstances          string `xml:",omitempty"`
}

func (r *refresh) active() bool {
	return r.status == refreshPending || r.status == refreshInProgress || r.status == refreshCancelling
}

// launched reports whether the instance was launched since the refresh began.
func (r *refresh) launched(i *instance) bool { return i.serial > r.after }

// replaces reports whether the refresh shall replace the instance.
func (r *refresh) replaces(i *instance) bool {
	switch {
	case r.launched(i):
		return false
	case r.prefs.ScaleInProtectedInstances == "Ignore" && i.protected && !i.life.State().InWarmPool():
		return false
	default:
		matches := i.template == r.target && (r.image == "" || i.imageID == r.image)
		return r.prefs.SkipMatching == nil || !*r.prefs.SkipMatching || !matches
	}
}

// activeRefresh is the group's refresh that has not ended; nil if there is none.
func (g *group) activeRefresh() *refresh {
	if n := len(g.refreshes); n > 0 && g.refreshes[n-1].active() {
		return g.refreshes[n-1]
	}
	return nil
}

// launchTemplate is what new instances are launched from: the desired configuration of a
// refresh in progress counts for every launch.
func (g *group) launchTemplate() templateRef {
	if r := g.activeRefresh(); r != nil && r.desired.ID != "" {
		return r.desired
	}
	return g.template
}

// refreshLocked takes the next step of the group's refresh. It returns how many instances
// above the desired capacity it asks for, and when to look again at the latest (zero: when
// something changes).
func (s *Service) refreshLocked(g *group, now time.Time) (surge int, wait time.Duration) {
	r := g.activeRefresh()
	switch {
	case r == nil || g.isSuspended("InstanceRefresh"):
		return 0, 0
	case r.status == refreshCancelling:
		if g.settled() {
			s.endRefreshLocked(g, r, refreshCancelled, eventRefreshCancelled, now)
		}
		return 0, 0
	}
	r.status = refreshInProgress
	members, wait := g.rolling(r.replaces, r.launched, r.warmup, now)
	plan := r.limits.Plan(g.desired, members)
	r.toUpdate = plan.Remaining
	cause := fmt.Sprintf("At %s an instance was taken out of service in response to an instance refresh.", now.UTC().Format(time.RFC3339))
	for _, id := range plan.Terminate {
		s.sendAwayLocked(g.instance(id), departure{cause: cause})
	}
	// The warm pool's turn comes when the group is through.
	r.warmToUpdate = 0
	for _, i := range g.instances {
		if !i.life.State().Warm() || !r.replaces(i) {
			continue
		}
		r.warmToUpdate++
		if plan.Done {
			s.sendAwayLocked(i, departure{cause: cause})
		}
	}
	if plan.Done && r.warmToUpdate == 0 {
		if r.desired.ID != "" {
			g.template = r.desired
		}
		s.endRefreshLocked(g, r, refreshSuccessful, eventRefreshSucceeded, now)
	}
	return plan.Surge, wait
}

// settled reports whether the group has what it wants and nothing is on its way.
func (g *group) settled() bool {
	if g.live() != g.desired {
		return false
	}
	return !slices.ContainsFunc(g.instances, func(i *instance) bool {
		state := i.life.State()
		return state.Leaving() || state.Capacity() && state != lifecycle.InService
	})
}

// rolling are the instances that count as capacity, the oldest first, for a replacement of some of them: fresh ones
// count as healthy only after their warm-up. wait is the time until the next of them is through it (zero: none waits for that).
func (g *group) rolling(replace, fresh func(*instance) bool, warmup time.Duration, now time.Time) (members []lifecycle.RefreshMember, wait time.Duration) {
	oldest := slices.SortedStableFunc(slices.Values(g.instances), func(a, b *instance) int { return cmp.Compare(a.serial, b.serial) })
	for _, i := range oldest {
		state := i.life.State()
		if !state.Capacity() {
			continue
		}
		m := lifecycle.RefreshMember{ID: i.id, Replace: replace(i), Healthy: state == lifecycle.InService && i.health == healthy}
		if warm := i.inService.Add(warmup).Sub(now); m.Healthy && fresh(i) && warm > 0 {
			m.Healthy = false
			if wait == 0 || warm < wait {
				wait = warm
			}
		}
		members = append(members, m)
	}
	return members, wait
}

func (s *Service) endRefreshLocked(g *group, r *refresh, status, detailType string, now time.Time) {
	r.status, r.end = status, now
	s.refreshEventLocked(g, r, detailType)
}

// refreshEventLocked sends an event of a refresh, after the lock is free.
func (s *Service) refreshEventLocked(g *group, r *refresh, detailType string) {
	detail := struct {
		InstanceRefreshID    string `json:"InstanceRefreshId"`
		AutoScalingGroupName string
	}{r.id, g.name}
	s.backgroundLocked(func() { s.deps.Events(detailType, detail, []string{g.arn}) })
}

func (s *Service) startRefresh(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "Strategy", "Preferences", "DesiredConfiguration"); err != nil {
		return nil, err
	}
	if err := awsapi.RefuseUnknownMembers(r, "DesiredConfiguration.", "LaunchTemplate."); err != nil {
		return nil, err
	}
	name := p.required("AutoScalingGroupName")
	prefs, apiErr := readRefreshPreferences(p)
	switch {
	case apiErr != nil:
		return nil, apiErr
	case p.str("Strategy") != "" && p.str("Strategy") != "Rolling":
		return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement instance refreshes of strategy %s", p.str("Strategy"))
	}
	s.mu.Lock()
	g, apiErr := s.writableLocked(name)
	if apiErr != nil {
		s.mu.Unlock()
		return nil, apiErr
	}
	started := &refresh{id: uuid.NewString(), status: refreshPending, prefs: prefs}
	ref := g.template
	s.mu.Unlock()
	desired := templateRef{
		ID: p.str("DesiredConfiguration.LaunchTemplate.LaunchTemplateId"), Name: p.str("DesiredConfiguration.LaunchTemplate.LaunchTemplateName"),
		Version: cmp.Or(p.str("DesiredConfiguration.LaunchTemplate.Version"), "$Default"),
	}
	if desired.ID != "" || desired.Name != "" {
		ref = desired
	}
	found, err := s.cloud.Template(r.HTTP.Context(), ref)
	switch {
	case notFound(err):
		return nil, invalid("You must use a valid fully-formed launch template. The specified launch template, with template ID %s, does not exist.", cmp.Or(ref.ID, ref.Name))
	case err != nil:
		return nil, internal(err)
	}
	started.target = found.ref
	if found.imageParameter != "" {
		started.image = found.imageID
	}
	if ref == desired {
		started.desired = templateRef{ID: found.ref.ID, Name: found.ref.Name, Version: ref.Version}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if apiErr := s.beginRefreshLocked(g, started); apiErr != nil {
		return nil, apiErr
	}
	return struct {
		InstanceRefreshID string `xml:"InstanceRefreshId"`
	}{started.id}, nil
}

// beginRefreshLocked adds a refresh to the group, its defaults from the group's settings.
func (s *Service) beginRefreshLocked(g *group, r *refresh) *awsapi.Error {
	protected := slices.ContainsFunc(g.instances, func(i *instance) bool { return i.protected && i.life.State().Capacity() })
	switch {
	case g.activeRefresh() != nil:
		return awsapi.Errorf(http.StatusBadRequest, "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	case protected && (r.prefs.ScaleInProtectedInstances == "" || r.prefs.ScaleInProtectedInstances == "Wait"):
		return awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not wait for the scale-in protection of instances to be removed: set ScaleInProtectedInstances to Ignore or Refresh")
	}
	r.limits = g.replacementLimits()
	if r.prefs.MinHealthyPercentage != nil {
		r.limits.MinHealthy = *r.prefs.MinHealthyPercentage
	}
	if r.prefs.MaxHealthyPercentage != nil {
		r.limits.MaxHealthy = *r.prefs.MaxHealthyPercentage
	}
	r.warmup = s.warmup(g, r.prefs.InstanceWarmup)
	r.start, r.after = s.deps.Clock.Now(), g.launches
	members, _ := g.rolling(r.replaces, r.launched, r.warmup, r.start)
	r.toUpdate = r.limits.Plan(g.desired, members).Remaining
	r.total = r.toUpdate
	g.refreshes = append(g.refreshes, r)
	s.refreshEventLocked(g, r, eventRefreshStarted)
	g.kick()
	return nil
}

// replacementLimits are the group's own for replacing instances: its maintenance policy's, or AWS's defaults.
func (g *group) replacementLimits() lifecycle.Refresh {
	if g.maintenance != nil {
		return lifecycle.Refresh{MinHealthy: g.maintenance.MinHealthyPercentage, MaxHealthy: g.maintenance.MaxHealthyPercentage}
	}
	return lifecycle.Refresh{MinHealthy: lifecycle.DefaultMinHealthyPercentage}
}

// warmup is how long a new instance is in service before it counts as healthy, shortened to one step: the
// preference (in seconds), the group's default, or its grace period.
func (s *Service) warmup(g *group, preference *int) time.Duration {
	seconds := g.healthCheckGracePeriod
	if g.defaultInstanceWarmup != nil {
		seconds = *g.defaultInstanceWarmup
	}
	if preference != nil {
		seconds = *preference
	}
	return min(time.Duration(seconds)*time.Second, s.deps.Step)
}

// readRefreshPreferences refuses what has no effect here: checkpoints, alarms, rollback and baking.
func readRefreshPreferences(p *params) (refreshPreferences, *awsapi.Error) {
	const prefix = "Preferences."
	if err := awsapi.RefuseUnknownMembers(p.r, prefix, "MinHealthyPercentage", "MaxHealthyPercentage", "InstanceWarmup", "SkipMatching",
		"AutoRollback", "ScaleInProtectedInstances", "StandbyInstances"); err != nil {
		return refreshPreferences{}, err
	}
	prefs := refreshPreferences{
		MinHealthyPercentage:      p.integer(prefix + "MinHealthyPercentage"),
		MaxHealthyPercentage:      p.integer(prefix + "MaxHealthyPercentage"),
		InstanceWarmup:            p.integer(prefix + "InstanceWarmup"),
		SkipMatching:              p.boolean(prefix + "SkipMatching"),
		AutoRollback:              p.boolean(prefix + "AutoRollback"),
		ScaleInProtectedInstances: p.str(prefix + "ScaleInProtectedInstances"),
		StandbyInstances:          p.str(prefix + "StandbyInstances"),
	}
	least, most := prefs.MinHealthyPercentage, prefs.MaxHealthyPercentage
	switch {
	case p.err != nil:
		return prefs, p.err
	case least != nil && (*least < 0 || *least > 100):
		return prefs, invalid("MinHealthyPercentage must be between 0 and 100; it is %d", *least)
	case most != nil && (*most < 100 || *most > 200):
		return prefs, invalid("MaxHealthyPercentage must be between 100 and 200; it is %d", *most)
	case most != nil && least == nil:
		return prefs, invalid("MaxHealthyPercentage needs MinHealthyPercentage")
	case most != nil && *most-*least > 100:
		return prefs, invalid("MinHealthyPercentage and MaxHealthyPercentage must be at most 100 apart; they are %d and %d", *least, *most)
	case prefs.InstanceWarmup != nil && *prefs.InstanceWarmup < 0:
		return prefs, invalid("InstanceWarmup must not be negative; it is %d", *prefs.InstanceWarmup)
	case prefs.AutoRollback != nil && *prefs.AutoRollback:
		return prefs, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement AutoRollback of instance refreshes")
	case !slices.Contains([]string{"", "Refresh", "Ignore", "Wait"}, prefs.ScaleInProtectedInstances):
		return prefs, invalid("Invalid ScaleInProtectedInstances: %s", prefs.ScaleInProtectedInstances)
	case !slices.Contains([]string{"", "Terminate", "Ignore", "Wait"}, prefs.StandbyInstances):
		return prefs, invalid("Invalid StandbyInstances: %s", prefs.StandbyInstances)
	}
	return prefs, nil
}

func (s *Service) cancelRefresh(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "WaitForTransitioningInstances"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name, wait := p.required("AutoScalingGroupName"), p.boolean("WaitForTransitioningInstances")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(name)
	if err != nil {
		return nil, err
	}
	active := g.activeRefresh()
	if active == nil {
		return nil, awsapi.Errorf(http.StatusBadRequest, "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", name)
	}
	active.status = refreshCancelling
	if wait != nil && !*wait {
		s.endRefreshLocked(g, active, refreshCancelled, eventRefreshCancelled, s.deps.Clock.Now())
	}
	g.kick()
	return struct {
		InstanceRefreshID string `xml:"InstanceRefreshId"`
	}{active.id}, nil
}

type refreshXML struct {
	InstanceRefreshID    string `xml:"InstanceRefreshId"`
	AutoScalingGroupName string
	Status               string
	StatusReason         string `xml:",omitempty"`
	StartTime            string
	EndTime              string `xml:",omitempty"`
	PercentageComplete   int
	InstancesToUpdate    int
	Strategy             string
	Preferences          refreshPreferences
	DesiredConfiguration *desiredConfigurationXML
	ProgressDetails      *progressXML
}

type desiredConfigurationXML struct{ LaunchTemplate templateXML }

type progressXML struct {
	LivePoolProgress struct{ PercentageComplete, InstancesToUpdate int }
	WarmPoolProgress struct{ InstancesToUpdate int }
}

func (r *refresh) xml(g *group) refreshXML {
	x := refreshXML{
		InstanceRefreshID: r.id, AutoScalingGroupName: g.name, Status: r.status, StartTime: timestamp(r.start),
		PercentageComplete: 100, InstancesToUpdate: r.toUpdate, Strategy: "Rolling", Preferences: r.prefs,
	}
	if r.total > 0 {
		x.PercentageComplete = max(0, 100*(r.total-r.toUpdate)/r.total)
	}
	if !r.end.IsZero() {
		x.EndTime = timestamp(r.end)
	}
	if r.status == refreshCancelling || r.status == refreshCancelled {
		x.StatusReason = "Cancelled due to user request."
	}
	if r.desired.ID != "" {
		x.DesiredConfiguration = &desiredConfigurationXML{r.desired.xml()}
	}
	if g.pool != nil {
		x.ProgressDetails = &progressXML{}
		x.ProgressDetails.LivePoolProgress.PercentageComplete = x.PercentageComplete
		x.ProgressDetails.LivePoolProgress.InstancesToUpdate = r.toUpdate
		x.ProgressDetails.WarmPoolProgress.InstancesToUpdate = r.warmToUpdate
	}
	return x
}

func (s *Service) describeRefreshes(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "InstanceRefreshIds", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	ids := r.List("InstanceRefreshIds")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	var out struct{ InstanceRefreshes list[refreshXML] }
	// AWS answers newest first.
	for _, refresh := range slices.Backward(g.refreshes) {
		if len(ids) == 0 || slices.Contains(ids, refresh.id) {
			out.InstanceRefreshes.Members = append(out.InstanceRefreshes.Members, refresh.xml(g))
		}
	}
	return out, nil
}
