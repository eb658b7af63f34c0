package assigner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
)

// EC2 is what the assigner asks of Amazon EC2; *ec2.Client is one.
type EC2 interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	AssociateAddress(context.Context, *ec2.AssociateAddressInput, ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error)
	DisassociateAddress(context.Context, *ec2.DisassociateAddressInput, ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
}

// AutoScaling is what the assigner asks of EC2 Auto Scaling; *autoscaling.Client is one.
type AutoScaling interface {
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	DescribeAutoScalingInstances(context.Context, *autoscaling.DescribeAutoScalingInstancesInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingInstancesOutput, error)
	CompleteLifecycleAction(context.Context, *autoscaling.CompleteLifecycleActionInput, ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error)
	RecordLifecycleActionHeartbeat(context.Context, *autoscaling.RecordLifecycleActionHeartbeatInput, ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error)
}

// fault is what an AWS error means for a claim.
type fault int

const (
	// faultTransient is mended by time: throttling, a server's error, a lost answer, an
	// instance that is not ready or no longer there (the next look tells which).
	faultTransient fault = iota
	// faultTaken: the address, or the interface, is associated already.
	faultTaken
	// faultDenied: the role may not. Right after the role's creation this passes.
	faultDenied
	// faultInactive: no lifecycle action is active; the group's state tells why.
	faultInactive
	// faultAddress: this one address cannot be had; another may.
	faultAddress
)

// faults by error code. Codes, not messages: InvalidInstanceID stands for a pending and a
// terminated instance alike, and only a fresh look at the instance tells them apart.
var faults = map[string]fault{
	"Resource.AlreadyAssociated":         faultTaken,
	"AuthFailure":                        faultDenied,
	"UnauthorizedOperation":              faultDenied,
	"AccessDenied":                       faultDenied,
	"AccessDeniedException":              faultDenied,
	"InvalidClientTokenId":               faultDenied,
	"ValidationError":                    faultInactive,
	"InvalidAllocationID.NotFound":       faultAddress,
	"InvalidAddress.NotFound":            faultAddress,
	"InvalidAddress.Locked":              faultAddress,
	"InvalidParameterCombination":        faultAddress,
	"InvalidParameterValue":              faultAddress,
	"InvalidInstanceID":                  faultTransient,
	"InvalidInstanceID.NotFound":         faultTransient,
	"IncorrectInstanceState":             faultTransient,
	"IncorrectState":                     faultTransient,
	"InvalidNetworkInterfaceID.NotFound": faultTransient,
}

// classify says what err means; whatever is not known is taken as transient, bounded by
// the claim's budget and never by a blind CONTINUE.
func classify(err error) fault {
	var api smithy.APIError
	if errors.As(err, &api) {
		return faults[api.ErrorCode()]
	}
	return faultTransient
}

// alreadyReleased reports whether a disassociation failed because there is nothing to undo.
func alreadyReleased(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "InvalidAssociationID.NotFound", "InvalidAddress.NotFound", "InvalidAllocationID.NotFound", "InvalidNetworkInterfaceID.NotFound":
		return true
	}
	return false
}
