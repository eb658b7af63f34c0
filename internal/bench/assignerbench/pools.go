package assignerbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// Root modules that hold n addresses, by ours and by the stock resource with the same tags.
const (
	ourPool = `
terraform {
  required_providers {
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

provider "crosscloudlink" {}

resource "crosscloudlink_eip_pool" "this" {
  name = "egress"
  size = %d
}

output "public_ips" {
  value = crosscloudlink_eip_pool.this.public_ips
}
`
	theirPool = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

resource "aws_eip" "this" {
  count  = %d
  domain = "vpc"
  tags   = { "crosscloudlink:eip-pool" = "egress", Name = "egress" }
}

output "public_ips" {
  value = aws_eip.this[*].public_ip
}
`
)

// planRuns is how often a pool is planned; the median counts.
const planRuns = 3

// command is a run of Terraform: what it did and took.
type command struct {
	calls   bench.CallCounts
	seconds float64
}

// poolRun is the life of one pool.
type poolRun struct{ create, plan, destroy command }

// pools measures pools of each size, ours beside theirs. Where the stock provider cannot be had, ours stand
// alone and note says why.
func pools(ctx context.Context, env bench.Environment, sizes ...int) (rows []bench.Row, err error) {
	e, err := startEmulator(ctx, env.BuildDir)
	if err != nil {
		return nil, err
	}
	defer e.close()
	work, err := os.MkdirTemp("", "crosscloudlink-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	cliConfig, err := plugins.Write(ctx, plugins.Options{BuildDir: work, ProviderBinary: filepath.Join(env.BuildDir, bench.ProviderBinary)})
	if err != nil {
		return nil, fmt.Errorf("finding the provider (`make build` builds it): %w", err)
	}
	environ := tfrun.Environ(e.environ(), cliConfig)
	for _, size := range sizes {
		var ours, theirs poolRun
		if err := env.Steps.Do(fmt.Sprintf("a pool of %d, ours", size), func() (err error) {
			ours, err = e.poolLife(ctx, filepath.Join(work, fmt.Sprintf("ours-%d", size)), fmt.Sprintf(ourPool, size), environ)
			return err
		}); err != nil {
			return rows, err
		}
		env.Steps.Note("    %s", ours)
		err := env.Steps.Do(fmt.Sprintf("a pool of %d, aws_eip with count", size), func() (err error) {
			theirs, err = e.poolLife(ctx, filepath.Join(work, fmt.Sprintf("theirs-%d", size)), fmt.Sprintf(theirPool, size), environ)
			return err
		})
		switch {
		case errors.Is(err, bench.ErrNoPlugin):
			rows = append(rows, ours.rows(nil, size)...)
		case err != nil:
			return rows, err
		default:
			env.Steps.Note("    %s", theirs)
			rows = append(rows, ours.rows(&theirs, size)...)
		}
	}
	return rows, nil
}

// poolLife makes, plans and destroys a pool, and counts the calls.
func (e *emulator) poolLife(ctx context.Context, dir, config string, environ []string) (run poolRun, err error) {
	module, err := bench.NewRootModule(ctx, dir, config, environ)
	if err != nil {
		return run, err
	}
	for _, step := range []struct {
		to    *command
		times int
		args  []string
	}{
		{&run.create, 1, []string{"apply", "-auto-approve"}},
		// A plan with changes would be an error.
		{&run.plan, planRuns, []string{"plan", "-detailed-exitcode"}},
		{&run.destroy, 1, []string{"destroy", "-auto-approve"}},
	} {
		var took []float64
		for range step.times {
			e.aws.Faults.ClearLog()
			seconds, err := module.Clock(ctx, step.args...)
			if err != nil {
				return run, err
			}
			took = append(took, seconds)
		}
		*step.to = command{calls: e.calls(adminKey), seconds: bench.Median(took)}
	}
	return run, nil
}

func (r poolRun) String() string {
	text := ""
	for _, c := range []struct {
		name string
		command
	}{{"create", r.create}, {"plan", r.plan}, {"destroy", r.destroy}} {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%s %.1fs: %s", c.name, c.seconds, c.calls)
	}
	return text
}

// rows are ours beside theirs; theirs may be nil.
func (r poolRun) rows(theirs *poolRun, size int) []bench.Row {
	var rows []bench.Row
	for _, c := range []struct {
		name string
		of   func(poolRun) command
	}{
		{"create", func(r poolRun) command { return r.create }},
		{"plan", func(r poolRun) command { return r.plan }},
		{"destroy", func(r poolRun) command { return r.destroy }},
	} {
		name, mine := fmt.Sprintf("pool%d_%s", size, c.name), c.of(r)
		ourCalls := bench.Alone(name+"_calls", mine.calls.Total(), bench.Calls)
		ourTime := bench.Alone(name+"_wall", mine.seconds, bench.Seconds)
		if theirs != nil {
			other := c.of(*theirs)
			ourCalls = bench.Beside(ourCalls.Name, int(ourCalls.Ours), other.calls.Total(), bench.Calls)
			ourTime = bench.Beside(ourTime.Name, ourTime.Ours, other.seconds, bench.Seconds)
		}
		rows = append(rows, ourCalls, ourTime)
	}
	return rows
}
