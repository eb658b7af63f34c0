package autoscaling

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Bounds of a hook's heartbeat, in seconds, and the number of hooks of a group, by the
// API reference of PutLifecycleHook and the quotas page.
const (
	defaultHeartbeat = 3600
	minHeartbeat     = 30
	maxHeartbeat     = 7200
	maxHooks         = 50
)

// readHook reads a hook's parameters over the values of base.
func readHook(p *params, prefix string, base hook) (hook, *awsapi.Error) {
	h := base
	if p.str(prefix+"NotificationTargetARN") != "" || p.str(prefix+"RoleARN") != "" {
		return h, awsapi.Errorf(501, "NotImplemented", "the sandbox does not implement NotificationTargetARN of lifecycle hooks; it delivers them by EventBridge")
	}
	for _, set := range []struct {
		name string
		at   *string
	}{
		{"LifecycleHookName", &h.name},
		{"LifecycleTransition", &h.transition},
		{"DefaultResult", &h.defaultResult},
		{"NotificationMetadata", &h.notificationMetadata},
	} {
		if p.has(prefix + set.name) {
			*set.at = p.str(prefix + set.name)
		}
	}
	if v := p.integer(prefix + "HeartbeatTimeout"); v != nil {
		h.heartbeat = *v
	}
	switch {
	case p.err != nil:
		return h, p.err
	case h.name == "":
		return h, invalid("1 validation error detected: Value null at 'lifecycleHookName' failed to satisfy constraint: Member must not be null")
	case h.transition == "":
		return h, invalid("Lifecycle transition is required when creating a lifecycle hook")
	case h.transition != transitionLaunching && h.transition != transitionTerminating:
		return h, invalid("Invalid LifecycleTransition: %s", h.transition)
	case h.defaultResult != resultContinue && h.defaultResult != resultAbandon:
		return h, invalid("Invalid DefaultResult: %s", h.defaultResult)
	case h.heartbeat < minHeartbeat || h.heartbeat > maxHeartbeat:
		return h, invalid("HeartbeatTimeout must be between %d and %d seconds; it is %d", minHeartbeat, maxHeartbeat, h.heartbeat)
	}
	return h, nil
}

func (g *group) hookIndex(name string) int {
	return slices.IndexFunc(g.hooks, func(h hook) bool { return h.name == name })
}

func (s *Service) putHook(r *awsapi.Request) (any, *awsapi.Error) {
	if err := refuseUnknown(r, "AutoScalingGroupName", "LifecycleHookName", "LifecycleTransition", "DefaultResult",
		"HeartbeatTimeout", "NotificationMetadata", "NotificationTargetARN", "RoleARN"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.writableLocked(name)
	if err != nil {
		return nil, err
	}
	at := g.hookIndex(p.str("LifecycleHookName"))
	base := hook{heartbeat: defaultHeartbeat, defaultResult: resultAbandon}
	if at >= 0 {
		base = g.hooks[at]
	}
	h, err := readHook(p, "", base)
	switch {
	case err != nil:
		return nil, err
	case at >= 0 && h.transition != g.hooks[at].transition:
		return nil, invalid("The LifecycleTransition of lifecycle hook %s cannot be changed", h.name)
	case at >= 0:
		g.hooks[at] = h
	case len(g.hooks) == maxHooks:
		return nil, awsapi.Errorf(400, "LimitExceeded", "You have reached the limit of %d lifecycle hooks for AutoScalingGroup %s", maxHooks, name)
	default:
		g.hooks = append(g.hooks, h)
	}
	return nil, nil
}

func (s *Service) deleteHook(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	groupName, name := p.required("AutoScalingGroupName"), p.required("LifecycleHookName")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(groupName)
	if err != nil {
		return nil, err
	}
	at := g.hookIndex(name)
	if at < 0 {
		return nil, invalid("No Lifecycle Hook found with name %s in AutoScalingGroup %s", name, groupName)
	}
	g.hooks = slices.Delete(g.hooks, at, at+1)
	// "If there are any outstanding lifecycle actions, they are completed first
	// (ABANDON for launching instances, CONTINUE for terminating instances)."
	for _, i := range g.instances {
		for _, a := range i.actions {
			if a.hook.name != name || a.result != "" {
				continue
			}
			a.result, a.reason = resultContinue, ""
			if a.hook.transition == transitionLaunching {
				a.result, a.reason = resultAbandon, "Lifecycle Hook was deleted"
			}
			i.signal()
		}
	}
	return nil, nil
}

type hookXML struct {
	LifecycleHookName    string
	AutoScalingGroupName string
	LifecycleTransition  string
	NotificationMetadata string `xml:",omitempty"`
	HeartbeatTimeout     int
	GlobalTimeout        int
	DefaultResult        string
}

func (s *Service) describeHooks(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	groupName, names := p.required("AutoScalingGroupName"), r.List("LifecycleHookNames")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(groupName)
	if err != nil {
		return nil, err
	}
	var out struct{ LifecycleHooks list[hookXML] }
	for _, h := range g.hooks {
		if len(names) > 0 && !slices.Contains(names, h.name) {
			continue
		}
		out.LifecycleHooks.Members = append(out.LifecycleHooks.Members, hookXML{
			LifecycleHookName: h.name, AutoScalingGroupName: g.name, LifecycleTransition: h.transition,
			NotificationMetadata: h.notificationMetadata, HeartbeatTimeout: h.heartbeat, GlobalTimeout: h.globalTimeout(), DefaultResult: h.defaultResult,
		})
	}
	return out, nil
}

// activeActionLocked finds the action that a completion or heartbeat means, by token or,
// without one, by instance.
func (s *Service) activeActionLocked(p *params) (*instance, *lifecycleAction, *awsapi.Error) {
	groupName, hookName := p.required("AutoScalingGroupName"), p.required("LifecycleHookName")
	token, instanceID := p.str("LifecycleActionToken"), p.str("InstanceId")
	if p.err != nil {
		return nil, nil, p.err
	}
	g, err := s.groupLocked(groupName)
	if err != nil {
		return nil, nil, err
	}
	if token == "" && instanceID == "" {
		return nil, nil, invalid("Either LifecycleActionToken or InstanceId is required")
	}
	for _, i := range g.instances {
		for _, a := range i.actions {
			fits := a.token == token
			if token == "" {
				fits = i.id == instanceID
			}
			if fits && a.hook.name == hookName && a.result == "" && s.deps.Clock.Now().Before(a.deadline) {
				return i, a, nil
			}
		}
	}
	if token != "" {
		return nil, nil, invalid("No active Lifecycle Action found with token %s", token)
	}
	return nil, nil, invalid("No active Lifecycle Action found with instance ID %s", instanceID)
}

func (s *Service) completeAction(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	result := p.required("LifecycleActionResult")
	s.mu.Lock()
	defer s.mu.Unlock()
	i, a, err := s.activeActionLocked(p)
	switch {
	case err != nil:
		return nil, err
	case result != resultContinue && result != resultAbandon:
		return nil, invalid("Invalid LifecycleActionResult: %s", result)
	}
	a.result = result
	if result == resultAbandon {
		a.reason = "Lifecycle Action Completed with ABANDON Result"
	}
	i.signal()
	return nil, nil
}

func (s *Service) recordHeartbeat(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, a, err := s.activeActionLocked(p)
	if err != nil {
		return nil, err
	}
	a.deadline = s.deps.Clock.Now().Add(time.Duration(a.hook.heartbeat) * time.Second)
	if a.deadline.After(a.end) {
		a.deadline = a.end
	}
	i.signal()
	return nil, nil
}

// lifecycleEvent is the detail of a hook's event. Origin and Destination are left out:
// only groups with a warm pool send them.
type lifecycleEvent struct {
	LifecycleActionToken string
	AutoScalingGroupName string
	LifecycleHookName    string
	EC2InstanceID        string `json:"EC2InstanceId"`
	LifecycleTransition  string
	NotificationMetadata string `json:",omitempty"`
}

// startActionsLocked opens one action per hook of the transition and returns their events.
func (s *Service) startActionsLocked(i *instance, transition string) []lifecycleEvent {
	now := s.deps.Clock.Now()
	i.actions = nil
	var events []lifecycleEvent
	for _, h := range i.group.hooks {
		if h.transition != transition {
			continue
		}
		a := &lifecycleAction{
			hook: h, token: uuid.NewString(),
			deadline: now.Add(time.Duration(h.heartbeat) * time.Second),
			end:      now.Add(time.Duration(h.globalTimeout()) * time.Second),
		}
		i.actions = append(i.actions, a)
		events = append(events, lifecycleEvent{
			LifecycleActionToken: a.token, AutoScalingGroupName: i.group.name, LifecycleHookName: h.name,
			EC2InstanceID: i.id, LifecycleTransition: transition, NotificationMetadata: h.notificationMetadata,
		})
	}
	return events
}

// verdict is what the actions of a wait amount to at a time.
type verdict struct {
	done      bool
	abandoned *lifecycleAction
	// next is when the earliest open action runs out.
	next time.Time
}

// judge applies time-outs and says whether the wait is over: when every action has a
// CONTINUE, or any has an ABANDON.
func judge(actions []*lifecycleAction, now time.Time) verdict {
	v := verdict{done: true}
	for _, a := range actions {
		if a.result == "" && !now.Before(a.deadline) {
			if a.result = a.hook.defaultResult; a.result == resultAbandon {
				a.reason = "Heartbeat Timeout elapsed"
			}
		}
		switch a.result {
		case resultAbandon:
			if v.abandoned == nil {
				v.abandoned = a
			}
		case "":
			v.done = false
			if v.next.IsZero() || a.deadline.Before(v.next) {
				v.next = a.deadline
			}
		}
	}
	if v.abandoned != nil {
		v.done = true
	}
	return v
}
