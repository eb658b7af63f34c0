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
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// lastWriteTimeout bounds what is still finished after a cancellation: one write and
// its reading back.
const lastWriteTimeout = 2 * time.Minute

// refusal is a connection that must not be accepted: which attribute speaks against it, why,
// and what to do.
type refusal struct {
	at             path.Path
	reason, remedy string
}

func (e *refusal) Error() string { return e.reason }

// unusable is a rule or connection that can never be established.
type unusable struct{ seen Observation }

func (e *unusable) Error() string { return e.seen.describe() }

// verify checks that the connection is the one that Databricks itself names, to this
// service, from an account that is allowed.
func (o Observation) verify(owners []string) error {
	if o.rule != nil && !leadsTo(o.rule.EndpointService, o.target.ServiceID) {
		return &refusal{path.Root("private_endpoint_rule_id"),
			fmt.Sprintf("Rule %s is for the endpoint service %s, not for %s.", o.rule.RuleId, o.rule.EndpointService, o.target.ServiceID),
			"Write the id of the rule for " + o.target.ServiceID + " into private_endpoint_rule_id, or leave it out: then the rule for the endpoint service is found."}
	}
	if o.connection == nil {
		return nil
	}
	if service := aws.ToString(o.connection.ServiceId); service != o.target.ServiceID {
		return &refusal{path.Root("vpc_endpoint_id"),
			fmt.Sprintf("VPC endpoint %s is connected to the endpoint service %s, not to %s.", o.endpointID(), service, o.target.ServiceID),
			"Write the id of the endpoint that Databricks has made for " + o.target.ServiceID + "; the private endpoint rule shows it."}
	}
	if id := aws.ToString(o.connection.VpcEndpointId); id != o.endpointID() {
		return &refusal{path.Root("vpc_endpoint_id"),
			fmt.Sprintf("The connection is of VPC endpoint %s, but the rule names %s.", id, o.endpointID()),
			"Only the endpoint that the rule itself names is accepted. Write that one, or leave vpc_endpoint_id out."}
	}
	if !slices.Contains(owners, o.owner()) {
		return &refusal{path.Root("allowed_owner_account_ids"),
			fmt.Sprintf("VPC endpoint %s belongs to the AWS account %q; allowed_owner_account_ids allows %s.", o.endpointID(), o.owner(), strings.Join(owners, ", ")),
			"If Databricks confirms that the account is its own, add it to allowed_owner_account_ids. If not, somebody else is at the door: have the rule looked at, and reject the connection."}
	}
	return nil
}

// Look asks both clouds how far the target's connection is, and outlasts what passes.
func (c *Clouds) Look(ctx context.Context, t Target) (Observation, error) {
	seen := Observation{target: t, asksDatabricks: t.asksDatabricks()}
	err := c.Waiter.Until(ctx, "the clouds to tell the state of "+t.id(), func(ctx context.Context) (string, bool, error) {
		now, err := c.observe(ctx, t)
		if err != nil {
			return "", false, err
		}
		seen = now
		return now.describe(), true, nil
	})
	return seen, err
}

// AwaitAccepted goes on from what Look saw: it waits for rule and endpoint to appear, checks
// them, and accepts the connection, unless that was done before. The endpoint has to belong to
// one of the owners, which are AWS account ids. When it ends with an error, nothing was accepted.
// The observation is the last one in either case.
func (c *Clouds) AwaitAccepted(ctx context.Context, seen Observation, owners []string) (Observation, error) {
	err := c.watch(ctx, endpointrule.Pace(c.Waiter), "the connection of Databricks to "+seen.target.ServiceID, &seen, func(ctx context.Context) (bool, error) {
		if err := seen.verify(owners); err != nil {
			return false, err
		}
		switch state := seen.status(); {
		case state.dead():
			return false, &unusable{seen}
		case state == pendingAcceptance:
			var err error
			seen, err = c.accept(ctx, seen)
			return true, err
		default:
			return state.accepted(), nil
		}
	})
	return seen, err
}

// watch has every poll judge what is seen: the first one as it is, each other one after a glance.
func (c *Clouds) watch(ctx context.Context, pace waiter.Waiter, what string, seen *Observation, judge func(context.Context) (done bool, err error)) error {
	fresh := true
	return pace.Until(ctx, what, func(ctx context.Context) (string, bool, error) {
		if !fresh {
			now, err := c.glance(ctx, *seen)
			if err != nil {
				return "", false, err
			}
			*seen = now
		}
		fresh = false
		done, err := judge(ctx)
		return seen.describe(), done, err
	})
}

// accept accepts the observed connection, even if ctx ends meanwhile, and reads it back.
func (c *Clouds) accept(ctx context.Context, seen Observation) (Observation, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
	defer cancel()
	id := seen.endpointID()
	tflog.Info(ctx, "accepting the connection", map[string]any{"vpc_endpoint_id": id, "vpc_endpoint_owner": seen.owner(), "endpoint_service_id": seen.target.ServiceID})
	answer, acceptErr := c.EC2.AcceptVpcEndpointConnections(ctx, &ec2.AcceptVpcEndpointConnectionsInput{
		ServiceId: aws.String(seen.target.ServiceID), VpcEndpointIds: []string{id},
	})
	if acceptErr == nil {
		acceptErr = unsuccessful(answer.Unsuccessful)
	}
	// What counts is the connection, not the answer: it may be lost, or the connection
	// have been accepted by somebody else in between.
	connection, err := c.findConnection(ctx, seen.target.ServiceID, id)
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

// AwaitSettled goes on from what AwaitAccepted saw, and waits for the accepted connection to be
// established on both sides. The observation is the last one, whatever the error.
func (c *Clouds) AwaitSettled(ctx context.Context, seen Observation) (Observation, error) {
	if seen.rule != nil {
		seen.target.RuleID = seen.rule.RuleId
	}
	pace := endpointrule.Pace(c.Waiter)
	// AWS, then Databricks: two changes on one way, of which only the second is awaited.
	pace.Steady = true
	err := c.watch(ctx, pace, "the accepted connection of "+seen.endpointID()+" to be established", &seen, func(context.Context) (bool, error) {
		if seen.status().dead() {
			return false, &unusable{seen}
		}
		return seen.status().settled(), nil
	})
	if err != nil && ctx.Err() != nil {
		// The last look, so that the state tells how far it came.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
		defer cancel()
		if now, observeErr := c.observe(ctx, seen.target); observeErr == nil {
			seen = now
			if now.status().settled() {
				return now, nil
			}
		}
	}
	return seen, err
}
