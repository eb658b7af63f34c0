package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readyScript is the script by which a proxy of modules/aws-egress-proxy completes its launch
// hook, with curl, aws and sleep played by the test.
type readyScript struct{ dir string }

// newReadyScript makes the script and its tools. health has the statuses that HAProxy answers
// with, one an ask, the last for ever; api has what each call of `aws` ends with, the error's
// text or "" for success, the last for ever.
func newReadyScript(t *testing.T, health, api []string) readyScript {
	t.Helper()
	template, err := os.ReadFile(filepath.Join("..", "..", "modules", "aws-egress-proxy", "templates", "egress-proxy-ready.sh.tftpl"))
	if err != nil {
		t.Fatal(err)
	}
	s := readyScript{t.TempDir()}
	s.write(t, "ready", strings.NewReplacer(
		"${region}", "eu-west-1", "${group_name}", "link-proxy", "${hook_name}", "link-proxy-ready",
		"${health_socket}", "/run/health.sock", "%%{", "%{",
	).Replace(string(template)))
	s.write(t, "health", strings.Join(health, "\n")+"\n")
	s.write(t, "api", strings.Join(api, "\n")+"\n")
	// next prints the next line of a list, and keeps the last.
	const next = `next() { head -n 1 "$1"; if [ "$(wc -l < "$1")" -gt 1 ]; then sed -i 1d "$1"; fi; }
cd "$(dirname "$0")"
`
	s.write(t, "curl", "#!/bin/bash\n"+next+`case "$*" in
  *"--unix-socket /run/health.sock"*) printf %s "$(next health)" ;;
  *"--request PUT"*latest/api/token) printf a-token ;;
  *"token: a-token"*latest/meta-data/instance-id) printf i-0123456789abcdef0 ;;
  *) exit 22 ;;
esac
`)
	s.write(t, "aws", "#!/bin/bash\n"+next+`echo "$@" >> calls
error=$(next api)
[ -z "$error" ] || { echo "$error" >&2; exit 254; }
`)
	s.write(t, "sleep", "#!/bin/bash\n")
	return s
}

func (s readyScript) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // programs
		t.Fatal(err)
	}
}

// run runs the script as if it had run for so many seconds already, and returns its calls of
// `aws` and whether it ended well.
func (s readyScript) run(t *testing.T, seconds string) (calls []string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(s.dir, "ready"))
	cmd.Env = []string{"PATH=" + s.dir + ":" + os.Getenv("PATH"), "SECONDS=" + seconds}
	output, err := cmd.CombinedOutput()
	t.Logf("%s", output)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.left(t, "calls"), err == nil
}

// left is what a list holds now.
func (s readyScript) left(t *testing.T, list string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, list))
	if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

func TestProxyTellsThatItServes(t *testing.T) {
	t.Parallel()
	const call = "autoscaling complete-lifecycle-action --region eu-west-1 --auto-scaling-group-name link-proxy --lifecycle-hook-name link-proxy-ready --instance-id i-0123456789abcdef0 --lifecycle-action-result "
	const tooLong = "1000"
	for _, c := range []struct {
		name        string
		health, api []string
		seconds     string
		result      string
		calls       int
		ok          bool
	}{
		{"at once", []string{"200"}, []string{""}, "0", "CONTINUE", 1, true},
		{"HAProxy starts late", []string{"000", "000", "200"}, []string{""}, "0", "CONTINUE", 1, true},
		{"the address comes late", []string{"503", "503", "503", "200"}, []string{""}, tooLong, "CONTINUE", 1, true},
		{"the role is new", []string{"200"}, []string{"AccessDenied", "AccessDenied", ""}, "0", "CONTINUE", 3, true},
		{"an answer was lost", []string{"200"}, []string{"Could not connect", "ValidationError: No active Lifecycle Action found with instance ID"}, "0", "CONTINUE", 2, true},
		{"HAProxy does not start", []string{"000"}, []string{"Could not connect", ""}, tooLong, "ABANDON", 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newReadyScript(t, c.health, c.api)
			calls, ok := s.run(t, c.seconds)
			want := slices.Repeat([]string{call + c.result + " --cli-connect-timeout 5"}, c.calls)
			if !slices.Equal(calls, want) || ok != c.ok {
				t.Errorf("the script ended well: %t, after\n%s\nwant %t after\n%s", ok, strings.Join(calls, "\n"), c.ok, strings.Join(want, "\n"))
			}
			if unheard := s.left(t, "health"); !slices.Equal(unheard, c.health[len(c.health)-1:]) {
				t.Errorf("the script did not wait for what HAProxy was to answer: %v", unheard)
			}
		})
	}
}
