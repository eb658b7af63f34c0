package azurelive

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// Addresses that rules name: of a public resolver (Quad9), which answers and opens no connections.
// Azure refuses addresses that are not public, and may count those for documentation among them.
const (
	hostA = "9.9.9.10"
	hostB = "9.9.9.20"
	hostC = "9.9.9.30"
)

// maxRules is how many ip rules an account takes, as documented.
const maxRules = 100

// Answers that several questions share.
const (
	refused  = "refused"
	accepted = "accepted"
)

// writing are the questions about what a write does.
func (s *suite) writing() []live.Question {
	return []live.Question{
		{
			ID: "azure-if-match", Text: "Is a PATCH of an account with an outdated If-Match refused?",
			Calls:   []string{"PATCH networkAcls (keep the etag before it as E)", "PATCH networkAcls with If-Match: E"},
			Assumed: []string{"refused with 412"}, Reliance: live.Guarded, Ask: s.onAccount(askIfMatch),
		},
		{
			ID: "azure-patch-replaces-list", Text: "Does a PATCH replace the list ipRules as a whole?",
			Calls:   []string{"PATCH ipRules [A, B]", "PATCH ipRules [A]", "GET"},
			Assumed: []string{"replaced"}, Reliance: live.ReliedOn, Ask: s.onAccount(askReplaces),
		},
		{
			ID: "azure-patch-keeps-fields", Text: "Do fields of networkAcls that a PATCH leaves out keep their values?",
			Calls:    []string{"PATCH networkAcls with all four fields, bypass AzureServices", "PATCH networkAcls with ipRules alone", "GET"},
			Reliance: live.Guarded, Ask: s.onAccount(askKeepsFields),
		},
		{
			ID: "azure-put-keeps-rules", Text: "Does a PUT of the account without networkAcls leave the rules as they are?",
			Calls:    []string{"PATCH ipRules [A, B]", "PUT the account without networkAcls", "GET"},
			Reliance: live.Unused, Ask: s.onAccount(askPutKeeps),
		},
		{
			ID: "azure-host-prefix", Text: "Is a rule with a /32 refused in api-version " + azureaccount.APIVersion + "?",
			Calls: []string{"PATCH ipRules [A/32]", "GET"}, Assumed: []string{refused}, Reliance: live.Guarded,
			Ask: s.onAccount(func(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
				return askRule(ctx, a, hostB+"/32")
			}),
		},
		{
			ID: "azure-unaligned-range", Text: "Is a range with bits set below its mask refused?",
			Calls: []string{"PATCH ipRules [9.9.9.77/24]", "GET"}, Reliance: live.Guarded,
			Ask: s.onAccount(func(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
				return askRule(ctx, a, "9.9.9.77/24")
			}),
		},
		{
			ID: "azure-duplicate-rule", Text: "Is the same rule twice refused, merged, or kept twice?",
			Calls: []string{"PATCH ipRules [A, A]", "GET"}, Reliance: live.Guarded,
			Ask: s.onAccount(func(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
				return askRule(ctx, a, hostB, hostB)
			}),
		},
		{
			ID: "azure-rule-limit", Text: "Does an account take 100 ip rules and refuse the 101st?",
			Calls:   []string{"PATCH 100 ipRules", "PATCH 101 ipRules"},
			Assumed: []string{"100 taken, 101 refused"}, Reliance: live.ReliedOn, Ask: s.onAccount(askLimit),
		},
		{
			ID: "azure-deployment-etag", Text: "Does making a deployment change the account's ETag?",
			Calls:    []string{"GET", "PUT deployments/NAME, waited for", "GET"},
			Reliance: live.Guarded, Needs: []string{inputModel}, Ask: s.onAccount(askDeploymentETag),
		},
		{
			ID: "azure-busy-code", Text: "What does a PATCH answer while another operation is under way?",
			Calls:   []string{"PUT deployments/NAME", "PATCH networkAcls at once, until it is taken"},
			Assumed: []string{"nothing but 409 RequestConflict", "not refused"}, Reliance: live.Guarded,
			Needs: []string{inputModel}, Ask: s.onAccount(askBusy),
		},
		{
			ID: "azure-foreign-subnet-rules", Text: "Does sending back the subnets of other people need a right on them?",
			Calls:    []string{"GET the account of " + inputSubnetAccount, "PATCH it with its own networkAcls"},
			Reliance: live.Guarded, Needs: []string{inputSubnetAccount}, Ask: s.askForeignSubnets,
		},
	}
}

func askIfMatch(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
	before, err := a.set(ctx, acls(hostA))
	if err != nil {
		return live.Answer{}, err
	}
	between, err := a.set(ctx, acls(hostA, hostB))
	if err != nil {
		return live.Answer{}, err
	}
	if before.ETag == "" || before.ETag == between.ETag {
		return live.Answered("the ETag does not change", "before the write %q, after it %q", before.ETag, between.ETag)
	}
	answer, err := a.patch(ctx, before.ETag, object{"networkAcls": acls(hostA, hostC)})
	switch {
	case err != nil:
		return live.Answer{}, err
	case answer.Status == http.StatusPreconditionFailed:
		return live.Answered("refused with 412", "%s", answer)
	case !answer.ok():
		return live.Answered("refused otherwise", "%s", answer)
	}
	after, err := a.read(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered("ignored", "%s; the rules are now %s", answer, list(rules(after)))
}

func askReplaces(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
	if _, err := a.set(ctx, acls(hostA, hostB)); err != nil {
		return live.Answer{}, err
	}
	after, err := a.set(ctx, acls(hostA))
	if err != nil {
		return live.Answer{}, err
	}
	if got := rules(after); !slices.Equal(got, []string{hostA}) {
		return live.Answered("merged", "after [%s] was sent the rules are %s", hostA, list(got))
	}
	return live.Answered("replaced", "after [%s] was sent the rules are %s", hostA, list(rules(after)))
}

func askKeepsFields(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
	full := acls(hostA)
	full["bypass"] = azureaccount.BypassAzureServices
	if _, err := a.set(ctx, full); err != nil {
		return live.Answer{}, err
	}
	after, err := a.set(ctx, object{"ipRules": ruleObjects([]string{hostA, hostB})})
	if err != nil {
		return live.Answer{}, err
	}
	action, bypass := textAt(after.Body, "properties", "networkAcls", "defaultAction"), textAt(after.Body, "properties", "networkAcls", "bypass")
	is := "kept"
	if action != azureaccount.ActionDeny || bypass != azureaccount.BypassAzureServices {
		is = "reset"
	}
	return live.Answered(is, "defaultAction was Deny and is %q, bypass was AzureServices and is %q", action, bypass)
}

func askPutKeeps(ctx context.Context, session *live.Session, a *account) (live.Answer, error) {
	if _, err := a.set(ctx, acls(hostA, hostB)); err != nil {
		return live.Answer{}, err
	}
	answer, err := a.put(ctx, object{"customSubDomainName": a.subdomain, "publicNetworkAccess": azureaccount.AccessEnabled}, session.ID)
	if err != nil {
		return live.Answer{}, err
	}
	if err := answer.err("sending the PUT"); err != nil {
		return live.Answer{}, err
	}
	if err := a.rest(ctx); err != nil {
		return live.Answer{}, err
	}
	after, err := a.read(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	is := "kept"
	if !slices.Equal(rules(after), []string{hostA, hostB}) {
		is = "reset"
	}
	return live.Answered(is, "the rules were %s and are %s; defaultAction is %q", list([]string{hostA, hostB}), list(rules(after)), textAt(after.Body, "properties", "networkAcls", "defaultAction"))
}

// askRule asks whether rules are taken, and as what.
func askRule(ctx context.Context, a *account, sent ...string) (live.Answer, error) {
	if _, err := a.set(ctx, acls(hostA)); err != nil {
		return live.Answer{}, err
	}
	answer, err := a.patch(ctx, "", object{"networkAcls": acls(sent...)})
	if err != nil {
		return live.Answer{}, err
	}
	if !answer.ok() {
		return live.Answered(refused, "%s", answer)
	}
	after, err := a.read(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered(accepted, "%s was sent and is listed as %s", list(sent), list(rules(after)))
}

func askLimit(ctx context.Context, _ *live.Session, a *account) (live.Answer, error) {
	var all []string
	for i := range maxRules + 1 {
		all = append(all, fmt.Sprintf("9.9.9.%d", i+1))
	}
	taken, err := a.patch(ctx, "", object{"networkAcls": acls(all[:maxRules]...)})
	if err != nil {
		return live.Answer{}, err
	}
	over, err := a.patch(ctx, "", object{"networkAcls": acls(all...)})
	if err != nil {
		return live.Answer{}, err
	}
	word := map[bool]string{true: "taken", false: refused}
	return live.Answered(fmt.Sprintf("%d %s, %d %s", maxRules, word[taken.ok()], maxRules+1, word[over.ok()]), "%d: %s; %d: %s", maxRules, taken, maxRules+1, over)
}

// deploy begins to make a deployment of the model that the environment names.
func (a *account) deploy(ctx context.Context, session *live.Session) (*live.Thing, error) {
	parts := strings.Split(session.Getenv(inputModel), ":")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%s is %q: write NAME:VERSION:SKU, for example text-embedding-3-small:1:GlobalStandard", inputModel, session.Getenv(inputModel))
	}
	path := a.id.String() + "/deployments/live"
	thing, err := session.Making("the deployment "+path, func(ctx context.Context) error {
		return a.waiter.Until(ctx, "the deployment to be deleted", func(ctx context.Context) (string, bool, error) {
			answer, err := a.arm.send(ctx, http.MethodDelete, path, nil, nil)
			if err != nil {
				return "", false, err
			}
			if !answer.ok() && answer.Status != http.StatusConflict && answer.Status != http.StatusNotFound {
				return "", false, answer.err("deleting the deployment")
			}
			answer, err = a.arm.send(ctx, http.MethodGet, path, nil, nil)
			return answer.String(), answer.Status == http.StatusNotFound, err
		})
	})
	if err != nil {
		return nil, err
	}
	answer, err := a.arm.send(ctx, http.MethodPut, path, nil, object{
		"sku":        object{"name": parts[2], "capacity": 1},
		"properties": object{"model": object{"format": "OpenAI", "name": parts[0], "version": parts[1]}},
	})
	if err != nil {
		return nil, err
	}
	return thing, answer.err("making a deployment")
}

func askDeploymentETag(ctx context.Context, session *live.Session, a *account) (live.Answer, error) {
	before, err := a.set(ctx, acls(hostA))
	if err != nil {
		return live.Answer{}, err
	}
	deployment, err := a.deploy(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if err := a.rest(ctx); err != nil {
		return live.Answer{}, err
	}
	after, err := a.read(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	is := "changes"
	if before.ETag == after.ETag {
		is = "stays"
	}
	answer, err := live.Answered(is, "before %s, after %s", before.ETag, after.ETag)
	if err != nil {
		return answer, err
	}
	return answer, deployment.Remove(ctx)
}

func askBusy(ctx context.Context, session *live.Session, a *account) (live.Answer, error) {
	if _, err := a.set(ctx, acls(hostA)); err != nil {
		return live.Answer{}, err
	}
	deployment, err := a.deploy(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	var refusals []string
	onlyConflicts := true
	err = a.waiter.Until(ctx, "the account to take a PATCH", func(ctx context.Context) (string, bool, error) {
		answer, err := a.patch(ctx, "", object{"networkAcls": acls(hostA, hostB)})
		if err != nil || answer.ok() {
			return "", err == nil, err
		}
		if text := answer.String(); !slices.Contains(refusals, text) {
			refusals = append(refusals, text)
		}
		onlyConflicts = onlyConflicts && answer.Status == http.StatusConflict && answer.Code == "RequestConflict"
		return answer.Code, false, nil
	})
	if err != nil {
		return live.Answer{}, fmt.Errorf("%w (refusals so far: %s)", err, list(refusals))
	}
	if err := deployment.Remove(ctx); err != nil {
		return live.Answer{}, err
	}
	switch {
	case len(refusals) == 0:
		return live.Answered("not refused", "the PATCH was taken while the deployment was being made")
	case onlyConflicts:
		return live.Answered("nothing but 409 RequestConflict", "%s", strings.Join(refusals, "; "))
	default:
		return live.Answered("other codes too", "%s", strings.Join(refusals, "; "))
	}
}

func (s *suite) askForeignSubnets(ctx context.Context, session *live.Session) (live.Answer, error) {
	if err := s.connect(ctx); err != nil {
		return live.Answer{}, err
	}
	id, err := azureaccount.ParseID(session.Getenv(inputSubnetAccount))
	if err != nil {
		return live.Answer{}, err
	}
	theirs := &account{arm: arm{s.azure}, waiter: session.Waiter, id: id}
	before, err := theirs.read(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	network := at(before.Body, "properties", "networkAcls")
	if subnets, _ := at(network, "virtualNetworkRules").([]any); len(subnets) == 0 {
		return live.Undecided("%s lists no subnet", id)
	}
	answer, err := theirs.patch(ctx, before.ETag, object{"networkAcls": network})
	if err != nil {
		return live.Answer{}, err
	}
	if answer.Code == "LinkedAuthorizationFailed" {
		return live.Answered("needs a right", "%s", answer)
	}
	if err := answer.err("sending the account its own network rules"); err != nil {
		return live.Answer{}, err
	}
	return live.Answered("needs none", "%s; this holds if the identity has no right on the subnets", answer)
}
