package workspacenetwork

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

type model struct {
	ID              types.String   `tfsdk:"id"`
	WorkspaceID     types.Int64    `tfsdk:"workspace_id"`
	NCCID           types.String   `tfsdk:"network_connectivity_config_id"`
	PolicyID        types.String   `tfsdk:"network_policy_id"`
	RuleIDs         types.Set      `tfsdk:"private_endpoint_rule_ids"`
	WaitForRules    types.Bool     `tfsdk:"wait_for_rules"`
	RestoreNCCID    types.String   `tfsdk:"restore_network_connectivity_config_id"`
	RestorePolicyID types.String   `tfsdk:"restore_network_policy_id"`
	Status          types.String   `tfsdk:"status"`
	StatusReason    types.String   `tfsdk:"status_reason"`
	WorkspaceStatus types.String   `tfsdk:"workspace_status"`
	WorkspaceName   types.String   `tfsdk:"workspace_name"`
	Region          types.String   `tfsdk:"region"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

// status is how far the workspace is.
type status string

const (
	// The workspace runs, with what the configuration names.
	bound status = "bound"
	// Rules are not established yet, and nothing was changed.
	waitingForRules status = "waiting_for_rules"
	// The workspace does not run, or does not show its new network yet.
	waitingForWorkspace status = "waiting_for_workspace"
)

func (m model) status() status { return status(m.Status.ValueString()) }

// wanted is what the model names; what is not known counts as left out.
func (m model) wanted() network {
	return network{NCC: m.NCCID.ValueString(), Policy: m.PolicyID.ValueString()}
}

// restore is what a destroy puts back.
func (m model) restore() network {
	return network{NCC: m.RestoreNCCID.ValueString(), Policy: m.RestorePolicyID.ValueString()}
}

func (m model) ruleIDs() []string { return tfvalue.Strings(m.RuleIDs.Elements()) }

// record writes what was seen into the computed attributes, apart from the status.
func (m *model) record(seen observation) {
	m.ID = types.StringValue(strconv.FormatInt(m.WorkspaceID.ValueInt64(), 10))
	m.WorkspaceStatus = types.StringValue(string(seen.workspace.WorkspaceStatus))
	m.WorkspaceName = types.StringValue(seen.workspace.WorkspaceName)
	m.Region = types.StringValue(seen.workspace.AwsRegion)
}

// observed is what the state tells of the workspace.
func (m model) observed() observation {
	return observation{
		workspace: provisioning.Workspace{
			WorkspaceId: m.WorkspaceID.ValueInt64(), WorkspaceName: m.WorkspaceName.ValueString(), AwsRegion: m.Region.ValueString(),
			WorkspaceStatus: provisioning.WorkspaceStatus(m.WorkspaceStatus.ValueString()),
		},
		network: m.wanted(),
	}
}

// judge writes the status; reason is what is missing, or "".
func (m *model) judge(s status, reason string) {
	if reason == "" {
		s = bound
	}
	m.Status, m.StatusReason = types.StringValue(string(s)), types.StringValue(reason)
}

// show writes what the workspace has into the attributes that name what is wanted, so that
// a difference is planned to be repaired. An attribute that is left out stays so.
func (m *model) show(seen network) {
	if !m.NCCID.IsNull() {
		m.NCCID = tfvalue.StringOrNull(seen.NCC)
	}
	if !m.PolicyID.IsNull() {
		m.PolicyID = types.StringValue(seen.Policy)
	}
}

// defaultRestore fills in what a destroy puts back, where the configuration leaves it open.
func (m *model) defaultRestore(config model, before memory) {
	if config.RestoreNCCID.IsNull() {
		m.RestoreNCCID = types.StringNull()
		if !m.NCCID.IsNull() {
			m.RestoreNCCID = tfvalue.StringOrNull(before.Before.NCC)
		}
	}
	if config.RestorePolicyID.IsNull() {
		m.RestorePolicyID = types.StringNull()
		if !m.PolicyID.IsNull() {
			m.RestorePolicyID = types.StringValue(cmp.Or(before.Before.Policy, workspace.DefaultPolicyID))
		}
	}
}

// forget marks as unknown what an apply may find or change.
func (m *model) forget() {
	m.Status, m.StatusReason = types.StringUnknown(), types.StringUnknown()
	m.WorkspaceStatus, m.WorkspaceName = types.StringUnknown(), types.StringUnknown()
}

// parseImportID reads the id of a workspace.
func parseImportID(id string) (int64, error) {
	workspaceID, err := strconv.ParseInt(strings.TrimSpace(id), 10, 64)
	if err != nil || workspaceID < 1 {
		return 0, fmt.Errorf("%q is not the id of a workspace. Write its number, such as 1234567890123456: it stands behind `o=` in the workspace's addresses, and in the account console", id)
	}
	return workspaceID, nil
}
