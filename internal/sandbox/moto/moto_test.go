package moto_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// parentRole makes this test binary play a process that starts a server, prints its address and waits to be killed.
const parentRole = "MOTO_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentRole) != "" {
		s, err := moto.Start(context.Background(), moto.Options{})
		if err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString(s.URL + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func needMoto(t *testing.T) {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import moto.server").Run(); err != nil {
		t.Skip("moto is not installed for python3 on PATH")
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return true
}

func TestServerAnswersUntilClosed(t *testing.T) {
	needMoto(t)
	log := filepath.Join(t.TempDir(), "moto.log")
	s, err := moto.Start(t.Context(), moto.Options{LogFile: log})
	if err != nil {
		t.Fatal(err)
	}
	if !answers(t.Context(), s.URL) {
		t.Fatalf("no answer from %s", s.URL)
	}
	s.Close()
	s.Close()
	if answers(t.Context(), s.URL) {
		t.Fatalf("%s still answers after Close", s.URL)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "Running on "+s.URL) {
		t.Errorf("the log lacks the server's output: %q", text)
	}
}

func TestServerDiesWithItsParent(t *testing.T) {
	needMoto(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), parentRole+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url)
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for answers(ctx, url) {
		if ctx.Err() != nil {
			t.Fatalf("%s still answers though its parent was killed", url)
		}
	}
}

func TestStartErrorsQuoteTheOutput(t *testing.T) {
	_, err := moto.Start(t.Context(), moto.Options{Command: []string{"sh", "-c", "echo no module named moto; exit 1"}})
	if err == nil || !strings.Contains(err.Error(), "no module named moto") {
		t.Fatalf("want the output in the error, got %v", err)
	}
	_, err = moto.Start(t.Context(), moto.Options{Command: []string{"/does/not/exist"}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("want a not-exist error, got %v", err)
	}
}

func TestStartIsCancellable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := moto.Start(ctx, moto.Options{Command: []string{"sh", "-c", "sleep 60 & wait"}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
}
