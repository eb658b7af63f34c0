package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/functions"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// record is what a destination gets.
type record struct {
	Version, Timestamp string
	RequestContext     struct {
		RequestID, FunctionARN, Condition string
		ApproximateInvokeCount            int
	}
	RequestPayload  map[string]any
	ResponseContext *struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
	}
	ResponsePayload map[string]any
}

// only returns the one record that a queue gets.
func (w *world) only(t *testing.T, queueURL string, body func(string) string) record {
	t.Helper()
	var bodies []string
	await(t, "a record in "+queueURL, func(context.Context) (string, bool, error) {
		bodies = append(bodies, w.received(t, queueURL)...)
		return "none", len(bodies) > 0, nil
	})
	var r record
	if err := json.Unmarshal([]byte(body(bodies[0])), &r); err != nil || len(bodies) != 1 {
		t.Fatalf("%d records: %v: %v", len(bodies), bodies, err)
	}
	return r
}

func plain(body string) string { return body }

// fromTopic is the message that a topic has passed on to a queue.
func fromTopic(body string) string {
	var envelope struct{ Message string }
	_ = json.Unmarshal([]byte(body), &envelope)
	return envelope.Message
}

// configure is PutFunctionEventInvokeConfig; -1 leaves a number out.
func (w *world) configure(t *testing.T, function, destination string, retries, age int32) error {
	t.Helper()
	in := &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String(function)}
	if retries >= 0 {
		in.MaximumRetryAttempts = aws.Int32(retries)
	}
	if age >= 0 {
		in.MaximumEventAgeInSeconds = aws.Int32(age)
	}
	if destination != "" {
		in.DestinationConfig = &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String(destination)}}
	}
	_, err := w.Fn.PutFunctionEventInvokeConfig(t.Context(), in)
	return err
}

func (w *world) event(t *testing.T, function, payload string) {
	t.Helper()
	if _, err := w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(function), InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte(payload)}); err != nil {
		t.Fatal(err)
	}
}

const sendPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`

// A clock that jumps: the pauses between tries are real minutes, and the test waits for none.
func TestGivenUpEventsReachTheDestination(t *testing.T) {
	start := time.Now().Add(time.Hour).UTC().Truncate(time.Second) // after the role's creation
	clock := waiter.NewFakeClock(start)
	w := newWorld(t, func(d *functions.Deps) { d.Clock, d.Minute = clock, time.Minute })
	queueURL, queueARN := w.queue(t, "given-up")
	viaTopic, viaTopicARN := w.queue(t, "via-topic")
	topicARN := w.topic(t, "given-up", viaTopicARN)
	role := w.role(t, "probe", fmt.Sprintf(sendPolicy, "sqs:SendMessage", queueARN))
	w.function(t, "f", role)

	for destination, want := range map[string]string{
		queueARN + "-of-nobody":                "The destination ARN " + queueARN + "-of-nobody is invalid.",
		topicARN:                               "The function's execution role does not have permissions to call Publish on " + topicARN,
		"https://sqs.us-east-1.amazonaws.com/": "failed to satisfy constraint",
		"arn:aws:events:us-east-1:123456789012:event-bus/default": "destinations other than SQS queues and SNS topics",
	} {
		if err := w.configure(t, "f", destination, 0, -1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", destination, err, want)
		}
	}

	// Two tries, the age before the third.
	if err := w.configure(t, "f", queueARN, 2, 120); err != nil {
		t.Fatal(err)
	}
	got, err := w.Fn.GetFunctionEventInvokeConfig(t.Context(), &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("f")})
	if err != nil || aws.ToString(got.DestinationConfig.OnFailure.Destination) != queueARN {
		t.Fatalf("%+v, %v", got, err)
	}
	w.event(t, "f", `{"fail":"no address left"}`)
	r := w.only(t, queueURL, plain)
	if r.Version != "1.0" || r.Timestamp != start.Add(2*time.Minute).Format("2006-01-02T15:04:05.000Z") || r.RequestContext.Condition != "EventAgeExceeded" || r.RequestContext.ApproximateInvokeCount != 2 ||
		r.RequestContext.RequestID == "" || r.RequestContext.FunctionARN != "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST" ||
		r.RequestPayload["fail"] != "no address left" || r.ResponseContext == nil || *r.ResponseContext != struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
	}{200, "$LATEST", "Unhandled"} || r.ResponsePayload["errorMessage"] != "no address left" {
		t.Errorf("after the age: %+v", r)
	}

	// All retries used up.
	before := clock.Now()
	if err := w.configure(t, "f", queueARN, 1, -1); err != nil {
		t.Fatal(err)
	}
	w.event(t, "f", `{"fail":"again"}`)
	if r := w.only(t, queueURL, plain); r.RequestContext.Condition != "RetriesExhausted" || r.RequestContext.ApproximateInvokeCount != 2 {
		t.Errorf("after the retries: %+v", r)
	}
	if waited := clock.Now().Sub(before); waited != time.Minute {
		t.Errorf("one retry came after %s", waited)
	}

	// A function that is stopped, by a topic.
	w.policy(t, "probe", fmt.Sprintf(sendPolicy, "sns:Publish", topicARN))
	if err := w.configure(t, "f", topicARN, -1, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Fn.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	w.event(t, "f", `{"fail":"never run"}`)
	if r := w.only(t, viaTopic, fromTopic); r.RequestContext.Condition != "ZeroReservedConcurrency" || r.RequestContext.ApproximateInvokeCount != 0 || r.ResponseContext != nil || r.ResponsePayload != nil {
		t.Errorf("of a stopped function: %+v", r)
	}

	// The right was taken away meanwhile.
	w.policy(t, "probe", fmt.Sprintf(sendPolicy, "sqs:SendMessage", queueARN))
	w.event(t, "f", `{"fail":"never told"}`)
	await(t, "the refusal", func(context.Context) (string, bool, error) {
		return "", strings.Contains(w.logs.String(), "is not authorized to perform: sns:Publish on resource: "+topicARN+" because no identity-based policy allows"), nil
	})
	if left := append(w.received(t, queueURL), w.received(t, viaTopic)...); len(left) != 0 {
		t.Errorf("records for nobody: %v", left)
	}
}
