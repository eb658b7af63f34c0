package workspacenetwork

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// maxWorkspaces is how many workspaces an NCC may have:
// https://docs.databricks.com/aws/en/security/network/serverless-network-security/pl-to-internal-network
const maxWorkspaces = 50

// use is what an NCC is checked for, so that what is said of it fits.
type use struct {
	at path.Path
	// what is the NCC's part, for summaries.
	what string
	// missing is what a summary says of one that is not there.
	missing string
	// outcome ends every context, and begins with a space unless it is empty.
	outcome string
	// next is what to do if there is no such NCC, instead if it is full.
	next, instead string
	// room is whether there has to be room for another workspace.
	room bool
}

// toBind is the NCC that a workspace is to be bound to.
func toBind(region string) use {
	return use{
		at: atNCC, what: "network connectivity configuration", missing: "does not exist", room: true,
		next:    "Check the id, and that the provider's `databricks.account` block is for the account that has it.",
		instead: fmt.Sprintf("Give another NCC in %s, or have a workspace bound to another one first.", region),
	}
}

// toRestore is the NCC that a destroy, some day, is to put back.
func toRestore() use {
	return use{
		at: atRestoreNCC, what: "NCC to put back", missing: "does not exist",
		next: "Check the id, and that the provider's `databricks.account` block is for the account that has it.",
	}
}

// toPutBack is the NCC that a destroy puts back; ours is the one that the workspace has. The
// plan looks for room, and the destroy itself only if it is refused.
func toPutBack(ours string, planning bool) use {
	way := "Set restore_network_connectivity_config_id to %s, or to " + ours + " to leave the workspace as it is. Then apply, and destroy again."
	return use{
		at: atRestoreNCC, what: "NCC to put back", missing: "does not exist any more", outcome: " Nothing was changed.", room: planning,
		next: fmt.Sprintf(way, "an NCC that exists"), instead: fmt.Sprintf(way, "another NCC"),
	}
}

// checkNCC refuses an NCC that a workspace cannot be bound to.
func (a *account) checkNCC(ctx context.Context, id string, seen observation, u use, diags *diag.Diagnostics) {
	region := seen.workspace.AwsRegion
	ncc, err := a.connectivity.GetNetworkConnectivityConfiguration(ctx, settings.GetNetworkConnectivityConfigurationRequest{NetworkConnectivityConfigId: id})
	switch {
	case clouderr.DatabricksNotFound(err):
		clouderr.AddAttribute(diags, u.at, "The "+u.what+" "+u.missing, err, fmt.Sprintf("Reading NCC %s for workspace %d.%s", id, seen.workspace.WorkspaceId, u.outcome), u.next)
		return
	case err != nil:
		clouderr.AddAttribute(diags, u.at, "Cannot read the "+u.what, err, fmt.Sprintf("Reading NCC %s for workspace %d.%s", id, seen.workspace.WorkspaceId, u.outcome))
		return
	case ncc.Region != "" && region != "" && ncc.Region != region:
		diags.AddAttributeError(u.at, "The "+u.what+" is in another region",
			fmt.Sprintf("NCC %s (%s) is in %s, but workspace %d (%s) is in %s. A workspace can only be bound within its region: give an NCC in %s.%s",
				id, ncc.Name, ncc.Region, seen.workspace.WorkspaceId, seen.workspace.WorkspaceName, region, region, u.outcome))
		return
	case !u.room || seen.network.NCC == id:
		return
	}
	has, err := a.countWorkspaces(ctx, id)
	switch {
	case err != nil:
		clouderr.AddAttribute(diags, u.at, "Cannot list the workspaces", err, fmt.Sprintf("Counting the workspaces that are bound to NCC %s.%s", id, u.outcome))
	case has >= maxWorkspaces:
		diags.AddAttributeError(u.at, "The "+u.what+" is full", tooMany(id, has)+u.outcome+"\n\n"+u.instead)
	}
}

// tooMany says that an NCC has no room for another workspace.
func tooMany(id string, has int) string {
	return fmt.Sprintf("NCC %s has %d workspaces, and Databricks allows %d.", id, has, maxWorkspaces)
}

// wayOut says what to do about a refused binding to an NCC that has become full since the
// plan; "" if that is not why.
func (a *account) wayOut(ctx context.Context, nccID string, refusal error) string {
	if nccID == "" || isStopped(refusal) || clouderr.DatabricksNotFound(refusal) || clouderr.DeniedAction(refusal) != "" {
		return ""
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	if n, err := a.countWorkspaces(ctx, nccID); err == nil && n >= maxWorkspaces {
		return tooMany(nccID, n) + " Give another NCC, or have a workspace bound to another one first."
	}
	return ""
}

// countWorkspaces counts the account's workspaces that are bound to an NCC: one call.
func (a *account) countWorkspaces(ctx context.Context, nccID string) (int, error) {
	all, err := a.workspaces.List(ctx)
	n := 0
	for _, w := range all {
		if w.NetworkConnectivityConfigId == nccID {
			n++
		}
	}
	return n, err
}
