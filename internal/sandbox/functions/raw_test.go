package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// post makes a call of a service that has no client of the SDK here.
func (w *world) post(t *testing.T, service string, body []byte, header map[string]string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIAADMIN/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", region, service))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", service, resp.Status, answer, err)
	}
	return answer
}

// call makes a call of a service of the JSON protocol.
func (w *world) call(t *testing.T, service, target string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	answer := w.post(t, service, body, map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target})
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s: %s: %v", target, answer, err)
	}
}

// key makes a KMS key and returns its id and ARN.
func (w *world) key(t *testing.T) (id, arn string) {
	t.Helper()
	var out struct {
		KeyMetadata struct{ Arn, KeyID string }
	}
	w.call(t, "kms", "TrentService.CreateKey", struct{}{}, &out)
	return out.KeyMetadata.KeyID, out.KeyMetadata.Arn
}

// queue makes a queue and returns its URL and ARN.
func (w *world) queue(t *testing.T, name string) (queueURL, arn string) {
	t.Helper()
	var out struct {
		QueueURL string `json:"QueueUrl"`
	}
	w.call(t, "sqs", "AmazonSQS.CreateQueue", map[string]string{"QueueName": name}, &out)
	return out.QueueURL, fmt.Sprintf("arn:aws:sqs:%s:%s:%s", region, account, name)
}

// topic makes a topic that a queue subscribes to, and returns its ARN.
func (w *world) topic(t *testing.T, name, queueARN string) string {
	t.Helper()
	arn := fmt.Sprintf("arn:aws:sns:%s:%s:%s", region, account, name)
	for _, form := range []url.Values{
		{"Action": {"CreateTopic"}, "Name": {name}},
		{"Action": {"Subscribe"}, "TopicArn": {arn}, "Protocol": {"sqs"}, "Endpoint": {queueARN}},
	} {
		form.Set("Version", "2010-03-31")
		w.post(t, "sns", []byte(form.Encode()), map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	}
	return arn
}

// received takes all messages that a queue has.
func (w *world) received(t *testing.T, queueURL string) []string {
	t.Helper()
	var out struct{ Messages []struct{ Body string } }
	w.call(t, "sqs", "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": queueURL, "MaxNumberOfMessages": 10}, &out)
	var bodies []string
	for _, m := range out.Messages {
		bodies = append(bodies, m.Body)
	}
	return bodies
}
