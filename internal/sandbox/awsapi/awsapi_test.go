package awsapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

func call(t *testing.T, service, contentType, body string, header ...string) *awsapi.Request {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r, err := awsapi.Parse(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const form = "application/x-www-form-urlencoded; charset=utf-8"

func TestParse(t *testing.T) {
	r := call(t, "ec2", form, "Action=DescribeAddresses&AllocationId.1=a&AllocationId.2=b&Other.member.1=c")
	if r.Service != "ec2" || r.Region != "eu-west-1" || r.AccessKey != "AKIA1" || r.Action != "DescribeAddresses" {
		t.Errorf("parsed as %+v", r)
	}
	if got := r.List("AllocationId"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("list %v", got)
	}
	if got := r.List("Other"); !slices.Equal(got, []string{"c"}) {
		t.Errorf("list %v", got)
	}
	r = call(t, "events", "application/x-amz-json-1.1", `{"Name":"x"}`, "X-Amz-Target", "AWSEvents.PutRule")
	if r.Action != "PutRule" || r.Form != nil || string(r.Body) != `{"Name":"x"}` {
		t.Errorf("parsed as %+v", r)
	}
}

func TestErrorsHaveTheFormatOfTheirService(t *testing.T) {
	refusal := awsapi.Errorf(http.StatusBadRequest, "Some.Code", "a < %d", 2)
	for name, tc := range map[string]struct {
		r    *awsapi.Request
		want string
	}{
		"ec2":        {call(t, "ec2", form, "Action=A"), "<Response><Errors><Error><Code>Some.Code</Code><Message>a &lt; 2</Message></Error></Errors><RequestID>"},
		"query":      {call(t, "iam", form, "Action=A"), "<ErrorResponse><Error><Type>Sender</Type><Code>Some.Code</Code><Message>a &lt; 2</Message></Error><RequestId>"},
		"s3":         {call(t, "s3", "application/xml", ""), "<Error><Code>Some.Code</Code><Message>a &lt; 2</Message><RequestId>"},
		"JSON":       {call(t, "logs", "application/x-amz-json-1.1", "{}", "X-Amz-Target", "Logs.A"), `"__type":"Some.Code"`},
		"REST, JSON": {call(t, "lambda", "", ""), `"message":"a \u003c 2"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			awsapi.WriteError(w, tc.r, refusal)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("wrote %d %s, want %s", w.Code, w.Body, tc.want)
			}
		})
	}
}
