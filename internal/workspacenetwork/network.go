package workspacenetwork

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

// network is an NCC and a network policy, by their ids. As what is wanted, "" stands for
// hands off; as what was seen, for none.
type network struct {
	NCC    string `json:"network_connectivity_config_id,omitempty"`
	Policy string `json:"network_policy_id,omitempty"`
}

// observation is a workspace and what it is bound to, at one moment.
type observation struct {
	workspace provisioning.Workspace
	network   network
}

// running reports whether the workspace runs, so that its network can be changed.
func (o observation) running() bool {
	return o.workspace.WorkspaceStatus == provisioning.WorkspaceStatusRunning
}

// broken reports whether the workspace will not run again by itself.
func (o observation) broken() bool {
	switch o.workspace.WorkspaceStatus {
	case provisioning.WorkspaceStatusFailed, provisioning.WorkspaceStatusBanned, provisioning.WorkspaceStatusCancelling:
		return true
	default:
		return false
	}
}

// has reports whether the workspace has what is wanted.
func (o observation) has(wanted network) bool { return o.hasNCC(wanted) && o.hasPolicy(wanted) }

func (o observation) hasNCC(wanted network) bool {
	return wanted.NCC == "" || o.network.NCC == wanted.NCC
}

func (o observation) hasPolicy(wanted network) bool {
	return wanted.Policy == "" || o.network.Policy == wanted.Policy
}

// got is the part of what is wanted that the workspace has.
func (o observation) got(wanted network) network {
	var part network
	if o.hasNCC(wanted) {
		part.NCC = wanted.NCC
	}
	if o.hasPolicy(wanted) {
		part.Policy = wanted.Policy
	}
	return part
}

// missing says in words what keeps a workspace from running with what is wanted; "" if
// nothing does.
func (o observation) missing(wanted network) string {
	var parts []string
	if !o.running() {
		text := fmt.Sprintf("workspace %d is %s", o.workspace.WorkspaceId, cmp.Or(string(o.workspace.WorkspaceStatus), "of no status"))
		if message := strings.TrimSuffix(o.workspace.WorkspaceStatusMessage, "."); message != "" {
			text += fmt.Sprintf(" (%s)", message)
		}
		parts = append(parts, text)
	}
	if !o.hasNCC(wanted) {
		parts = append(parts, fmt.Sprintf("workspace %d is bound to %s, not to NCC %s", o.workspace.WorkspaceId, nameNCC(o.network.NCC), wanted.NCC))
	}
	if !o.hasPolicy(wanted) {
		parts = append(parts, fmt.Sprintf("workspace %d is under the network policy %s, not under %s", o.workspace.WorkspaceId, o.network.Policy, wanted.Policy))
	}
	return strings.Join(parts, ", ")
}

func nameNCC(id string) string {
	if id == "" {
		return "no NCC"
	}
	return "NCC " + id
}

// brokenError is a workspace that will not run again by itself.
type brokenError struct{ seen observation }

func (e *brokenError) Error() string { return e.seen.missing(network{}) + "." }

// observe asks for the workspace and for its policy: two calls. Errors that a wait should
// outlast are marked with waiter.Retry.
func (a *account) observe(ctx context.Context, id int64) (observation, error) {
	var seen observation
	if err := a.look(ctx, id, &seen); err != nil {
		return seen, err
	}
	return seen, a.lookAtPolicy(ctx, id, &seen)
}

// look asks for the workspace and its NCC.
func (a *account) look(ctx context.Context, id int64, seen *observation) error {
	found, err := a.workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: id})
	if err != nil {
		return retryable(err)
	}
	seen.workspace, seen.network.NCC = *found, found.NetworkConnectivityConfigId
	return nil
}

func (a *account) lookAtPolicy(ctx context.Context, id int64, seen *observation) error {
	option, err := a.options.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: id})
	if err != nil {
		return retryable(err)
	}
	seen.network.Policy = workspace.PolicyID(*option)
	return nil
}

func retryable(err error) error {
	if clouderr.DatabricksPasses(err) {
		return waiter.Retry(err)
	}
	return err
}

// awaitRunning waits until the workspace runs, so that its network can be changed, and outlasts
// the errors that outlast marks. It is the last observation in either case.
func (a *account) awaitRunning(ctx context.Context, id int64, outlast func(error) error) (observation, error) {
	var seen observation
	err := a.waiter.Until(ctx, fmt.Sprintf("workspace %d to run", id), func(ctx context.Context) (string, bool, error) {
		if err := a.look(ctx, id, &seen); err != nil {
			return "", false, outlast(err)
		}
		if seen.broken() {
			return "", false, &brokenError{seen}
		}
		if !seen.running() {
			return seen.missing(network{}), false, nil
		}
		err := a.lookAtPolicy(ctx, id, &seen)
		return "RUNNING", err == nil, outlast(err)
	})
	return seen, err
}
