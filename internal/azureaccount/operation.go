package azureaccount

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Operation is a change that ARM has accepted, followed in the way that the answer to
// the request chose: an Azure-AsyncOperation URL, a Location URL, or the account's own
// provisioningState (ARM's asynchronous operations contract).
type Operation struct {
	client *Client
	id     ID
	// statusURL answers {"status": …}; else locationURL answers 202 until done; else
	// the account is read. state is what was last seen.
	statusURL, locationURL string
	state                  string
	done                   bool
	header                 http.Header
}

func (c *Client) startOperation(resp *http.Response, id ID) (*Operation, error) {
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted) {
		return nil, runtime.NewResponseError(resp)
	}
	op := &Operation{client: c, id: id, state: "Accepted", header: resp.Header, statusURL: c.followURL(resp, "Azure-AsyncOperation")}
	switch {
	case op.statusURL != "":
		return op, nil
	case resp.StatusCode == http.StatusAccepted:
		op.locationURL = c.followURL(resp, "Location")
		return op, nil
	}
	var wire wireAccount
	if err := runtime.UnmarshalAsJSON(resp, &wire); err != nil {
		return op, nil //nolint:nilerr // the change is under way; the account itself tells how it ends
	}
	op.settle(wire.account(""))
	return op, nil
}

// followURL returns the absolute URL in a header, or "" also for one on another host than
// ARM's: the account's own state tells the same.
func (c *Client) followURL(resp *http.Response, header string) string {
	return c.ownURL(resp.Header.Get(header))
}

// ownURL makes an URL of ARM's answers absolute. The bearer token travels with every
// request, so that one on another host than ARM's becomes "".
func (c *Client) ownURL(value string) string {
	if value == "" {
		return ""
	}
	base, err := url.Parse(c.endpoint)
	if err != nil {
		return ""
	}
	target, err := base.Parse(value)
	if err != nil || target.Scheme != base.Scheme || !strings.EqualFold(target.Host, base.Host) {
		return ""
	}
	return target.String()
}

// State is the state last seen: "Accepted", "Succeeded" or one of Azure's between.
func (o *Operation) State() string { return o.state }

// RetryAfter is how long Azure asks to wait before the first Poll; see the function.
func (o *Operation) RetryAfter(now time.Time) time.Duration { return RetryAfter(o.header, now) }

// Done reports whether the operation has ended well.
func (o *Operation) Done() bool { return o.done }

// Poll asks once. An operation that ended badly gives the error that Azure names, a
// *azcore.ResponseError; any other error leaves the operation as it was.
func (o *Operation) Poll(ctx context.Context) error {
	switch {
	case o.done:
		return nil
	case o.statusURL != "":
		return o.pollStatus(ctx)
	case o.locationURL != "":
		return o.pollLocation(ctx)
	default:
		account, err := o.client.Get(ctx, o.id)
		if err != nil {
			return err
		}
		o.settle(account)
		return nil
	}
}

func (o *Operation) pollStatus(ctx context.Context) error {
	resp, err := o.client.do(ctx, http.MethodGet, o.statusURL, nil, nil)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusAccepted) {
		return runtime.NewResponseError(resp)
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return err
	}
	// Payload leaves the answer readable again, for the error below.
	var answer struct {
		Status string `json:"status"`
	}
	if err := runtime.UnmarshalAsJSON(resp, &answer); err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if answer.Status == "" {
		return fmt.Errorf("azure answered an operation status without a \"status\": %s", body)
	}
	o.state = answer.Status
	switch {
	case answer.Status == "Succeeded":
		o.done = true
	case slices.Contains(terminalStates, answer.Status):
		return runtime.NewResponseError(resp)
	}
	return nil
}

func (o *Operation) pollLocation(ctx context.Context) error {
	resp, err := o.client.do(ctx, http.MethodGet, o.locationURL, nil, nil)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent) {
		return runtime.NewResponseError(resp)
	}
	if resp.StatusCode == http.StatusAccepted {
		o.state = "InProgress"
		return nil
	}
	o.state, o.done = "Succeeded", true
	return nil
}

// settle takes over the account's own state: nothing in flight means that the change
// has ended; whether it took effect shows in the settings.
func (o *Operation) settle(account *Account) {
	o.done = account.Settled()
	if account.ProvisioningState != "" {
		o.state = account.ProvisioningState
	}
}
