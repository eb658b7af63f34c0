package approvaltest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/common"
	"github.com/databricks/databricks-sdk-go/service/settings"
)

// Databricks is the Databricks side of a World, as its SDK shows it.
type Databricks struct{ world *World }

// Databricks is the world's Databricks side.
func (w *World) Databricks() Databricks { return Databricks{w} }

// DatabricksError is an error of the account API, as its SDK reports it for a path below the account's.
func DatabricksError(status int, code, message, path string) error {
	request := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/api/2.0/accounts/acc-1/" + path}}
	return &apierr.APIError{StatusCode: status, ErrorCode: code, Message: message, ResponseWrapper: &common.ResponseWrapper{Response: &http.Response{StatusCode: status, Request: request}}}
}

// notFound matches apierr.ErrNotFound by its status.
func notFound(path string) error {
	return DatabricksError(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "no such object", path)
}

const nccPath = "network-connectivity-configs/" + NCCID

// GetNetworkConnectivityConfiguration shows the NCC.
func (d Databricks) GetNetworkConnectivityConfiguration(_ context.Context, in settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error) {
	if err := d.world.call("GetNCC", func() {}); err != nil {
		return nil, err
	}
	if in.NetworkConnectivityConfigId != NCCID {
		return nil, notFound("network-connectivity-configs/" + in.NetworkConnectivityConfigId)
	}
	return &settings.NetworkConnectivityConfiguration{NetworkConnectivityConfigId: NCCID, Name: "theirs", Region: d.world.NCCRegion}, nil
}

// GetPrivateEndpointRule shows one rule.
func (d Databricks) GetPrivateEndpointRule(ctx context.Context, in settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found *settings.NccPrivateEndpointRule
	err := d.world.call("GetRule", func() {
		for _, rule := range d.world.Rules {
			if rule.RuleId == in.PrivateEndpointRuleId {
				copied := *rule
				found = &copied
			}
		}
	})
	if err == nil && found == nil {
		err = notFound(nccPath + "/private-endpoint-rules/" + in.PrivateEndpointRuleId)
	}
	return found, err
}

// ListPrivateEndpointRulesAll shows all rules.
func (d Databricks) ListPrivateEndpointRulesAll(ctx context.Context, _ settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []settings.NccPrivateEndpointRule
	err := d.world.call("ListRules", func() {
		for _, rule := range d.world.Rules {
			found = append(found, *rule)
		}
	})
	return found, err
}
