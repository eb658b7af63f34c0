package imds

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const profile = "arn:aws:iam::123456789012:instance-profile/proxy"

// service is a running server with a clock that only moves when told.
type service struct {
	*Server
	now atomic.Int64 // seconds since the epoch
}

func start(t *testing.T, change func(*Facts)) *service {
	t.Helper()
	s := &service{}
	s.now.Store(1_800_000_000)
	facts := Facts{
		InstanceID: "i-0123456789abcdef0", PrivateIP: "10.0.0.7", Region: "us-east-1", AvailabilityZone: "us-east-1b",
		UserData: []byte("#cloud-config\n"), Now: func() time.Time { return time.Unix(s.now.Load(), 0) },
	}
	if change != nil {
		change(&facts)
	}
	server, err := Start(netip.MustParseAddr("127.0.0.1"), facts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s.Server = server
	return s
}

// ask makes one call; headers are pairs of name and value.
func (s *service) ask(t *testing.T, method, path string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (s *service) token(t *testing.T, seconds string) string {
	t.Helper()
	status, token := s.ask(t, http.MethodPut, "/latest/api/token", ttlHeader, seconds)
	if status != http.StatusOK || token == "" {
		t.Fatalf("no token: %d %q", status, token)
	}
	return token
}

func TestFacts(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	token := s.token(t, "60")
	for path, want := range map[string]string{
		"/latest/meta-data/instance-id":                 "i-0123456789abcdef0",
		"/latest/meta-data/local-ipv4":                  "10.0.0.7",
		"/latest/meta-data/placement/region":            "us-east-1",
		"/latest/meta-data/placement/availability-zone": "us-east-1b",
		"/latest/meta-data/placement/":                  "availability-zone\nregion",
		"/latest/user-data":                             "#cloud-config\n",
	} {
		if status, got := s.ask(t, http.MethodGet, path, tokenHeader, token); status != http.StatusOK || got != want {
			t.Errorf("%s: got %d %q, want %q", path, status, got, want)
		}
	}
	for _, path := range []string{"/latest/meta-data/public-ipv4", "/latest/meta-data/nothing", "/latest/meta-data/iam/info", "/other"} {
		if status, got := s.ask(t, http.MethodGet, path, tokenHeader, token); status != http.StatusNotFound {
			t.Errorf("%s: got %d %q, want 404", path, status, got)
		}
	}
}

func TestPublicIPComesAndGoes(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	token := s.token(t, "60")
	for _, public := range []string{"52.1.2.3", "3.4.5.6", ""} {
		s.SetPublicIP(public)
		want := http.StatusOK
		if public == "" {
			want = http.StatusNotFound
		}
		status, got := s.ask(t, http.MethodGet, "/latest/meta-data/public-ipv4", tokenHeader, token)
		if status != want || (public != "" && got != public) {
			t.Errorf("with %q: got %d %q", public, status, got)
		}
	}
}

func TestNothingWithoutAToken(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const path = "/latest/meta-data/instance-id"
	for name, headers := range map[string][]string{"none": nil, "made up": {tokenHeader, "AQAEAL"}} {
		if status, _ := s.ask(t, http.MethodGet, path, headers...); status != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, status)
		}
	}
	short, long := s.token(t, "60"), s.token(t, "21600")
	s.now.Add(60)
	if status, _ := s.ask(t, http.MethodGet, path, tokenHeader, short); status != http.StatusUnauthorized {
		t.Errorf("a token whose time is over: got %d, want 401", status)
	}
	if status, _ := s.ask(t, http.MethodGet, path, tokenHeader, long); status != http.StatusOK {
		t.Errorf("a token whose time is not over: got %d, want 200", status)
	}
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	tests := map[string]struct {
		headers []string
		want    int
	}{
		"no TTL":    {nil, http.StatusBadRequest},
		"zero":      {[]string{ttlHeader, "0"}, http.StatusBadRequest},
		"too long":  {[]string{ttlHeader, "21601"}, http.StatusBadRequest},
		"no number": {[]string{ttlHeader, "x"}, http.StatusBadRequest},
		"forwarded": {[]string{ttlHeader, "60", "X-Forwarded-For", "10.0.0.1"}, http.StatusForbidden},
	}
	for name, tt := range tests {
		if status, _ := s.ask(t, http.MethodPut, "/latest/api/token", tt.headers...); status != tt.want {
			t.Errorf("%s: got %d, want %d", name, status, tt.want)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, func(f *Facts) {
		f.InstanceProfileARN = profile
		f.Credentials = func(context.Context) (Credentials, error) {
			return Credentials{RoleName: "proxy-role", AccessKeyID: "ASIAKEY", SecretAccessKey: `a/"b`, Token: "session"}, nil
		}
	})
	token := s.token(t, "60")
	if _, got := s.ask(t, http.MethodGet, "/latest/meta-data/iam/security-credentials/", tokenHeader, token); got != "proxy-role" {
		t.Errorf("the role is %q", got)
	}
	_, text := s.ask(t, http.MethodGet, "/latest/meta-data/iam/security-credentials/proxy-role", tokenHeader, token)
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAKEY", "SecretAccessKey": `a/"b`, "Token": "session",
		"LastUpdated": "2027-01-15T08:00:00Z", "Expiration": "2027-01-15T14:00:00Z",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	if _, names := s.ask(t, http.MethodGet, "/latest/meta-data/iam/", tokenHeader, token); names != "info\nsecurity-credentials/" {
		t.Errorf("below iam there is %q", names)
	}
	// Shell scripts read it line by line.
	if !strings.Contains(text, "\n  \"AccessKeyId\" : \"ASIAKEY\",\n") {
		t.Errorf("it is not laid out as the service's: %s", text)
	}
	if _, info := s.ask(t, http.MethodGet, "/latest/meta-data/iam/info", tokenHeader, token); !strings.Contains(info, profile) {
		t.Errorf("iam/info is %s", info)
	}
}

func TestNoCredentialsForAMissingRole(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s := start(t, func(f *Facts) {
		f.InstanceProfileARN = profile
		f.Credentials = func(context.Context) (Credentials, error) {
			calls.Add(1)
			return Credentials{}, errors.New("no role")
		}
	})
	token := s.token(t, "60")
	if status, got := s.ask(t, http.MethodGet, "/latest/meta-data/iam/security-credentials/", tokenHeader, token); status != http.StatusNotFound {
		t.Errorf("got %d %q, want 404", status, got)
	}
	asked := calls.Load()
	if status, _ := s.ask(t, http.MethodGet, "/latest/meta-data/instance-id", tokenHeader, token); status != http.StatusOK {
		t.Errorf("the other facts are gone too: %d", status)
	}
	if calls.Load() != asked || asked != 1 {
		t.Errorf("credentials were asked for %d times, want once", calls.Load())
	}
}
