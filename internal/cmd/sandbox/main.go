// Command sandbox runs a command among emulated clouds: AWS, Azure and Databricks on this
// machine's loopback network. See `sandbox help`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

const usage = `Three clouds on this machine's loopback network: AWS, Azure and Databricks.

  sandbox exec [options] -- COMMAND [ARGUMENT…]
      Starts the clouds, runs the command with the environment that leads to them, and stops
      them when it ends. The exit status is the command's.

  sandbox up [options]
      Starts the clouds, prints that environment for a shell, and stays until it is
      interrupted (Ctrl-C):  sandbox up > sandbox.env &  …  . ./sandbox.env

Options:
`

// Exit statuses beside the command's own; 126 and 127 are a shell's for a command that
// cannot be run.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitCannot  = 126
	exitUnknown = 127
	exitSignal  = 128 // plus the signal's number
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	opts, command, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return exitUsage
	}
	endWithGoRun()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, watched()...)
	defer signal.Stop(signals)

	begin := time.Now()
	s, err := start(opts, signals)
	if err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stderr, "sandbox: ready in %.1fs, proxy: %s, logs in %s\n", time.Since(begin).Seconds(), s.Proxy(), s.Dir())
	if problem := s.ProxyProblem(); problem != nil {
		fmt.Fprintf(stderr, "sandbox: no query can arrive: %v\n", problem)
	}
	status := 0
	if command == nil {
		up(s, stdout, signals)
	} else {
		status = execute(command, s.Environ(os.Environ()), signals, stderr)
	}
	if err := s.Close(); err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		if status == 0 {
			status = exitFailed
		}
	}
	return status
}

// parse reads the command line. The command is nil for `up`.
func parse(args []string, stderr io.Writer) (sandbox.Options, []string, error) {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var opts sandbox.Options
	provider, seed := "", ""
	flags.StringVar(&opts.BuildDir, "build-dir", ".build", "`folder` for all that the sandbox writes, tools that it brings included")
	flags.StringVar(&provider, "provider", "", "our provider's `binary`, for terraform to find (default: bin/terraform-provider-crosscloudlink in the build folder, if it is there)")
	flags.StringVar(&seed, "seed", "existing-services", "what `exists` before the first apply: existing-services (what examples/existing-services builds on), workspace (what examples/complete and examples/three-teams do), nothing")
	flags.BoolVar(&opts.NoProxies, "no-proxies", false, "run no HAProxy: no query arrives")
	flags.BoolVar(&opts.Debug, "debug", false, "log every emulated call")
	help := func() {
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		help()
		if len(args) == 0 {
			return opts, nil, errors.New("say exec or up")
		}
		return opts, nil, flag.ErrHelp
	}
	if args[0] != "exec" && args[0] != "up" {
		return opts, nil, fmt.Errorf("unknown command %q: say exec or up", args[0])
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		help()
		return opts, nil, err
	} else if err != nil {
		return opts, nil, err
	}
	parsed, err := sandbox.ParseSeed(seed)
	if err != nil {
		return opts, nil, err
	}
	opts.Seed = parsed
	opts.ProviderBinary = provider
	if built := filepath.Join(opts.BuildDir, "bin", "terraform-provider-crosscloudlink"); provider == "" && isFile(built) {
		opts.ProviderBinary = built
	}
	switch {
	case args[0] == "exec" && flags.NArg() == 0:
		return opts, nil, errors.New("exec: no command; write: sandbox exec -- COMMAND")
	case args[0] == "up" && flags.NArg() > 0:
		return opts, nil, fmt.Errorf("up takes no arguments, got %q", flags.Args())
	case args[0] == "up":
		return opts, nil, nil
	}
	return opts, flags.Args(), nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// start starts the clouds; a signal ends the start.
func start(opts sandbox.Options, signals <-chan os.Signal) (*sandbox.Sandbox, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	started := make(chan struct{})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case got := <-signals:
			cancel(fmt.Errorf("stopped by %v", got))
		case <-started:
		}
	}()
	s, err := sandbox.Start(ctx, opts)
	close(started)
	<-watching
	if cause := context.Cause(ctx); cause != nil {
		if err == nil {
			err = s.Close()
		}
		return nil, errors.Join(cause, err)
	}
	return s, err
}

// watched are the signals that end a run. One that the caller had ignored (nohup) stays so.
func watched() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
