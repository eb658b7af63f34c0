package endpointapproval

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// reject closes the endpoint's connection and waits until AWS no longer counts it, so
// that the endpoint service can be deleted. A connection that is gone is a success.
func (c *clouds) reject(ctx context.Context, serviceID, endpointID string) error {
	connection, err := c.findConnection(ctx, serviceID, endpointID)
	if err != nil || isClosed(connection) {
		return err
	}
	if err := c.sendRejection(ctx, serviceID, endpointID); err != nil {
		return err
	}
	return c.waiter.Until(ctx, fmt.Sprintf("the connection of %s to %s to be closed", endpointID, serviceID), func(ctx context.Context) (string, bool, error) {
		connection, err := c.findConnection(ctx, serviceID, endpointID)
		if err != nil {
			return "", false, err
		}
		if connection == nil {
			return "gone", true, nil
		}
		return string(connection.VpcEndpointState), isClosed(connection), nil
	})
}

// sendRejection rejects the connection, even if ctx ends meanwhile.
func (c *clouds) sendRejection(ctx context.Context, serviceID, endpointID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
	defer cancel()
	answer, err := c.ec2.RejectVpcEndpointConnections(ctx, &ec2.RejectVpcEndpointConnectionsInput{
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
	if isClosed(connection) {
		return nil
	}
	return err
}

// isClosed reports whether a connection no longer keeps its endpoint service from being deleted.
func isClosed(connection *types.VpcEndpointConnection) bool {
	return connection == nil || awsDeadStates[observation{connection: connection}.awsState()]
}

// unsuccessful turns the items that AWS lists as failed, in an answer of status 200,
// into an error.
func unsuccessful(items []types.UnsuccessfulItem) error {
	var errs []error
	for _, item := range items {
		if item.Error == nil {
			errs = append(errs, fmt.Errorf("AWS gave no reason for %s", aws.ToString(item.ResourceId)))
			continue
		}
		errs = append(errs, fmt.Errorf("AWS answered %s for %s: %s", aws.ToString(item.Error.Code), aws.ToString(item.ResourceId), aws.ToString(item.Error.Message)))
	}
	return errors.Join(errs...)
}
