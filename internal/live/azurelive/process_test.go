package azurelive_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// process is TestAccAzure as `make live` runs it, in a process of its own, with the sandbox in Azure's place.
type process struct {
	*exec.Cmd
	output *strings.Builder
	dir    string // of the reports
}

func (s *sandbox) process(t *testing.T, root string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The reports go three folders up.
	dir := filepath.Join(root, "internal", "live", "azurelive")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(context.WithoutCancel(t.Context()), self, "-test.run=^TestAccAzure$", "-test.v"), output: &strings.Builder{}, dir: filepath.Join(root, ".build", "live")}
	p.Dir, p.Stdout, p.Stderr = dir, p.output, p.output
	p.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TF_ACC_AZURE=1", "SSL_CERT_FILE=" + s.CAFile(),
		"ARM_METADATA_HOSTNAME=" + strings.TrimPrefix(s.URL(), "https://"), "ARM_TENANT_ID=" + s.TenantID(),
		"ARM_CLIENT_ID=" + s.ClientID(), "ARM_CLIENT_SECRET=" + s.ClientSecret(), "ARM_SUBSCRIPTION_ID=" + s.SubscriptionID(),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.output)
		}
	})
	return p
}

// report reads what the process wrote.
func (p *process) report(t *testing.T) live.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "azure.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report live.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// held has the sandbox hold the first change of an account that the suite has made.
func (s *sandbox) held() *fault.Gate {
	gate := fault.NewGate()
	s.Faults.Add(fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile(`/accounts/`), Before: gate.Hold})
	return gate
}

func (s *sandbox) wantNothingLeft(t *testing.T) {
	t.Helper()
	if left := s.LeftOvers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheSuiteAsMakeLiveRunsIt(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	p := s.process(t, t.TempDir())
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	report := p.report(t)
	asked := map[live.Status]int{}
	for _, result := range report.Results {
		asked[result.Status]++
		if result.Question == "" || len(result.Calls) == 0 || result.Guide != live.Guide+"#"+result.ID {
			t.Errorf("an incomplete result: %+v", result)
		}
	}
	if asked[live.Agrees] < 4 || asked[live.NotAsked] < 4 || asked[live.Failed] > 0 {
		t.Errorf("results %v", asked)
	}
	for _, want := range []string{"not asked: set CROSSCLOUDLINK_LIVE_AZURE_MODEL", "azure-if-match", "| result", "agrees    | refused with 412"} {
		if !strings.Contains(p.output.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	s.wantNothingLeft(t)
}

func TestAnInterruptedRunCleansUp(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	gate := s.held()
	p := s.process(t, t.TempDir())
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	<-gate.Held()
	if journal, err := os.ReadFile(filepath.Join(p.dir, "azure.made")); err != nil || !strings.Contains(string(journal), "/accounts/"+live.Prefix) {
		t.Errorf("the account is not noted while it is there: %q, %v", journal, err)
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// The process's own call is cut by the interrupt; the sandbox's end of it is let go.
	gate.Open()
	if err := p.Wait(); err == nil {
		t.Error("an interrupted run counts as a success")
	}
	s.wantNothingLeft(t)
	report := p.report(t)
	if !slices.ContainsFunc(report.Results, func(r live.Result) bool { return strings.Contains(r.Seen, "interrupted") }) || len(report.Left) > 0 {
		t.Errorf("the report does not tell of the interrupt: %+v", report)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "azure.made")); !os.IsNotExist(err) {
		t.Errorf("the journal is still there: %v", err)
	}
}

func TestARunAfterAKilledOneSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	s, root := newSandbox(t), t.TempDir()
	gate := s.held()
	p := s.process(t, root)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	<-gate.Held()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	gate.Open()
	left := s.LeftOvers()
	if len(left) == 0 {
		t.Fatal("a killed run left nothing: it was killed too late for this test")
	}
	next := s.process(t, root)
	if err := next.Run(); err != nil {
		t.Fatal(err)
	}
	for _, id := range left {
		if !strings.Contains(next.output.String(), "an earlier run ended before it could remove") || !strings.Contains(next.output.String(), id) {
			t.Errorf("the next run does not tell of %s", id)
		}
	}
	if now := s.LeftOvers(); !slices.Equal(now, left) {
		t.Errorf("the next run touched what it did not make: %v were left, now %v", left, now)
	}
}
