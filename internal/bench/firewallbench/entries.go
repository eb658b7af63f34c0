package firewallbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	// latency is what every call takes before Azure does anything.
	latency = 50 * time.Millisecond
	// rounds is how often each step is measured, ours and theirs by turns.
	rounds = 3

	// Names of rows.
	addRow, planRow = "fw_add%d", "fw_plan"
	callsSuffix     = "_calls"

	group, ourAccount, theirAccount = "rg-bench", "bench-ours", "bench-theirs"
)

// sizes are how many entries are added; the last is Azure's limit for an account.
var sizes = []int{1, 10, 100}

// module is a root module whose account's firewall is measured.
type module struct {
	bench.RootModule
	cloud     *azure.Cloud
	accountID string
}

// sample is one measured command.
type sample struct {
	calls   calls
	seconds float64
}

// entries measures adding entries to an account and planning without a change, ours beside azurerm's. Where its plugin
// cannot be had, ours stand alone and a note says why.
func entries(ctx context.Context, env bench.Environment) (rows []bench.Row, err error) {
	sb, err := sandbox.Start(ctx, sandbox.Options{
		BuildDir: env.BuildDir, Seed: sandbox.SeedNothing, NoProxies: true, ProviderBinary: filepath.Join(env.BuildDir, bench.ProviderBinary),
	})
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox with the provider that `make build` builds: %w", err)
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	work, err := os.MkdirTemp("", "crosscloudlink-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	cloud := sb.Azure()
	accountID, err := cloud.SeedAccount(azure.Account{ResourceGroup: group, Name: ourAccount, Subdomain: ourAccount, DefaultAction: "Deny"})
	if err != nil {
		return nil, err
	}
	cloud.Faults.Add(fault.Rule{Times: -1, Delay: latency})
	environ := tfrun.Environ(sb.Environ(os.Environ()), "")

	var ours, theirs *module
	if err := env.Steps.Do("an account with nothing to admit, ours", func() (err error) {
		ours, err = newModule(ctx, cloud, filepath.Join(work, "ours"), fmt.Sprintf(ourModule, accountID, "bench"), environ, accountID)
		return err
	}); err != nil {
		return nil, err
	}
	err = env.Steps.Do("an account with nothing to admit, azurerm", func() (err error) {
		theirID := path.Join(path.Dir(accountID), theirAccount)
		theirs, err = newModule(ctx, cloud, filepath.Join(work, "theirs"), fmt.Sprintf(theirModule, group, theirAccount), environ, theirID)
		return err
	})
	switch {
	case errors.Is(err, bench.ErrNoPlugin):
		env.Steps.Note("    azurerm stands not beside ours: %s", err)
		theirs = nil
	case err != nil:
		return nil, err
	default:
		versions, _ := plugins.Find("hashicorp/azurerm")
		env.Steps.Note("    versions of azurerm in mirrors of this machine: %v", versions)
	}
	return compare(ctx, env, ours, theirs)
}

// newModule applies a root module without an entry.
func newModule(ctx context.Context, cloud *azure.Cloud, dir, config string, environ []string, accountID string) (*module, error) {
	root, err := bench.NewRootModule(ctx, dir, config, environ)
	if err != nil {
		return nil, err
	}
	m := &module{RootModule: root, cloud: cloud, accountID: accountID}
	return m, m.list(ctx, 0)
}

// list makes the firewall list n addresses, unmeasured.
func (m *module) list(ctx context.Context, n int) error {
	_, err := m.apply(ctx, n)
	return err
}

// apply makes the firewall list n addresses and nothing else.
func (m *module) apply(ctx context.Context, n int) (sample, error) {
	if err := writeRules(m.Dir, addresses(n)); err != nil {
		return sample{}, err
	}
	s, err := m.clock(ctx, "apply", "-auto-approve")
	if err != nil {
		return s, err
	}
	state, ok := m.cloud.State(m.accountID)
	if !ok {
		return s, fmt.Errorf("there is no account %s after the apply", m.accountID)
	}
	if want := slices.Sorted(slices.Values(addresses(n))); !slices.Equal(slices.Sorted(slices.Values(state.IPRules)), want) {
		return s, fmt.Errorf("%s lists %v after the apply, not %v", m.accountID, state.IPRules, want)
	}
	return s, nil
}

// plan fails when there is a change to plan.
func (m *module) plan(ctx context.Context) (sample, error) {
	return m.clock(ctx, "plan", "-detailed-exitcode")
}

func (m *module) clock(ctx context.Context, args ...string) (sample, error) {
	m.cloud.Faults.ClearLog()
	seconds, err := m.Clock(ctx, args...)
	return sample{calls: countCalls(m.cloud.Faults.Log(), m.accountID), seconds: seconds}, err
}

// series are the rounds of one step.
type series struct{ ours, theirs []sample }

// compare measures each step in rounds, ours and theirs by turns; theirs may be nil.
func compare(ctx context.Context, env bench.Environment, ours, theirs *module) ([]bench.Row, error) {
	adds, plans := make([]series, len(sizes)), series{}
	for round := range rounds {
		for i, size := range sizes {
			err := env.Steps.Do(fmt.Sprintf("round %d of %d, %d entries", round+1, rounds, size), func() error {
				for _, side := range []struct {
					*module
					add, plan *[]sample
				}{{ours, &adds[i].ours, &plans.ours}, {theirs, &adds[i].theirs, &plans.theirs}} {
					if side.module == nil {
						continue
					}
					if err := side.measure(ctx, size, side.add, side.plan); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	var rows []bench.Row
	for i, size := range sizes {
		rows = append(rows, adds[i].rows(env, fmt.Sprintf(addRow, size))...)
	}
	return append(rows, plans.rows(env, planRow)...), nil
}

// measure empties the firewall, adds entries, and plans when they are as many as there may be.
func (m *module) measure(ctx context.Context, size int, add, plan *[]sample) error {
	if err := m.list(ctx, 0); err != nil {
		return err
	}
	added, err := m.apply(ctx, size)
	if err != nil {
		return err
	}
	*add = append(*add, added)
	if size != slices.Max(sizes) {
		return nil
	}
	planned, err := m.plan(ctx)
	*plan = append(*plan, planned)
	return err
}

// rows are the medians of a step's calls and seconds; their spread is noted.
func (s series) rows(env bench.Environment, name string) []bench.Row {
	var rows []bench.Row
	for _, measure := range []struct {
		suffix, unit string
		of           func(sample) float64
	}{
		{callsSuffix, bench.Calls, func(s sample) float64 { return float64(s.calls.account.Total()) }},
		{"_wall", bench.Seconds, func(s sample) float64 { return s.seconds }},
	} {
		ours, theirs := bench.Each(s.ours, measure.of), bench.Each(s.theirs, measure.of)
		row := bench.Alone(name+measure.suffix, bench.Median(ours), measure.unit)
		if len(theirs) > 0 {
			median := bench.Median(theirs)
			row.Theirs = &median
		}
		rows = append(rows, row)
		env.Steps.Note("%s: ours %s, theirs %s", row.Name, spread(ours), spread(theirs))
	}
	env.Steps.Note("    ours: %s", s.ours[len(s.ours)-1].calls)
	if len(s.theirs) > 0 {
		env.Steps.Note("    theirs: %s", s.theirs[len(s.theirs)-1].calls)
	}
	return rows
}

// spread lists the least and the most of values.
func spread(values []float64) string {
	if len(values) == 0 {
		return "none"
	}
	return fmt.Sprintf("%.4g to %.4g in %d rounds", slices.Min(values), slices.Max(values), len(values))
}
