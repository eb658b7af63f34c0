package databricks

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// endpoint is a model serving endpoint with one external model of Azure OpenAI.
type endpoint struct {
	sequence           int
	id, name, creator  string
	entity             servedEntity
	traffic, tags      any
	version            int
	created, updatedAt time.Time
	readyAt            time.Time
	acl                map[grantee]string // permission level by who has it
}

// servedEntity is a served entity as clients send it. Plaintext secrets are taken out and
// kept apart: the API never gives them back.
type servedEntity struct {
	Name          string         `json:"name"`
	ExternalModel *externalModel `json:"external_model"`
}

type externalModel struct {
	Name         string        `json:"name"`
	Provider     string        `json:"provider"`
	Task         string        `json:"task"`
	OpenAIConfig *openAIConfig `json:"openai_config,omitempty"`
}

type openAIConfig struct {
	APIType      string `json:"openai_api_type,omitempty"`
	APIBase      string `json:"openai_api_base,omitempty"`
	APIVersion   string `json:"openai_api_version,omitempty"`
	Deployment   string `json:"openai_deployment_name,omitempty"`
	APIKey       string `json:"openai_api_key,omitempty"`
	APIKeyPlain  string `json:"openai_api_key_plaintext,omitempty"`
	Organization string `json:"openai_organization,omitempty"`

	plain string // what APIKeyPlain held
}

const taskChat = "llm/v1/chat"

// secretReference is how a configuration names a secret: {{secrets/scope/key}}.
var secretReference = regexp.MustCompile(`^\{\{secrets/([^/{}]+)/([^/{}]+)\}\}$`)

// key returns the API key that the configuration holds or names. The caller holds mu.
func (c *Cloud) key(config *openAIConfig) (string, *apiError) {
	if config.plain != "" {
		return config.plain, nil
	}
	m := secretReference.FindStringSubmatch(config.APIKey)
	if m == nil {
		return "", invalid("openai_api_key must be a secret reference of the form {{secrets/scope/key}}.")
	}
	value, ok := c.secrets[m[1]+"/"+m[2]]
	if !ok {
		return "", invalid("The secret %s/%s does not exist.", m[1], m[2])
	}
	return value, nil
}

// upstream is the host of the Azure OpenAI account that the entity calls.
func (e *servedEntity) upstream() (*url.URL, *apiError) {
	base, err := url.Parse(strings.TrimSuffix(e.ExternalModel.OpenAIConfig.APIBase, "/"))
	if err != nil || base.Scheme != "https" || base.Hostname() == "" {
		return nil, invalid("openai_api_base %q is not an https URL.", e.ExternalModel.OpenAIConfig.APIBase)
	}
	return base, nil
}

var servingName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$`)

// servingConfig is the body of a config update, and part of a create.
type servingConfig struct {
	ServedEntities []servedEntity `json:"served_entities"`
	TrafficConfig  any            `json:"traffic_config"`
}

// checkConfig returns the one entity of a configuration, ready to be served. The caller
// holds mu.
func (c *Cloud) checkConfig(config *servingConfig) (servedEntity, *apiError) {
	if config == nil || len(config.ServedEntities) == 0 {
		return servedEntity{}, invalid("The endpoint's config must have served_entities.")
	}
	e := config.ServedEntities[0]
	if len(config.ServedEntities) > 1 || e.ExternalModel == nil {
		return servedEntity{}, notImplemented("serving endpoints other than those with one external model.")
	}
	model := *e.ExternalModel
	if model.Provider != "openai" || model.Task != taskChat || model.OpenAIConfig == nil || model.OpenAIConfig.APIType != "azure" {
		return servedEntity{}, notImplemented("external models other than provider openai, task %s, openai_api_type azure.", taskChat)
	}
	openai := *model.OpenAIConfig
	openai.plain, openai.APIKeyPlain = openai.APIKeyPlain, ""
	model.OpenAIConfig = &openai
	e.ExternalModel = &model
	if openai.Deployment == "" || openai.APIVersion == "" {
		return servedEntity{}, invalid("openai_deployment_name and openai_api_version must be set for openai_api_type azure.")
	}
	if _, err := e.upstream(); err != nil {
		return servedEntity{}, err
	}
	if _, err := c.key(&openai); err != nil {
		return servedEntity{}, err
	}
	if e.Name == "" {
		e.Name = model.Name
	}
	return e, nil
}

func (e *endpoint) state(now time.Time) (ready, configUpdate string) {
	configUpdate = "NOT_UPDATING"
	if now.Before(e.readyAt) {
		configUpdate = "IN_PROGRESS"
	}
	// An update leaves the former configuration in service; only a new endpoint is not ready.
	ready = "READY"
	if configUpdate == "IN_PROGRESS" && e.version == 1 {
		ready = "NOT_READY"
	}
	return ready, configUpdate
}

// endpointBody is an endpoint as seen by a caller with the given permission level.
func (call *call) endpointBody(e *endpoint, level string) map[string]any {
	ready, update := e.state(call.now)
	deployment := "DEPLOYMENT_READY"
	if ready != "READY" {
		deployment = "DEPLOYMENT_CREATING"
	}
	config := map[string]any{
		"config_version": e.version,
		"served_entities": []any{map[string]any{
			"name": e.entity.Name, "external_model": e.entity.ExternalModel, "creator": e.creator,
			"creation_timestamp": millis(e.created), "state": map[string]string{"deployment": deployment},
		}},
	}
	if e.traffic != nil {
		config["traffic_config"] = e.traffic
	}
	body := map[string]any{
		"id": e.id, "name": e.name, "creator": e.creator, "permission_level": level, "task": e.entity.ExternalModel.Task,
		"creation_timestamp": millis(e.created), "last_updated_timestamp": millis(e.updatedAt),
		"endpoint_url": call.cloud.url + "/serving-endpoints/" + e.name + "/invocations",
		"state":        map[string]string{"ready": ready, "config_update": update},
		"config":       config,
	}
	if e.tags != nil {
		body["tags"] = e.tags
	}
	return body
}

// serving finds an endpoint by name and refuses a caller whose level is below need.
func (call *call) serving(name, need string) (*endpoint, string, *apiError) {
	e, ok := call.workspace.endpoints[name]
	if !ok {
		return nil, "", notFound("Endpoint with name '%s' does not exist.", name)
	}
	level := e.level(call.caller)
	if rank[level] < rank[levelView] {
		return nil, "", errorf(http.StatusForbidden, codeDenied, "User does not have permission 'View' on Endpoint %s", name)
	}
	if rank[level] < rank[need] {
		return nil, "", errorf(http.StatusForbidden, codeDenied, "User does not have permission '%s' on Endpoint %s", permissionNames[need], name)
	}
	return e, level, nil
}

func createServing(call *call) (any, *apiError) {
	var body struct {
		Name      string         `json:"name"`
		Config    *servingConfig `json:"config"`
		Tags      any            `json:"tags"`
		AIGateway any            `json:"ai_gateway"`
	}
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	if body.AIGateway != nil {
		return nil, notImplemented("ai_gateway of a serving endpoint.")
	}
	e, err := call.cloud.addEndpoint(call.workspace, body.Name, call.caller.id, body.Config, call.now)
	if err != nil {
		return nil, err
	}
	e.tags = body.Tags
	e.readyAt = call.now.Add(call.cloud.options.ProvisionTime)
	return call.endpointBody(e, levelManage), nil
}

// addEndpoint makes an endpoint that is ready at once. The caller holds mu.
func (c *Cloud) addEndpoint(w *workspace, name, creator string, config *servingConfig, now time.Time) (*endpoint, *apiError) {
	if !servingName.MatchString(name) || strings.HasPrefix(name, "databricks-") {
		return nil, invalid("The endpoint name %q must be 1 to 63 letters, digits, '-' and '_', and must not begin with databricks-.", name)
	}
	if _, exists := w.endpoints[name]; exists {
		return nil, errorf(http.StatusConflict, codeExists, "Endpoint with name '%s' already exists.", name)
	}
	entity, err := c.checkConfig(config)
	if err != nil {
		return nil, err
	}
	e := &endpoint{
		sequence: c.next(), id: newHexID(), name: name, creator: creator, entity: entity, traffic: config.TrafficConfig,
		version: 1, created: now, updatedAt: now, acl: map[grantee]string{},
	}
	w.endpoints[name] = e
	return e, nil
}

func listServing(call *call) (any, *apiError) {
	items := []item{}
	for _, e := range call.workspace.endpoints {
		if level := e.level(call.caller); rank[level] >= rank[levelView] {
			items = append(items, item{e.sequence, call.endpointBody(e, level)})
		}
	}
	return map[string]any{"endpoints": bodies(items)}, nil
}

func getServing(call *call) (any, *apiError) {
	e, level, err := call.serving(call.params["name"], levelView)
	if err != nil {
		return nil, err
	}
	return call.endpointBody(e, level), nil
}

func putServingConfig(call *call) (any, *apiError) {
	e, level, err := call.serving(call.params["name"], levelManage)
	if err != nil {
		return nil, err
	}
	if _, update := e.state(call.now); update == "IN_PROGRESS" {
		return nil, errorf(http.StatusConflict, "RESOURCE_CONFLICT", "Endpoint '%s' is currently being updated.", e.name)
	}
	var body servingConfig
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	entity, err := call.cloud.checkConfig(&body)
	if err != nil {
		return nil, err
	}
	e.entity, e.traffic = entity, body.TrafficConfig
	e.version++
	e.updatedAt, e.readyAt = call.now, call.now.Add(call.cloud.options.ProvisionTime)
	return call.endpointBody(e, level), nil
}

func deleteServing(call *call) (any, *apiError) {
	e, _, err := call.serving(call.params["name"], levelManage)
	if err != nil {
		return nil, err
	}
	delete(call.workspace.endpoints, e.name)
	return map[string]any{}, nil
}
