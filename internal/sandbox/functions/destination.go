package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// Conditions of an invocation record, by Lambda's developer guide ("Retaining records of
// asynchronous invocations").
const (
	retriesExhausted = "RetriesExhausted"
	eventAgeExceeded = "EventAgeExceeded"
	zeroConcurrency  = "ZeroReservedConcurrency"
)

// recordTime is how an invocation record writes times.
const recordTime = "2006-01-02T15:04:05.000Z"

// invocationRecord is what a destination gets about an event that Lambda gave up.
type invocationRecord struct {
	Version         string          `json:"version"`
	Timestamp       string          `json:"timestamp"`
	RequestContext  requestContext  `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponseContext *outcomeContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// outcomeContext is how the last try ended; absent when the function never ran.
type outcomeContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// newRecord describes a queued event that came to its end for the reason that condition says.
func (s *Service) newRecord(e *queuedEvent, condition string) invocationRecord {
	record := invocationRecord{
		Version: "1.0", Timestamp: s.deps.Clock.Now().UTC().Format(recordTime), RequestPayload: asJSON(e.payload),
		RequestContext: requestContext{RequestID: e.requestID, FunctionARN: s.functionARN(e.function) + ":" + latestVersion, Condition: condition, ApproximateInvokeCount: e.invoked},
	}
	if e.invoked > 0 {
		record.ResponseContext = &outcomeContext{StatusCode: http.StatusOK, ExecutedVersion: latestVersion, FunctionError: e.last.functionError}
		record.ResponsePayload = asJSON(e.last.payload)
	}
	return record
}

// asJSON is a payload inside of a record: what is no JSON is there as a text.
func asJSON(payload []byte) json.RawMessage {
	if json.Valid(payload) {
		return payload
	}
	text, _ := json.Marshal(string(payload)) //nolint:errchkjson // a string is always encoded
	return text
}

var destinationPattern = regexp.MustCompile(`^$|^arn:aws[a-zA-Z0-9-]*:[a-zA-Z0-9\-]+:([a-z]{2}(-gov)?-[a-z]+-\d)?:(\d{12})?:.*$`)

// sender is what Lambda does to put a record into a destination of one service.
type sender struct {
	// permission is the action that the function's role must allow, call its name in refusals.
	permission, call string
	exists           func(ctx context.Context, m moto.Client, arn string) error
	send             func(ctx context.Context, m moto.Client, arn, message string) error
}

// senders by the service in the destination's ARN.
var senders = map[string]sender{
	"sqs": {"sqs:SendMessage", "SendMessage",
		func(ctx context.Context, m moto.Client, arn string) error {
			return m.JSON(ctx, "sqs", "1.0", "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": queueURL(m, arn)}, nil)
		},
		func(ctx context.Context, m moto.Client, arn, message string) error {
			return m.JSON(ctx, "sqs", "1.0", "AmazonSQS.SendMessage", map[string]any{"QueueUrl": queueURL(m, arn), "MessageBody": message}, nil)
		}},
	"sns": {"sns:Publish", "Publish",
		func(ctx context.Context, m moto.Client, arn string) error {
			return m.Query(ctx, "sns", url.Values{"Action": {"GetTopicAttributes"}, "Version": {"2010-03-31"}, "TopicArn": {arn}})
		},
		func(ctx context.Context, m moto.Client, arn, message string) error {
			return m.Query(ctx, "sns", url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {arn}, "Message": {message}})
		}},
}

// queueURL is a queue's URL at moto: its account and name are the end of its ARN.
func queueURL(m moto.Client, arn string) string {
	part := strings.Split(arn, ":")
	return m.URL + "/" + part[len(part)-2] + "/" + part[len(part)-1]
}

func senderOf(arn string) (sender, bool) {
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 {
		return sender{}, false
	}
	to, ok := senders[part[2]]
	return to, ok
}

// checkDestination refuses, as PutFunctionEventInvokeConfig does, a destination that does not
// exist and one that the function's role may not send to.
func (s *Service) checkDestination(ctx context.Context, who session, arn string) *awsapi.Error {
	if !destinationPattern.MatchString(arn) {
		return invalidInput("Value '%s' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", arn, destinationPattern)
	}
	to, ok := senderOf(arn)
	if !ok {
		return lambdaNotImplemented("destinations other than SQS queues and SNS topics")
	}
	if err := to.exists(ctx, s.moto, arn); err != nil {
		return invalidParameter("The destination ARN %s is invalid.", arn)
	}
	verdict, _, err := s.judge(ctx, who, to.permission, arn, nil)
	switch {
	case err != nil:
		return internalError(err)
	case verdict != allowed:
		return invalidParameter("The function's execution role does not have permissions to call %s on %s", to.call, arn)
	}
	return nil
}

// sendTimeout bounds the delivery of one record.
const sendTimeout = 10 * time.Second

// deliverRecord puts the record of an event that is given up into the function's destination.
// A refusal is logged, and the record lost: Lambda counts it in a metric, and no more.
func (s *Service) deliverRecord(who session, arn string, record invocationRecord) {
	if err := s.sendRecord(who, arn, record); err != nil {
		s.deps.Logger.Error("an invocation record was not delivered", "function", who.function, "destination", arn, "error", err)
	}
}

func (s *Service) sendRecord(who session, arn string, record invocationRecord) error {
	to, ok := senderOf(arn)
	if !ok {
		return fmt.Errorf("there is no way to %s", arn)
	}
	ctx, cancel := context.WithTimeout(s.ctx, sendTimeout)
	defer cancel()
	verdict, text, err := s.judge(ctx, who, to.permission, arn, nil)
	if err != nil {
		return err
	}
	if verdict != allowed {
		return fmt.Errorf("%s", text) //nolint:err113 // IAM's own sentence
	}
	message, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return to.send(ctx, s.moto, arn, string(message))
}
