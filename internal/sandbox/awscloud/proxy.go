package awscloud

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// ec2Namespace is what EC2's answers carry.
var ec2Namespace = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: "http://ec2.amazonaws.com/doc/2016-11-15/"}}

// motoProxy passes calls on to moto.
type motoProxy struct {
	url     string
	account string
	client  *http.Client
	logger  *slog.Logger
}

// reply is moto's answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends r to moto as it is.
func (p *motoProxy) call(r *awsapi.Request) (reply, error) {
	in := r.HTTP
	out, err := http.NewRequestWithContext(in.Context(), in.Method, p.url+in.URL.RequestURI(), bytes.NewReader(r.Body))
	if err != nil {
		return reply{}, err
	}
	out.Header = in.Header.Clone()
	out.Header.Del("Content-Length")
	out.Header.Del("Accept-Encoding") // answers may have to be read
	out.Header.Del("Connection")
	resp, err := p.client.Do(out)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	return reply{resp.StatusCode, resp.Header, body}, nil
}

// serve answers with what moto says.
func (p *motoProxy) serve(w http.ResponseWriter, r *awsapi.Request) {
	p.serveEdited(w, r, nil)
}

// serveCorrected answers with what moto says, once correct has changed the XML document of a success.
func (p *motoProxy) serveCorrected(w http.ResponseWriter, r *awsapi.Request, correct func(doc *node) *awsapi.Error) {
	p.serveEdited(w, r, func(body []byte) ([]byte, *awsapi.Error) {
		doc, err := parseXML(body)
		if err != nil {
			return nil, awsapi.Errorf(http.StatusInternalServerError, "InternalError", "the sandbox cannot read moto's answer to %s: %s", r.Action, err)
		}
		if err := correct(doc); err != nil {
			return nil, err
		}
		return doc.bytes(), nil
	})
}

func (p *motoProxy) serveEdited(w http.ResponseWriter, r *awsapi.Request, edit func([]byte) ([]byte, *awsapi.Error)) {
	answer, err := p.call(r)
	if err != nil {
		if r.HTTP.Context().Err() != nil {
			return // nobody waits for an answer
		}
		awsapi.WriteError(w, r, awsapi.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "the sandbox's moto does not answer: %s", err))
		return
	}
	if refusal := unknownToMoto(r, answer); refusal != nil {
		p.logger.Warn("refused: moto does not know it", "service", r.Service, "operation", operation(r), "status", answer.status, "reason", refusal.Message)
		awsapi.WriteError(w, r, refusal)
		return
	}
	if edit != nil && answer.status < http.StatusMultipleChoices {
		body, err := edit(answer.body)
		if err != nil {
			awsapi.WriteError(w, r, err)
			return
		}
		answer.body = body
	}
	for name, values := range answer.header {
		switch name {
		case "Content-Length", "Connection", "Transfer-Encoding", "Server", "Date", "Content-Encoding":
		default:
			w.Header()[name] = values
		}
	}
	if r.HTTP.Method == http.MethodHead { // the length of what was not sent is part of the answer
		w.Header()["Content-Length"] = answer.header["Content-Length"]
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body)
}

// operation names a call for people.
func operation(r *awsapi.Request) string {
	if r.Action != "" {
		return r.Action
	}
	return r.HTTP.Method + " " + r.HTTP.URL.Path
}

// unknownToMoto returns the refusal of a call that moto does not implement. Moto says so in
// several ways, all of which an SDK would retry or misread: 500 or 501 with a Python traceback, or its web
// framework's own page for a path that no service has.
func unknownToMoto(r *awsapi.Request, answer reply) *awsapi.Error {
	page := strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") && bytes.Contains(answer.body, []byte("<!doctype html>"))
	if answer.status < http.StatusInternalServerError && (answer.status != http.StatusNotFound || !page) {
		return nil
	}
	refusal := awsapi.NotImplemented(r)
	refusal.Message += fmt.Sprintf(" (its moto answers %d; moto's log may tell more)", answer.status)
	return refusal
}

// withForm returns r with other parameters, as if the client had sent them.
func withForm(r *awsapi.Request, form url.Values) *awsapi.Request {
	changed := *r
	changed.Form = form
	changed.Body = []byte(form.Encode())
	changed.HTTP = r.HTTP.Clone(r.HTTP.Context())
	return &changed
}

// cloneForm copies the parameters of a call, to be changed.
func cloneForm(form url.Values) url.Values {
	out := make(url.Values, len(form))
	for k, v := range form {
		out[k] = append([]string(nil), v...)
	}
	return out
}

// withList returns r with another list parameter.
func withList(r *awsapi.Request, name string, values []string) *awsapi.Request {
	form := cloneForm(r.Form)
	for key := range form {
		if strings.HasPrefix(key, name+".") {
			delete(form, key)
		}
	}
	for i, v := range values {
		form.Set(fmt.Sprintf("%s.%d", name, i+1), v)
	}
	return withForm(r, form)
}

// query asks moto something on the gateway's own account, in the query protocol (EC2, ELBv2).
func (p *motoProxy) query(ctx context.Context, service, version, region string, params url.Values) (*node, *awsapi.Error) {
	params.Set("Version", version)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/", strings.NewReader(params.Encode()))
	if err != nil {
		return nil, awsapi.Errorf(http.StatusInternalServerError, "InternalError", "%s", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	// Moto checks no signature, but finds service and Region in it.
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=gateway/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", region, service))
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, awsapi.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "the sandbox's moto does not answer: %s", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, awsapi.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "reading moto's answer: %s", err)
	}
	doc, err := parseXML(body)
	if err != nil {
		return nil, awsapi.Errorf(http.StatusInternalServerError, "InternalError", "reading moto's answer to %s: %s", params.Get("Action"), err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		failure := doc.all("Error")
		if len(failure) == 0 {
			return nil, awsapi.Errorf(http.StatusInternalServerError, "InternalError", "moto answers %s to %s", resp.Status, params.Get("Action"))
		}
		return nil, awsapi.Errorf(resp.StatusCode, failure[0].value("Code"), "%s", failure[0].value("Message"))
	}
	return doc, nil
}
