package endpointapproval

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// target names the one connection that a resource is about: by nccID, and ruleID once it
// is known; or by endpointID alone.
type target struct {
	serviceID  string
	nccID      string
	ruleID     string
	endpointID string
}

func (t target) asksDatabricks() bool { return t.nccID != "" }

// id is the resource's id: it does not change while rule and endpoint appear.
func (t target) id() string {
	if t.asksDatabricks() {
		return t.nccID + "/" + t.serviceID
	}
	return t.endpointID + "/" + t.serviceID
}

// observation is what both clouds say about a target at one moment.
type observation struct {
	target         target
	asksDatabricks bool
	// rule is nil when there is none yet.
	rule *settings.NccPrivateEndpointRule
	// ruleGone says that a rule known by its id does not exist.
	ruleGone bool
	// connection is nil when AWS shows none.
	connection *types.VpcEndpointConnection
}

// endpointID is the endpoint that the rule names, or the target, or "".
func (o observation) endpointID() string {
	if o.rule != nil && o.rule.VpcEndpointId != "" {
		return o.rule.VpcEndpointId
	}
	return o.target.endpointID
}

// owner is the AWS account that owns the endpoint, or "".
func (o observation) owner() string {
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
func (c *clouds) observe(ctx context.Context, t target) (observation, error) {
	seen := observation{target: t, asksDatabricks: t.asksDatabricks()}
	if seen.asksDatabricks {
		if err := c.observeRule(ctx, &seen); err != nil {
			return seen, retryable(err)
		}
	}
	if id := seen.endpointID(); id != "" {
		connection, err := c.findConnection(ctx, t.serviceID, id)
		if err != nil {
			return seen, err
		}
		seen.connection = connection
	}
	return seen, nil
}

func (c *clouds) observeRule(ctx context.Context, seen *observation) error {
	t := seen.target
	if t.ruleID == "" {
		rules, err := c.databricks.ListPrivateEndpointRulesAll(ctx, settings.ListPrivateEndpointRulesRequest{NetworkConnectivityConfigId: t.nccID})
		if err != nil {
			return err
		}
		seen.rule, err = chooseRule(t, rules)
		return err
	}
	rule, err := c.databricks.GetPrivateEndpointRule(ctx, settings.GetPrivateEndpointRuleRequest{NetworkConnectivityConfigId: t.nccID, PrivateEndpointRuleId: t.ruleID})
	if clouderr.DatabricksNotFound(err) {
		seen.ruleGone = true
		return nil
	}
	seen.rule = rule
	return err
}

// chooseRule picks the rule that leads to the target's endpoint service: the only live
// one, else the youngest of those that failed, so that its reason can be told; deleted
// ones do not count. Nil means that there is none.
func chooseRule(t target, rules []settings.NccPrivateEndpointRule) (*settings.NccPrivateEndpointRule, error) {
	var live []string
	var chosen *settings.NccPrivateEndpointRule
	for i := range rules {
		rule := &rules[i]
		if rule.Deactivated || !leadsTo(rule.EndpointService, t.serviceID) {
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
		return nil, &ambiguousRulesError{nccID: t.nccID, serviceID: t.serviceID, ruleIDs: live}
	}
	return chosen, nil
}

// leadsTo reports whether a service name ("com.amazonaws.vpce.us-east-1.vpce-svc-0a1b")
// is that of the service with the id.
func leadsTo(serviceName, serviceID string) bool {
	return serviceID != "" && strings.HasSuffix(serviceName, "."+serviceID)
}

// findConnection returns the endpoint's connection to the service, or nil. The filter
// vpc-endpoint-id is documented, but EC2 answers InvalidFilter to it (the stock AWS provider
// searches by service alone for that reason); a service has few connections.
func (c *clouds) findConnection(ctx context.Context, serviceID, endpointID string) (*types.VpcEndpointConnection, error) {
	pages := ec2.NewDescribeVpcEndpointConnectionsPaginator(c.ec2, &ec2.DescribeVpcEndpointConnectionsInput{
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
func (c *clouds) findService(ctx context.Context, serviceID string) (*types.ServiceConfiguration, error) {
	answer, err := c.ec2.DescribeVpcEndpointServiceConfigurations(ctx, &ec2.DescribeVpcEndpointServiceConfigurationsInput{ServiceIds: []string{serviceID}})
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

// retryable marks what the Databricks SDK gives up on although it passes: it retries
// 429 and 503 for some minutes, 500, 502 and 504 never.
func retryable(err error) error {
	var apiErr *apierr.APIError
	if errors.As(err, &apiErr) && (apiErr.StatusCode == http.StatusTooManyRequests || apiErr.StatusCode >= http.StatusInternalServerError && apiErr.StatusCode != http.StatusNotImplemented) {
		return waiter.Retry(err)
	}
	return err
}
