package endpointapproval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// lastWriteTimeout bounds what is still finished after a cancellation: one write and
// its reading back.
const lastWriteTimeout = 2 * time.Minute

// databricksAccounts are the AWS accounts in which Databricks makes private endpoints, by partition.
var databricksAccounts = map[string][]string{
	"aws":        {"565502421330"},
	"aws-us-gov": {"347038500609", "347034940029"},
}

// refusal is a connection that must not be accepted, and why.
type refusal struct{ reason string }

func (e *refusal) Error() string { return e.reason }

// unusable is a rule or connection that can never be established.
type unusable struct{ seen observation }

func (e *unusable) Error() string { return e.seen.describe() }

// verify checks that the connection is the one that Databricks itself names, to this
// service, from an account that is allowed.
func (o observation) verify(owners []string) error {
	if o.rule != nil && !leadsTo(o.rule.EndpointService, o.target.serviceID) {
		return &refusal{fmt.Sprintf("Rule %s is for the endpoint service %s, not for %s.", o.rule.RuleId, o.rule.EndpointService, o.target.serviceID)}
	}
	if o.connection == nil {
		return nil
	}
	if service := aws.ToString(o.connection.ServiceId); service != o.target.serviceID {
		return &refusal{fmt.Sprintf("VPC endpoint %s is connected to the endpoint service %s, not to %s.", o.endpointID(), service, o.target.serviceID)}
	}
	if id := aws.ToString(o.connection.VpcEndpointId); id != o.endpointID() {
		return &refusal{fmt.Sprintf("The connection is of VPC endpoint %s, but the rule names %s.", id, o.endpointID())}
	}
	if !slices.Contains(owners, o.owner()) {
		return &refusal{fmt.Sprintf("VPC endpoint %s belongs to the AWS account %q; allowed_owner_account_ids allows %s.", o.endpointID(), o.owner(), strings.Join(owners, ", "))}
	}
	return nil
}

// awaitAccepted waits for rule and endpoint to appear, checks them, and accepts the
// connection, unless that was done before. When it ends with an error, nothing was
// accepted. The observation is the last one in either case.
func (c *clouds) awaitAccepted(ctx context.Context, t target, owners []string) (observation, error) {
	seen := observation{target: t, asksDatabricks: t.asksDatabricks()}
	err := c.waiter.Until(ctx, "the connection of Databricks to "+t.serviceID, func(ctx context.Context) (string, bool, error) {
		now, err := c.observe(ctx, t)
		if err != nil {
			return "", false, err
		}
		seen = now
		if err := now.verify(owners); err != nil {
			return "", false, err
		}
		switch state := now.status(); {
		case state.dead():
			return "", false, &unusable{now}
		case state == pendingAcceptance:
			seen, err = c.accept(ctx, now)
			return seen.describe(), err == nil, err
		default:
			return now.describe(), state.accepted(), nil
		}
	})
	return seen, err
}

// accept accepts the observed connection, even if ctx ends meanwhile, and reads it back.
func (c *clouds) accept(ctx context.Context, seen observation) (observation, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
	defer cancel()
	id := seen.endpointID()
	tflog.Info(ctx, "accepting the connection", map[string]any{"vpc_endpoint_id": id, "vpc_endpoint_owner": seen.owner(), "endpoint_service_id": seen.target.serviceID})
	answer, acceptErr := c.ec2.AcceptVpcEndpointConnections(ctx, &ec2.AcceptVpcEndpointConnectionsInput{
		ServiceId: aws.String(seen.target.serviceID), VpcEndpointIds: []string{id},
	})
	if acceptErr == nil {
		acceptErr = unsuccessful(answer.Unsuccessful)
	}
	// What counts is the connection, not the answer: it may be lost, or the connection
	// have been accepted by somebody else in between.
	connection, err := c.findConnection(ctx, seen.target.serviceID, id)
	switch {
	case err != nil && acceptErr == nil:
		// Accepted; only the reading back failed, and the next wait does it again.
		return seen, nil
	case err != nil:
		return seen, errors.Join(acceptErr, err)
	}
	seen.connection = connection
	if acceptErr != nil && !seen.status().accepted() {
		return seen, acceptErr
	}
	return seen, nil
}

// awaitSettled waits for an accepted connection to be established on both sides. The
// observation is the last one, whatever the error.
func (c *clouds) awaitSettled(ctx context.Context, seen observation) (observation, error) {
	t := seen.target
	if seen.rule != nil {
		t.ruleID = seen.rule.RuleId
	}
	err := c.waiter.Until(ctx, "the accepted connection of "+seen.endpointID()+" to be established", func(ctx context.Context) (string, bool, error) {
		now, err := c.observe(ctx, t)
		if err != nil {
			return "", false, err
		}
		seen = now
		if now.status().dead() {
			return "", false, &unusable{now}
		}
		return now.describe(), now.status().settled(), nil
	})
	if err != nil && ctx.Err() != nil {
		// The last look, so that the state tells how far it came.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
		defer cancel()
		if now, observeErr := c.observe(ctx, t); observeErr == nil {
			seen = now
			if now.status().settled() {
				return now, nil
			}
		}
	}
	return seen, err
}
