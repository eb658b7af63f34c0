package workspacenetwork

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

const (
	workspaceID = int64(1234567890123456)
	idText      = "1234567890123456"
	theirNCC    = "ncc-theirs"
	ourNCC      = "ncc-ours"
	otherNCC    = "ncc-other"
	theirPolicy = "their-policy"
	ourPolicy   = "our-policy"
	otherPolicy = "other-policy"
	ruleID      = "rule-1"
)

// fakeWorkspaces, fakeOptions, fakeConnectivity and fakePolicies play one call each by a
// closure. As over a wire, a call with a context that has ended has no effect.
type fakeWorkspaces struct {
	get    func(id int64) (*provisioning.Workspace, error)
	list   func() ([]provisioning.Workspace, error)
	update func(id int64, mask string, body provisioning.Workspace) error
}

func (f fakeWorkspaces) Get(ctx context.Context, in provisioning.GetWorkspaceRequest) (*provisioning.Workspace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.get(in.WorkspaceId)
}

func (f fakeWorkspaces) List(ctx context.Context) ([]provisioning.Workspace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.list()
}

func (f fakeWorkspaces) Update(ctx context.Context, in provisioning.UpdateWorkspaceRequest) (*provisioning.WaitGetWorkspaceRunning[provisioning.Workspace], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, f.update(in.WorkspaceId, in.UpdateMask, in.CustomerFacingWorkspace)
}

type fakeOptions struct {
	get    func(id int64) (string, error)
	update func(id int64, body settings.WorkspaceNetworkOption) error
}

func (f fakeOptions) GetWorkspaceNetworkOptionRpc(ctx context.Context, in settings.GetWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error) { //nolint:staticcheck // The name is the SDK\'s.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	policy, err := f.get(in.WorkspaceId)
	return &settings.WorkspaceNetworkOption{WorkspaceId: in.WorkspaceId, NetworkPolicyId: policy}, err
}

func (f fakeOptions) UpdateWorkspaceNetworkOptionRpc(ctx context.Context, in settings.UpdateWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error) { //nolint:staticcheck // The name is the SDK\'s.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &in.WorkspaceNetworkOption, f.update(in.WorkspaceId, in.WorkspaceNetworkOption)
}

type fakeConnectivity struct {
	get   func(id string) (*settings.NetworkConnectivityConfiguration, error)
	rules func(nccID string) ([]settings.NccPrivateEndpointRule, error)
}

func (f fakeConnectivity) GetNetworkConnectivityConfiguration(ctx context.Context, in settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.get(in.NetworkConnectivityConfigId)
}

func (f fakeConnectivity) ListPrivateEndpointRulesAll(ctx context.Context, in settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.rules(in.NetworkConnectivityConfigId)
}

type fakePolicies struct {
	get func(id string) (*settings.AccountNetworkPolicy, error)
}

func (f fakePolicies) GetNetworkPolicyRpc(ctx context.Context, in settings.GetNetworkPolicyRequest) (*settings.AccountNetworkPolicy, error) { //nolint:staticcheck // The name is the SDK\'s.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.get(in.NetworkPolicyId)
}

func apiError(status int, code, message string) error {
	return &apierr.APIError{StatusCode: status, ErrorCode: code, Message: message}
}

var (
	errNotFound = apiError(404, "RESOURCE_DOES_NOT_EXIST", "no such object")
	errBusy     = &apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_STATE", Message: "the workspace cannot be updated now"}
)

// Calls of the account, as world counts them.
const (
	getWorkspace = "GetWorkspace"
	getPolicyOf  = "GetNetwork"
	bindCall     = "PatchWorkspace"
	attachCall   = "PutNetwork"
	getNCC       = "GetNCC"
	getPolicy    = "GetPolicy"
	listRules    = "ListRules"
	listCall     = "ListWorkspaces"
)

// world is an account with one workspace that provisions for a while after it was bound.
type world struct {
	mu sync.Mutex
	// workspace is nil when there is none.
	workspace *provisioning.Workspace
	policy    string
	// others are further workspaces.
	others   []provisioning.Workspace
	nccs     map[string]string // region by id
	policies map[string]bool
	rules    []settings.NccPrivateEndpointRule
	// settle is how many looks at the workspace a binding takes.
	settle, busy int
	// calls counts by name of the call; order lists the changes.
	calls map[string]int
	order []string
	// fault, if set, is asked before a call takes effect, afterEffect after it.
	fault, afterEffect func(call string, n int) error
	clock              *waiter.FakeClock
	// steps happen one after the other, one at each pause of a wait.
	steps   []func()
	unknown bool
}

func newWorld() *world {
	w := &world{
		workspace: &provisioning.Workspace{
			WorkspaceId: workspaceID, WorkspaceName: "data", AwsRegion: "us-east-1", WorkspaceStatus: "RUNNING", NetworkConnectivityConfigId: theirNCC,
		},
		policy:   theirPolicy,
		nccs:     map[string]string{theirNCC: "us-east-1", ourNCC: "us-east-1", otherNCC: "us-east-1"},
		policies: map[string]bool{theirPolicy: true, ourPolicy: true, otherPolicy: true, workspace.DefaultPolicyID: true},
		settle:   2,
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

func (w *world) addRule(id, state string) *settings.NccPrivateEndpointRule {
	w.rules = append(w.rules, settings.NccPrivateEndpointRule{RuleId: id, NetworkConnectivityConfigId: ourNCC, ConnectionState: settings.NccPrivateEndpointRulePrivateLinkConnectionState(state)})
	return &w.rules[len(w.rules)-1]
}

// call counts, and plays the faults around effect.
func (w *world) call(name string, effect func() error) error {
	w.mu.Lock()
	w.calls[name]++
	n := w.calls[name]
	if name == bindCall || name == attachCall {
		w.order = append(w.order, name)
	}
	w.mu.Unlock()
	if w.fault != nil {
		if err := w.fault(name, n); err != nil {
			return err
		}
	}
	w.mu.Lock()
	err := effect()
	w.mu.Unlock()
	if err == nil && w.afterEffect != nil {
		err = w.afterEffect(name, n)
	}
	return err
}

func (w *world) find(id int64) error {
	if w.workspace == nil || id != w.workspace.WorkspaceId {
		return errNotFound
	}
	return nil
}

func (w *world) fakeWorkspaces() fakeWorkspaces {
	return fakeWorkspaces{
		get: func(id int64) (found *provisioning.Workspace, err error) {
			err = w.call(getWorkspace, func() error {
				if err := w.find(id); err != nil {
					return err
				}
				if w.busy > 0 {
					if w.busy--; w.busy == 0 {
						w.workspace.WorkspaceStatus = provisioning.WorkspaceStatusRunning
					}
				}
				copied := *w.workspace
				found = &copied
				return nil
			})
			return found, err
		},
		list: func() (found []provisioning.Workspace, err error) {
			err = w.call(listCall, func() error {
				found = append(append(found, *w.workspace), w.others...)
				return nil
			})
			return found, err
		},
		update: func(id int64, mask string, body provisioning.Workspace) error {
			return w.call(bindCall, func() error {
				if err := w.find(id); err != nil {
					return err
				}
				switch {
				case mask != "network_connectivity_config_id" || body.NetworkConnectivityConfigId == "" || body.WorkspaceName != "":
					return apiError(400, "INVALID_PARAMETER_VALUE", "bad body")
				case w.nccs[body.NetworkConnectivityConfigId] != w.workspace.AwsRegion:
					return apiError(400, "INVALID_PARAMETER_VALUE", "the NCC cannot be attached")
				case w.workspace.WorkspaceStatus != provisioning.WorkspaceStatusRunning:
					return errBusy
				}
				w.workspace.NetworkConnectivityConfigId = body.NetworkConnectivityConfigId
				w.workspace.WorkspaceStatus, w.busy = provisioning.WorkspaceStatusProvisioning, w.settle
				return nil
			})
		},
	}
}

func (w *world) fakeOptions() fakeOptions {
	return fakeOptions{
		get: func(id int64) (policy string, err error) {
			err = w.call(getPolicyOf, func() error {
				policy = w.policy
				return w.find(id)
			})
			return policy, err
		},
		update: func(id int64, body settings.WorkspaceNetworkOption) error {
			return w.call(attachCall, func() error {
				if !w.policies[body.NetworkPolicyId] || body.WorkspaceId != id {
					return errNotFound
				}
				w.policy = body.NetworkPolicyId
				return w.find(id)
			})
		},
	}
}

func (w *world) fakeConnectivity() fakeConnectivity {
	return fakeConnectivity{
		get: func(id string) (found *settings.NetworkConnectivityConfiguration, err error) {
			err = w.call(getNCC, func() error {
				region, ok := w.nccs[id]
				if !ok {
					return errNotFound
				}
				found = &settings.NetworkConnectivityConfiguration{NetworkConnectivityConfigId: id, Name: "name-of-" + id, Region: region}
				return nil
			})
			return found, err
		},
		rules: func(nccID string) (found []settings.NccPrivateEndpointRule, err error) {
			err = w.call(listRules, func() error {
				for _, rule := range w.rules {
					if rule.NetworkConnectivityConfigId == nccID {
						found = append(found, rule)
					}
				}
				return nil
			})
			return found, err
		},
	}
}

func (w *world) fakePolicies() fakePolicies {
	return fakePolicies{get: func(id string) (*settings.AccountNetworkPolicy, error) {
		return &settings.AccountNetworkPolicy{NetworkPolicyId: id}, w.call(getPolicy, func() error {
			if !w.policies[id] {
				return errNotFound
			}
			return nil
		})
	}}
}

func (w *world) known() bool { return !w.unknown }

func (w *world) connect(context.Context) (*account, diag.Diagnostics) {
	return &account{
		workspaces: w.fakeWorkspaces(), options: w.fakeOptions(), connectivity: w.fakeConnectivity(), policies: w.fakePolicies(),
		waiter: waiter.Waiter{Clock: w.clock},
	}, nil
}

// fillNCC gives an NCC so many other workspaces.
func (w *world) fillNCC(nccID string, n int) {
	for i := range n {
		w.others = append(w.others, provisioning.Workspace{WorkspaceId: int64(i + 1), WorkspaceName: fmt.Sprintf("other-%d", i), NetworkConnectivityConfigId: nccID})
	}
}

// expectNetwork asserts what the workspace has.
func (w *world) expectNetwork(t *testing.T, nccID, policyID string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := w.workspace.NetworkConnectivityConfigId; got != nccID || w.policy != policyID {
		t.Errorf("the workspace has %q and %q, want %q and %q", got, w.policy, nccID, policyID)
	}
}

// expectCalls asserts exactly which calls were made, and starts to count anew.
func (w *world) expectCalls(t *testing.T, want map[string]int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !maps.Equal(w.calls, want) {
		t.Errorf("calls are %v, want %v", w.calls, want)
	}
	w.calls, w.order = map[string]int{}, nil
}

// expectChanges asserts how often each change was sent since the count began.
func (w *world) expectChanges(t *testing.T, binds, attaches int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls[bindCall] != binds || w.calls[attachCall] != attaches {
		t.Errorf("bound %d times and attached %d times, want %d and %d", w.calls[bindCall], w.calls[attachCall], binds, attaches)
	}
}

// count starts to count anew.
func (w *world) count() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.order = map[string]int{}, nil
}
