// Package acctest gives tests a sandbox, the provider, and Terraform to run them with. A
// package that uses it runs its tests by
//
//	func TestMain(m *testing.M) { acctest.Main(m) }
package acctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/provider"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// startTimeout bounds the start of a sandbox; it may have to bring moto or HAProxy first.
const startTimeout = 5 * time.Minute

// Header is the head of a configuration for Terraform: where the provider comes from. The
// clouds come from the environment.
const Header = `
terraform {
  required_providers {
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}
`

// shared is what the tests of one binary have in common.
var shared struct {
	sandbox once[*sandbox.Sandbox]
	binary  once[string]
	dir     string
}

// Main runs a package's tests, and stops what they shared.
func Main(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "acctest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if shared.dir, err = os.MkdirTemp("", "crosscloudlink-test-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(shared.dir)) }()
	code = m.Run()
	if sb := shared.sandbox.value; sb != nil {
		err = sb.Close()
	}
	return code, err
}

// Sandbox returns the binary's sandbox with what examples/existing-services builds on,
// started on first use, without proxies: what needs a data path is for the whole-product
// tests. Its environment becomes the process's own, so that a provider in the test's process
// finds the clouds too.
func Sandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	sb, err := shared.sandbox.get(func() (*sandbox.Sandbox, error) {
		sb, err := start(sandbox.SeedExistingServices)
		if err != nil {
			return nil, err
		}
		return sb, useEnvironment(sb)
	})
	return whole(t, sb, err)
}

// OwnSandbox returns a sandbox for one test alone, stopped when the test ends. Its environment
// is not the process's: it is for Terraform with plugins of its own (Root, Config).
func OwnSandbox(t *testing.T, seed sandbox.Seed) *sandbox.Sandbox {
	t.Helper()
	sb, err := start(seed)
	if err == nil {
		t.Cleanup(func() {
			if err := sb.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return whole(t, sb, err)
}

func start(seed sandbox.Seed) (*sandbox.Sandbox, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return sandbox.Start(ctx, sandbox.Options{BuildDir: buildDir(), Seed: seed, NoProxies: true})
}

func whole(t *testing.T, sb *sandbox.Sandbox, err error) *sandbox.Sandbox {
	t.Helper()
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skipf("no sandbox here: %s", err)
	}
	if err != nil {
		t.Fatalf("starting the sandbox: %s", err)
	}
	return sb
}

// useEnvironment must run before anything in the process makes its first TLS connection:
// Go reads SSL_CERT_FILE once.
func useEnvironment(sb *sandbox.Sandbox) error {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); sandbox.ToUnset(name) {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	for _, variable := range sb.Env() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Providers serves the provider inside the test's process, for terraform-plugin-testing.
func Providers() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"crosscloudlink": providerserver.NewProtocol6WithError(provider.New("test")()),
	}
}

// Terraform returns a root module in a folder of its own that holds config and is
// initialised, for runs with the built provider as a process of its own, which can be
// interrupted and killed. Variables of env (NAME=value) count before the sandbox's own.
func Terraform(t *testing.T, config string, env ...string) tfrun.Terraform {
	t.Helper()
	sb := Sandbox(t)
	binary, err := shared.binary.get(buildProvider)
	if err != nil {
		t.Fatalf("building the provider: %s", err)
	}
	dir := t.TempDir()
	cliConfig := filepath.Join(dir, "terraform.tfrc")
	write(t, cliConfig, fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"crosscloudlink/crosscloudlink\" = %q\n  }\n  direct {}\n}\n", filepath.Dir(binary)))
	write(t, filepath.Join(dir, "main.tf"), Header+config)
	return terraform(t, sb, dir, cliConfig, env)
}

// Root returns a root module of the repository ("examples/complete"), copied with all modules
// to a folder of its own and initialised, to be run by the built provider and the real stock
// plugins in a sandbox. Where a plugin that it needs can be had neither from a filesystem mirror
// nor from the registry, the test is skipped. Variables of env (NAME=value) count before the
// sandbox's own.
func Root(t *testing.T, sb *sandbox.Sandbox, folder string, env ...string) tfrun.Terraform {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := tfrun.CopyModules(root, dir); err != nil {
		t.Fatal(err)
	}
	return initialised(t, sb, filepath.Join(dir, folder), env)
}

// Config is Root for a root module that is written here. Its files may use the modules of the
// repository as "../../modules/NAME".
func Config(t *testing.T, sb *sandbox.Sandbox, config string, env ...string) tfrun.Terraform {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := tfrun.CopyModules(root, dir); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "examples", "test")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "main.tf"), config)
	return initialised(t, sb, folder, env)
}

func initialised(t *testing.T, sb *sandbox.Sandbox, folder string, env []string) tfrun.Terraform {
	t.Helper()
	binary, err := shared.binary.get(buildProvider)
	if err != nil {
		t.Fatalf("building the provider: %s", err)
	}
	cliConfig, err := plugins.Write(t.Context(), plugins.Options{BuildDir: t.TempDir(), ProviderBinary: binary})
	if err != nil {
		t.Fatal(err)
	}
	tf := terraform(t, sb, folder, cliConfig, env)
	if output, err := tf.Do(t.Context(), "init", "-input=false", "-no-color"); err != nil {
		if reason := plugins.Unavailable(output); reason != "" {
			t.Skip(reason)
		}
		t.Fatal(err)
	}
	return tf
}

func terraform(t *testing.T, sb *sandbox.Sandbox, folder, cliConfig string, env []string) tfrun.Terraform {
	// The last of two settings of one variable counts.
	return tfrun.Terraform{Dir: folder, Env: append(tfrun.Environ(sb.Environ(os.Environ()), cliConfig), env...), Log: testLog{t}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// buildProvider builds the provider with its Lambda zips as `make build` does.
func buildProvider() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(shared.dir, "terraform-provider-crosscloudlink")
	for _, args := range [][]string{{"run", "./internal/cmd/lambdazip"}, {"build", "-o", binary, "."}} {
		cmd := exec.CommandContext(context.Background(), "go", args...)
		cmd.Dir = root
		if output, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", args[0], err, output)
		}
	}
	return binary, nil
}

// buildDir is the .build folder of the repository, where tools that were brought once are found again.
func buildDir() string {
	root, err := moduleRoot()
	if err != nil {
		return shared.dir
	}
	return filepath.Join(root, ".build")
}

// moduleRoot is the folder of go.mod, above the package whose tests run.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", errors.New("there is no go.mod above the working directory")
	}
	return "", err
}

// testLog shows what Terraform printed when its test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

var _ io.Writer = testLog{}

// once makes a value on first use and keeps it, or why there is none.
type once[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (o *once[T]) get(create func() (T, error)) (T, error) {
	o.once.Do(func() { o.value, o.err = create() })
	return o.value, o.err
}
