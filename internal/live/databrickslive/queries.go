package databrickslive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/service/serving"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Texts by which an answer to a query tells who refused it.
const (
	firewallText = "Virtual Network/Firewall rules"
	policyCode   = "CUSTOMER_UNAUTHORIZED"
	entraHost    = "login.microsoftonline.com"
)

// queryBody is the cheapest question to a chat model.
const queryBody = `{"messages":[{"role":"user","content":"Say yes."}],"max_tokens":16}`

// queries are the questions about external models. They only look and query.
func (s *suite) queries() []live.Question {
	return []live.Question{
		{
			ID: "databricks-external-model-uses-ncc", Text: "Do serving endpoints for external models take the workspace's private endpoint rules?",
			Calls:    []string{"GET the Azure OpenAI account", "POST serving-endpoints/NAME/invocations"},
			Assumed:  []string{"taken"},
			Reliance: live.ReliedOn, Needs: []string{inputHost, inputServing, inputAccount, inputAddresses}, Ask: s.askUsesNCC,
		},
		{
			ID: "databricks-traffic-delay", Text: "How long after a rule is ESTABLISHED does the first query arrive?",
			Calls:    []string{"GET the rule of " + inputRule, "POST serving-endpoints/NAME/invocations every second until it is answered"},
			Reliance: live.Unused, Needs: []string{inputHost, inputServing, inputRule}, Timeout: time.Hour, Ask: s.askTrafficDelay,
		},
		{
			ID: "databricks-firewall-refusal", Text: "What does a query answer when Azure's firewall refuses it?",
			Calls:   []string{"POST serving-endpoints/NAME/invocations of " + inputRefused},
			Assumed: []string{"403 with Azure's text"}, Reliance: live.Unused, Needs: []string{inputHost, inputRefused}, Ask: s.askFirewallRefusal,
		},
		{
			ID: "databricks-policy-names", Text: "Must a name that a private endpoint rule lists also be in the workspace's network policy?",
			Calls:    []string{"GET workspaces/ID/network", "GET network-policies/ID", "GET serving-endpoints/NAME", "POST its invocations"},
			Reliance: live.Unused, Needs: []string{inputHost, inputWorkspace, inputServing}, Ask: s.askPolicyNames,
		},
		{
			ID: "databricks-entra-egress", Text: "Does the request for a Microsoft Entra token obey the workspace's network policy?",
			Calls:    []string{"GET workspaces/ID/network", "GET network-policies/ID", "POST serving-endpoints/NAME/invocations of " + inputEntra},
			Reliance: live.Unused, Needs: []string{inputHost, inputWorkspace, inputEntra}, Ask: s.askEntra,
		},
	}
}

// queried is what a query answered.
type queried struct {
	status int
	body   string
}

func (q queried) ok() bool         { return q.status == http.StatusOK }
func (q queried) byFirewall() bool { return strings.Contains(q.body, firewallText) }
func (q queried) byPolicy() bool   { return strings.Contains(q.body, policyCode) }

// String is the answer as a report quotes it.
func (q queried) String() string { return fmt.Sprintf("%d %s", q.status, q.body) }

// query asks the model behind a serving endpoint.
func (s *suite) query(ctx context.Context, session *live.Session, endpoint string) (queried, error) {
	client, err := s.options.Workspace(ctx, session.Getenv(inputHost))
	if err != nil {
		return queried{}, err
	}
	address := strings.TrimRight(client.Config.Host, "/") + "/serving-endpoints/" + url.PathEscape(endpoint) + "/invocations"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader([]byte(queryBody)))
	if err != nil {
		return queried{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if err := client.Config.Authenticate(req); err != nil {
		return queried{}, err
	}
	resp, err := (&http.Client{Timeout: 2 * time.Minute}).Do(req)
	if err != nil {
		return queried{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<14))
	return queried{status: resp.StatusCode, body: string(body)}, err
}

func (s *suite) askUsesNCC(ctx context.Context, session *live.Session) (live.Answer, error) {
	why, err := s.onlyPoolAdmitted(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if why != "" {
		return live.Undecided("%s: a query that is answered would prove nothing", why)
	}
	answer, err := s.query(ctx, session, session.Getenv(inputServing))
	switch {
	case err != nil:
		return live.Answer{}, err
	case answer.ok():
		return live.Answered("taken", "the account admits addresses of the pool alone, and the query was answered")
	case answer.byFirewall():
		return live.Answered("not taken", "the query came from an address that is not the pool's: %s", answer)
	default:
		return live.Undecided("the query was refused for another reason: %s", answer)
	}
}

// onlyPoolAdmitted says why an answered query need not have come from an address of the pool; "" is that it must have.
func (s *suite) onlyPoolAdmitted(ctx context.Context, session *live.Session) (why string, _ error) {
	id, err := azureaccount.ParseID(session.Getenv(inputAccount))
	if err != nil {
		return "", err
	}
	azure, err := s.options.Azure(ctx)
	if err != nil {
		return "", err
	}
	account, err := azureaccount.New(azure.Pipeline, azure.Endpoint).Get(ctx, id)
	if err != nil {
		return "", err
	}
	pool, err := addresses(session.Getenv(inputAddresses))
	if err != nil {
		return "", err
	}
	if account.DefaultAction() != azureaccount.ActionDeny {
		return "the account admits everybody (default action " + account.DefaultAction() + ")", nil
	}
	for _, rule := range account.ACLs.Values() {
		if !slices.ContainsFunc(pool, func(address netip.Addr) bool { return address.String() == strings.TrimSuffix(rule, "/32") }) {
			return fmt.Sprintf("the account also admits %s, which %s does not list", rule, inputAddresses), nil
		}
	}
	if account.ACLs.Bypass == azureaccount.BypassAzureServices || len(account.ACLs.VirtualNetworkRules) > 0 || account.ApprovedPrivateEndpoints > 0 {
		session.Log("the account also admits services of Azure, subnets or private endpoints; none of these is Databricks on AWS")
	}
	return "", nil
}

func addresses(text string) ([]netip.Addr, error) {
	var all []netip.Addr
	for part := range strings.SplitSeq(text, ",") {
		address, err := netip.ParseAddr(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%s is %q: write addresses with commas between: %w", inputAddresses, text, err)
		}
		all = append(all, address)
	}
	return all, nil
}

func (s *suite) askTrafficDelay(ctx context.Context, session *live.Session) (live.Answer, error) {
	nccID, ruleID, ok := strings.Cut(session.Getenv(inputRule), "/")
	if !ok {
		return live.Answer{}, fmt.Errorf("%s is %q: write NCC/RULE", inputRule, session.Getenv(inputRule))
	}
	var since time.Time
	err := session.Waiter.Until(ctx, "the rule to be ESTABLISHED", func(ctx context.Context) (string, bool, error) {
		rule, err := s.rule(ctx, nccID, ruleID)
		if err != nil {
			return "", false, err
		}
		if rule == nil {
			return "", false, fmt.Errorf("there is no rule %s in %s", ruleID, nccID)
		}
		since = time.UnixMilli(rule.UpdatedTime)
		return string(rule.ConnectionState), rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished, nil
	})
	if err != nil {
		return live.Answer{}, err
	}
	tries, last := 0, queried{}
	every := waiter.Waiter{Clock: session.Waiter.Clock, Min: time.Second, Max: time.Second}
	err = every.Until(ctx, "a query to be answered", func(ctx context.Context) (string, bool, error) {
		tries++
		var err error
		last, err = s.query(ctx, session, session.Getenv(inputServing))
		return strconv.Itoa(last.status), last.ok(), waiter.Retry(err)
	})
	if err != nil {
		return live.Undecided("no query was answered: %s; last %s", err, last)
	}
	if tries == 1 {
		return live.Answered("at once", "the first query was answered, %s after the rule last changed: run this right after an approval", time.Since(since).Round(time.Second))
	}
	return live.Answered("after "+time.Since(since).Round(time.Second).String(), "query %d was the first to be answered, %s after the rule last changed", tries, time.Since(since).Round(time.Second))
}

func (s *suite) askFirewallRefusal(ctx context.Context, session *live.Session) (live.Answer, error) {
	answer, err := s.query(ctx, session, session.Getenv(inputRefused))
	switch {
	case err != nil:
		return live.Answer{}, err
	case answer.ok():
		return live.Undecided("the query was answered: the firewall admits it")
	case answer.status == http.StatusForbidden && answer.byFirewall():
		return live.Answered("403 with Azure's text", "%s", answer)
	case answer.byFirewall():
		return live.Answered(fmt.Sprintf("%d with Azure's text", answer.status), "%s", answer)
	default:
		return live.Undecided("the query was refused for another reason: %s", answer)
	}
}

// restricted says why a workspace's network policy does not refuse a name; "" is that it does.
func (s *suite) restricted(ctx context.Context, session *live.Session, name string) (why string, _ error) {
	account, err := s.account(ctx)
	if err != nil {
		return "", err
	}
	id, err := strconv.ParseInt(session.Getenv(inputWorkspace), 10, 64)
	if err != nil {
		return "", fmt.Errorf("%s is %q: write the workspace's number", inputWorkspace, session.Getenv(inputWorkspace))
	}
	option, err := account.WorkspaceNetworkConfiguration.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: id})
	if err != nil {
		return "", err
	}
	if option.NetworkPolicyId == "" {
		return "the workspace names no network policy", nil
	}
	policy, err := account.NetworkPolicies.GetNetworkPolicyRpc(ctx, settings.GetNetworkPolicyRequest{NetworkPolicyId: option.NetworkPolicyId})
	if err != nil {
		return "", err
	}
	if policy.Egress == nil || policy.Egress.NetworkAccess == nil ||
		policy.Egress.NetworkAccess.RestrictionMode != settings.EgressNetworkPolicyNetworkAccessPolicyRestrictionModeRestrictedAccess {
		return fmt.Sprintf("network policy %s restricts nothing", option.NetworkPolicyId), nil
	}
	access := policy.Egress.NetworkAccess
	if e := access.PolicyEnforcement; e != nil && e.EnforcementMode == settings.EgressNetworkPolicyNetworkAccessPolicyPolicyEnforcementEnforcementModeDryRun {
		return fmt.Sprintf("network policy %s is a dry run", option.NetworkPolicyId), nil
	}
	for _, allowed := range access.AllowedInternetDestinations {
		if strings.EqualFold(allowed.Destination, name) {
			return fmt.Sprintf("network policy %s allows %s: take it out for this question", option.NetworkPolicyId, name), nil
		}
	}
	return "", nil
}

func (s *suite) askPolicyNames(ctx context.Context, session *live.Session) (live.Answer, error) {
	client, err := s.options.Workspace(ctx, session.Getenv(inputHost))
	if err != nil {
		return live.Answer{}, err
	}
	endpoint, err := client.ServingEndpoints.Get(ctx, serving.GetServingEndpointRequest{Name: session.Getenv(inputServing)})
	if err != nil {
		return live.Answer{}, err
	}
	name := upstream(endpoint)
	if name == "" {
		return live.Undecided("serving endpoint %s names no Azure OpenAI account", endpoint.Name)
	}
	why, err := s.restricted(ctx, session, name)
	if err != nil {
		return live.Answer{}, err
	}
	if why != "" {
		return live.Undecided("%s", why)
	}
	return s.judgeByPolicy(ctx, session, session.Getenv(inputServing), name, [2]string{"must", "need not"})
}

func (s *suite) askEntra(ctx context.Context, session *live.Session) (live.Answer, error) {
	why, err := s.restricted(ctx, session, entraHost)
	if err != nil {
		return live.Answer{}, err
	}
	if why != "" {
		return live.Undecided("%s", why)
	}
	return s.judgeByPolicy(ctx, session, session.Getenv(inputEntra), entraHost, [2]string{"obeys", "does not obey"})
}

// judgeByPolicy queries where the policy refuses a name: words are the answers for a query that the policy refused
// for that name, and for one that was answered.
func (s *suite) judgeByPolicy(ctx context.Context, session *live.Session, endpoint, name string, words [2]string) (live.Answer, error) {
	answer, err := s.query(ctx, session, endpoint)
	switch {
	case err != nil:
		return live.Answer{}, err
	case answer.ok():
		return live.Answered(words[1], "the policy does not allow %s, and the query was answered", name)
	case answer.byPolicy() && strings.Contains(answer.body, name):
		return live.Answered(words[0], "%s", answer)
	default:
		return live.Undecided("the query was refused for another reason: %s", answer)
	}
}

// upstream is the host of the Azure OpenAI account behind a serving endpoint, or "".
func upstream(endpoint *serving.ServingEndpointDetailed) string {
	if endpoint.Config == nil {
		return ""
	}
	for _, entity := range endpoint.Config.ServedEntities {
		if entity.ExternalModel == nil || entity.ExternalModel.OpenaiConfig == nil {
			continue
		}
		if base, err := url.Parse(entity.ExternalModel.OpenaiConfig.OpenaiApiBase); err == nil {
			return base.Hostname()
		}
	}
	return ""
}
