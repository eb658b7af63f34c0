package azure

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// Domains that follow an account's subdomain in its data plane's hosts. An account of kind
// OpenAI has the first one alone.
const (
	dataDomain     = ".openai.azure.com"
	servicesDomain = ".cognitiveservices.azure.com"
	foundryDomain  = ".services.ai.azure.com"
)

// dataHostPatterns are the names of the data plane's certificate.
func dataHostPatterns() []string {
	return []string{"*" + dataDomain, "*" + servicesDomain, "*" + foundryDomain}
}

// answersAt tells whether host is one of the account's.
func (a *account) answersAt(host string) bool {
	sub := a.subdomain()
	if sub == "" {
		return false
	}
	domains := []string{dataDomain}
	if a.kind == "AIServices" {
		domains = append(domains, servicesDomain, foundryDomain)
	}
	return slices.ContainsFunc(domains, func(domain string) bool { return strings.EqualFold(sub+domain, host) })
}

// DataRequest is one request that reached the data plane of an account.
type DataRequest struct {
	// Time is when it was answered.
	Time time.Time
	// Account is the account's ARM id.
	Account string
	// SourceIP is the address that the firewall looked at.
	SourceIP string
	// Deployment is the deployment asked for.
	Deployment string
	// Status is the HTTP status answered.
	Status int
	// Refusal is the error message answered, empty with 200.
	Refusal string
}

// DataRequests returns what reached the data plane, oldest first.
func (c *Cloud) DataRequests() []DataRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// dataError is an error as the data plane answers it.
type dataError struct {
	status        int
	code, message string
	policy        string // header policy-id, when the gateway itself refused
}

func writeDataError(w http.ResponseWriter, e *dataError) {
	if e.policy != "" {
		w.Header().Set("Policy-Id", e.policy)
	}
	writeJSON(w, e.status, map[string]any{"error": map[string]string{"code": e.code, "message": e.message}})
}

// writeDataFault is writeDataError for scripted faults.
func writeDataFault(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
	writeDataError(w, &dataError{status: status, code: code, message: message})
}

// dataView is what the data plane needs of an account, copied out from under the lock.
type dataView struct {
	id         string
	firewall   firewall
	keys       [2]string
	noKeys     bool // disableLocalAuth
	model      string
	knownModel bool
	sourceIP   string
}

// serveData answers one request of an account's host. The firewall
// comes first: a caller that it refuses learns nothing about keys and deployments.
func (c *Cloud) serveData(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Apim-Request-Id", newID())
	w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload")
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !strings.EqualFold(host, r.TLS.ServerName) {
		writeDataError(w, &dataError{status: http.StatusMisdirectedRequest, code: "421", message: fmt.Sprintf("The host %q is not the one of the TLS connection, %q.", host, r.TLS.ServerName)})
		return
	}
	deployment, chat := chatDeployment(r)
	view, ok := c.dataView(host, deployment, r.RemoteAddr)
	if !ok {
		writeDataError(w, &dataError{status: http.StatusNotFound, code: "404", message: "Resource not found"})
		return
	}
	answer, refused := c.answerData(r, view, chat)
	entry := DataRequest{Time: c.options.Now(), Account: view.id, SourceIP: view.sourceIP, Deployment: deployment, Status: http.StatusOK}
	if refused != nil {
		entry.Status, entry.Refusal = refused.status, refused.message
	}
	c.mu.Lock()
	c.requests = append(c.requests, entry)
	c.mu.Unlock()
	if refused != nil {
		writeDataError(w, refused)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// chatDeployment reads the deployment of /openai/deployments/{d}/chat/completions.
func chatDeployment(r *http.Request) (deployment string, ok bool) {
	params, ok := match("/openai/deployments/{deployment}/chat/completions", r.URL.Path)
	if !ok || r.Method != http.MethodPost {
		return "", false
	}
	fault.SetOperation(r, "ChatCompletions_Create")
	return params["deployment"], true
}

func (c *Cloud) dataView(host, deployment, remote string) (dataView, bool) {
	source := c.sourceIP(remote)
	now := c.options.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(now)
	for _, a := range c.accounts {
		if !a.answersAt(host) {
			continue
		}
		v := dataView{id: a.id, firewall: a.effectiveFirewall(now), keys: a.keys, sourceIP: source}
		v.noKeys, _ = a.properties["disableLocalAuth"].(bool)
		if d, ok := a.deployments[strings.ToLower(deployment)]; ok && !d.deleting {
			v.model, v.knownModel = d.model(), true
		}
		return v, true
	}
	return dataView{}, false
}

// sourceIP is the public address that remote ("127.4.5.6:1234") stands for, or remote's own.
func (c *Cloud) sourceIP(remote string) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	if public, ok := c.options.PublicIP(net.TCPAddrFromAddrPort(peer)); ok {
		return public
	}
	return peer.Addr().String()
}

func (c *Cloud) answerData(r *http.Request, v dataView, chat bool) (any, *dataError) {
	if refusal := v.firewall.refusal(v.sourceIP); refusal != "" {
		return nil, &dataError{status: http.StatusForbidden, code: "403", message: refusal, policy: "ThrowExceptionDueToTrafficDenied"}
	}
	if err := c.checkDataCredential(r, v); err != nil {
		return nil, err
	}
	switch {
	case !chat:
		return nil, &dataError{status: http.StatusNotImplemented, code: "NotImplemented", message: fmt.Sprintf("The sandbox does not implement %s %s.", r.Method, r.URL.Path)}
	case r.URL.Query().Get("api-version") == "":
		return nil, &dataError{status: http.StatusNotFound, code: "404", message: "Resource not found"}
	case !v.knownModel:
		return nil, &dataError{status: http.StatusNotFound, code: "DeploymentNotFound", message: "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, &dataError{status: http.StatusBadRequest, code: "BadRequest", message: err.Error()}
	}
	return completeChat(raw, v.model, c.options.Now())
}

func (c *Cloud) checkDataCredential(r *http.Request, v dataView) *dataError {
	key := r.Header.Get("Api-Key")
	switch {
	case key == "":
		if err := c.checkBearer(r, dataAudience); err != nil {
			return &dataError{status: http.StatusUnauthorized, code: "401", message: "Unauthorized. Access token is missing, invalid, audience is incorrect (" + dataAudience + "), or have expired."}
		}
	case v.noKeys:
		return &dataError{status: http.StatusForbidden, code: "AuthenticationTypeDisabled", message: "Key based authentication is disabled for this resource."}
	case !slices.Contains(v.keys[:], key):
		return &dataError{status: http.StatusUnauthorized, code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}
	}
	return nil
}

// chatRequest is what completeChat reads of an OpenAI chat request.
type chatRequest struct {
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	MaxTokens           int  `json:"max_tokens"`
	MaxCompletionTokens int  `json:"max_completion_tokens"`
	Stream              bool `json:"stream"`
}

// completeChat answers a chat request: the model repeats what it was told last, cut to
// the tokens allowed, a token being a word.
func completeChat(raw []byte, model string, now time.Time) (any, *dataError) {
	var request chatRequest
	if err := json.Unmarshal(raw, &request); err != nil {
		return nil, &dataError{status: http.StatusBadRequest, code: "BadRequest", message: "We could not parse the JSON body of your request: " + err.Error()}
	}
	if len(request.Messages) == 0 {
		return nil, &dataError{status: http.StatusBadRequest, code: "BadRequest", message: "'messages' is a required property"}
	}
	if request.Stream {
		return nil, &dataError{status: http.StatusNotImplemented, code: "NotImplemented", message: "The sandbox does not implement streamed answers."}
	}
	prompt := 0
	var last []string
	for _, m := range request.Messages {
		last = strings.Fields(plainText(m.Content))
		prompt += len(last)
	}
	words := append([]string{model, "heard:"}, last...)
	finish := "stop"
	for _, limit := range []int{request.MaxTokens, request.MaxCompletionTokens} {
		if limit > 0 && len(words) > limit {
			words, finish = words[:limit], "length"
		}
	}
	return map[string]any{
		"id":      "chatcmpl-" + newKey(),
		"object":  "chat.completion",
		"created": now.Unix(),
		"model":   model,
		"choices": []any{map[string]any{
			"index":         0,
			"finish_reason": finish,
			"message":       map[string]string{"role": "assistant", "content": strings.Join(words, " ")},
		}},
		"usage": map[string]int{"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)},
	}, nil
}

// plainText reads a message's content: a string, or parts of which some hold text.
func plainText(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	return strings.Join(texts, " ")
}
