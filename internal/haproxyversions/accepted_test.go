package haproxyversions

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/haproxyconfig"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

const moduleDir = "../../modules/haproxy-config"

// bringTimeout bounds the way to a HAProxy that the machine does not have.
const bringTimeout = 5 * time.Minute

func haproxy(t *testing.T) *tools.HAProxyBinary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bringTimeout)
	defer cancel()
	found, err := tools.HAProxy(ctx, "../../.build")
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// tenUpstreams are as many as the module takes, with the longest keys and names.
func tenUpstreams() map[string]any {
	upstreams := map[string]any{}
	for i := range 10 {
		key := fmt.Sprintf("%032d", i)
		label := strings.Repeat("a", 59)
		upstreams[key] = map[string]any{
			"hostname":  fmt.Sprintf("%s%d.%s.%s.%s.example.com", label, i, label, label, label),
			"addresses": 1 + i*3,
		}
	}
	return upstreams
}

var one = map[string]any{"openai": map[string]any{"hostname": "team.openai.azure.com"}}

// variants are the module's inputs, each value of each input at least once.
var variants = map[string]map[string]any{
	"defaults":        {"upstreams": one},
	"no PROXY header": {"upstreams": one, "proxy_protocol": false},
	"status":          {"upstreams": one, "status_port": 8405},
	"behind NAT":      {"upstreams": one, "require_public_ip": false},
	"behind NAT, with status, no PROXY header": {"upstreams": one, "require_public_ip": false, "status_port": 8405, "proxy_protocol": false},
	"two upstreams, one with several addresses": {"status_port": 8405, "upstreams": map[string]any{
		"openai-eastus": map[string]any{"hostname": "team.openai.azure.com"},
		"login":         map[string]any{"hostname": "login.microsoftonline.com", "addresses": 4},
	}},
	"ten upstreams": {"upstreams": tenUpstreams(), "status_port": 8405},
	"the lowest":    {"upstreams": one, "proxy_port": 1, "health_port": 1024, "status_port": 1025, "max_connections": 100, "tunnel_timeout": 60, "nameserver": "10.0.0.2:1"},
	"the highest":   {"upstreams": one, "proxy_port": 65533, "health_port": 65534, "status_port": 65535, "max_connections": 100000, "tunnel_timeout": 86400, "nameserver": "255.255.255.255:65535"},
}

func TestAcceptedWithoutWarning(t *testing.T) {
	t.Parallel()
	program := haproxy(t)
	t.Log("HAProxy", program.Version)
	for name, inputs := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := check(t, program, render(t, inputs)); said != "" {
				t.Errorf("HAProxy %s says:\n%s", program.Version, said)
			}
		})
	}
}

// TestWarningsAreSeen keeps the check above from passing whatever HAProxy says.
func TestWarningsAreSeen(t *testing.T) {
	t.Parallel()
	program := haproxy(t)
	for name, edit := range map[string]func(string) string{
		"an unknown keyword": func(config string) string { return strings.Replace(config, "resolve_retries", "resolve_retriez", 1) },
		"a missing timeout":  func(config string) string { return strings.Replace(config, "    timeout client 60s\n", "", 1) },
	} {
		configuration := render(t, map[string]any{"upstreams": one})
		configuration.Files[datapath.ConfigPath] = edit(configuration.Files[datapath.ConfigPath])
		if said := check(t, program, configuration); said == "" {
			t.Errorf("%s: HAProxy %s says nothing", name, program.Version)
		}
	}
}

func render(t *testing.T, inputs map[string]any) datapath.Configuration {
	t.Helper()
	configuration, err := datapath.Render(t.Context(), moduleDir, inputs)
	if err != nil {
		t.Fatal(err)
	}
	return configuration
}

// check asks HAProxy for its opinion of a configuration, in a folder that stands for an
// instance's root, and returns all it says but notices, and that it is
// valid.
func check(t *testing.T, program *tools.HAProxyBinary, configuration datapath.Configuration) string {
	t.Helper()
	root, err := os.MkdirTemp("", "haproxyversions-") //nolint:usetesting // t.TempDir has the test's name in it, and HAProxy takes no comma in a map's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	substitution := haproxyconfig.Substitution{
		Listen: netip.MustParseAddr("127.0.0.1"), Ports: map[int]int{}, HTTPSPort: 443,
		Nameserver: netip.MustParseAddrPort("127.0.0.1:53"), Root: root,
	}
	ports, err := haproxyconfig.ListenPorts(configuration.Files[datapath.ConfigPath])
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range ports {
		substitution.Ports[port] = port
	}
	for path, content := range configuration.Files {
		if path == datapath.ConfigPath {
			if content, err = substitution.Apply(content); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program.Path, "-c", "-f", filepath.Join(root, datapath.ConfigPath))
	cmd.Dir, cmd.Env = root, append(os.Environ(), program.Env...)
	said, err := cmd.CombinedOutput()
	var complaints []string
	for line := range strings.Lines(string(said)) {
		if !strings.HasPrefix(line, "[NOTICE]") && strings.TrimSpace(line) != "Configuration file is valid" {
			complaints = append(complaints, line)
		}
	}
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	return strings.Join(complaints, "")
}
