package databrickslive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// nccPatience is how long the removal of a network connectivity configuration is asked for again: users
// report that rules hold it for a minute after they were deleted. A day more cannot be waited for.
const nccPatience = 3 * time.Minute

// ncc is a network connectivity configuration that the session made.
type ncc struct {
	id    string
	thing *live.Thing
}

// newNCC makes a network connectivity configuration in the region of AWS.
func (s *suite) newNCC(ctx context.Context, session *live.Session, suffix string) (*ncc, error) {
	account, err := s.account(ctx)
	if err != nil {
		return nil, err
	}
	cloud, err := s.cloud(ctx)
	if err != nil {
		return nil, err
	}
	name := session.Name(suffix)
	thing, err := session.Making("the network connectivity configuration "+name, func(ctx context.Context) error {
		return removeNCC(ctx, session, account, name)
	})
	if err != nil {
		return nil, err
	}
	made, err := account.NetworkConnectivity.CreateNetworkConnectivityConfiguration(ctx, settings.CreateNetworkConnectivityConfigRequest{
		NetworkConnectivityConfig: settings.CreateNetworkConnectivityConfiguration{Name: name, Region: cloud.Region},
	})
	if err != nil {
		return nil, fmt.Errorf("making a network connectivity configuration: %w", err)
	}
	return &ncc{id: made.NetworkConnectivityConfigId, thing: thing}, nil
}

// removeNCC deletes the network connectivity configuration of a name, and its rules before it.
func removeNCC(ctx context.Context, session *live.Session, account *databricks.AccountClient, name string) error {
	all, err := account.NetworkConnectivity.ListNetworkConnectivityConfigurationsAll(ctx, settings.ListNetworkConnectivityConfigurationsRequest{})
	if err != nil {
		return err
	}
	for _, found := range all {
		if found.Name != name {
			continue
		}
		id := found.NetworkConnectivityConfigId
		if err := deleteRules(ctx, account, id); err != nil {
			return err
		}
		said, err := deleteNCC(ctx, session, account, id)
		if err != nil {
			return err
		}
		if said != "" {
			return fmt.Errorf("databricks refuses it for %s: %s", nccPatience, said)
		}
	}
	return nil
}

// deleteNCC asks for a deletion until it is done, or until nccPatience is over; then it returns the refusal.
func deleteNCC(ctx context.Context, session *live.Session, account *databricks.AccountClient, id string) (refusal string, _ error) {
	done, err := session.Within(ctx, nccPatience, "the network connectivity configuration to be deleted", func(ctx context.Context) (string, bool, error) {
		err := account.NetworkConnectivity.DeleteNetworkConnectivityConfigurationByNetworkConnectivityConfigId(ctx, id)
		var refused *apierr.APIError
		switch {
		case err == nil, clouderr.DatabricksNotFound(err):
			return "", true, nil
		case errors.As(err, &refused):
			refusal = fmt.Sprintf("%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
			return refusal, false, nil
		default:
			return "", false, err
		}
	})
	if done {
		refusal = ""
	}
	return refusal, err
}

func deleteRules(ctx context.Context, account *databricks.AccountClient, nccID string) error {
	rules, err := account.NetworkConnectivity.ListPrivateEndpointRulesAll(ctx, settings.ListPrivateEndpointRulesRequest{NetworkConnectivityConfigId: nccID})
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule.Deactivated {
			continue
		}
		_, err := account.NetworkConnectivity.DeletePrivateEndpointRuleByNetworkConnectivityConfigIdAndPrivateEndpointRuleId(ctx, nccID, rule.RuleId)
		if err != nil && !clouderr.DatabricksNotFound(err) {
			return err
		}
	}
	return nil
}

// newRule makes a rule for some names to an endpoint service. It is removed with its configuration.
func (s *suite) newRule(ctx context.Context, in *ncc, serviceID string, names ...string) (*settings.NccPrivateEndpointRule, error) {
	account, err := s.account(ctx)
	if err != nil {
		return nil, err
	}
	cloud, err := s.cloud(ctx)
	if err != nil {
		return nil, err
	}
	return account.NetworkConnectivity.CreatePrivateEndpointRule(ctx, settings.CreatePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: in.id,
		PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: fmt.Sprintf("com.amazonaws.vpce.%s.%s", cloud.Region, serviceID), DomainNames: names},
	})
}

// rule reads a rule; nil is one that is not there.
func (s *suite) rule(ctx context.Context, nccID, ruleID string) (*settings.NccPrivateEndpointRule, error) {
	account, err := s.account(ctx)
	if err != nil {
		return nil, err
	}
	rule, err := account.NetworkConnectivity.GetPrivateEndpointRuleByNetworkConnectivityConfigIdAndPrivateEndpointRuleId(ctx, nccID, ruleID)
	if clouderr.DatabricksNotFound(err) {
		return nil, nil
	}
	return rule, err
}
