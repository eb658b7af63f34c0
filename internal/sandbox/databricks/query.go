package databricks

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// path is how a query of an endpoint reaches its model.
type path struct {
	url, key, model string
	vpcEndpointID   string
}

// serveQuery answers a query of a serving endpoint: who may ask, what the workspace's
// network policy allows, whether a private endpoint leads to the model's host, and then
// what the model itself says.
func (c *Cloud) serveQuery(w http.ResponseWriter, r *http.Request, name string) {
	way, err := c.findPath(r, name)
	if err != nil {
		writeError(w, err)
		return
	}
	body, readErr := io.ReadAll(r.Body)
	if readErr != nil {
		writeError(w, errorf(http.StatusBadRequest, codeMalformed, "Could not read the request: %s", readErr))
		return
	}
	status, answer, upstreamErr := c.ask(r.Context(), way, body)
	switch {
	case upstreamErr != nil:
		writeError(w, externalError(http.StatusInternalServerError, "502 Bad Gateway: "+upstreamErr.Error()))
	case status == http.StatusOK:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Served-Model-Name", way.model)
		_, _ = w.Write(answer)
	default:
		writeError(w, externalError(status, answerText(answer)))
	}
}

// findPath decides, without touching the network, whether the query may travel, and where.
func (c *Cloud) findPath(r *http.Request, name string) (path, *apiError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, err := c.workspaceCall(r)
	if err != nil {
		return path{}, err
	}
	e, _, err := call.serving(name, levelQuery)
	if err != nil {
		return path{}, err
	}
	if ready, _ := e.state(call.now); ready != "READY" {
		return path{}, invalidState("Endpoint '%s' is not ready.", name)
	}
	base, err := e.entity.upstream()
	if err != nil {
		return path{}, err
	}
	host := base.Hostname()
	if p := c.policies[call.workspace.policyID]; !p.allows(host) {
		// Two field reports agree on code and text; none names the status.
		return path{}, errorf(http.StatusForbidden, "CUSTOMER_UNAUTHORIZED", "CUSTOMER_UNAUTHORIZED: Access to %s is denied because of serverless network policy.", host)
	}
	config := e.entity.ExternalModel.OpenAIConfig
	key, err := c.key(config)
	if err != nil {
		return path{}, err
	}
	vpcEndpointID, reason := c.privateEndpoint(call.workspace, host)
	if vpcEndpointID == "" {
		return path{}, externalError(http.StatusInternalServerError, "502 Bad Gateway: "+reason)
	}
	return path{
		url:           fmt.Sprintf("%s/openai/deployments/%s/chat/completions?api-version=%s", base, config.Deployment, config.APIVersion),
		key:           key,
		model:         e.entity.Name,
		vpcEndpointID: vpcEndpointID,
	}, nil
}

// privateEndpoint finds the VPC endpoint that a workspace's NCC leads host through, or why
// there is none. The sandbox's serverless network has no way to the internet beside it. The
// caller holds mu.
func (c *Cloud) privateEndpoint(w *workspace, host string) (vpcEndpointID, reason string) {
	n, ok := c.nccs[w.nccID]
	if !ok {
		return "", fmt.Sprintf("no route to %s: workspace %d has no network connectivity configuration", host, w.id)
	}
	reason = fmt.Sprintf("no route to %s: network connectivity configuration %s has no private endpoint rule for it", host, n.id)
	for _, r := range n.rules {
		if r.deactivated || !slices.ContainsFunc(r.domains, func(d string) bool { return strings.EqualFold(d, host) }) {
			continue
		}
		if r.state == stateEstablished {
			return r.vpcEndpointID, ""
		}
		reason = fmt.Sprintf("no route to %s: private endpoint rule %s is %s", host, r.id, r.state)
	}
	return "", reason
}

// ask sends the chat request through the private endpoint, on a connection of its own, and
// returns the model's status and body. Redirects are not followed.
func (c *Cloud) ask(ctx context.Context, way path, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	client := &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return c.options.Dial(ctx, way.vpcEndpointID)
			},
			TLSClientConfig:     &tls.Config{RootCAs: c.options.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second,
			DisableKeepAlives:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, way.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Api-Key", way.key)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// answerText is a model's error body: as JSON if it is, else as text.
func answerText(body []byte) any {
	var v any
	if json.Unmarshal(body, &v) == nil {
		return v
	}
	return string(body)
}

// externalError wraps what an external model's host answered: the message is itself a JSON
// document. The status passes, except that all of 5xx become 500.
func externalError(status int, upstream any) *apiError {
	message, err := json.Marshal(map[string]any{"external_model_provider": "openai", "external_model_error": upstream})
	if err != nil {
		return errorf(http.StatusInternalServerError, codeInternal, "%s", err)
	}
	code := codeInternal
	switch status {
	case http.StatusUnauthorized:
		code = codeUnauthenticated
	case http.StatusForbidden:
		code = codeDenied
	case http.StatusNotFound:
		code = codeNotFound
	case http.StatusTooManyRequests:
		code = "REQUEST_LIMIT_EXCEEDED"
	default:
		if status < http.StatusBadRequest || status >= http.StatusInternalServerError {
			status = http.StatusInternalServerError
		} else {
			code = "BAD_REQUEST"
		}
	}
	return &apiError{status: status, code: code, message: string(message)}
}
