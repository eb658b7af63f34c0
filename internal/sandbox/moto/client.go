package moto

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

// Client asks a server for what this module has no client of the SDK for: queues, topics, keys, parameters.
type Client struct {
	// URL is the server's.
	URL    string
	region string
	http   *http.Client
}

// NewClient returns a client of the server at url, for the services of one Region.
func NewClient(url, region string) Client {
	return Client{URL: url, region: region, http: &http.Client{Transport: &http.Transport{}}}
}

// Close closes the connections that rest.
func (m Client) Close() { m.http.CloseIdleConnections() }

// JSON calls a service of the JSON protocol: target is its prefix of X-Amz-Target and the
// operation, version that of the protocol. A refusal is an *awsapi.Error.
func (m Client) JSON(ctx context.Context, service, version, target string, in, out any) error {
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

// Parameter returns the value of a parameter of Systems Manager, named as NAME, NAME:VERSION or NAME:LABEL. That
// there is none is an *awsapi.Error with the code ParameterNotFound or ParameterVersionNotFound.
func (m Client) Parameter(ctx context.Context, name string) (string, error) {
	var out struct{ Parameter struct{ Value string } }
	if err := m.JSON(ctx, "ssm", "1.1", "AmazonSSM.GetParameter", map[string]string{"Name": name}, &out); err != nil {
		return "", err
	}
	return out.Parameter.Value, nil
}

// ImageAlias begins the image of a launch that names a parameter of Systems Manager instead of an image.
// EC2 reads the parameter at each launch.
const ImageAlias = "resolve:ssm:"

// Query calls a service of the query protocol, of whose answer nothing is needed.
func (m Client) Query(ctx context.Context, service string, form url.Values) error {
	_, err := m.post(ctx, service, []byte(form.Encode()), map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	return err
}

func (m Client) post(ctx context.Context, service string, body []byte, header map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	// Moto checks no signature, but finds service and Region in it.
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=sandbox/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", m.region, service))
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
		return nil, refusal(resp, answer)
	}
	return answer, nil
}

// refusal reads the code of a JSON refusal; that of another protocol stays text.
func refusal(resp *http.Response, body []byte) *awsapi.Error {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil || said.Type == "" {
		return awsapi.Errorf(resp.StatusCode, "Unknown", "moto answers %s: %s", resp.Status, body)
	}
	code := said.Type[strings.LastIndex(said.Type, "#")+1:]
	return awsapi.Errorf(resp.StatusCode, code, "%s", said.Message)
}
