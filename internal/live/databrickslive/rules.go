package databrickslive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// maxNames is how many names a rule takes, as documented.
const maxNames = 10

// rules are the questions about rules, network connectivity configurations and the workspaces bound to them.
func (s *suite) rules() []live.Question {
	service, workspace := []string{inputService}, []string{inputTestWorkspace}
	return []live.Question{
		{
			ID: "databricks-approval-states", Text: "Is the connection pendingAcceptance when its rule is PENDING, and the rule ESTABLISHED after the acceptance?",
			Calls:   []string{"POST network-connectivity-configs", "POST private-endpoint-rules", "GET the rule until PENDING", "DescribeVpcEndpointConnections", "AcceptVpcEndpointConnections", "both until they agree"},
			Assumed: []string{"pendingAcceptance, then ESTABLISHED"}, Reliance: live.Guarded, Needs: service, Timeout: time.Hour, Ask: s.askApproval,
		},
		{
			ID: "databricks-rejected-state", Text: "What becomes of a rule whose formerly available connection is rejected?",
			Calls:   []string{"RejectVpcEndpointConnections after databricks-approval-states", "GET the rule until it is not ESTABLISHED"},
			Assumed: []string{"REJECTED", "DISCONNECTED"}, Reliance: live.Guarded, Needs: service, Timeout: time.Hour, Ask: s.askRejected,
		},
		{
			ID: "databricks-deleted-rule", Text: "Is a deleted rule that was in use kept, and marked deactivated?",
			Calls:   []string{"DELETE the rule after databricks-rejected-state", "GET it", "DescribeVpcEndpointConnections"},
			Assumed: []string{"kept, and deactivated"}, Reliance: live.Guarded, Needs: service, Timeout: time.Hour, Ask: s.askDeleted,
		},
		{
			ID: "databricks-deactivated-rule-ncc", Text: "Does a deactivated rule keep its network connectivity configuration from being deleted?",
			Calls:   []string{"DELETE network-connectivity-configs/NCC after databricks-deleted-rule, for up to three minutes"},
			Assumed: []string{"deleted"}, Reliance: live.ReliedOn, Needs: service, Timeout: time.Hour, Ask: s.askDeactivated,
		},
		{
			ID: "databricks-names-per-rule", Text: "Is an eleventh name of a rule refused?",
			Calls: []string{"POST private-endpoint-rules with 11 domain_names"}, Assumed: []string{"refused"}, Reliance: live.ReliedOn, Needs: service, Ask: s.askNames,
		},
		{
			ID: "databricks-wildcard-principal", Text: "Does Databricks refuse an endpoint service that admits its role by wildcard only?",
			Calls:   []string{"POST private-endpoint-rules to the service of " + inputWildcard, "GET the rule until it is not CREATING"},
			Assumed: []string{"CREATE_FAILED", "refused"}, Reliance: live.Guarded, Needs: []string{inputWildcard}, Ask: s.askWildcard,
		},
		{
			ID: "databricks-unbind", Text: "Does an empty id unbind a workspace from its network connectivity configuration?",
			Calls:   []string{"PATCH workspaces/ID with network_connectivity_config_id \"\"", "GET it"},
			Assumed: []string{"refused", "ignored"}, Reliance: live.Guarded, Needs: workspace, Ask: s.askUnbind,
		},
		{
			ID: "databricks-busy-workspace", Text: "What does a workspace that is being changed answer to another change?",
			Calls:   []string{"PATCH workspaces/ID with its own network connectivity configuration, twice at once"},
			Assumed: []string{"INVALID_STATE", "409"}, Reliance: live.Guarded, Needs: workspace, Ask: s.askBusy,
		},
		{
			ID: "databricks-policy-while-provisioning", Text: "May a network policy be attached while the workspace is PROVISIONING?",
			Calls:   []string{"PATCH workspaces/ID with its own network connectivity configuration", "GET workspaces/ID/network", "PUT workspaces/ID/network with its own policy"},
			Assumed: []string{"taken"}, Reliance: live.Guarded, Needs: workspace, Ask: s.askPolicyMeanwhile,
		},
	}
}

func (s *suite) askApproval(ctx context.Context, session *live.Session) (live.Answer, error) {
	l, err := s.link(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	is := "pendingAcceptance, then ESTABLISHED"
	if l.whenPending != "pendingacceptance" {
		is = fmt.Sprintf("%q, then ESTABLISHED", l.whenPending)
	}
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
	return live.Answered(is, "rule PENDING %s after it was made, connection then %q, of account %s; available %s and rule ESTABLISHED %s after the acceptance",
		round(l.pendingAfter), l.whenPending, l.owner, round(l.availableAfter), round(l.establishedAfter))
}

func (s *suite) askRejected(ctx context.Context, session *live.Session) (live.Answer, error) {
	state, err := s.reject(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered(state, "the rule was ESTABLISHED, its connection was rejected, and it became %s", state)
}

func (s *suite) askDeleted(ctx context.Context, session *live.Session) (live.Answer, error) {
	is, err := s.remove(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	l, err := s.link(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	state, _, err := s.connectionState(ctx, l.serviceID, l.endpointID)
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered(is, "after the DELETE the rule was %s, and its endpoint in AWS %q", is, state)
}

func (s *suite) askDeactivated(ctx context.Context, session *live.Session) (live.Answer, error) {
	left, err := s.remove(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if left != "kept, and deactivated" {
		return live.Undecided("the deleted rule is %s, so that there is no deactivated one", left)
	}
	l, err := s.link(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	account, err := s.account(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	start := time.Now()
	refusal, err := deleteNCC(ctx, session, account, l.ncc.id)
	switch {
	case err != nil:
		return live.Answer{}, err
	case refusal != "":
		return live.Answered("refused", "for %s: %s", nccPatience, refusal)
	default:
		return live.Answered("deleted", "after %s", time.Since(start).Round(100*time.Millisecond))
	}
}

// spareNCC is one for rules that do not come about.
func (s *suite) spareNCC(ctx context.Context, session *live.Session) (*ncc, error) {
	return s.spare.Get(func() (*ncc, error) { return s.newNCC(ctx, session, "spare") })
}

func (s *suite) askNames(ctx context.Context, session *live.Session) (live.Answer, error) {
	in, err := s.spareNCC(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	var names []string
	for i := range maxNames + 1 {
		names = append(names, fmt.Sprintf("%s.openai.azure.com", session.Name(strconv.Itoa(i))))
	}
	_, err = s.newRule(ctx, in, session.Getenv(inputService), names...)
	var refused *apierr.APIError
	switch {
	case errors.As(err, &refused):
		return live.Answered("refused", "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	case err != nil:
		return live.Answer{}, err
	default:
		return live.Answered("accepted", "a rule with %d names was made", len(names))
	}
}

func (s *suite) askWildcard(ctx context.Context, session *live.Session) (live.Answer, error) {
	in, err := s.spareNCC(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	rule, err := s.newRule(ctx, in, session.Getenv(inputWildcard), session.Name("any")+".openai.azure.com")
	var refused *apierr.APIError
	if errors.As(err, &refused) {
		return live.Answered("refused", "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	}
	if err != nil {
		return live.Answer{}, err
	}
	err = session.Waiter.Until(ctx, "the rule to leave CREATING", func(ctx context.Context) (string, bool, error) {
		now, err := s.rule(ctx, in.id, rule.RuleId)
		if err != nil || now == nil {
			return "", false, errors.Join(err, errors.New("the rule is gone"))
		}
		rule = now
		return string(rule.ConnectionState), rule.ConnectionState != settings.NccPrivateEndpointRulePrivateLinkConnectionStateCreating, nil
	})
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered(string(rule.ConnectionState), "%s", endpointrule.Describe(*rule))
}

// testWorkspace is the workspace for tests alone.
type testWorkspace struct {
	account *databricks.AccountClient
	id      int64
	nccID   string
}

// testWorkspace reads the workspace at rest, and sees to it that it is bound to the same network connectivity
// configuration in the end.
func (s *suite) testWorkspace(ctx context.Context, session *live.Session) (*testWorkspace, error) {
	account, err := s.account(ctx)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(session.Getenv(inputTestWorkspace), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: write the workspace's number", inputTestWorkspace, session.Getenv(inputTestWorkspace))
	}
	w := &testWorkspace{account: account, id: id}
	if err := w.running(ctx, session); err != nil {
		return nil, err
	}
	now, err := account.Workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: id})
	if err != nil {
		return nil, err
	}
	if w.nccID = now.NetworkConnectivityConfigId; w.nccID == "" {
		return nil, &live.UndecidedError{Why: fmt.Sprintf("workspace %d is bound to no network connectivity configuration: bind it to one, since there is no known way back to none", id)}
	}
	_, err = session.Making(fmt.Sprintf("another binding of workspace %d than to %s", id, w.nccID), func(ctx context.Context) error { return w.restore(ctx, session) })
	return w, err
}

func (w *testWorkspace) restore(ctx context.Context, session *live.Session) error {
	now, err := w.account.Workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: w.id})
	if err != nil || now.NetworkConnectivityConfigId == w.nccID {
		return err
	}
	if err := w.bind(ctx, w.nccID); err != nil {
		return err
	}
	return w.running(ctx, session)
}

func (w *testWorkspace) bind(ctx context.Context, nccID string) error {
	_, err := w.account.Workspaces.Update(ctx, provisioning.UpdateWorkspaceRequest{
		WorkspaceId: w.id, UpdateMask: "network_connectivity_config_id",
		CustomerFacingWorkspace: provisioning.Workspace{NetworkConnectivityConfigId: nccID, ForceSendFields: []string{"NetworkConnectivityConfigId"}},
	})
	return err
}

func (w *testWorkspace) running(ctx context.Context, session *live.Session) error {
	return session.Waiter.Until(ctx, fmt.Sprintf("workspace %d to run", w.id), func(ctx context.Context) (string, bool, error) {
		now, err := w.account.Workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: w.id})
		if err != nil {
			return "", false, err
		}
		return string(now.WorkspaceStatus), now.WorkspaceStatus == provisioning.WorkspaceStatusRunning, nil
	})
}

func (s *suite) askUnbind(ctx context.Context, session *live.Session) (live.Answer, error) {
	w, err := s.testWorkspace(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	err = w.bind(ctx, "")
	var refused *apierr.APIError
	if errors.As(err, &refused) {
		return live.Answered("refused", "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	}
	if err != nil {
		return live.Answer{}, err
	}
	if err := w.running(ctx, session); err != nil {
		return live.Answer{}, err
	}
	now, err := w.account.Workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: w.id})
	if err != nil {
		return live.Answer{}, err
	}
	if now.NetworkConnectivityConfigId == w.nccID {
		return live.Answered("ignored", "the call was taken, and the workspace is bound as before")
	}
	return live.Answered("unbound", "the workspace was bound to %s and is to %q", w.nccID, now.NetworkConnectivityConfigId)
}

func (s *suite) askBusy(ctx context.Context, session *live.Session) (live.Answer, error) {
	w, err := s.testWorkspace(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if err := w.bind(ctx, w.nccID); err != nil {
		return live.Answer{}, err
	}
	err = w.bind(ctx, w.nccID)
	var refused *apierr.APIError
	switch {
	case err == nil:
		return live.Undecided("both changes were taken: the workspace was not busy")
	case !errors.As(err, &refused):
		return live.Answer{}, err
	case refused.ErrorCode == "INVALID_STATE":
		return live.Answered(refused.ErrorCode, "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	default:
		return live.Answered(strconv.Itoa(refused.StatusCode), "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	}
}

func (s *suite) askPolicyMeanwhile(ctx context.Context, session *live.Session) (live.Answer, error) {
	w, err := s.testWorkspace(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	option, err := w.account.WorkspaceNetworkConfiguration.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: w.id})
	if err != nil {
		return live.Answer{}, err
	}
	if err := w.bind(ctx, w.nccID); err != nil {
		return live.Answer{}, err
	}
	now, err := w.account.Workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: w.id})
	if err != nil {
		return live.Answer{}, err
	}
	if now.WorkspaceStatus != provisioning.WorkspaceStatusProvisioning {
		return live.Undecided("after it was bound anew the workspace was %s, and not PROVISIONING; it named the policy %q", now.WorkspaceStatus, option.NetworkPolicyId)
	}
	policy := option.NetworkPolicyId
	if policy == "" {
		policy = "default-policy"
	}
	_, err = w.account.WorkspaceNetworkConfiguration.UpdateWorkspaceNetworkOptionRpc(ctx, settings.UpdateWorkspaceNetworkOptionRequest{
		WorkspaceId: w.id, WorkspaceNetworkOption: settings.WorkspaceNetworkOption{WorkspaceId: w.id, NetworkPolicyId: policy},
	})
	var refused *apierr.APIError
	switch {
	case err == nil:
		return live.Answered("taken", "the workspace was PROVISIONING, and named the policy %q before", option.NetworkPolicyId)
	case errors.As(err, &refused):
		return live.Answered("refused", "%d %s: %s", refused.StatusCode, refused.ErrorCode, refused.Message)
	default:
		return live.Answer{}, err
	}
}
