// Command demo applies a root module of examples/ in the sandbox, byte for byte as it
// stands in the repository, and proves the link: queries arrive from the pool's addresses and
// from no other, drift is seen and healed, a killed apply is finished by the next one, and a
// destroy leaves nothing. That root module is examples/complete where the stock plugins that it
// needs can be had, else examples/existing-services. It ends with a table and
//
//	demo: N passed, N failed, N skipped
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const providerBinary = "bin/terraform-provider-crosscloudlink"

func main() {
	buildDir := flag.String("build-dir", ".build", "folder for everything that is built or run")
	wanted := flag.String("example", "", "root module to apply: complete or existing-services (default: complete where its plugins can be had)")
	verbose := flag.Bool("v", false, "show all that terraform prints, instead of writing it to demo/terraform.log in the build folder alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *buildDir, *wanted, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, buildDir, wanted string, verbose bool) (bool, error) {
	if err := adoptOrphans(); err != nil {
		return false, err
	}
	r := newReport(os.Stdout)
	err := prove(ctx, r, buildDir, wanted, verbose)
	r.check("no-process-left", func() (string, error) {
		left, err := descendants()
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d processes still run: %v", len(left), left)
		}
		return "moto, proxies, functions, terraform and its plugins have ended", err
	})
	ok := r.table()
	return ok, err
}

// prove runs everything from the build to the destroy, and stops the sandbox. An error is
// a step without which the rest makes no sense.
func prove(ctx context.Context, r *report, buildDir, wanted string, verbose bool) error {
	buildDir, err := filepath.Abs(buildDir)
	if err != nil {
		return err
	}
	if err := r.step("build the Lambda zips and the provider", func() error { return build(ctx) }); err != nil {
		return err
	}
	work := filepath.Join(buildDir, "demo")
	if err := tfrun.CopyModules(".", work); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(work, "terraform.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	var shown example
	if err := r.step("find the plugins", func() (err error) {
		var verdict string
		if shown, verdict, err = choose(ctx, wanted, work, filepath.Join(buildDir, providerBinary)); err == nil {
			r.example = verdict
			fmt.Fprintf(r.out, "    %s\n", verdict)
		}
		return err
	}); err != nil {
		return err
	}

	var sb *sandbox.Sandbox
	if err := r.step("start the sandbox: AWS, Azure and Databricks on loopback", func() (err error) {
		sb, err = sandbox.Start(ctx, sandbox.Options{BuildDir: buildDir, Seed: shown.seed(), ProviderBinary: filepath.Join(buildDir, providerBinary)})
		return err
	}); err != nil {
		return err
	}
	stopped := false
	stopSandbox := func() error {
		stopped = true
		return r.step("stop the sandbox", sb.Close)
	}
	defer func() {
		if !stopped {
			_ = stopSandbox()
		}
	}()
	r.proxy = sb.Proxy()

	tf := tfrun.Terraform{Dir: filepath.Join(work, shown.folder()), Env: tfrun.Environ(sb.Environ(os.Environ()), ""), Log: log}
	if verbose {
		tf.Log = os.Stdout
	}
	s := &story{report: r, example: shown, sandbox: sb, terraform: tf}
	if err := s.tell(ctx); err != nil {
		return fmt.Errorf("%w\n(all that terraform printed is in %s)", err, log.Name())
	}
	return stopSandbox()
}

func build(ctx context.Context) error {
	for _, args := range [][]string{
		{"run", "./internal/cmd/lambdazip"},
		{"build", "-trimpath", "-ldflags", "-s -w -X main.version=" + plugins.DevVersion, "-o", filepath.Join(".build", providerBinary), "."},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go %s: %w", args[0], err)
		}
	}
	return nil
}
