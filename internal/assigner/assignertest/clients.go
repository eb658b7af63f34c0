package assignertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// EC2 is what a function may ask of the world's EC2.
type EC2 interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	AssociateAddress(context.Context, *ec2.AssociateAddressInput, ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error)
	DisassociateAddress(context.Context, *ec2.DisassociateAddressInput, ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	AllocateAddress(context.Context, *ec2.AllocateAddressInput, ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error)
	ReleaseAddress(context.Context, *ec2.ReleaseAddressInput, ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error)
}

// AutoScaling is what a function may ask of the world's EC2 Auto Scaling.
type AutoScaling interface {
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	DescribeAutoScalingInstances(context.Context, *autoscaling.DescribeAutoScalingInstancesInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingInstancesOutput, error)
	CompleteLifecycleAction(context.Context, *autoscaling.CompleteLifecycleActionInput, ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error)
	RecordLifecycleActionHeartbeat(context.Context, *autoscaling.RecordLifecycleActionHeartbeatInput, ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error)
}

// Clock is virtual time. After passes it before it returns; the channel has fired by then.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Clients are what one run of a function has of the world. A function uses them from the
// goroutine that it is called on, and no other clock than this one.
type Clients struct {
	EC2         EC2
	AutoScaling AutoScaling
	Clock       Clock
	// Jitter spreads a pause over 75 to 125 % of it.
	Jitter func(time.Duration) time.Duration
}

// Function is what the world runs for each event: the assigner, one with something broken, or
// another program for the same task. The context's deadline is virtual. An error has Lambda try the
// same payload again.
type Function func(ctx context.Context, clients Clients, payload json.RawMessage) error

// Call is one call of a function to AWS.
type Call struct {
	// Op is the operation's name.
	Op string
	// N counts the world's calls of this operation, this one included.
	N int
	// Run counts the world's runs of the function from 1; InRun counts this run's calls.
	Run, InRun int
	// Input is the operation's input, as the SDK has it.
	Input any
}

// Interference is what becomes of a call. The zero value lets it pass.
type Interference struct {
	// Refuse is the answer instead of any effect.
	Refuse error
	// Lose is the answer after the effect.
	Lose error
	// Phantom answers an AssociateAddress with success and has no effect.
	Phantom bool
	// KillBefore and KillAfter end the run before or after the call's effect.
	KillBefore, KillAfter bool
	// Stale is how old the state is that a read shows.
	Stale time.Duration
	// Slow is how much longer the call takes, half of it before its effect.
	Slow time.Duration
}

// latency is the longest that a call takes, of the two ways each half.
const latency = 80 * time.Millisecond

// client is one run's view of the world.
type client struct {
	world *World
	run   *process
}

// call makes one operation: some time before it has its effect, some after. effect is told how far back a
// read looks.
func (c client) call(ctx context.Context, op string, input any, effect func(asOf time.Time) error) error {
	if err := c.expired(ctx); err != nil {
		return err
	}
	c.run.calls++
	c.world.calls[op]++
	call := Call{Op: op, N: c.world.calls[op], Run: c.run.ordinal, InRun: c.run.calls, Input: input}
	what := c.world.interfere(c.run, call)
	c.run.sleep(c.way() + what.Slow/2)
	if what.KillBefore {
		c.world.trace("run %d is killed before %s", c.run.ordinal, op)
		c.run.die()
	}
	err := what.Refuse
	if err == nil && !what.Phantom {
		err = effect(c.world.asOf(what.Stale))
		c.world.look(call, err)
	}
	if c.world.log != nil {
		c.world.trace("run %d: %s%s%s", c.run.ordinal, described(op, input), what, answered(err))
	}
	if what.KillAfter {
		c.run.die()
	}
	c.run.sleep(c.way() + what.Slow/2)
	if err == nil {
		err = what.Lose
	}
	if late := c.expired(ctx); late != nil {
		return late
	}
	return err
}

func (c client) way() time.Duration { return time.Duration(1 + c.run.rng.Int64N(int64(latency/2))) }

// expired is the error of a context that a function has derived and that has ended, by virtual time.
func (c client) expired(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !c.run.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// described names an operation and what matters of its input.
func described(op string, input any) string {
	text := ""
	switch in := input.(type) {
	case *ec2.AssociateAddressInput:
		text = fmt.Sprintf(" %s to %s", aws.ToString(in.AllocationId), cmp.Or(aws.ToString(in.NetworkInterfaceId), aws.ToString(in.InstanceId)))
	case *ec2.DisassociateAddressInput:
		text = " " + aws.ToString(in.AssociationId)
	case *ec2.CreateTagsInput:
		for _, tag := range in.Tags {
			text += fmt.Sprintf(" %s=%q", aws.ToString(tag.Key), aws.ToString(tag.Value))
		}
		text = fmt.Sprintf(" %v", in.Resources) + text
	case *autoscaling.CompleteLifecycleActionInput:
		text = fmt.Sprintf(" %s %s %s", aws.ToString(in.LifecycleHookName), cmp.Or(aws.ToString(in.InstanceId), aws.ToString(in.LifecycleActionToken)), aws.ToString(in.LifecycleActionResult))
	}
	return op + text
}

func answered(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
