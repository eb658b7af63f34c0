package endpointapproval

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	serviceID   = "vpce-svc-0a1b"
	serviceName = "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b"
	nccID       = "ncc-1"
	ruleID      = "rule-1"
	endpointID  = "vpce-0c11"
	owner       = "565502421330"
)

// fakeEC2 and fakeDatabricks play one call each by a closure; one that is not set panics.
type fakeEC2 struct {
	describe func(serviceID string) ([]types.VpcEndpointConnection, error)
	services func(id string) ([]types.ServiceConfiguration, error)
	accept   func(serviceID string, ids []string) ([]types.UnsuccessfulItem, error)
	reject   func(serviceID string, ids []string) ([]types.UnsuccessfulItem, error)
}

func (f fakeEC2) DescribeVpcEndpointConnections(ctx context.Context, in *ec2.DescribeVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointConnectionsOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(in.Filters) != 1 || aws.ToString(in.Filters[0].Name) != "service-id" {
		return nil, awsError("InvalidFilter")
	}
	found, err := f.describe(in.Filters[0].Values[0])
	// One a page, so that every search needs more than the first.
	at := 0
	if in.NextToken != nil {
		at, _ = strconv.Atoi(*in.NextToken)
	}
	out := &ec2.DescribeVpcEndpointConnectionsOutput{}
	if at < len(found) {
		out.VpcEndpointConnections = found[at : at+1]
	}
	if at+1 < len(found) {
		out.NextToken = aws.String(strconv.Itoa(at + 1))
	}
	return out, err
}

func (f fakeEC2) DescribeVpcEndpointServiceConfigurations(_ context.Context, in *ec2.DescribeVpcEndpointServiceConfigurationsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServiceConfigurationsOutput, error) {
	found, err := f.services(in.ServiceIds[0])
	return &ec2.DescribeVpcEndpointServiceConfigurationsOutput{ServiceConfigurations: found}, err
}

func (f fakeEC2) AcceptVpcEndpointConnections(ctx context.Context, in *ec2.AcceptVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.AcceptVpcEndpointConnectionsOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	failed, err := f.accept(aws.ToString(in.ServiceId), in.VpcEndpointIds)
	return &ec2.AcceptVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

func (f fakeEC2) RejectVpcEndpointConnections(ctx context.Context, in *ec2.RejectVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.RejectVpcEndpointConnectionsOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	failed, err := f.reject(aws.ToString(in.ServiceId), in.VpcEndpointIds)
	return &ec2.RejectVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

type fakeDatabricks struct {
	ncc  func(id string) (*settings.NetworkConnectivityConfiguration, error)
	get  func(nccID, ruleID string) (*settings.NccPrivateEndpointRule, error)
	list func(nccID string) ([]settings.NccPrivateEndpointRule, error)
}

func (f fakeDatabricks) GetNetworkConnectivityConfiguration(_ context.Context, in settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error) {
	return f.ncc(in.NetworkConnectivityConfigId)
}

func (f fakeDatabricks) GetPrivateEndpointRule(ctx context.Context, in settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.get(in.NetworkConnectivityConfigId, in.PrivateEndpointRuleId)
}

func (f fakeDatabricks) ListPrivateEndpointRulesAll(ctx context.Context, in settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.list(in.NetworkConnectivityConfigId)
}

func awsError(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "said the fake"}
}

var errRuleNotFound = &apierr.APIError{StatusCode: 404, ErrorCode: "RESOURCE_DOES_NOT_EXIST", Message: "no such object"}

// world is both clouds, coupled as the real ones are: a rule that is PENDING shows as a
// connection that asks for acceptance, and an accepted connection makes its rule ESTABLISHED.
type world struct {
	mu          sync.Mutex
	region      string
	nccRegion   string
	services    map[string]bool
	rules       []*settings.NccPrivateEndpointRule
	connections []*types.VpcEndpointConnection
	// calls counts by name of the call.
	calls map[string]int
	// fault, if set, is asked before a call takes effect, afterEffect after it.
	fault, afterEffect func(call string, n int) error
	clock              *waiter.FakeClock
	// steps happen one after the other, one at each pause of a wait.
	steps []func()
	// noDatabricks makes every connect with Databricks fail.
	noDatabricks bool
}

func newWorld() *world {
	w := &world{
		region: "us-east-1", nccRegion: "us-east-1",
		services: map[string]bool{serviceID: true},
		calls:    map[string]int{},
		clock:    waiter.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
	}
	w.clock.OnAfter = func(time.Time) {
		w.mu.Lock()
		var step func()
		if len(w.steps) > 0 {
			step, w.steps = w.steps[0], w.steps[1:]
		}
		w.mu.Unlock()
		if step != nil {
			step()
		}
	}
	return w
}

func (w *world) addRule(state string) *settings.NccPrivateEndpointRule {
	rule := &settings.NccPrivateEndpointRule{
		RuleId: fmt.Sprintf("rule-%d", len(w.rules)+1), NetworkConnectivityConfigId: nccID, EndpointService: serviceName,
		DomainNames: []string{"acme.openai.azure.com"}, CreationTime: int64(len(w.rules) + 1),
	}
	w.rules = append(w.rules, rule)
	w.setRule(rule, state)
	return rule
}

// setRule moves a rule to a state; PENDING is when the endpoint appears on both sides.
func (w *world) setRule(rule *settings.NccPrivateEndpointRule, state string) {
	rule.ConnectionState = settings.NccPrivateEndpointRulePrivateLinkConnectionState(state)
	if state == "CREATING" || state == "CREATE_FAILED" || rule.VpcEndpointId != "" {
		return
	}
	rule.VpcEndpointId = endpointID
	if rule.RuleId != ruleID {
		rule.VpcEndpointId = "vpce-0c" + strings.TrimPrefix(rule.RuleId, "rule-")
	}
	w.addConnection(rule.VpcEndpointId, "pendingAcceptance")
}

func (w *world) addConnection(id, state string) *types.VpcEndpointConnection {
	connection := &types.VpcEndpointConnection{
		ServiceId: aws.String(serviceID), VpcEndpointId: aws.String(id), VpcEndpointOwner: aws.String(owner), VpcEndpointState: types.State(state),
	}
	w.connections = append(w.connections, connection)
	return connection
}

func (w *world) connection(id string) *types.VpcEndpointConnection {
	for _, connection := range w.connections {
		if aws.ToString(connection.VpcEndpointId) == id {
			return connection
		}
	}
	return nil
}

// call counts, and plays the faults around effect.
func (w *world) call(name string, effect func()) error {
	w.mu.Lock()
	w.calls[name]++
	n := w.calls[name]
	w.mu.Unlock()
	if w.fault != nil {
		if err := w.fault(name, n); err != nil {
			return err
		}
	}
	w.mu.Lock()
	effect()
	w.mu.Unlock()
	if w.afterEffect != nil {
		return w.afterEffect(name, n)
	}
	return nil
}

func (w *world) move(name, to string, allowed func(state string) bool) func(string, []string) ([]types.UnsuccessfulItem, error) {
	return func(service string, ids []string) (failed []types.UnsuccessfulItem, err error) {
		if !w.services[service] {
			return nil, awsError("InvalidVpcEndpointServiceId.NotFound")
		}
		err = w.call(name, func() {
			for _, id := range ids {
				connection := w.connection(id)
				if connection == nil || !allowed(strings.ToLower(string(connection.VpcEndpointState))) {
					failed = append(failed, types.UnsuccessfulItem{ResourceId: aws.String(id), Error: &types.UnsuccessfulItemError{Code: aws.String("InvalidState"), Message: aws.String("not in a state for this")}})
					continue
				}
				connection.VpcEndpointState = types.State(to)
				for _, rule := range w.rules {
					if rule.VpcEndpointId == id {
						rule.ConnectionState = map[string]settings.NccPrivateEndpointRulePrivateLinkConnectionState{"available": "ESTABLISHED", "rejected": "REJECTED"}[to]
					}
				}
			}
		})
		return failed, err
	}
}

func (w *world) ec2() fakeEC2 {
	return fakeEC2{
		describe: func(service string) (found []types.VpcEndpointConnection, err error) {
			err = w.call("DescribeConnections", func() {
				for _, connection := range w.connections {
					if aws.ToString(connection.ServiceId) == service {
						found = append(found, *connection)
					}
				}
			})
			return found, err
		},
		services: func(id string) (found []types.ServiceConfiguration, err error) {
			err = w.call("DescribeServices", func() {})
			if err == nil && !w.services[id] {
				return nil, awsError("InvalidVpcEndpointServiceId.NotFound")
			}
			return []types.ServiceConfiguration{{ServiceId: aws.String(id), ServiceName: aws.String("com.amazonaws.vpce." + w.region + "." + id), AcceptanceRequired: aws.Bool(true)}}, err
		},
		accept: w.move("Accept", "available", func(state string) bool { return state == "pendingacceptance" }),
		reject: w.move("Reject", "rejected", func(state string) bool { return !awsDeadStates[state] }),
	}
}

func (w *world) databricks() fakeDatabricks {
	return fakeDatabricks{
		ncc: func(id string) (*settings.NetworkConnectivityConfiguration, error) {
			if err := w.call("GetNCC", func() {}); err != nil {
				return nil, err
			}
			if id != nccID {
				return nil, errRuleNotFound
			}
			return &settings.NetworkConnectivityConfiguration{NetworkConnectivityConfigId: id, Name: "theirs", Region: w.nccRegion}, nil
		},
		get: func(_, id string) (found *settings.NccPrivateEndpointRule, err error) {
			err = w.call("GetRule", func() {
				for _, rule := range w.rules {
					if rule.RuleId == id {
						copied := *rule
						found = &copied
					}
				}
			})
			if err == nil && found == nil {
				err = errRuleNotFound
			}
			return found, err
		},
		list: func(string) (found []settings.NccPrivateEndpointRule, err error) {
			err = w.call("ListRules", func() {
				for _, rule := range w.rules {
					found = append(found, *rule)
				}
			})
			return found, err
		},
	}
}

func (w *world) known(bool) bool { return true }

func (w *world) connect(_ context.Context, withDatabricks bool) (*clouds, diag.Diagnostics) {
	c := &clouds{ec2: w.ec2(), region: w.region, partition: "aws", waiter: waiter.Waiter{Clock: w.clock}}
	if withDatabricks {
		if w.noDatabricks {
			return nil, diag.Diagnostics{diag.NewErrorDiagnostic("No Databricks account id", "set account_id")}
		}
		c.databricks = w.databricks()
	}
	return c, nil
}

func (w *world) expectCalls(t *testing.T, want map[string]int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range want {
		if w.calls[name] != n {
			t.Errorf("%d calls of %s, want %d (all: %v)", w.calls[name], name, n, w.calls)
		}
	}
}
