//go:build linux

package datapath

import (
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// reloads is how often the tests reload under load.
const reloads = 20

// TestReloadUnderLoad opens and closes connections without a pause while the proxy reloads
// again and again, and keeps some open over all of it.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	kept := make([]net.Conn, 10)
	for i := range kept {
		kept[i] = l.dial(openaiName)
	}
	var attempts atomic.Int64
	var failures struct {
		sync.Mutex
		all []error
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 6 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				attempts.Add(1)
				conn, err := l.tryDial(openaiName)
				if err == nil {
					err = errors.Join(exchange(conn, "hello"), conn.Close())
				}
				if err != nil {
					failures.Lock()
					failures.all = append(failures.all, err)
					failures.Unlock()
				}
			}
		})
	}
	for range reloads {
		before := attempts.Load()
		if err := l.reload(); err != nil {
			t.Error(err)
			break
		}
		l.await("connections between two reloads", func() bool { return attempts.Load() >= before+20 })
		for _, conn := range kept {
			l.wantEcho(conn)
		}
	}
	close(stop)
	load.Wait()
	t.Logf("%d connections, %d reloads", attempts.Load(), reloads)
	if len(failures.all) > 0 {
		t.Errorf("%d of %d connections failed, the first: %s", len(failures.all), attempts.Load(), failures.all[0])
	}
	workers, err := l.Workers()
	if err != nil {
		t.Fatal(err)
	}
	// The one that the kept connections began with, and the newest.
	if len(workers) < 2 {
		t.Errorf("workers %v: nobody holds the connections from before the reloads", workers)
	}
	for _, conn := range kept {
		_ = conn.Close()
	}
	l.await("the old workers to end with their connections", func() bool {
		workers, err := l.Workers()
		return err == nil && len(workers) == 1
	})
	// Fewer is no error: HAProxy drops a line rather than wait for another thread's.
	lines, connections := len(l.entries()), int(attempts.Load())+len(kept)
	t.Logf("%d log lines", lines)
	if lines > connections {
		t.Errorf("%d log lines for %d connections", lines, connections)
	}
}

// serviceFile is the template of what the instances' service differs in from the distribution's.
var serviceFile = filepath.Join("..", "..", "modules", "aws-egress-proxy", "templates", "haproxy.service.conf.tftpl")

// TestReloadOfTheService runs the very commands with which the instances' service reloads,
// while no name can be resolved.
func TestReloadOfTheService(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("socat"); err != nil {
		t.Skip("the service's reload needs socat: " + err.Error())
	}
	template, err := os.ReadFile(serviceFile)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(t, setup{durations: quickDNS})
	first := l.worker()
	l.names.Fail(Silent)
	here := strings.NewReplacer(
		"/usr/sbin/haproxy", l.options.HAProxy.Path, ConfigPath, l.Path(ConfigPath),
		"${stats_socket}", l.Path(l.config.StatsSocket), "${state_file}", l.Path(ServerStatePath),
		"$MAINPID", strconv.Itoa(l.master.Pid),
	)
	ran := 0
	for line := range strings.Lines(string(template)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecReload=")
		if !ok || command == "" {
			continue
		}
		run := exec.CommandContext(t.Context(), "bash", "-c", here.Replace(command)) //nolint:gosec // the repository's own
		run.Dir = l.Path("/")
		run.Env = append(os.Environ(), l.options.HAProxy.Env...)
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s: %s", command, err, out)
		}
		ran++
	}
	if ran == 0 {
		t.Fatal("the service has no command to reload")
	}
	l.await("the new worker alone", func() bool {
		workers, err := l.Workers()
		return err == nil && len(workers) == 1 && workers[0] != first
	})
	l.wantEcho(l.dial(openaiName))
	l.awaitQuestions(openaiName, 20)
	l.wantEcho(l.dial(loginName))
}

// TestReloadChangesTheList adds a name and takes one away.
func TestReloadChangesTheList(t *testing.T) {
	t.Parallel()
	const newName = "other.openai.azure.com"
	l := newLink(t, setup{})
	l.names.Set(newName, l.login.Addr().Addr())
	open := l.dial(loginName)
	if err := l.Configure(render(t, inputs(map[string]any{"upstreams": map[string]any{
		"openai": map[string]any{"hostname": openaiName},
		"new":    map[string]any{"hostname": newName},
	}}))); err != nil {
		t.Fatal(err)
	}
	if err := l.reload(); err != nil {
		t.Fatal(err)
	}
	l.wantEcho(l.dial(openaiName))
	l.await("the new name to be resolved", func() bool { return l.usable("upstream-new") == 1 })
	l.wantEcho(l.dial(newName))
	if _, err := l.tryDial(loginName); err == nil {
		t.Error("the name that is no longer listed passes")
	}
	l.wantEcho(open)
}

// TestWrongConfigurationIsNotLoaded tries to reload what HAProxy does not understand.
func TestWrongConfigurationIsNotLoaded(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	worker := l.worker()
	open := l.dial(openaiName)
	wrong := l.config
	wrong.Files = maps.Clone(wrong.Files)
	wrong.Files[ConfigPath] += "\nbackend wrong\n    nonsense\n"
	if err := l.Configure(wrong); err != nil {
		t.Fatal(err)
	}
	if err := l.reload(); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("reload: %v", err)
	}
	l.wantEcho(open)
	l.wantEcho(l.dial(openaiName))
	if l.worker() != worker {
		t.Error("the worker was replaced")
	}
}

// TestDrain ends a proxy as a deregistration does: no new connection comes, those that are
// there end by themselves.
func TestDrain(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	conns := make([]net.Conn, 50)
	for i := range conns {
		conns[i] = l.dial(openaiName)
	}
	var exchanges, cut atomic.Int64
	done := make(chan struct{})
	var busy sync.WaitGroup
	for _, conn := range conns {
		busy.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := exchange(conn, "in flight"); err != nil {
					cut.Add(1)
					return
				}
				exchanges.Add(1)
			}
		})
	}
	l.await("traffic", func() bool { return exchanges.Load() > 100 })
	if err := l.SoftStop(); err != nil {
		t.Fatal(err)
	}
	l.await("new connections to be refused", func() bool {
		conn, err := l.client.Dial(t.Context())
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	after := exchanges.Load()
	l.await("more traffic", func() bool { return exchanges.Load() > after+1000 || cut.Load() > 0 })
	close(done)
	busy.Wait()
	if cut.Load() > 0 {
		t.Fatalf("%d of %d connections were cut", cut.Load(), len(conns))
	}
	for i, conn := range conns {
		select {
		case <-l.Exited():
			t.Fatalf("the proxy ended with %d connections open", len(conns)-i)
		default:
		}
		l.wantEcho(conn)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-l.Exited():
	case <-time.After(patience):
		t.Error("the proxy does not end after its last connection")
	}
	l.entries()
}

// TestHardStop bounds how long an old worker may live.
func TestHardStop(t *testing.T) {
	t.Parallel()
	const hardStop = 700 * time.Millisecond
	l := newLink(t, setup{durations: map[string]time.Duration{"hard-stop-after": hardStop}})
	open := l.dial(openaiName)
	l.wantEcho(open)
	start := time.Now()
	if err := l.reload(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, open)
	if took := time.Since(start); took < hardStop {
		t.Errorf("cut after %s, want no sooner than %s", took, hardStop)
	}
	l.await("the old worker to be gone", func() bool {
		workers, err := l.Workers()
		return err == nil && len(workers) == 1
	})
	l.wantEcho(l.dial(openaiName))
	l.entries()
}
