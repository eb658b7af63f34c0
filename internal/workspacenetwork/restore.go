package workspacenetwork

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

// restoration is what a destroy does to a workspace.
type restoration struct {
	// put is what the workspace is given back; an empty part is left alone.
	put network
	// foreign is what somebody else has given the workspace since; it stays.
	foreign network
	// noNCC says that there is no NCC to put back in place of ours.
	noNCC bool
}

// decideRestoration compares what a workspace has with what it has by this resource: only
// that is taken away.
func decideRestoration(seen, ours, restore network) restoration {
	var r restoration
	r.put.NCC, r.foreign.NCC, r.noNCC = decidePart(seen.NCC, ours.NCC, restore.NCC)
	// A policy always has one to be put back: restore.Policy is never empty beside ours.
	r.put.Policy, r.foreign.Policy, _ = decidePart(seen.Policy, ours.Policy, restore.Policy)
	return r
}

func decidePart(seen, ours, restore string) (put, foreign string, none bool) {
	switch {
	case ours == "", seen == restore:
		return "", "", false
	case seen != ours:
		return "", seen, false
	case restore == "":
		return "", "", true
	default:
		return restore, "", false
	}
}

// checkRestoration refuses before anything is changed what cannot be put back.
func (a *account) checkRestoration(ctx context.Context, m model, r restoration, seen observation, planning bool, diags *diag.Diagnostics) {
	id := m.WorkspaceID.ValueInt64()
	if r.noNCC {
		diags.AddAttributeError(atRestoreNCC, "There is no NCC to put back",
			fmt.Sprintf("Workspace %d is bound to NCC %s and had none before. Databricks documents no way to unbind a workspace, so this destroy would leave it bound. Nothing was changed.\n\n"+
				"Set restore_network_connectivity_config_id to the NCC that the workspace is to be bound to afterwards, or to %s to leave it as it is. Then apply, and destroy again.", id, m.wanted().NCC, m.wanted().NCC))
	}
	if r.put.NCC != "" {
		a.checkNCC(ctx, r.put.NCC, seen, toPutBack(m.wanted().NCC, planning), diags)
	}
	if r.put.Policy != "" && r.put.Policy != workspace.DefaultPolicyID {
		_, err := a.policies.GetNetworkPolicyRpc(ctx, settings.GetNetworkPolicyRequest{NetworkPolicyId: r.put.Policy})
		switch {
		case clouderr.DatabricksNotFound(err):
			clouderr.AddAttribute(diags, atRestorePolicy, "The network policy to put back does not exist any more", err,
				fmt.Sprintf("Workspace %d is to be under the network policy %s again. Nothing was changed.", id, r.put.Policy),
				"Set restore_network_policy_id to a policy that exists, such as "+workspace.DefaultPolicyID+". Then apply, and destroy again.")
		case err != nil:
			clouderr.AddAttribute(diags, atRestorePolicy, "Cannot read the network policy to put back", err, fmt.Sprintf("Reading network policy %s. Nothing was changed.", r.put.Policy))
		}
	}
}

// restore puts back what the workspace had, as far as it still has ours, the NCC first, and
// waits until it runs. A workspace that is gone has nothing to be put back.
func (a *account) restore(ctx context.Context, m model, remembered memory, diags *diag.Diagnostics) {
	id := m.WorkspaceID.ValueInt64()
	seen, err := a.observe(ctx, id)
	if err != nil {
		a.addNotPutBack(ctx, diags, err, id, network{})
		return
	}
	todo := decideRestoration(seen.network, remembered.Ours, m.restore())
	a.checkRestoration(ctx, m, todo, seen, false, diags)
	if diags.HasError() {
		return
	}
	if todo.put != (network{}) && !seen.running() {
		if seen, err = a.awaitRunning(ctx, id, unlessRefused); err != nil {
			a.addNotPutBack(ctx, diags, err, id, network{})
			return
		}
		// What it was busy with may have been somebody else's change.
		if now := decideRestoration(seen.network, remembered.Ours, m.restore()); now != todo {
			todo = now
			a.checkRestoration(ctx, m, todo, seen, false, diags)
		}
		if diags.HasError() {
			return
		}
	}
	addForeign(diags, id, remembered.Ours, todo.foreign)
	if todo.put == (network{}) {
		return
	}
	if err := ctx.Err(); err != nil {
		a.addNotPutBack(ctx, diags, err, id, network{})
		return
	}
	for _, w := range a.writes(id, seen, todo.put, true) {
		if err := a.write(ctx, id, w); err != nil {
			a.addNotPutBack(ctx, diags, err, id, w.makes)
			return
		}
	}
	if _, err := a.awaitSettled(ctx, id, todo.put, seen); err != nil {
		a.addNotPutBack(ctx, diags, err, id, network{})
	}
}

// addNotPutBack reports what a destroy has not done, unless the workspace is gone. refused is
// the part that Databricks did not take, empty for none.
func (a *account) addNotPutBack(ctx context.Context, diags *diag.Diagnostics, err error, id int64, refused network) {
	if clouderr.DatabricksNotFound(err) {
		// The workspace is not there, or else what it was to be given.
		if _, lookErr := a.lastLook(ctx, id); clouderr.DatabricksNotFound(lookErr) {
			return
		}
	}
	next := []string{"Destroy again to go on: the plan tells what cannot be put back any more, and what to do."}
	if way := a.wayOut(ctx, refused.NCC, err); way != "" {
		next = append([]string{way}, next...)
	}
	clouderr.Add(diags, "The workspace's network could not be put back", err, fmt.Sprintf("Putting back the network of workspace %d.", id), unlessDenied(err, next...)...)
}

// addForeign warns of what is left to somebody else.
func addForeign(diags *diag.Diagnostics, id int64, ours, foreign network) {
	if foreign.NCC != "" {
		diags.AddWarning("The workspace was bound to another NCC since",
			fmt.Sprintf("Workspace %d was bound to NCC %s by this resource, and is bound to NCC %s now. That is left as it is. If it was bound by an apply that was cut off, apply again before the destroy.", id, ours.NCC, foreign.NCC))
	}
	if foreign.Policy != "" {
		diags.AddWarning("The workspace was put under another network policy since",
			fmt.Sprintf("Workspace %d was put under the network policy %s by this resource, and is under %s now. That is left as it is. If it was put there by an apply that was cut off, apply again before the destroy.", id, ours.Policy, foreign.Policy))
	}
}
