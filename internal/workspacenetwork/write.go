package workspacenetwork

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// maxRefusals is how often a workspace that runs may refuse a change as if it did not: it may
// just have become busy, or work on somebody else's change without a status that says so.
// With the pauses of the waiter that is about four minutes.
const maxRefusals = 20

// write is one change of a workspace. It is safe to send twice.
type write struct {
	what string
	// makes is what the workspace has afterwards, one part of it.
	makes network
	send  func(context.Context) error
}

// writes are the changes that give the workspace what is wanted, in the order given: the
// NCC first or the policy first.
func (a *account) writes(id int64, seen observation, wanted network, nccFirst bool) []write {
	var all []write
	if !seen.hasPolicy(wanted) {
		all = append(all, a.attachPolicy(id, wanted.Policy))
	}
	if !seen.hasNCC(wanted) {
		all = append(all, a.bindNCC(id, wanted.NCC))
	}
	if nccFirst {
		slices.Reverse(all)
	}
	return all
}

func (a *account) bindNCC(id int64, nccID string) write {
	return write{
		what:  fmt.Sprintf("workspace %d to be bound to NCC %s", id, nccID),
		makes: network{NCC: nccID},
		send: func(ctx context.Context) error {
			tflog.Info(ctx, "binding the workspace", map[string]any{"workspace_id": id, "network_connectivity_config_id": nccID})
			_, err := a.workspaces.Update(ctx, provisioning.UpdateWorkspaceRequest{
				WorkspaceId: id, UpdateMask: "network_connectivity_config_id",
				CustomerFacingWorkspace: provisioning.Workspace{NetworkConnectivityConfigId: nccID},
			})
			return err
		},
	}
}

func (a *account) attachPolicy(id int64, policyID string) write {
	return write{
		what:  fmt.Sprintf("workspace %d to be under the network policy %s", id, policyID),
		makes: network{Policy: policyID},
		send: func(ctx context.Context) error {
			tflog.Info(ctx, "attaching the network policy", map[string]any{"workspace_id": id, "network_policy_id": policyID})
			_, err := a.options.UpdateWorkspaceNetworkOptionRpc(ctx, settings.UpdateWorkspaceNetworkOptionRequest{
				WorkspaceId: id, WorkspaceNetworkOption: settings.WorkspaceNetworkOption{WorkspaceId: id, NetworkPolicyId: policyID},
			})
			return err
		},
	}
}

// write sends the change, even if ctx has ended meanwhile, and again until it has its
// effect or is refused. What counts is the workspace, not the answer: that may be lost. Nil
// says that it was taken; until it shows is for awaitSettled.
func (a *account) write(ctx context.Context, id int64, w write) error {
	first, refusals := true, 0
	attempt := func(ctx context.Context) (state string, done bool, err error) {
		ctx, cancel := detached(ctx)
		defer cancel()
		if !first {
			seen, err := a.observe(ctx, id)
			switch {
			case err != nil:
				return "", false, unlessRefused(err)
			case seen.has(w.makes):
				return "", true, nil
			case seen.broken():
				return "", false, &brokenError{seen}
			case !seen.running():
				return seen.missing(network{}), false, nil
			}
		}
		first = false
		err = w.send(ctx)
		if isBusy(err) && refusals < maxRefusals {
			refusals++
			return "", false, waiter.Retry(err)
		}
		return "", err == nil, unlessRefused(err)
	}
	if ctx.Err() != nil {
		// The other half of a change that has begun is not left out.
		_, done, err := attempt(ctx)
		if !done {
			return a.stopped(ctx, w, err)
		}
		return nil
	}
	return a.waiter.Until(ctx, w.what, attempt)
}

// stopped is what a wait says that ended before it began.
func (a *account) stopped(ctx context.Context, w write, err error) error {
	return &waiter.Error{What: w.what, Cause: errors.Join(ctx.Err(), err)}
}

// unlessRefused marks an error as one to go on from, unless Databricks has answered and
// will answer so again. Without an answer a change may have had its effect or not; and a
// long wait need not end by one lost answer.
func unlessRefused(err error) error {
	var answered *apierr.APIError
	if errors.As(err, &answered) {
		return retryable(err)
	}
	return waiter.Retry(err)
}

// detached is for what is still finished after a cancellation.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWriteTimeout)
}

// isBusy reports whether Databricks refused a change because of what the workspace is
// doing, which passes.
func isBusy(err error) bool {
	return errors.Is(err, apierr.ErrInvalidState) || errors.Is(err, apierr.ErrResourceConflict)
}

// awaitSettled waits until the workspace runs with what is wanted, and shows it. The
// observation is the last one, whatever the error.
func (a *account) awaitSettled(ctx context.Context, id int64, wanted network, seen observation) (observation, error) {
	err := a.waiter.Until(ctx, fmt.Sprintf("workspace %d to run with its network", id), func(ctx context.Context) (string, bool, error) {
		if err := a.look(ctx, id, &seen); err != nil {
			return "", false, unlessRefused(err)
		}
		if seen.broken() {
			return "", false, &brokenError{seen}
		}
		if seen.running() && seen.hasNCC(wanted) && !seen.hasPolicy(wanted) {
			if err := a.lookAtPolicy(ctx, id, &seen); err != nil {
				return "", false, unlessRefused(err)
			}
		}
		reason := seen.missing(wanted)
		return reason, reason == "", nil
	})
	if err == nil {
		return seen, nil
	}
	// The last look, so that the state tells how far it came.
	if now, lookErr := a.lastLook(ctx, id); lookErr == nil {
		seen = now
		if seen.missing(wanted) == "" {
			return seen, nil
		}
	}
	return seen, err
}

// lastLook is an observation even if ctx has ended.
func (a *account) lastLook(ctx context.Context, id int64) (observation, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	return a.observe(ctx, id)
}
