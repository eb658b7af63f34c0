package proxyfleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// asFleet makes the test binary a program that launches one instance in the folder that it
// names, prints the proxy's process id, and waits.
const asFleet = "CROSSCLOUDLINK_TEST_AS_FLEET"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asFleet); dir != "" {
		if err := serveOneInstance(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveOneInstance(dir string) error {
	haproxy, err := tools.HAProxy(context.Background(), buildDir)
	if err != nil {
		return err
	}
	f := New(Options{HAProxy: haproxy, Dir: dir, Twins: NewTwins(), Nameserver: netip.MustParseAddrPort("127.0.0.1:9"), HTTPSPort: 9})
	if err := f.Launch(context.Background(), Instance{ID: "i-1", UserData: []byte(userData)}); err != nil {
		return err
	}
	i, _ := f.instance("i-1")
	if i.problem != nil {
		return i.problem
	}
	fmt.Println(i.proxy.cmd.Process.Pid)
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

func TestKilledFleetLeavesNoProxy(t *testing.T) {
	t.Parallel()
	if _, err := tools.HAProxy(t.Context(), buildDir); errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asFleet+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the proxy does not run: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	(&world{}).await(t, "the proxy to end", func() bool { return !lives(pid) })
}

// lives reports whether a process runs. One that has ended may stay as a zombie until
// whoever it fell to asks for its status.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}
