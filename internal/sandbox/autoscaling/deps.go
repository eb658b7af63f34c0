// Package autoscaling is the sandbox's EC2 Auto Scaling: every action of the query
// protocol that the stock aws_autoscaling_group and the AWS SDK need for groups that
// are built from a launch template, and the lifecycle machine behind them. Machines,
// subnets and target groups stay in moto; groups, instances' states, hooks and
// activities live here. Scaling policies are stored and shown, and never run: there are no
// metrics here for them to follow.
package autoscaling

import (
	"context"
	"log/slog"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Defaults of Deps.
const (
	// DefaultStep is how long a state that takes AWS tens of seconds takes here.
	DefaultStep = 50 * time.Millisecond
	// DefaultCheckInterval is the period of the health check.
	DefaultCheckInterval = time.Second
	// DefaultMaxLaunchPause bounds the pause between launches of a group whose launches keep failing.
	DefaultMaxLaunchPause = 10 * time.Second
)

// Instance is a machine that has reached EC2's state "running".
type Instance struct {
	ID string
	// NetworkInterfaceID is the primary interface's.
	NetworkInterfaceID string
	PrivateIP          string
	// UserData is decoded: what cloud-init would read.
	UserData []byte
	// InstanceProfileARN is the instance profile whose role the instance may use; "" is none.
	InstanceProfileARN string
	AvailabilityZone   string
	SubnetID           string
}

// Deps are what the service stands on. MotoURL, Region and AccountID are required.
type Deps struct {
	// MotoURL is where EC2 and ELBv2 are asked directly.
	MotoURL   string
	Region    string
	AccountID string

	// Events takes an event of source aws.autoscaling; nil drops it.
	Events func(detailType string, detail any, resources []string)
	// Launched is called when an instance runs, before its launch hooks: once, and again
	// each time that it leaves a warm pool where it was stopped. nil is allowed. An error is logged: like AWS, the service cannot see that a
	// machine's software did not start.
	Launched func(ctx context.Context, instance Instance) error
	// Stopped is called after EC2 stopped an instance that rests in a warm pool; nil is allowed.
	Stopped func(instanceID string)
	// Terminated is called once per instance after EC2 terminated it; nil is allowed.
	Terminated func(instanceID string)
	// TargetHealthy answers the load balancer's view for groups with health check
	// type ELB; nil means that such groups look at EC2's state only.
	TargetHealthy func(instanceID, targetGroupARN string) bool

	// Clock drives heartbeats, time-outs and pauses; nil is the system's.
	Clock waiter.Clock
	// Step is how long booting, draining and warming up take: EC2's pending state, and a
	// deregistration delay or a warm-up in an instance refresh that is not zero (real ones
	// are minutes). Zero is DefaultStep.
	Step time.Duration
	// CheckInterval is the period of the health check; zero is DefaultCheckInterval.
	CheckInterval time.Duration
	// MaxLaunchPause bounds the growing pause between failing launches; zero is DefaultMaxLaunchPause.
	MaxLaunchPause time.Duration
	// TerminateHooksAfterAbandon runs terminate hooks for an instance whose launch
	// hook was abandoned. AWS's documents do not say whether it does, so the default is
	// the harder case: it does not.
	TerminateHooksAfterAbandon bool
	// Logger takes what has no caller to return to; nil discards it.
	Logger *slog.Logger
}

func (d Deps) withDefaults() Deps {
	if d.Events == nil {
		d.Events = func(string, any, []string) {}
	}
	if d.Launched == nil {
		d.Launched = func(context.Context, Instance) error { return nil }
	}
	if d.Stopped == nil {
		d.Stopped = func(string) {}
	}
	if d.Terminated == nil {
		d.Terminated = func(string) {}
	}
	if d.Clock == nil {
		d.Clock = waiter.SystemClock{}
	}
	if d.Step == 0 {
		d.Step = DefaultStep
	}
	if d.CheckInterval == 0 {
		d.CheckInterval = DefaultCheckInterval
	}
	if d.MaxLaunchPause == 0 {
		d.MaxLaunchPause = DefaultMaxLaunchPause
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}
