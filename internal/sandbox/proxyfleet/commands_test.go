package proxyfleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/imds"
)

// emulatedAWS remembers the calls that instances make, and refuses those with
// InstanceId=i-refused.
type emulatedAWS struct {
	*httptest.Server

	mu    sync.Mutex
	calls []call
}

type call struct {
	form  url.Values
	keyID string
	token string
}

func newEmulatedAWS(t *testing.T) *emulatedAWS {
	t.Helper()
	e := &emulatedAWS{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		e.mu.Lock()
		e.calls = append(e.calls, call{form, credential, r.Header.Get("X-Amz-Security-Token")})
		e.mu.Unlock()
		if form.Get("InstanceId") == "i-refused" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>No active Lifecycle Action found</Message></Error></ErrorResponse>")
			return
		}
		_, _ = io.WriteString(w, "<CompleteLifecycleActionResponse/>")
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *emulatedAWS) seen() []call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]call{}, e.calls...)
}

// withScript is metadataUserData with a script of its own, and the command that calls it.
func withScript(script, command string) []byte {
	indented := strings.ReplaceAll(script, "\n", "\n      ")
	return fmt.Appendf([]byte(metadataUserData), `  - path: /usr/local/sbin/ready
    permissions: "0755"
    content: |
      #!/bin/bash
      %s
runcmd:
  - [systemctl, enable, --now, haproxy]
  - touch /tmp/never
  - %s
`, indented, command)
}

// newWorldWithAWS is a world whose instances have the role "proxy-role".
func newWorldWithAWS(t *testing.T, changes ...func(*Options)) (*world, *emulatedAWS) {
	t.Helper()
	cloud := newEmulatedAWS(t)
	return newWorld(t, append(changes, func(o *Options) {
		o.AWSEndpoint = func() string { return cloud.URL }
		o.Credentials = func(_ context.Context, profileARN, instanceID string) (imds.Credentials, error) {
			if !strings.HasSuffix(profileARN, ":instance-profile/proxy") {
				return imds.Credentials{}, errors.New("unknown profile")
			}
			return imds.Credentials{RoleName: "proxy-role", AccessKeyID: "ASIA" + instanceID, SecretAccessKey: "secret", Token: "session"}, nil
		}
	})...), cloud
}

func (w *world) awaitCommands(t *testing.T, i *instance) {
	t.Helper()
	w.await(t, "the commands to end", func() bool {
		select {
		case <-i.own.done:
			return true
		default:
			return false
		}
	})
}

const readyScript = `set -u
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
id=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254:80/latest/meta-data/instance-id)
until [[ $(curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/haproxy/health.sock http://localhost/healthz) == 200 ]]; do
  sleep 2
done
cp /etc/haproxy/upstreams.map /var/lib/copied
systemctl is-active haproxy
aws autoscaling complete-lifecycle-action --region us-east-1 --auto-scaling-group-name 'a b&c' --lifecycle-hook-name hook \
  --instance-id "$id" --lifecycle-action-result CONTINUE --cli-connect-timeout 5`

func TestInstanceCompletesItsHook(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEUSER") // of whoever runs the sandbox
	w, cloud := newWorldWithAWS(t)
	script := readyScript + "\necho \"key: ${AWS_ACCESS_KEY_ID-none}\""
	launched := Instance{
		ID: "i-1", PrivateIP: "10.0.0.5", UserData: withScript(script, "/usr/local/sbin/ready"),
		InstanceProfileARN: "arn:aws:iam::123456789012:instance-profile/proxy",
	}
	if err := w.Launch(t.Context(), launched); err != nil {
		t.Fatal(err)
	}
	i, _ := w.instance("i-1")
	w.await(t, "the instance to listen", func() bool { return w.Healthy("i-1", 443, "", true) })
	w.await(t, "the health check to fail", func() bool { return !w.Healthy("i-1", 8404, "/healthz", true) })
	if calls := cloud.seen(); len(calls) != 0 {
		t.Errorf("without an address it said %v", calls)
	}
	w.SetPublicIP("i-1", "52.1.2.3")
	w.awaitCommands(t, i)
	if err := w.Problem("i-1"); err != nil {
		t.Fatal(err)
	}
	calls := cloud.seen()
	if len(calls) != 1 {
		t.Fatalf("%d calls, want 1", len(calls))
	}
	want := url.Values{
		"Action": {"CompleteLifecycleAction"}, "Version": {"2011-01-01"}, "AutoScalingGroupName": {"a b&c"}, "LifecycleHookName": {"hook"},
		"InstanceId": {"i-1"}, "LifecycleActionResult": {"CONTINUE"},
	}
	if got := calls[0].form.Encode(); got != want.Encode() {
		t.Errorf("it called %s, want %s", got, want.Encode())
	}
	if !strings.HasPrefix(calls[0].keyID, "ASIAi-1/") || !strings.Contains(calls[0].keyID, "/us-east-1/autoscaling/aws4_request") || calls[0].token != "session" {
		t.Errorf("it signed with %q and the token %q", calls[0].keyID, calls[0].token)
	}
	if copied, err := os.ReadFile(filepath.Join(i.root(), "var", "lib", "copied")); err != nil || !strings.Contains(string(copied), "team.openai") {
		t.Errorf("the script's own files: %q, %v", copied, err)
	}
	if _, err := os.Stat(filepath.Join(i.root(), "tmp", "never")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command that is no script of the instance's was run: %v", err)
	}
	output, err := os.ReadFile(filepath.Join(i.dir, "cloud-init-output.log"))
	for _, want := range []string{"in the sandbox without effect: systemctl", "key: none"} {
		if err != nil || !strings.Contains(string(output), want) {
			t.Errorf("the output %q (%v) has no %q", output, err, want)
		}
	}

	// It comes back from a stop: cloud-init runs commands once.
	w.Terminate("i-1")
	if err := w.Launch(t.Context(), launched); err != nil {
		t.Fatal(err)
	}
	if i, _ := w.instance("i-1"); i.own != nil {
		t.Error("the commands were run again")
	}
}

func TestInstanceWhoseScriptFails(t *testing.T) {
	t.Parallel()
	w, cloud := newWorldWithAWS(t)
	tests := map[string]struct{ script, command, profile, want string }{
		"refused by AWS": {
			"aws autoscaling complete-lifecycle-action --region us-east-1 --instance-id i-refused", "[/bin/bash, -u, /usr/local/sbin/ready]",
			"arn:aws:iam::123456789012:instance-profile/proxy",
			"exit status 254: An error occurred (ValidationError) when calling the CompleteLifecycleAction operation: No active Lifecycle Action found",
		},
		"no role":           {"aws sts get-caller-identity", "/usr/local/sbin/ready", "", "exit status 253: Unable to locate credentials"},
		"not existing role": {"aws sts get-caller-identity", "/usr/local/sbin/ready", "arn:aws:iam::1:instance-profile/other", "exit status 253: Unable to locate credentials"},
		"unknown service":   {"aws s3 ls", "bash /usr/local/sbin/ready", "", "exit status 252: the sandbox's aws command knows"},
		"a list":            {"aws autoscaling x --ids a b", "/usr/local/sbin/ready", "", "exit status 252: the sandbox's aws command does not take b"},
		"no way out":        {"aws autoscaling x --region us-east-1", "/usr/local/sbin/ready", "arn:aws:iam::123456789012:instance-profile/proxy", "exit status 255: Could not connect to the endpoint URL"},
		"its own end":       {"echo it is over\nexit 3", "/usr/local/sbin/ready --now", "", "its command /usr/local/sbin/ready --now failed: exit status 3: it is over"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "i-" + strings.ReplaceAll(name, " ", "-")
			err := w.Launch(t.Context(), Instance{ID: id, UserData: withScript(tt.script, tt.command), InstanceProfileARN: tt.profile})
			if err != nil {
				t.Fatal(err)
			}
			i, _ := w.instance(id)
			if name != "no way out" {
				w.SetPublicIP(id, "52.1.2.3")
			}
			w.awaitCommands(t, i)
			w.wantProblem(t, id, tt.want)
		})
	}
	t.Cleanup(func() {
		if calls := cloud.seen(); len(calls) != 1 {
			t.Errorf("%d calls reached AWS, want 1", len(calls))
		}
	})
}

func TestTerminateEndsTheScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	script := "echo $$ >/run/script.pid\nwhile true; do sleep 300; done"
	if err := w.Launch(t.Context(), Instance{ID: "i-1", UserData: withScript(script, "/usr/local/sbin/ready")}); err != nil {
		t.Fatal(err)
	}
	i, _ := w.instance("i-1")
	var pid int
	w.await(t, "the script to run", func() bool {
		data, err := os.ReadFile(filepath.Join(i.root(), "run", "script.pid"))
		_, scanErr := fmt.Sscan(string(data), &pid)
		return err == nil && scanErr == nil
	})
	w.Terminate("i-1")
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the script (process %d) still runs: %v", pid, err)
	}
	if err := i.own.problem(); err != nil {
		t.Errorf("its end counts as a failure: %v", err)
	}
}
