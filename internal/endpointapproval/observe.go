package endpointapproval

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Observation is what both clouds say about a target at one moment.
type Observation struct {
	target         Target
	asksDatabricks bool
	// rule is nil when there is none yet.
	rule *settings.NccPrivateEndpointRule
	// ruleGone says that a rule known by its id does not exist.
	ruleGone bool
	// connection is nil when AWS shows none.
	connection *types.VpcEndpointConnection
}

// endpointID is the VPC endpoint, or "" while nobody knows it.
func (o Observation) endpointID() string {
	if o.rule != nil && o.rule.VpcEndpointId != "" {
		return o.rule.VpcEndpointId
	}
	return o.target.EndpointID
}

// owner is the AWS account that owns the endpoint, or "".
func (o Observation) owner() string {
	if o.connection == nil {
		return ""
	}
	return aws.ToString(o.connection.VpcEndpointOwner)
}

// ambiguousRulesError says that more than one live rule leads to the endpoint service.
type ambiguousRulesError struct {
	nccID, serviceID string
	ruleIDs          []string
}

func (e *ambiguousRulesError) Error() string {
	return fmt.Sprintf("NCC %s has %d live rules for %s: %s", e.nccID, len(e.ruleIDs), e.serviceID, strings.Join(e.ruleIDs, ", "))
}

// observe asks Databricks for the rule, and AWS for the connection that the rule names.
// Errors that a wait should outlast are marked with waiter.Retry.
func (c *Clouds) observe(ctx context.Context, t Target) (Observation, error) {
	seen := Observation{target: t, asksDatabricks: t.asksDatabricks()}
	if err := c.askDatabricks(ctx, &seen); err != nil {
		return seen, err
	}
	err := c.askAWS(ctx, &seen)
	return seen, err
}

// glance looks again at what was seen before: it asks the cloud that has the next news, and the
// other one too once there is some. So a wait costs one call a poll, and whatever it decides on was
// said by both at that moment.
func (c *Clouds) glance(ctx context.Context, before Observation) (Observation, error) {
	now := before
	first, second := c.askDatabricks, c.askAWS
	if before.nextNews() == fromAWS {
		first, second = second, first
	}
	if err := first(ctx, &now); err != nil {
		return before, err
	}
	if before.nextNews() != fromEither && now.describe() == before.describe() {
		return now, nil
	}
	if err := second(ctx, &now); err != nil {
		return before, err
	}
	return now, nil
}

// news is who has to move next.
type news int

const (
	fromEither news = iota
	fromDatabricks
	fromAWS
)

func (o Observation) nextNews() news {
	switch {
	case !o.asksDatabricks:
		return fromAWS
	case o.rule == nil || o.rule.VpcEndpointId == "":
		return fromDatabricks
	case o.connection == nil:
		// AWS may come to show it, or Databricks take the rule away before.
		return fromEither
	case awsState(o.connection) == awsAvailable:
		return fromDatabricks
	default:
		return fromAWS
	}
}

// askDatabricks looks up the rule, if the target has one.
func (c *Clouds) askDatabricks(ctx context.Context, seen *Observation) error {
	if !seen.asksDatabricks {
		return nil
	}
	err := c.findRule(ctx, seen)
	if clouderr.DatabricksPasses(err) {
		return waiter.Retry(err)
	}
	return err
}

func (c *Clouds) findRule(ctx context.Context, seen *Observation) error {
	t := seen.target
	if t.RuleID == "" {
		rules, err := c.Databricks.ListPrivateEndpointRulesAll(ctx, settings.ListPrivateEndpointRulesRequest{NetworkConnectivityConfigId: t.NCCID})
		if err != nil {
			return err
		}
		seen.rule, err = chooseRule(t, rules)
		return err
	}
	rule, err := c.Databricks.GetPrivateEndpointRule(ctx, settings.GetPrivateEndpointRuleRequest{NetworkConnectivityConfigId: t.NCCID, PrivateEndpointRuleId: t.RuleID})
	if clouderr.DatabricksNotFound(err) {
		seen.rule, seen.ruleGone = nil, true
		return nil
	}
	if err == nil {
		seen.rule = rule
	}
	return err
}

// chooseRule picks the rule that leads to the target's endpoint service: the only live
// one, else the youngest of those that failed, so that its reason can be told; deleted
// ones do not count. Nil means that there is none.
func chooseRule(t Target, rules []settings.NccPrivateEndpointRule) (*settings.NccPrivateEndpointRule, error) {
	var live []string
	var chosen *settings.NccPrivateEndpointRule
	for i := range rules {
		rule := &rules[i]
		if rule.Deactivated || !leadsTo(rule.EndpointService, t.ServiceID) {
			continue
		}
		if !endpointrule.Dead(*rule) {
			live = append(live, rule.RuleId)
			chosen = rule
		} else if len(live) == 0 && (chosen == nil || rule.CreationTime > chosen.CreationTime) {
			chosen = rule
		}
	}
	if len(live) > 1 {
		return nil, &ambiguousRulesError{nccID: t.NCCID, serviceID: t.ServiceID, ruleIDs: live}
	}
	return chosen, nil
}

// askAWS looks up the connection, once its endpoint is known.
func (c *Clouds) askAWS(ctx context.Context, seen *Observation) error {
	id := seen.endpointID()
	if id == "" {
		seen.connection = nil
		return nil
	}
	connection, err := c.findConnection(ctx, seen.target.ServiceID, id)
	if err == nil {
		seen.connection = connection
	}
	return err
}

// findConnection returns the endpoint's connection to the service, or nil. The filter
// vpc-endpoint-id is documented, but EC2 answers InvalidFilter to it (the stock AWS provider
// searches by service alone for that reason); a service has few connections.
func (c *Clouds) findConnection(ctx context.Context, serviceID, endpointID string) (*types.VpcEndpointConnection, error) {
	pages := ec2.NewDescribeVpcEndpointConnectionsPaginator(c.EC2, &ec2.DescribeVpcEndpointConnectionsInput{
		Filters: []types.Filter{{Name: aws.String("service-id"), Values: []string{serviceID}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for i := range page.VpcEndpointConnections {
			if connection := &page.VpcEndpointConnections[i]; aws.ToString(connection.VpcEndpointId) == endpointID && aws.ToString(connection.ServiceId) == serviceID {
				return connection, nil
			}
		}
	}
	return nil, nil
}

// findService returns the endpoint service, or nil when it does not exist.
func (c *Clouds) findService(ctx context.Context, serviceID string) (*types.ServiceConfiguration, error) {
	answer, err := c.EC2.DescribeVpcEndpointServiceConfigurations(ctx, &ec2.DescribeVpcEndpointServiceConfigurationsInput{ServiceIds: []string{serviceID}})
	switch {
	case isServiceNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	for i := range answer.ServiceConfigurations {
		if service := &answer.ServiceConfigurations[i]; aws.ToString(service.ServiceId) == serviceID {
			return service, nil
		}
	}
	return nil, nil
}

// isServiceNotFound knows both codes that EC2 uses for an endpoint service that is gone.
func isServiceNotFound(err error) bool {
	return clouderr.IsAWS(err, "InvalidVpcEndpointServiceId.NotFound", "InvalidVpcEndpointService.NotFound")
}
