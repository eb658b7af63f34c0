package firewallbench

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// plainWriter changes firewalls as a script does: it reads, changes the list, and writes the list back, without a
// condition and without another look.
type plainWriter struct {
	cloud *azure.Cloud
	http  *http.Client
	token string
}

func newPlainWriter(ctx context.Context, cloud *azure.Cloud) (*plainWriter, error) {
	w := &plainWriter{cloud: cloud, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: cloud.CAPool(), MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: contestants,
	}}}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {cloud.ClientID()}, "client_secret": {cloud.ClientSecret()}, "scope": {cloud.URL() + "/.default"},
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	err := w.do(ctx, http.MethodPost, "/"+cloud.TenantID()+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", []byte(form.Encode()), &answer)
	w.token = answer.Token
	return w, err
}

func (w *plainWriter) close() { w.http.CloseIdleConnections() }

// replace takes entries out of an account's firewall and puts one in.
func (w *plainWriter) replace(ctx context.Context, accountID string, out []string, in string) error {
	type rule struct {
		Value string `json:"value"`
	}
	var account struct {
		Properties struct {
			NetworkACLs struct {
				IPRules []rule `json:"ipRules"`
			} `json:"networkAcls"`
		} `json:"properties"`
	}
	path := accountID + "?api-version=" + azureaccount.APIVersion
	if err := w.do(ctx, http.MethodGet, path, "", nil, &account); err != nil {
		return err
	}
	rules := &account.Properties.NetworkACLs.IPRules
	*rules = append(slices.DeleteFunc(*rules, func(r rule) bool { return r.Value == in || slices.Contains(out, r.Value) }), rule{in})
	body, err := json.Marshal(account)
	if err != nil {
		return err
	}
	return w.do(ctx, http.MethodPatch, path, "application/json", body, nil)
}

// do sends a request and reads the answer's JSON into answer, if that is not nil.
func (w *plainWriter) do(ctx context.Context, method, path, contentType string, body []byte, answer any) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, w.cloud.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, strings.TrimSpace(string(text)))
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}
