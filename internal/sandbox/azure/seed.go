package azure

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account describes an account that other people made before the story begins.
type Account struct {
	// ResourceGroup is made with the account when it does not exist.
	ResourceGroup string
	// Name is the account's name.
	Name string
	// Location defaults to DefaultLocation.
	Location string
	// Kind is OpenAI (the default) or AIServices.
	Kind string
	// Subdomain makes the data plane's host, <subdomain>.openai.azure.com (and for AIServices
	// .cognitiveservices.azure.com and .services.ai.azure.com); empty for an account without
	// one, which can have no network rules.
	Subdomain string
	// IPRules are the firewall entries that are there already, in order.
	IPRules []string
	// DefaultAction is Allow or Deny; empty with IPRules or Bypass set means Deny.
	DefaultAction string
	// Bypass is AzureServices or None; empty leaves it unset.
	Bypass string
	// PublicNetworkAccess is Enabled (the default), Disabled or SecuredByPerimeter.
	PublicNetworkAccess string
	// Deployments maps deployment names to the models that they serve ("gpt-4o").
	Deployments map[string]string
	// Key is the account's first API key; empty means a random one.
	Key string
}

// SeedAccount makes an account, its group and its deployments, ready at once. It returns
// the account's ARM id, or what Azure would have refused.
func (c *Cloud) SeedAccount(seed Account) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	a := &account{
		id: c.accountID(seed.ResourceGroup, seed.Name), name: seed.Name, group: seed.ResourceGroup,
		location: seed.Location, kind: seed.Kind, sku: map[string]any{"name": "S0"},
		properties: map[string]any{}, keys: [2]string{seed.Key, newKey()}, created: now, deployments: map[string]*deployment{},
	}
	if a.location == "" {
		a.location = DefaultLocation
	}
	if a.kind == "" {
		a.kind = "OpenAI"
	}
	if a.keys[0] == "" {
		a.keys[0] = newKey()
	}
	if seed.Subdomain != "" {
		a.properties["customSubDomainName"] = seed.Subdomain
	}
	if seed.PublicNetworkAccess != "" {
		a.properties["publicNetworkAccess"] = seed.PublicNetworkAccess
	}
	if acls := seed.networkACLs(); acls != nil {
		a.properties["networkAcls"] = acls
	}
	for name, model := range seed.Deployments {
		a.deployments[strings.ToLower(name)] = &deployment{
			name: name, etag: `"` + newID() + `"`, sku: map[string]any{"name": "Standard", "capacity": 1},
			properties: map[string]any{"model": map[string]any{"format": "OpenAI", "name": model}},
		}
	}
	if _, exists := c.accounts[strings.ToLower(a.id)]; exists {
		return "", fmt.Errorf("seeding %s: it exists", a.id)
	}
	if err := c.checkAccount(a); err != nil {
		return "", fmt.Errorf("seeding %s: %s: %s", a.id, err.code, err.message)
	}
	if key := strings.ToLower(seed.ResourceGroup); c.groups[key] == nil {
		c.groups[key] = &resourceGroup{name: seed.ResourceGroup, location: a.location}
	}
	a.changed(now, 0, "")
	c.accounts[strings.ToLower(a.id)] = a
	return a.id, nil
}

func (seed Account) networkACLs() map[string]any {
	if len(seed.IPRules) == 0 && seed.DefaultAction == "" && seed.Bypass == "" {
		return nil
	}
	acls := map[string]any{"ipRules": ruleObjects(seed.IPRules), "defaultAction": "Deny"}
	if seed.DefaultAction != "" {
		acls["defaultAction"] = seed.DefaultAction
	}
	if seed.Bypass != "" {
		acls["bypass"] = seed.Bypass
	}
	return acls
}

// AccountState is what a person in the portal sees of an account.
type AccountState struct {
	// ID is the ARM id.
	ID string
	// IPRules are the values of networkAcls.ipRules, in order.
	IPRules []string
	// DefaultAction is Allow or Deny, Bypass AzureServices, None or empty,
	// PublicNetworkAccess Enabled, Disabled or SecuredByPerimeter.
	DefaultAction, Bypass, PublicNetworkAccess string
	// ETag is the account's etag, quotes included.
	ETag string
	// ProvisioningState is Succeeded when nothing is under way.
	ProvisioningState string
	// Keys are the account's two API keys.
	Keys [2]string
}

// State returns an account by its ARM id, without regard to case.
func (c *Cloud) State(accountID string) (AccountState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	c.settle(now)
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return AccountState{}, false
	}
	f := firewallOf(a.properties)
	state := AccountState{
		ID: a.id, IPRules: slices.Clone(f.ipRules), DefaultAction: f.defaultAction, PublicNetworkAccess: f.publicAccess,
		ETag: a.etag, ProvisioningState: a.state(now), Keys: a.keys,
	}
	if acls, ok := a.properties["networkAcls"].(map[string]any); ok {
		state.Bypass, _ = acls["bypass"].(string)
	}
	return state, true
}

// RulesVersion is what an account's IP rules were from one write of the account to the next.
type RulesVersion struct {
	// By is the User-Agent of the request that wrote them; empty for what another's hand did
	// (SetRules and its like), and for the seed.
	By string
	// IPRules are the values of networkAcls.ipRules, in order.
	IPRules []string
}

// History returns what the account's IP rules have been since it was made, oldest first: a
// version for each write that took effect. It is what Azure's activity log tells, but whole.
func (c *Cloud) History(accountID string) []RulesVersion {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return nil
	}
	versions := make([]RulesVersion, len(a.history))
	for i, v := range a.history {
		versions[i] = RulesVersion{By: v.by, IPRules: slices.Clone(v.firewall.ipRules)}
	}
	return versions
}

// SetRules replaces an account's IP rules as another writer would: all checks apply, the
// etag changes, and the data plane follows after the propagation delay. It never waits
// for, and is never refused because of, an operation under way.
func (c *Cloud) SetRules(accountID string, rules ...string) error {
	return c.edit(accountID, func([]string) []string { return rules })
}

// AddRule adds one IP rule by another writer's hand; see SetRules.
func (c *Cloud) AddRule(accountID, rule string) error {
	return c.edit(accountID, func(rules []string) []string { return append(slices.Clone(rules), rule) })
}

// RemoveRule takes one IP rule out by another writer's hand; see SetRules. A rule that is
// not there is an error.
func (c *Cloud) RemoveRule(accountID, rule string) error {
	return c.editOrFail(accountID, func(rules []string) ([]string, error) {
		i := slices.Index(rules, rule)
		if i < 0 {
			return nil, fmt.Errorf("account %s has no rule %s", accountID, rule)
		}
		return slices.Delete(slices.Clone(rules), i, i+1), nil
	})
}

func (c *Cloud) edit(accountID string, change func(rules []string) []string) error {
	return c.editOrFail(accountID, func(rules []string) ([]string, error) { return change(rules), nil })
}

func (c *Cloud) editOrFail(accountID string, change func(rules []string) ([]string, error)) error {
	return c.patch(accountID, func(properties map[string]any) (map[string]any, error) {
		rules, err := change(firewallOf(properties).ipRules)
		return map[string]any{"networkAcls": map[string]any{"ipRules": ruleObjects(rules)}}, err
	})
}

// BeginOperation keeps an account busy for d as another's operation on it does, a deployment
// for example: it is in state Accepted and refuses writes. One that is under way is not cut short.
func (c *Cloud) BeginOperation(accountID string, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return fmt.Errorf("there is no account %s", accountID)
	}
	if until := c.options.Now().Add(d); until.After(a.busyUntil) {
		a.busyUntil, a.busyState = until, "Accepted"
	}
	return nil
}

// SetPublicNetworkAccess sets Enabled, Disabled or SecuredByPerimeter by another writer's
// hand; see SetRules.
func (c *Cloud) SetPublicNetworkAccess(accountID, access string) error {
	return c.patch(accountID, func(map[string]any) (map[string]any, error) {
		return map[string]any{"publicNetworkAccess": access}, nil
	})
}

func (c *Cloud) patch(accountID string, change func(properties map[string]any) (map[string]any, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return fmt.Errorf("there is no account %s", accountID)
	}
	sent, err := change(a.properties)
	if err != nil {
		return err
	}
	next := *a
	next.properties = merge(a.properties, sent)
	if err := c.checkAccount(&next); err != nil {
		return fmt.Errorf("editing %s: %s: %s", accountID, err.code, err.message)
	}
	*a = next
	a.changed(c.options.Now(), c.options.Propagation, "")
	return nil
}

// Accounts returns the ARM ids of all accounts, sorted.
func (c *Cloud) Accounts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.options.Now())
	ids := []string{}
	for _, a := range c.sortedAccounts() {
		ids = append(ids, a.id)
	}
	return ids
}

// TakeSubdomain makes a subdomain unavailable, as if an account of another tenant had it.
func (c *Cloud) TakeSubdomain(subdomain string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.foreignSubdomains[strings.ToLower(subdomain)] = true
}

// FreeSubdomain is the reverse of TakeSubdomain.
func (c *Cloud) FreeSubdomain(subdomain string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.foreignSubdomains, strings.ToLower(subdomain))
}

// DeleteAccount soft-deletes an account at once, by another's hand.
func (c *Cloud) DeleteAccount(accountID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return fmt.Errorf("there is no account %s", accountID)
	}
	c.softDelete(a, c.options.Now())
	return nil
}

// DeletedAccounts returns the ids, by which they are purged, of the accounts that were
// deleted and not yet purged, sorted.
func (c *Cloud) DeletedAccounts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.options.Now())
	ids := []string{}
	for _, d := range c.sortedDeleted() {
		ids = append(ids, c.deletedAccountID(d.account))
	}
	return ids
}
