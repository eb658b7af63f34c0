package databricks

import (
	"errors"
	"fmt"
	"slices"
)

// asError turns a refusal into an ordinary error; nil stays nil.
func asError(what string, err *apiError) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %s", what, err.code, err.message)
}

// AddServicePrincipal makes a service principal that may log in with id (its application
// id) and secret. An admin administers the account and every workspace.
func (c *Cloud) AddServicePrincipal(id, secret string, admin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.principals[id] = &principal{id: id, secret: secret, admin: admin}
}

// PutSecret sets the value that {{secrets/scope/key}} stands for.
func (c *Cloud) PutSecret(scope, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[scope+"/"+key] = value
}

// SeedNCC makes a network connectivity configuration and returns its id; an empty region
// means Options.Region.
func (c *Cloud) SeedNCC(name, region string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if region == "" {
		region = c.options.Region
	}
	n, err := c.addNCC(name, region, c.options.Now())
	if err != nil {
		return "", asError("seeding the network connectivity configuration "+name, err)
	}
	return n.id, nil
}

// SeedPolicy makes a network policy that restricts egress to hosts; none at all is allowed
// when there are none.
func (c *Cloud) SeedPolicy(id string, hosts ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	body := restrictedTo(hosts)
	err := checkPolicy(body)
	if err == nil {
		_, err = c.addPolicy(id, body)
	}
	return asError("seeding the network policy "+id, err)
}

// Workspace describes a workspace that other people made.
type Workspace struct {
	// ID is the workspace's number.
	ID int64
	// Name is also its deployment name.
	Name string
	// Region is its AWS region; empty means Options.Region.
	Region string
	// NCCID is the network connectivity configuration bound to it; empty for none.
	NCCID string
	// PolicyID is its network policy; empty means default-policy.
	PolicyID string
}

// SeedWorkspace makes a running workspace.
func (c *Cloud) SeedWorkspace(seed Workspace) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, exists := c.workspaces[seed.ID]; exists {
		return fmt.Errorf("seeding workspace %d: it exists", seed.ID)
	}
	w := &workspace{sequence: c.next(), id: seed.ID, name: seed.Name, region: seed.Region, policyID: defaultPolicyID, endpoints: map[string]*endpoint{}}
	if w.region == "" {
		w.region = c.options.Region
	}
	what := fmt.Sprintf("seeding workspace %d", seed.ID)
	if seed.NCCID != "" {
		if err := c.bind(w, seed.NCCID); err != nil {
			return asError(what, err)
		}
	}
	if seed.PolicyID != "" {
		if err := c.attach(w, seed.PolicyID); err != nil {
			return asError(what, err)
		}
	}
	c.workspaces[w.id] = w
	return nil
}

// ServingEndpoint describes a serving endpoint for a chat model of Azure OpenAI that other
// people made.
type ServingEndpoint struct {
	// WorkspaceID is its workspace.
	WorkspaceID int64
	// Name is the endpoint's name.
	Name string
	// Model is the model's name, "gpt-4o".
	Model string
	// APIBase is the Azure OpenAI account, https://<subdomain>.openai.azure.com.
	APIBase string
	// APIVersion is Azure's, "2024-10-21".
	APIVersion string
	// Deployment is the deployment in the Azure OpenAI account.
	Deployment string
	// Key is the account's API key; it is kept as secret azure-openai/<Name>.
	Key string
	// CanQuery are the application ids of service principals that may query it.
	CanQuery []string
}

// SeedServingEndpoint makes a ready serving endpoint, created by the administrator, and
// returns its id.
func (c *Cloud) SeedServingEndpoint(seed ServingEndpoint) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.workspaces[seed.WorkspaceID]
	if !ok {
		return "", fmt.Errorf("seeding serving endpoint %s: there is no workspace %d", seed.Name, seed.WorkspaceID)
	}
	const scope = "azure-openai"
	c.secrets[scope+"/"+seed.Name] = seed.Key
	e, err := c.addEndpoint(w, seed.Name, c.options.ClientID, &servingConfig{ServedEntities: []servedEntity{{
		Name: seed.Model,
		ExternalModel: &externalModel{Name: seed.Model, Provider: "openai", Task: taskChat, OpenAIConfig: &openAIConfig{
			APIType: "azure", APIBase: seed.APIBase, APIVersion: seed.APIVersion, Deployment: seed.Deployment,
			APIKey: "{{secrets/" + scope + "/" + seed.Name + "}}",
		}},
	}}}, c.options.Now())
	if err != nil {
		return "", asError("seeding serving endpoint "+seed.Name, err)
	}
	for _, id := range seed.CanQuery {
		entry := accessControl{grantee: grantee{ServicePrincipal: id}, Level: levelQuery}
		if err := c.checkGrant(entry); err != nil {
			delete(w.endpoints, e.name)
			return "", asError("seeding serving endpoint "+seed.Name, err)
		}
		e.acl[entry.grantee] = entry.Level
	}
	return e.id, nil
}

// BindNCC binds a workspace to an NCC by another administrator's hand, at once.
func (c *Cloud) BindNCC(workspaceID int64, nccID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.workspaces[workspaceID]
	if !ok {
		return fmt.Errorf("there is no workspace %d", workspaceID)
	}
	return asError("binding the network connectivity configuration", c.bind(w, nccID))
}

// AttachPolicy puts a workspace under a network policy by another administrator's hand.
func (c *Cloud) AttachPolicy(workspaceID int64, policyID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.workspaces[workspaceID]
	if !ok {
		return fmt.Errorf("there is no workspace %d", workspaceID)
	}
	return asError("attaching the network policy", c.attach(w, policyID))
}

// CreateRule adds a private endpoint rule by another administrator's hand, and returns its id.
func (c *Cloud) CreateRule(nccID, endpointService string, domains ...string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.nccs[nccID]
	if !ok {
		return "", errors.New("there is no network connectivity configuration " + nccID)
	}
	r, err := c.addRule(n, ruleRequest{EndpointService: endpointService, DomainNames: domains}, c.options.Now())
	if err != nil {
		return "", asError("adding a private endpoint rule", err)
	}
	return r.id, nil
}

// RuleState is a private endpoint rule as its administrators see it.
type RuleState struct {
	// ID, NCCID and EndpointService identify the rule and what it leads to.
	ID, NCCID, EndpointService string
	// Domains are the host names that it leads through its endpoint.
	Domains []string
	// VPCEndpointID is empty until the endpoint is made.
	VPCEndpointID string
	// ConnectionState is CREATING, PENDING, ESTABLISHED, …; ErrorMessage goes with CREATE_FAILED.
	ConnectionState, ErrorMessage string
	// Deactivated tells that the rule was deleted and only waits to disappear.
	Deactivated bool
}

// Rules returns the rules of all NCCs in the order in which they were made.
func (c *Cloud) Rules() []RuleState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []*rule{}
	for _, n := range c.nccs {
		for _, r := range n.rules {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *rule) int { return a.sequence - b.sequence })
	out := []RuleState{}
	for _, r := range all {
		out = append(out, RuleState{
			ID: r.id, NCCID: r.nccID, EndpointService: r.service, Domains: slices.Clone(r.domains), VPCEndpointID: r.vpcEndpointID,
			ConnectionState: r.state, ErrorMessage: r.message, Deactivated: r.deactivated,
		})
	}
	return out
}

// NCCs returns the names of all network connectivity configurations by id.
func (c *Cloud) NCCs() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]string{}
	for id, n := range c.nccs {
		out[id] = n.name
	}
	return out
}

// Policies returns the ids of all network policies, sorted.
func (c *Cloud) Policies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []string{}
	for id := range c.policies {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// WorkspaceNetwork returns what a workspace is bound to.
func (c *Cloud) WorkspaceNetwork(workspaceID int64) (nccID, policyID string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.workspaces[workspaceID]
	if !ok {
		return "", "", false
	}
	return w.nccID, w.policyID, true
}

// ForgetRule removes a private endpoint rule and its endpoint, as time does with rules that
// were deleted or have expired. An unknown id is no error.
func (c *Cloud) ForgetRule(ruleID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nccs {
		if r, ok := n.rules[ruleID]; ok {
			delete(n.rules, ruleID)
			c.discard(r.vpcEndpointID, c.options.Now())
		}
	}
}

// ForgetWorkspace removes a workspace that was seeded. An unknown id is no error.
func (c *Cloud) ForgetWorkspace(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.workspaces, id)
}

// ForgetNCC removes a network connectivity configuration with its rules and their
// endpoints. An unknown id is no error.
func (c *Cloud) ForgetNCC(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.nccs[id]
	if !ok {
		return
	}
	for _, r := range n.rules {
		c.discard(r.vpcEndpointID, c.options.Now())
	}
	delete(c.nccs, id)
}
