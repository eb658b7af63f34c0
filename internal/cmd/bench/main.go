// Command bench runs the benches that are named, or all of them, from the repository's root:
//
//	go run ./internal/cmd/bench [-build-dir .build] [-quick] [assigner] [datapath] [firewall]
//
// It needs what `make build` builds. It fails when something could not be measured or a number misses its aim.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench/assignerbench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench/datapathbench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench/firewallbench"
)

// benches are all that there are.
var benches = []bench.Bench{assignerbench.New(), datapathbench.New(), firewallbench.New()}

func main() {
	buildDir := flag.String("build-dir", ".build", "folder for everything that is built or run")
	quick := flag.Bool("quick", false, "only show that each row can be measured: short samples, no aims, no file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *buildDir, *quick, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, buildDir string, quick bool, names []string) error {
	wanted, err := choose(names)
	if err != nil {
		return err
	}
	var failed error
	for _, b := range wanted {
		fmt.Fprintf(out, "bench %s\n", b.Name)
		failed = errors.Join(failed, b.Run(ctx, out, buildDir, quick))
	}
	return failed
}

// choose returns the benches of these names; of none, all.
func choose(names []string) ([]bench.Bench, error) {
	if len(names) == 0 {
		return benches, nil
	}
	var known []string
	for _, b := range benches {
		known = append(known, b.Name)
	}
	var wanted []bench.Bench
	for _, name := range names {
		at := slices.Index(known, name)
		if at < 0 {
			return nil, fmt.Errorf("there is no bench %q: say %s", name, strings.Join(known, ", "))
		}
		wanted = append(wanted, benches[at])
	}
	return wanted, nil
}
