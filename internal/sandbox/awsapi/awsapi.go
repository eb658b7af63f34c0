// Package awsapi holds what every emulated AWS service shares: a parsed
// request, an error, and the two (query XML, JSON) wire formats they travel in.
package awsapi

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Request is one AWS API call as its signature and body describe it.
type Request struct {
	// Service is the signing name from the SigV4 credential scope: "ec2",
	// "autoscaling", "lambda", "events", "iam", "elasticloadbalancing", …
	Service string
	// Region is the region of the credential scope.
	Region string
	// AccessKey is the access key id that signed the call.
	AccessKey string
	// Action is the API operation for query and JSON protocols ("AssociateAddress");
	// empty for REST protocols such as Lambda's, where Method and Path tell.
	Action string
	// Form holds the query-protocol parameters; nil for other protocols.
	Form url.Values
	// Body is the whole request body; it may be read as often as needed.
	Body []byte
	// HTTP is the request itself, its Body replaced by a fresh reader of Body.
	HTTP *http.Request
}

// Handler serves the calls that a service of the sandbox owns. It returns false,
// having written nothing, for a call that is not its own.
type Handler interface {
	Serve(w http.ResponseWriter, r *Request) bool
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(w http.ResponseWriter, r *Request) bool

// Serve calls f.
func (f HandlerFunc) Serve(w http.ResponseWriter, r *Request) bool { return f(w, r) }

// Error is an AWS API error: HTTP status, code ("InvalidAllocationID.NotFound") and message.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error with a formatted message.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotImplemented is the refusal of an operation that the sandbox does not know:
// 501, in the service's own format, so that no SDK retries it.
func NotImplemented(r *Request) *Error {
	name := r.Action
	if name == "" {
		name = r.HTTP.Method + " " + r.HTTP.URL.Path
	}
	return Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of service %s", name, r.Service)
}

// Parse reads an HTTP request into a Request.
func Parse(req *http.Request) (*Request, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	r := &Request{Body: body, HTTP: req}
	r.AccessKey, r.Region, r.Service = credentialScope(req)
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		r.Action = target[strings.LastIndex(target, ".")+1:]
		return r, nil
	}
	mediaType, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if mediaType == "application/x-www-form-urlencoded" {
		if r.Form, err = url.ParseQuery(string(body)); err != nil {
			return nil, fmt.Errorf("parsing the form body: %w", err)
		}
		r.Action = r.Form.Get("Action")
	}
	return r, nil
}

// credentialScope reads access key, region and service from the Authorization header:
// AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/ec2/aws4_request, and so on.
func credentialScope(req *http.Request) (accessKey, region, service string) {
	_, after, ok := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	if !ok {
		return "", "", ""
	}
	credential, _, _ := strings.Cut(after, ",")
	part := strings.Split(strings.TrimSpace(credential), "/")
	if len(part) < 5 {
		return "", "", ""
	}
	return part[0], part[2], part[3]
}

// RequestID returns a fresh id in the form that AWS uses.
func RequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// WriteError writes err in the format of r's service: EC2's XML, S3's XML, the query
// protocol's XML, or JSON.
func WriteError(w http.ResponseWriter, r *Request, err *Error) {
	id := RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	switch {
	case r.Service == "ec2":
		type ec2Error struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		}
		writeXML(w, err.Status, struct {
			XMLName   xml.Name   `xml:"Response"`
			Errors    []ec2Error `xml:"Errors>Error"`
			RequestID string     `xml:"RequestID"`
		}{Errors: []ec2Error{{err.Code, err.Message}}, RequestID: id})
	case r.Service == "s3":
		writeXML(w, err.Status, struct {
			XMLName   xml.Name `xml:"Error"`
			Code      string   `xml:"Code"`
			Message   string   `xml:"Message"`
			RequestID string   `xml:"RequestId"`
		}{Code: err.Code, Message: err.Message, RequestID: id})
	case r.Form != nil:
		fault := "Sender"
		if err.Status >= http.StatusInternalServerError {
			fault = "Receiver"
		}
		writeXML(w, err.Status, struct {
			XMLName   xml.Name `xml:"ErrorResponse"`
			Type      string   `xml:"Error>Type"`
			Code      string   `xml:"Error>Code"`
			Message   string   `xml:"Error>Message"`
			RequestID string   `xml:"RequestId"`
		}{Type: fault, Code: err.Code, Message: err.Message, RequestID: id})
	default:
		w.Header().Set("X-Amzn-Errortype", err.Code)
		WriteJSON(w, r, err.Status, map[string]string{"__type": err.Code, "message": err.Message, "Message": err.Message})
	}
}

// WriteXML writes a successful query-protocol answer; v's XMLName is the root
// element (for example <AssociateAddressResponse>).
func WriteXML(w http.ResponseWriter, v any) { writeXML(w, http.StatusOK, v) }

func writeXML(w http.ResponseWriter, status int, v any) {
	out, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), out...))
}

// WriteJSON writes a JSON answer in the version that the caller's Content-Type asks for.
func WriteJSON(w http.ResponseWriter, r *Request, status int, v any) {
	out, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	contentType := r.HTTP.Header.Get("Content-Type")
	if contentType == "" {
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// List returns the values of a query-protocol list parameter: Name.1 and so on, or
// Name.member.1 and so on.
func (r *Request) List(name string) []string {
	var out []string
	for _, infix := range []string{".", ".member."} {
		for i := 1; ; i++ {
			v, ok := r.Form[fmt.Sprintf("%s%s%d", name, infix, i)]
			if !ok {
				break
			}
			out = append(out, v[0])
		}
	}
	return out
}
