package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/config"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// TestOwnProxyExample applies a root module whose instances run nginx, by a user data of its
// own, and sends a query through one of them.
func TestOwnProxyExample(t *testing.T) {
	t.Parallel()
	sb := sandboxWithProxies(t)
	if _, err := tools.Nginx(t.Context(), filepath.Join("..", "..", ".build")); errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	before := lookBefore(t, sb)
	s := newStack(t, sb, "examples/own-proxy-nginx", "AWS_", "ARM_", "DATABRICKS_")
	s.write(map[string]any{"wait_for_rule": false})
	s.run("apply")
	service := s.outputs()["endpoint_service_name"].(string)
	rule, err := sb.Databricks().CreateRule(sb.World.NetworkConnectivityConfigID, service, sb.World.AzureHostname)
	if err != nil {
		t.Fatal(err)
	}
	var endpoint string
	await(t, "the connection of Databricks", nil, func() bool {
		for _, state := range sb.Databricks().Rules() {
			if state.ID == rule {
				endpoint = state.VPCEndpointID
			}
		}
		return endpoint != ""
	})
	s.run("apply")
	outputs := s.outputs()
	if outputs["approval_status"] != "established" || outputs["proxy_status"] != "in_service" {
		t.Errorf("the approval is %v, the proxies are %v", outputs["approval_status"], outputs["proxy_status"])
	}

	status, source, answer := query(t, sb)
	if status != http.StatusOK || !slices.Contains(sorted(outputs["public_ips"]), source) {
		t.Errorf("the query was answered %d %s from %q, want 200 from one of %v", status, answer, source, outputs["public_ips"])
	}
	wantConnectionLog(t, sb, sb.World.AzureHostname)

	raw, err := sb.DialEndpoint(t.Context(), endpoint, 443)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	_ = raw.SetDeadline(time.Now().Add(patience))
	other := tls.Client(raw, &tls.Config{ServerName: "other.openai.azure.com", MinVersion: tls.VersionTLS12})
	if err := other.HandshakeContext(t.Context()); err == nil {
		t.Error("a name that is not on the list got through")
	}

	s.settled()
	sb.Databricks().ForgetRule(rule)
	s.write(map[string]any{"deletion_protection": false})
	s.run("apply")
	s.run("destroy")
	before.intact(t)
}

// sandboxWithProxies is a sandbox of the test's own in which queries arrive.
func sandboxWithProxies(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it may have to bring tools
	defer cancel()
	sb, err := sandbox.Start(ctx, sandbox.Options{BuildDir: filepath.Join("..", "..", ".build")})
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skipf("no sandbox here: %s", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
	})
	if sb.ProxyProblem() != nil {
		t.Skip(sb.ProxyProblem())
	}
	return sb
}

// query asks the serving endpoint one question. source is the address from which it reached
// Azure.
func query(t *testing.T, sb *sandbox.Sandbox) (status int, source, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	login := &config.Config{
		Host: sb.Databricks().URL(), WorkspaceID: strconv.FormatInt(sb.World.WorkspaceID, 10), AuthType: "oauth-m2m",
		ClientID: sb.World.QueryClientID, ClientSecret: sb.World.QueryClientSecret,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, login.Host+"/serving-endpoints/"+sb.World.ServingEndpoint+"/invocations",
		strings.NewReader(`{"messages":[{"role":"user","content":"Is anybody there?"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if err := login.Authenticate(req); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if asked := sb.Azure().DataRequests(); len(asked) > 0 {
		source = asked[len(asked)-1].SourceIP
	}
	return resp.StatusCode, source, string(body)
}

// wantConnectionLog looks for a connection to a name in the log that nginx writes on the instances.
func wantConnectionLog(t *testing.T, sb *sandbox.Sandbox, name string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(sb.Dir(), "instances", "i-*", "rootfs", "var", "log", "nginx", "connections.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no instance has a log of nginx: %v", err)
	}
	await(t, "nginx to log the connection", nil, func() bool {
		return slices.ContainsFunc(logs, func(path string) bool {
			text, err := os.ReadFile(path)
			return err == nil && strings.Contains(string(text), `"sni":"`+name+`"`)
		})
	})
}
