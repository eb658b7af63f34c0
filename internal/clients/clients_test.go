package clients

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// noAWSCredentials takes every source of the AWS chain away from the test.
func noAWSCredentials(t *testing.T) {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONFIG_FILE": empty, "AWS_SHARED_CREDENTIALS_FILE": empty, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1",
	} {
		t.Setenv(name, value)
	}
}

func theError(t *testing.T, diags diag.Diagnostics) diag.Diagnostic {
	t.Helper()
	if len(diags) != 1 || !diags.HasError() {
		t.Fatalf("got %d diagnostics, want one error: %v", len(diags), diags)
	}
	return diags[0]
}

func wantIn(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestMissingCredentialsNameTheBlockTheChainAndTheNextStep(t *testing.T) {
	noAWSCredentials(t)
	t.Setenv("PATH", "")
	c := New(Config{Getenv: environment(nil)})

	_, diags := c.AWS(t.Context())
	err := theError(t, diags)
	wantIn(t, err.Summary(), "`aws` block")
	wantIn(t, err.Detail(), "Tried, in this order", "AWS_ACCESS_KEY_ID", "the default profile", "instance profile", "dynamic credentials", "aws sts get-caller-identity")

	_, diags = c.Azure(t.Context())
	err = theError(t, diags)
	wantIn(t, err.Summary(), "`azure` block")
	wantIn(t, err.Detail(), "Azure CLI", "ARM_CLIENT_ID", "az login")

	_, diags = c.DatabricksAccount(t.Context())
	err = theError(t, diags)
	wantIn(t, err.Summary(), "Databricks account id")
	wantIn(t, err.Detail(), "`databricks.account` block", "DATABRICKS_ACCOUNT_ID")
}

func TestWrongCredentialsShowWhatCameBack(t *testing.T) {
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "well-known") {
			_, _ = w.Write([]byte(`{"token_endpoint":"http://` + r.Host + `/token"}`))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"Client authentication failed"}`))
	}))
	defer refuse.Close()
	c := New(Config{Getenv: environment(map[string]string{"ARM_CLIENT_ID": "other", "ARM_CLIENT_SECRET": "other", "ARM_TENANT_ID": "other"}),
		Databricks: DatabricksConfig{Account: DatabricksLevel{Host: refuse.URL, AccountID: "0d26", ClientID: "robot", ClientSecret: "wrong"}}})
	_, diags := c.DatabricksAccount(t.Context())
	err := theError(t, diags)
	wantIn(t, err.Detail(), "oauth-m2m", refuse.URL, "OAuth only", "invalid_client")
	if strings.Contains(err.Detail(), "wrong") {
		t.Errorf("the secret is in the error:\n%s", err.Detail())
	}
}

func TestWrongAWSCredentialsShowTheAnswer(t *testing.T) {
	noAWSCredentials(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error><RequestId>r</RequestId></ErrorResponse>`))
	}))
	defer sts.Close()
	c := New(Config{Getenv: environment(nil), AWS: AWSConfig{AccessKey: "AKIAWRONG", SecretKey: "wrong-secret", EndpointURL: sts.URL}})
	_, diags := c.AWS(t.Context())
	err := theError(t, diags)
	wantIn(t, err.Detail(), "`access_key` and `secret_key`", "The security token included in the request is invalid")
	if strings.Contains(err.Detail(), "wrong-secret") {
		t.Errorf("the secret is in the error:\n%s", err.Detail())
	}
}

func TestAWSIsAskedOnceWhoWeAre(t *testing.T) {
	noAWSCredentials(t)
	calls := 0
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
	}))
	defer sts.Close()
	c := New(Config{Getenv: environment(nil), AWS: AWSConfig{AccessKey: "AKIA", SecretKey: "secret", Region: "us-east-1", EndpointURL: sts.URL}})
	for range 2 {
		a, diags := c.AWS(t.Context())
		if diags.HasError() || a.AccountID != "123456789012" {
			t.Fatalf("got %+v, %v", a, diags)
		}
	}
	if calls != 1 {
		t.Errorf("STS was asked %d times", calls)
	}
}

func TestUnknownBlocksAreAnErrorOnlyWhenUsed(t *testing.T) {
	c := New(Config{Getenv: environment(nil), AWS: AWSConfig{Unknown: true}, Azure: AzureConfig{Unknown: true}, Databricks: DatabricksConfig{Account: DatabricksLevel{Unknown: true}}})
	if c.KnownAWS() || c.KnownAzure() || c.KnownDatabricksAccount() {
		t.Error("an unknown block counts as known")
	}
	_, aws := c.AWS(t.Context())
	_, azure := c.Azure(t.Context())
	_, account := c.DatabricksAccount(t.Context())
	for block, diags := range map[string]diag.Diagnostics{"aws": aws, "azure": azure, "databricks.account": account} {
		err := theError(t, diags)
		wantIn(t, err.Summary(), block)
		wantIn(t, err.Detail(), "-target")
	}
}

func TestDatabricksNamesOAuthBesideAzureVariables(t *testing.T) {
	c := New(Config{Getenv: environment(map[string]string{"DATABRICKS_ACCOUNT_ID": "0d26", "DATABRICKS_CLIENT_ID": "a", "DATABRICKS_CLIENT_SECRET": "b", "ARM_CLIENT_ID": "c"})})
	if got := c.databricksAccount(); got.AuthType != "oauth-m2m" || got.Host != defaultAccountHost {
		t.Errorf("auth type %q at %q, want oauth-m2m at %q", got.AuthType, got.Host, defaultAccountHost)
	}
	if !c.HasDatabricksAccount() || New(Config{Getenv: environment(nil)}).HasDatabricksAccount() {
		t.Error("HasDatabricksAccount does not go by the account id")
	}
}

func TestUnknownAzureEnvironmentIsRefused(t *testing.T) {
	c := New(Config{Getenv: environment(nil), Azure: AzureConfig{Environment: "mars"}})
	_, diags := c.Azure(t.Context())
	wantIn(t, theError(t, diags).Detail(), `"mars"`, "usgovernment")
}
