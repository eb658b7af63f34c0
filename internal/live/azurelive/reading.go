package azurelive

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// steadyAnswers is how many equal answers in a row count as the answer of all nodes of the data plane.
const steadyAnswers = 10

// reading are the questions about the data plane, about what is deleted, and about rights.
func (s *suite) reading() []live.Question {
	return []live.Question{
		{
			ID: "azure-unauthenticated", Text: "Does an address that is allowed get 401 without a credential, and not 403?",
			Calls:   []string{"PATCH ipRules [this machine's address]", "GET https://ACCOUNT.openai.azure.com/openai/models without a key, until it is not 403"},
			Assumed: []string{"401"}, Reliance: live.Unused, Needs: []string{inputPublicIP}, Ask: s.onAccount(s.askUnauthenticated),
		},
		{
			ID: "azure-propagation", Text: "How long after a PATCH does the data plane admit, or refuse, an address?",
			Calls: []string{
				"PATCH ipRules [this machine's address]", "GET https://ACCOUNT.openai.azure.com/openai/models every second until 10 answers in a row are not 403",
				"PATCH ipRules []", "the same GET until 10 in a row are 403",
			},
			Reliance: live.Unused, Needs: []string{inputPublicIP}, Timeout: time.Hour, Ask: s.onAccount(s.askPropagation),
		},
		{
			ID: "azure-deleted-name", Text: "Does a deleted account keep its name and subdomain, and does checkDomainAvailability say so?",
			Calls:   []string{"DELETE an account", "POST checkDomainAvailability", "GET deletedAccounts/NAME"},
			Assumed: []string{"kept, and said so"}, Reliance: live.Guarded, Ask: s.askDeletedName,
		},
		{
			ID: "azure-group-rights", Text: "May an identity with rights on a resource group alone ask for subdomains?",
			Calls:   []string{"POST checkDomainAvailability as the service principal of " + inputGroupClient},
			Assumed: []string{"refused with 403"}, Reliance: live.Guarded, Needs: []string{inputGroupClient, inputGroupSecret}, Ask: s.askGroupRights,
		},
	}
}

// probe asks the data plane without a credential. What it answers tells whether the firewall let the question in.
func (s *suite) probe(ctx context.Context, a *account) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+a.subdomain+".openai.azure.com/openai/models?api-version=2024-10-21", nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := s.options.Data.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<12))
	return resp.StatusCode, string(body), err
}

// steady asks the data plane until it has answered steadyAnswers times in a row what want accepts. It
// returns how long the first and the last change took, and the last answer.
func (s *suite) steady(ctx context.Context, a *account, want func(status int) bool) (first, last time.Duration, answer string, err error) {
	start, inARow := time.Now(), 0
	// A new account's name takes a while to be known, so that no error ends the asking.
	err = s.everySecond(a).Until(ctx, "the data plane of "+a.subdomain, func(ctx context.Context) (string, bool, error) {
		status, text, err := s.probe(ctx, a)
		if err != nil {
			inARow = 0
			return "", false, waiter.Retry(err)
		}
		answer = fmt.Sprintf("%d %s", status, text)
		if !want(status) {
			inARow = 0
			return fmt.Sprint(status), false, nil
		}
		if inARow++; inARow == 1 {
			last = time.Since(start)
			if first == 0 {
				first = last
			}
		}
		return fmt.Sprint(status), inARow >= steadyAnswers, nil
	})
	return first, last, answer, err
}

// everySecond polls once a second, or as fast as the session's own polls if these are faster.
func (s *suite) everySecond(a *account) waiter.Waiter {
	pause := time.Second
	if a.waiter.Max > 0 {
		pause = min(pause, a.waiter.Max)
	}
	return waiter.Waiter{Clock: a.waiter.Clock, Min: pause, Max: pause}
}

func admitted(status int) bool   { return status != http.StatusForbidden }
func turnedAway(status int) bool { return status == http.StatusForbidden }

// ownAddress is this machine's address as a rule.
func ownAddress(session *live.Session) (string, error) {
	text := session.Getenv(inputPublicIP)
	if ip, err := netip.ParseAddr(text); err != nil || !ip.Is4() {
		return "", fmt.Errorf("%s is %q: write one IPv4 address", inputPublicIP, text)
	}
	return text, nil
}

func (s *suite) askUnauthenticated(ctx context.Context, session *live.Session, a *account) (live.Answer, error) {
	own, err := ownAddress(session)
	if err != nil {
		return live.Answer{}, err
	}
	if _, err := a.set(ctx, acls(own)); err != nil {
		return live.Answer{}, err
	}
	_, _, answer, err := s.steady(ctx, a, admitted)
	if err != nil {
		return live.Undecided("%s was never admitted: is it the address by which this machine leaves? %s; last %s", own, err, answer)
	}
	return live.Answered(answer[:3], "%s", answer)
}

func (s *suite) askPropagation(ctx context.Context, session *live.Session, a *account) (live.Answer, error) {
	own, err := ownAddress(session)
	if err != nil {
		return live.Answer{}, err
	}
	if _, err := a.set(ctx, acls(hostA)); err != nil {
		return live.Answer{}, err
	}
	if _, _, answer, err := s.steady(ctx, a, turnedAway); err != nil {
		return live.Undecided("%s is not turned away, though no rule lists it: %s; last %s", own, err, answer)
	}
	if _, err := a.set(ctx, acls(own)); err != nil {
		return live.Answer{}, err
	}
	firstIn, lastIn, _, err := s.steady(ctx, a, admitted)
	if err != nil {
		return live.Answer{}, err
	}
	if _, err := a.set(ctx, acls(hostA)); err != nil {
		return live.Answer{}, err
	}
	firstOut, lastOut, _, err := s.steady(ctx, a, turnedAway)
	if err != nil {
		return live.Answer{}, err
	}
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	return live.Answered(fmt.Sprintf("in after %s, out after %s", round(lastIn), round(lastOut)),
		"admitted first after %s and always after %s; refused first after %s and always after %s, counted from the end of the PATCH", round(firstIn), round(lastIn), round(firstOut), round(lastOut))
}

func (s *suite) askDeletedName(ctx context.Context, session *live.Session) (live.Answer, error) {
	if err := s.connect(ctx); err != nil {
		return live.Answer{}, err
	}
	a, err := s.newAccount(ctx, session, "gone")
	if err != nil {
		return live.Answer{}, err
	}
	if err := a.gone(ctx); err != nil {
		return live.Answer{}, err
	}
	client := azureaccount.New(s.azure.Pipeline, s.azure.Endpoint)
	domain, err := client.CheckDomainAvailability(ctx, a.id.SubscriptionID, a.subdomain)
	if err != nil {
		return live.Answer{}, err
	}
	deleted, err := client.GetDeletedAccount(ctx, a.id, a.location)
	kept := err == nil
	if err != nil && !clouderr.IsAzureNotFound(err) {
		return live.Answer{}, err
	}
	is := map[[2]bool]string{{true, true}: "kept, and said so", {true, false}: "kept, but the subdomain is said to be free", {false, true}: "not kept, but the subdomain is taken", {false, false}: "not kept"}[[2]bool{kept, !domain.Available}]
	seen := fmt.Sprintf("checkDomainAvailability: available %t, %q; no deleted account", domain.Available, domain.Reason)
	if kept {
		seen = fmt.Sprintf("checkDomainAvailability: available %t, %q; kept as %s", domain.Available, domain.Reason, deleted.ID)
	}
	return live.Answer{Is: is, Seen: seen}, a.thing.Remove(ctx)
}

func (s *suite) askGroupRights(ctx context.Context, session *live.Session) (live.Answer, error) {
	azure, err := s.options.ConnectAs(ctx, session.Getenv(inputGroupClient), session.Getenv(inputGroupSecret))
	if err != nil {
		return live.Answer{}, err
	}
	_, err = azureaccount.New(azure.Pipeline, azure.Endpoint).CheckDomainAvailability(ctx, azure.SubscriptionID, session.Name("free"))
	status, code := clouderr.AzureCode(err)
	switch {
	case err == nil:
		return live.Answered("answered", "checkDomainAvailability was answered")
	case status == http.StatusForbidden:
		return live.Answered("refused with 403", "%d %s", status, code)
	case status != 0:
		return live.Answered("refused otherwise", "%d %s", status, code)
	default:
		return live.Answer{}, err
	}
}
