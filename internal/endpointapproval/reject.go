package endpointapproval

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// reject closes the endpoint's connection and waits until AWS no longer counts it, so
// that the endpoint service can be deleted. A connection that is gone is a success.
func (c *Clouds) reject(ctx context.Context, serviceID, endpointID string) error {
	// The state in which AWS was last asked to reject it.
	rejectedIn := ""
	return c.Waiter.Until(ctx, fmt.Sprintf("the connection of %s to %s to be closed", endpointID, serviceID), func(ctx context.Context) (string, bool, error) {
		connection, err := c.findConnection(ctx, serviceID, endpointID)
		if err != nil {
			return "", false, err
		}
		state := awsState(connection)
		if !awsCounts(state) {
			return state, true, nil
		}
		if state == awsDeleting || state == rejectedIn {
			return state, false, nil
		}
		rejectedIn = state
		err = c.sendRejection(ctx, serviceID, endpointID)
		var refused *unsuccessfulError
		if errors.As(err, &refused) && awsPasses(state) {
			// It can be rejected once AWS has finished what it is at.
			err = waiter.Retry(err)
		}
		return state, false, err
	})
}

// sendRejection rejects the connection, even if ctx ends meanwhile.
func (c *Clouds) sendRejection(ctx context.Context, serviceID, endpointID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
	defer cancel()
	answer, err := c.EC2.RejectVpcEndpointConnections(ctx, &ec2.RejectVpcEndpointConnectionsInput{
		ServiceId: aws.String(serviceID), VpcEndpointIds: []string{endpointID},
	})
	if isServiceNotFound(err) {
		return nil
	}
	if err == nil {
		err = unsuccessful(answer.Unsuccessful)
	}
	if err == nil {
		return nil
	}
	// Databricks may have taken the endpoint away in between.
	connection, findErr := c.findConnection(ctx, serviceID, endpointID)
	if findErr != nil {
		return errors.Join(err, findErr)
	}
	if state := awsState(connection); state == "" || awsDeadStates[state] {
		return nil
	}
	return err
}

// unsuccessfulError is what AWS lists as failed in an answer of status 200.
type unsuccessfulError struct{ items []types.UnsuccessfulItem }

func (e *unsuccessfulError) Error() string {
	var errs []error
	for _, item := range e.items {
		if item.Error == nil {
			errs = append(errs, fmt.Errorf("AWS gave no reason for %s", aws.ToString(item.ResourceId)))
			continue
		}
		errs = append(errs, fmt.Errorf("AWS answered %s for %s: %s", aws.ToString(item.Error.Code), aws.ToString(item.ResourceId), aws.ToString(item.Error.Message)))
	}
	return errors.Join(errs...).Error()
}

// unsuccessful is the error of an answer that lists what failed, if it lists anything.
func unsuccessful(items []types.UnsuccessfulItem) error {
	if len(items) == 0 {
		return nil
	}
	return &unsuccessfulError{items}
}
