package eipassigner

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// hookPart is the two lifecycle hooks on the group.
type hookPart struct {
	*cloud
	spec spec
}

var hookKinds = []string{kindLaunch, kindTerminate}

// transitions and defaults of the hooks. Without an answer a launch is abandoned (no
// address, no service), and a termination goes on (the address ends with the interface).
var (
	transitions = map[string]string{kindLaunch: "autoscaling:EC2_INSTANCE_LAUNCHING", kindTerminate: "autoscaling:EC2_INSTANCE_TERMINATING"}
	defaults    = map[string]string{kindLaunch: "ABANDON", kindTerminate: "CONTINUE"}
)

// validationError is Auto Scaling's code for, among others, a group or hook that does not exist.
const validationError = "ValidationError"

// find returns the group's hooks by name; none when the group is not there any more.
func (p hookPart) find(ctx context.Context) (map[string]types.LifecycleHook, error) {
	group, err := p.findGroup(ctx, p.spec.group)
	if err != nil || group == nil {
		return nil, err
	}
	out, err := p.autoScaling.DescribeLifecycleHooks(ctx, &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String(p.spec.group.name)})
	if err != nil {
		if p.gone(ctx, p.spec.group, err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the lifecycle hooks of group %s: %w", p.spec.group.name, err)
	}
	hooks := map[string]types.LifecycleHook{}
	for _, hook := range out.LifecycleHooks {
		hooks[aws.ToString(hook.LifecycleHookName)] = hook
	}
	return hooks, nil
}

func (p hookPart) look(ctx context.Context) ([]finding, error) {
	hooks, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, kind := range hookKinds {
		hook, exists := hooks[p.spec.hookName(kind)]
		f := finding{name: kind + "_hook", exists: exists}
		if exists {
			if got := aws.ToString(hook.NotificationMetadata); got != p.spec.metadata() {
				f.foreign = fmt.Sprintf("hook %s of group %s exists and has the notification metadata %q, not %q", p.spec.hookName(kind), p.spec.group.name, got, p.spec.metadata())
			}
			f.drifted = f.foreign != "" || aws.ToString(hook.LifecycleTransition) != transitions[kind] ||
				aws.ToString(hook.DefaultResult) != defaults[kind] || int64(aws.ToInt32(hook.HeartbeatTimeout)) != p.spec.heartbeat
		}
		all = append(all, f)
	}
	return all, nil
}

func (p hookPart) put(ctx context.Context, found []finding, u *undo) error {
	for n, kind := range hookKinds {
		if found[n].sound() {
			continue
		}
		if found[n].foreign != "" {
			return fmt.Errorf("%s; it is not ours to change: delete it, or give this assigner another name", found[n].foreign)
		}
		err := write(ctx, func(ctx context.Context) error {
			_, err := p.autoScaling.PutLifecycleHook(ctx, &autoscaling.PutLifecycleHookInput{
				AutoScalingGroupName: aws.String(p.spec.group.name), LifecycleHookName: aws.String(p.spec.hookName(kind)),
				LifecycleTransition: aws.String(transitions[kind]), DefaultResult: aws.String(defaults[kind]),
				HeartbeatTimeout: aws.Int32(int32(p.spec.heartbeat)), NotificationMetadata: aws.String(p.spec.metadata()),
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("writing lifecycle hook %s of group %s: %w", p.spec.hookName(kind), p.spec.group.name, err)
		}
		if !found[n].exists {
			u.add(func(ctx context.Context) error { return p.delete(ctx, kind) })
		}
	}
	return nil
}

func (p hookPart) delete(ctx context.Context, kind string) error {
	_, err := p.autoScaling.DeleteLifecycleHook(ctx, &autoscaling.DeleteLifecycleHookInput{
		AutoScalingGroupName: aws.String(p.spec.group.name), LifecycleHookName: aws.String(p.spec.hookName(kind)),
	})
	if err != nil && !clouderr.IsAWS(err, validationError) {
		return fmt.Errorf("deleting lifecycle hook %s of group %s: %w", p.spec.hookName(kind), p.spec.group.name, err)
	}
	return nil
}

func (p hookPart) remove(ctx context.Context) error {
	found, err := p.look(ctx)
	if err != nil {
		return err
	}
	for n, kind := range hookKinds {
		if !found[n].exists || found[n].foreign != "" {
			continue
		}
		if err := p.delete(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}
