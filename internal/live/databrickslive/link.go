package databrickslive

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// noticePatience is how long a rule may take to notice that its connection was rejected.
const noticePatience = 15 * time.Minute

// link is a rule of the session that was approved, and how that went.
type link struct {
	ncc        *ncc
	ruleID     string
	serviceID  string
	endpointID string
	// whenPending is what AWS said of the connection when the rule was first PENDING.
	whenPending string
	// pendingAfter, availableAfter and establishedAfter are times since the rule was made, and since
	// the acceptance twice.
	pendingAfter, availableAfter, establishedAfter time.Duration
	owner                                          string
}

// link makes a rule and approves its connection, once.
func (s *suite) link(ctx context.Context, session *live.Session) (*link, error) {
	return s.linked.Get(func() (*link, error) {
		in, err := s.newNCC(ctx, session, "ncc")
		if err != nil {
			return nil, err
		}
		l := &link{ncc: in, serviceID: session.Getenv(inputService)}
		start := time.Now()
		// A name that nobody has: what the rule leads to is never asked for.
		rule, err := s.newRule(ctx, in, l.serviceID, session.Name("none")+".openai.azure.com")
		if err != nil {
			return nil, fmt.Errorf("making a private endpoint rule: %w", err)
		}
		l.ruleID = rule.RuleId
		if err := s.becomes(ctx, session, l, settings.NccPrivateEndpointRulePrivateLinkConnectionStatePending); err != nil {
			return nil, err
		}
		l.pendingAfter = time.Since(start)
		if l.whenPending, l.owner, err = s.connectionState(ctx, l.serviceID, l.endpointID); err != nil {
			return nil, err
		}
		return l, s.approve(ctx, session, l)
	})
}

// becomes waits until the rule is in a state; one that is dead never will be.
func (s *suite) becomes(ctx context.Context, session *live.Session, l *link, want settings.NccPrivateEndpointRulePrivateLinkConnectionState) error {
	return session.Waiter.Until(ctx, fmt.Sprintf("the rule to be %s", want), func(ctx context.Context) (string, bool, error) {
		rule, err := s.rule(ctx, l.ncc.id, l.ruleID)
		if err != nil {
			return "", false, err
		}
		if rule == nil {
			return "", false, fmt.Errorf("rule %s is gone", l.ruleID)
		}
		l.endpointID = rule.VpcEndpointId
		if rule.ConnectionState != want && endpointrule.Dead(*rule) {
			return "", false, fmt.Errorf("%s", endpointrule.Describe(*rule))
		}
		return string(rule.ConnectionState), rule.ConnectionState == want, nil
	})
}

// approve accepts the connection and waits until both clouds say that it stands.
func (s *suite) approve(ctx context.Context, session *live.Session, l *link) error {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	if err := s.connection(ctx, session, l, "pendingacceptance"); err != nil {
		return err
	}
	if _, err := session.Making(fmt.Sprintf("the accepted connection of %s to %s", l.endpointID, l.serviceID), func(ctx context.Context) error { return s.disconnect(ctx, l) }); err != nil {
		return err
	}
	accepted := time.Now()
	out, err := cloud.EC2.AcceptVpcEndpointConnections(ctx, &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &l.serviceID, VpcEndpointIds: []string{l.endpointID}})
	if err == nil {
		err = unsuccessful(out.Unsuccessful)
	}
	if err != nil {
		return fmt.Errorf("accepting the connection of %s: %w", l.endpointID, err)
	}
	if err := s.connection(ctx, session, l, "available"); err != nil {
		return err
	}
	l.availableAfter = time.Since(accepted)
	if err := s.becomes(ctx, session, l, settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished); err != nil {
		return err
	}
	l.establishedAfter = time.Since(accepted)
	return nil
}

// disconnect rejects the connection, unless that was done: an accepted one would keep its endpoint service
// from being deleted for days after its rule is gone.
func (s *suite) disconnect(ctx context.Context, l *link) error {
	state, _, err := s.connectionState(ctx, l.serviceID, l.endpointID)
	if err != nil || state != "available" && state != "pending" && state != "pendingacceptance" {
		return err
	}
	return s.turnAway(ctx, l)
}

func (s *suite) turnAway(ctx context.Context, l *link) error {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	out, err := cloud.EC2.RejectVpcEndpointConnections(ctx, &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &l.serviceID, VpcEndpointIds: []string{l.endpointID}})
	if err == nil {
		err = unsuccessful(out.Unsuccessful)
	}
	if err != nil {
		return fmt.Errorf("rejecting the connection of %s: %w", l.endpointID, err)
	}
	return nil
}

// connection waits until AWS gives the connection a state.
func (s *suite) connection(ctx context.Context, session *live.Session, l *link, want string) error {
	return session.Waiter.Until(ctx, fmt.Sprintf("the connection of %s to be %s", l.endpointID, want), func(ctx context.Context) (string, bool, error) {
		state, _, err := s.connectionState(ctx, l.serviceID, l.endpointID)
		return state, state == want, err
	})
}

// reject turns the approved connection away, once, and returns what becomes of its rule.
func (s *suite) reject(ctx context.Context, session *live.Session) (string, error) {
	return s.turned.Get(func() (string, error) {
		l, err := s.link(ctx, session)
		if err != nil {
			return "", err
		}
		if err := s.turnAway(ctx, l); err != nil {
			return "", err
		}
		state := string(settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished)
		_, err = session.Within(ctx, noticePatience, "the rule to notice that its connection was rejected", func(ctx context.Context) (string, bool, error) {
			rule, err := s.rule(ctx, l.ncc.id, l.ruleID)
			if err != nil || rule == nil {
				return "", err == nil, err
			}
			state = string(rule.ConnectionState)
			return state, rule.ConnectionState != settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished, nil
		})
		return state, err
	})
}

// remove deletes the rule whose connection was rejected, once, and returns what is left of it.
func (s *suite) remove(ctx context.Context, session *live.Session) (string, error) {
	return s.deleted.Get(func() (string, error) {
		if _, err := s.reject(ctx, session); err != nil {
			return "", err
		}
		l, err := s.link(ctx, session)
		if err != nil {
			return "", err
		}
		account, err := s.account(ctx)
		if err != nil {
			return "", err
		}
		if _, err := account.NetworkConnectivity.DeletePrivateEndpointRuleByNetworkConnectivityConfigIdAndPrivateEndpointRuleId(ctx, l.ncc.id, l.ruleID); err != nil {
			return "", fmt.Errorf("deleting the rule: %w", err)
		}
		rule, err := s.rule(ctx, l.ncc.id, l.ruleID)
		switch {
		case err != nil:
			return "", err
		case rule == nil:
			return "gone", nil
		case rule.Deactivated:
			return "kept, and deactivated", nil
		default:
			return "kept, and not deactivated", nil
		}
	})
}

func serviceFilter(serviceID string) []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String("service-id"), Values: []string{serviceID}}}
}

// unsuccessful is the error in an answer of 200.
func unsuccessful(items []ec2types.UnsuccessfulItem) error {
	for _, item := range items {
		if item.Error != nil {
			return fmt.Errorf("AWS answered %s: %s", aws.ToString(item.Error.Code), aws.ToString(item.Error.Message))
		}
	}
	return nil
}
