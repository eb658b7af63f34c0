package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// ProviderBinary is our provider under the build folder, where `make build` puts it.
const ProviderBinary = "bin/terraform-provider-crosscloudlink"

// ErrNoPlugin is a provider plugin that cannot be had here.
var ErrNoPlugin = errors.New("no plugin")

// RootModule is a root module that real Terraform runs, a command at a time.
type RootModule struct{ tfrun.Terraform }

// NewRootModule writes config into a new folder dir and initialises it with the whole environment environ. The error
// is an ErrNoPlugin where one of its providers is found neither in a mirror nor in the registry.
func NewRootModule(ctx context.Context, dir, config string, environ []string) (RootModule, error) {
	m := RootModule{tfrun.Terraform{Dir: dir, Env: environ}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return m, err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return m, err
	}
	if output, err := m.Do(ctx, "init", "-input=false", "-no-color"); err != nil {
		if reason := plugins.Unavailable(output); reason != "" {
			return m, fmt.Errorf("%w: %s", ErrNoPlugin, reason)
		}
		return m, err
	}
	return m, nil
}

// Clock runs a command without questions, and returns the seconds that it took from Terraform's start to its end.
func (m RootModule) Clock(ctx context.Context, args ...string) (seconds float64, err error) {
	start := time.Now()
	_, err = m.Do(ctx, append(args, "-input=false", "-no-color")...)
	return time.Since(start).Seconds(), err
}
