package autoscaling

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// readHook reads a hook's parameters over the values of base.
func readHook(p *params, prefix string, base lifecycle.Hook) (lifecycle.Hook, *awsapi.Error) {
	h := base
	if p.str(prefix+"NotificationTargetARN") != "" || p.str(prefix+"RoleARN") != "" {
		return h, awsapi.Errorf(501, "NotImplemented", "the sandbox does not implement NotificationTargetARN of lifecycle hooks; it delivers them by EventBridge")
	}
	if p.has(prefix + "LifecycleHookName") {
		h.Name = p.str(prefix + "LifecycleHookName")
	}
	if p.has(prefix + "LifecycleTransition") {
		h.Transition = lifecycle.Transition(p.str(prefix + "LifecycleTransition"))
	}
	if p.has(prefix + "DefaultResult") {
		h.DefaultResult = lifecycle.Result(p.str(prefix + "DefaultResult"))
	}
	if p.has(prefix + "NotificationMetadata") {
		h.NotificationMetadata = p.str(prefix + "NotificationMetadata")
	}
	if v := p.integer(prefix + "HeartbeatTimeout"); v != nil {
		h.Heartbeat = time.Duration(*v) * time.Second
	}
	switch {
	case p.err != nil:
		return h, p.err
	case h.Name == "":
		return h, invalid("1 validation error detected: Value null at 'lifecycleHookName' failed to satisfy constraint: Member must not be null")
	case h.Transition == "":
		return h, invalid("Lifecycle transition is required when creating a lifecycle hook")
	case h.Transition != lifecycle.Launching && h.Transition != lifecycle.Termination:
		return h, invalid("Invalid LifecycleTransition: %s", h.Transition)
	case h.DefaultResult != lifecycle.Continue && h.DefaultResult != lifecycle.Abandon:
		return h, invalid("Invalid DefaultResult: %s", h.DefaultResult)
	case h.Heartbeat < lifecycle.MinHeartbeat || h.Heartbeat > lifecycle.MaxHeartbeat:
		return h, invalid("HeartbeatTimeout must be between %d and %d seconds; it is %d", seconds(lifecycle.MinHeartbeat), seconds(lifecycle.MaxHeartbeat), seconds(h.Heartbeat))
	}
	return h, nil
}

// newHook is a hook with AWS's defaults.
func newHook() lifecycle.Hook {
	return lifecycle.Hook{Heartbeat: lifecycle.DefaultHeartbeat, DefaultResult: lifecycle.Abandon}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

func (g *group) hookIndex(name string) int {
	return slices.IndexFunc(g.hooks, func(h lifecycle.Hook) bool { return h.Name == name })
}

func (s *Service) putHook(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "LifecycleHookName", "LifecycleTransition", "DefaultResult",
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
	base := newHook()
	if at >= 0 {
		base = g.hooks[at]
	}
	h, err := readHook(p, "", base)
	switch {
	case err != nil:
		return nil, err
	case at >= 0 && h.Transition != g.hooks[at].Transition:
		return nil, invalid("The LifecycleTransition of lifecycle hook %s cannot be changed", h.Name)
	case at >= 0:
		g.hooks[at] = h
	case len(g.hooks) == lifecycle.MaxHooks:
		return nil, awsapi.Errorf(400, "LimitExceeded", "You have reached the limit of %d lifecycle hooks for AutoScalingGroup %s", lifecycle.MaxHooks, name)
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
	for _, i := range g.instances {
		if i.life.DropHook(name) {
			i.signal()
		}
	}
	return nil, nil
}

type hookXML struct {
	LifecycleHookName    string
	AutoScalingGroupName string
	LifecycleTransition  lifecycle.Transition
	NotificationMetadata string `xml:",omitempty"`
	HeartbeatTimeout     int
	GlobalTimeout        int
	DefaultResult        lifecycle.Result
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
		if len(names) > 0 && !slices.Contains(names, h.Name) {
			continue
		}
		out.LifecycleHooks.Members = append(out.LifecycleHooks.Members, hookXML{
			LifecycleHookName: h.Name, AutoScalingGroupName: g.name, LifecycleTransition: h.Transition, NotificationMetadata: h.NotificationMetadata,
			HeartbeatTimeout: seconds(h.Heartbeat), GlobalTimeout: seconds(h.GlobalTimeout()), DefaultResult: h.DefaultResult,
		})
	}
	return out, nil
}

// onAction runs change on the group and the action that a completion or a heartbeat means.
func (s *Service) onAction(p *params, change func(members []*lifecycle.Instance, call lifecycle.Call) (*lifecycle.Instance, error)) (any, *awsapi.Error) {
	groupName := p.required("AutoScalingGroupName")
	call := lifecycle.Call{Hook: p.required("LifecycleHookName"), Token: p.str("LifecycleActionToken"), InstanceID: p.str("InstanceId")}
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, apiErr := s.groupLocked(groupName)
	if apiErr != nil {
		return nil, apiErr
	}
	changed, err := change(g.lives(), call)
	if err != nil {
		return nil, refusal(err)
	}
	g.instance(changed.ID()).signal()
	return nil, nil
}

// refusal is an error of the lifecycle's rules as the API answers it.
func refusal(err error) *awsapi.Error {
	var refused *lifecycle.Error
	if !errors.As(err, &refused) {
		return internal(err)
	}
	return awsapi.Errorf(http.StatusBadRequest, refused.Code, "%s", refused.Message)
}

func (s *Service) completeAction(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	result := lifecycle.Result(p.required("LifecycleActionResult"))
	return s.onAction(p, func(members []*lifecycle.Instance, call lifecycle.Call) (*lifecycle.Instance, error) {
		return lifecycle.Complete(members, call, result, s.deps.Clock.Now())
	})
}

func (s *Service) recordHeartbeat(r *awsapi.Request) (any, *awsapi.Error) {
	return s.onAction(&params{r: r}, func(members []*lifecycle.Instance, call lifecycle.Call) (*lifecycle.Instance, error) {
		return lifecycle.Heartbeat(members, call, s.deps.Clock.Now())
	})
}
