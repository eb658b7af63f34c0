package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// motoClient asks moto for what this module has no client of the SDK for: queues, topics
// and keys.
type motoClient struct {
	url, region string
	http        *http.Client
}

// json calls a service of the JSON protocol: target is its prefix of X-Amz-Target and the
// operation, version that of the protocol. A refusal is an *awsapi.Error.
func (m motoClient) json(ctx context.Context, service, version, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := m.post(ctx, service, body, map[string]string{"Content-Type": "application/x-amz-json-" + version, "X-Amz-Target": target})
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// query calls a service of the query protocol, of whose answer nothing is needed.
func (m motoClient) query(ctx context.Context, service string, form url.Values) error {
	_, err := m.post(ctx, service, []byte(form.Encode()), map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	return err
}

func (m motoClient) post(ctx context.Context, service string, body []byte, header map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	// Moto checks no signature, but finds service and Region in it.
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=lambda/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", m.region, service))
	resp, err := m.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking moto: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading moto's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, motoRefusal(resp, answer)
	}
	return answer, nil
}

// motoRefusal reads the code of a JSON refusal; that of another protocol stays text.
func motoRefusal(resp *http.Response, body []byte) *awsapi.Error {
	var refusal struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &refusal) != nil || refusal.Type == "" {
		return awsapi.Errorf(resp.StatusCode, "Unknown", "moto answers %s: %s", resp.Status, body)
	}
	code := refusal.Type[strings.LastIndex(refusal.Type, "#")+1:]
	return awsapi.Errorf(resp.StatusCode, code, "%s", refusal.Message)
}
