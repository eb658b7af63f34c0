package azurelive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// account is an Azure OpenAI account. Its model is never asked, so that it costs nothing.
type account struct {
	arm       arm
	waiter    waiter.Waiter
	id        azureaccount.ID
	location  string
	subdomain string
	thing     *live.Thing
}

// newAccount makes an account that denies all but these rules, in the suite's group, and waits until it is at rest.
func (s *suite) newAccount(ctx context.Context, session *live.Session, suffix string, rules ...string) (*account, error) {
	group, err := s.group(ctx, session)
	if err != nil {
		return nil, err
	}
	name := session.Name(suffix)
	a := &account{
		arm: arm{s.azure}, waiter: session.Waiter, location: s.location(), subdomain: name,
		id: azureaccount.ID{SubscriptionID: s.azure.SubscriptionID, ResourceGroup: group, Name: name},
	}
	if a.thing, err = session.Making("the Azure OpenAI account "+a.id.String(), a.remove); err != nil {
		return nil, err
	}
	answer, err := a.put(ctx, object{
		"customSubDomainName": name, "publicNetworkAccess": azureaccount.AccessEnabled, "networkAcls": acls(rules...),
	}, session.ID)
	if err != nil {
		return nil, err
	}
	if err := answer.err("making the account"); err != nil {
		return nil, err
	}
	return a, a.rest(ctx)
}

// put sends a PUT of the whole account.
func (a *account) put(ctx context.Context, properties object, tag string) (reply, error) {
	return a.arm.send(ctx, http.MethodPut, a.id.String(), nil, object{
		"kind": "OpenAI", "sku": object{"name": "S0"}, "location": a.location,
		"tags": object{live.Tag: tag}, "properties": properties,
	})
}

// acls is networkAcls with all of its fields.
func acls(rules ...string) object {
	return object{
		"defaultAction": azureaccount.ActionDeny, "bypass": azureaccount.BypassNone,
		"ipRules": ruleObjects(rules), "virtualNetworkRules": []any{},
	}
}

func ruleObjects(rules []string) []object {
	out := make([]object, len(rules))
	for i, rule := range rules {
		out[i] = object{"value": rule}
	}
	return out
}

// read returns the account at rest.
func (a *account) read(ctx context.Context) (reply, error) {
	answer, err := a.arm.send(ctx, http.MethodGet, a.id.String(), nil, nil)
	if err != nil {
		return reply{}, err
	}
	return answer, answer.err("reading the account")
}

// rules are the values of ipRules, sorted.
func rules(answer reply) []string {
	list, _ := at(answer.Body, "properties", "networkAcls", "ipRules").([]any)
	values := make([]string, 0, len(list))
	for _, entry := range list {
		values = append(values, textAt(entry, "value"))
	}
	slices.Sort(values)
	return values
}

// rest waits until no operation on the account is in flight.
func (a *account) rest(ctx context.Context) error {
	return a.waiter.Until(ctx, "the account to be at rest", func(ctx context.Context) (string, bool, error) {
		answer, err := a.read(ctx)
		if err != nil {
			return "", false, err
		}
		state := textAt(answer.Body, "properties", "provisioningState")
		return state, slices.Contains([]string{"", "Succeeded", "Failed", "Canceled"}, state), nil
	})
}

// patch sends one PATCH of properties, with If-Match unless etag is empty, and waits for what it began.
func (a *account) patch(ctx context.Context, etag string, properties object) (reply, error) {
	header := http.Header{}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	answer, err := a.arm.send(ctx, http.MethodPatch, a.id.String(), header, object{"properties": properties})
	if err != nil || !answer.ok() {
		return answer, err
	}
	return answer, a.rest(ctx)
}

// set brings the account into a known state, which a question begins with.
func (a *account) set(ctx context.Context, network object) (reply, error) {
	err := a.waiter.Until(ctx, "the account to take its network rules", func(ctx context.Context) (string, bool, error) {
		answer, err := a.patch(ctx, "", object{"networkAcls": network})
		if err != nil {
			return "", false, err
		}
		if answer.Status == http.StatusConflict {
			return answer.Code, false, nil
		}
		return "", true, answer.err("setting the account's network rules")
	})
	if err != nil {
		return reply{}, err
	}
	return a.read(ctx)
}

// gone waits until the account is deleted: then it keeps its name until it is purged.
func (a *account) gone(ctx context.Context) error {
	return a.waiter.Until(ctx, "the account to be deleted", func(ctx context.Context) (string, bool, error) {
		answer, err := a.arm.send(ctx, http.MethodDelete, a.id.String(), nil, nil)
		if err != nil {
			return "", false, err
		}
		if !answer.ok() && answer.Status != http.StatusConflict && answer.Status != http.StatusNotFound {
			return "", false, answer.err("deleting the account")
		}
		answer, err = a.arm.send(ctx, http.MethodGet, a.id.String(), nil, nil)
		return answer.String(), answer.Status == http.StatusNotFound, err
	})
}

// remove deletes the account and purges it, so that neither it nor its name is left.
func (a *account) remove(ctx context.Context) error {
	if err := a.gone(ctx); err != nil {
		return err
	}
	deleted := fmt.Sprintf("/subscriptions/%s/providers/Microsoft.CognitiveServices/locations/%s/resourceGroups/%s/deletedAccounts/%s",
		a.id.SubscriptionID, azureaccount.NormalizeLocation(a.location), a.id.ResourceGroup, a.id.Name)
	return a.waiter.Until(ctx, "the deleted account to be purged", func(ctx context.Context) (string, bool, error) {
		answer, err := a.arm.send(ctx, http.MethodGet, deleted, nil, nil)
		if err != nil || answer.Status == http.StatusNotFound {
			return "", err == nil, err
		}
		answer, err = a.arm.send(ctx, http.MethodDelete, deleted, nil, nil)
		if err != nil || answer.ok() || answer.Status == http.StatusConflict || answer.Status == http.StatusNotFound {
			return answer.String(), false, err
		}
		return "", false, answer.err("purging the account")
	})
}

// group is the resource group for the suite's accounts: the one that the environment names, or one that the
// session makes.
func (s *suite) group(ctx context.Context, session *live.Session) (string, error) {
	if name := session.Getenv(inputGroup); name != "" {
		return name, nil
	}
	return s.madeGroup.Get(func() (string, error) {
		if s.azure.SubscriptionID == "" {
			return "", errors.New("no subscription is set: set ARM_SUBSCRIPTION_ID")
		}
		name := session.Name("group")
		path := "/subscriptions/" + s.azure.SubscriptionID + "/resourceGroups/" + name
		if _, err := session.Making("the resource group "+path, func(ctx context.Context) error { return s.removeGroup(ctx, session.Waiter, path) }); err != nil {
			return "", err
		}
		answer, err := arm{s.azure}.sendVersion(ctx, http.MethodPut, path, groupAPIVersion, nil, object{"location": s.location(), "tags": object{live.Tag: session.ID}})
		if err != nil {
			return "", err
		}
		return name, answer.err("making the resource group")
	})
}

func (s *suite) removeGroup(ctx context.Context, w waiter.Waiter, path string) error {
	return w.Until(ctx, "the resource group to be deleted", func(ctx context.Context) (string, bool, error) {
		answer, err := arm{s.azure}.sendVersion(ctx, http.MethodDelete, path, groupAPIVersion, nil, nil)
		if err != nil {
			return "", false, err
		}
		if !answer.ok() && answer.Status != http.StatusConflict && answer.Status != http.StatusNotFound {
			return "", false, answer.err("deleting the resource group")
		}
		answer, err = arm{s.azure}.sendVersion(ctx, http.MethodGet, path, groupAPIVersion, nil, nil)
		return answer.String(), answer.Status == http.StatusNotFound, err
	})
}

// list joins rules for a report.
func list(rules []string) string {
	if len(rules) == 0 {
		return "none"
	}
	return strings.Join(rules, ", ")
}
