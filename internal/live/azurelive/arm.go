package azurelive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
)

// groupAPIVersion is the version of Microsoft.Resources that is spoken.
const groupAPIVersion = "2021-04-01"

// reply is what ARM answered: also a refusal is one.
type reply struct {
	Status int
	// Code and Message are ARM's own where it refused.
	Code, Message string
	// ETag is the account's version, from the body or else from the header.
	ETag string
	Body map[string]any
}

// ok reports whether ARM took the request.
func (r reply) ok() bool { return r.Status >= 200 && r.Status < 300 }

// String is the reply as a report quotes it.
func (r reply) String() string {
	if r.ok() {
		return fmt.Sprintf("%d", r.Status)
	}
	return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message)
}

// err is nil for a request that ARM took.
func (r reply) err(doing string) error {
	if r.ok() {
		return nil
	}
	return fmt.Errorf("%s: Azure answered %s", doing, r)
}

// arm sends raw requests through the provider's pipeline: the questions are about bodies and headers
// that the provider itself never sends.
type arm struct{ azure *clients.Azure }

func (a arm) send(ctx context.Context, method, path string, header http.Header, body any) (reply, error) {
	return a.sendVersion(ctx, method, path, azureaccount.APIVersion, header, body)
}

func (a arm) sendVersion(ctx context.Context, method, path, version string, header http.Header, body any) (reply, error) {
	req, err := runtime.NewRequest(ctx, method, a.azure.Endpoint+path+"?api-version="+version)
	if err != nil {
		return reply{}, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	for name, values := range header {
		req.Raw().Header[name] = values
	}
	if body != nil {
		if err := runtime.MarshalAsJSON(req, body); err != nil {
			return reply{}, err
		}
	}
	resp, err := a.azure.Pipeline.Do(req)
	if err != nil {
		return reply{}, err
	}
	text, err := runtime.Payload(resp)
	_ = resp.Body.Close()
	if err != nil {
		return reply{}, err
	}
	answer := reply{Status: resp.StatusCode, ETag: resp.Header.Get("ETag")}
	// An answer without JSON, such as that to a DELETE, is its status alone.
	_ = json.Unmarshal(text, &answer.Body)
	if etag := textAt(answer.Body, "etag"); etag != "" {
		answer.ETag = etag
	}
	answer.Code, answer.Message = textAt(answer.Body, "error", "code"), textAt(answer.Body, "error", "message")
	return answer, nil
}

// object is a JSON object to send.
type object map[string]any

// at walks nested JSON objects; it returns nil where a step is missing.
func at(v any, path ...string) any {
	for _, step := range path {
		fields, _ := v.(map[string]any)
		v = fields[step]
	}
	return v
}

func textAt(v any, path ...string) string {
	text, _ := at(v, path...).(string)
	return text
}
