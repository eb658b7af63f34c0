package firewallbench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	// contestants are the writers of a side; with the foreign one there are eight.
	contestants   = 7
	contestRounds = 10
	// roundLimit bounds one round of a contest.
	roundLimit = 2 * time.Minute

	// Names of rows.
	lostRow, missingRow = "fw_lost_foreign", "fw_missing_own"
	honouredSuffix      = "_if_match"
)

// contest is several writers of one side on one account, and a foreign one.
type contest struct {
	cloud     *azure.Cloud
	accountID string
	// side[i] makes entry the only one of its own that the firewall lists.
	side []func(ctx context.Context, entry string) error
	// foreign are the entries that the foreign writer put there, and that have not been missed yet.
	foreign []string
}

// tally is what a contest has cost.
type tally struct {
	// lost are the foreign entries that somebody else's write took out.
	lost int
	// missing are, over all rounds, the writers of the side whose own entry was not listed although they had ended well.
	missing int
}

// contests has ours and plain writers contend, with an Azure that ignores If-Match, and with one that refuses a stale one.
func contests(ctx context.Context, env bench.Environment) (rows []bench.Row, err error) {
	work, err := os.MkdirTemp("", "crosscloudlink-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	// With writes that take no time, Azure itself never keeps one writer waiting for another.
	cloud, err := azure.New(ctx, azure.Options{Dir: work, OperationTime: -1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	plain, err := newPlainWriter(ctx, cloud)
	if err != nil {
		return nil, err
	}
	defer plain.close()
	cliConfig, err := plugins.Write(ctx, plugins.Options{BuildDir: work, ProviderBinary: filepath.Join(env.BuildDir, bench.ProviderBinary)})
	if err != nil {
		return nil, fmt.Errorf("finding the provider (`make build` builds it): %w", err)
	}
	environ := tfrun.Environ(environ(cloud), cliConfig)
	for _, kind := range []struct {
		name, suffix string
		ignore       bool
	}{{"If-Match ignored", "", true}, {"If-Match honoured", honouredSuffix, false}} {
		var ours, theirs tally
		err := env.Steps.Do(fmt.Sprintf("%d rounds of %d writers, %s", contestRounds, contestants+1, kind.name), func() error {
			cloud.IgnoreIfMatch(kind.ignore)
			a, err := newContest(cloud, "ours"+kind.suffix)
			if err != nil {
				return err
			}
			if err := a.bringOurs(ctx, filepath.Join(work, "contest"+kind.suffix), environ); err != nil {
				return err
			}
			b, err := newContest(cloud, "theirs"+kind.suffix)
			if err != nil {
				return err
			}
			b.bringPlain(plain)
			for round := range contestRounds {
				if err := errors.Join(a.round(ctx, round, &ours), b.round(ctx, round, &theirs)); err != nil {
					return fmt.Errorf("round %d: %w", round+1, err)
				}
			}
			return nil
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows,
			bench.Beside(lostRow+kind.suffix, ours.lost, theirs.lost, bench.Entries),
			bench.Beside(missingRow+kind.suffix, ours.missing, theirs.missing, bench.Entries),
		)
	}
	return rows, nil
}

// environ is the process's own environment with no way to any cloud but this Azure.
func environ(cloud *azure.Cloud) []string {
	return append(slices.DeleteFunc(os.Environ(), sandbox.ToUnset),
		"ARM_METADATA_HOSTNAME="+strings.TrimPrefix(cloud.URL(), "https://"), "SSL_CERT_FILE="+cloud.CAFile(),
		"ARM_TENANT_ID="+cloud.TenantID(), "ARM_SUBSCRIPTION_ID="+cloud.SubscriptionID(), "ARM_CLIENT_ID="+cloud.ClientID(), "ARM_CLIENT_SECRET="+cloud.ClientSecret(),
	)
}

// newContest makes an account in which somebody has listed an entry.
func newContest(cloud *azure.Cloud, name string) (*contest, error) {
	name = "contest-" + strings.ReplaceAll(name, "_", "-")
	there := "20.50.60.250"
	id, err := cloud.SeedAccount(azure.Account{ResourceGroup: group, Name: name, Subdomain: name, DefaultAction: "Deny", IPRules: []string{there}})
	return &contest{cloud: cloud, accountID: id, foreign: []string{there}}, err
}

// bringOurs makes the side one of root modules in folders of dir, each run by a Terraform of its own.
func (c *contest) bringOurs(ctx context.Context, dir string, environ []string) error {
	for i := range contestants {
		owner := fmt.Sprintf("writer-%d", i)
		module, err := bench.NewRootModule(ctx, filepath.Join(dir, owner), fmt.Sprintf(ourModule, c.accountID, owner), environ)
		if err != nil {
			return err
		}
		c.side = append(c.side, func(ctx context.Context, entry string) error {
			if err := writeRules(module.Dir, []string{entry}); err != nil {
				return err
			}
			_, err := module.Clock(ctx, "apply", "-auto-approve")
			return err
		})
	}
	return nil
}

// bringPlain makes the side one of plain writers.
func (c *contest) bringPlain(plain *plainWriter) {
	for range contestants {
		var before []string
		c.side = append(c.side, func(ctx context.Context, entry string) error {
			err := plain.replace(ctx, c.accountID, before, entry)
			before = []string{entry}
			return err
		})
	}
}

// round has everybody write once, the foreign writer at the worst moment for it, and counts what is not there in the end.
func (c *contest) round(ctx context.Context, round int, to *tally) error {
	ctx, cancel := context.WithTimeoutCause(ctx, roundLimit, fmt.Errorf("the round took more than %s", roundLimit))
	defer cancel()
	theirs := fmt.Sprintf("20.50.60.%d", round+1)
	struck := c.strike(ctx, theirs)
	own, failed := make([]string, contestants), make([]error, contestants)
	var all sync.WaitGroup
	for i, write := range c.side {
		own[i] = fmt.Sprintf("52.1.%d.%d", i+1, round+1)
		all.Go(func() { failed[i] = write(ctx, own[i]) })
	}
	all.Wait()
	if err := errors.Join(errors.Join(failed...), struck()); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	state, ok := c.cloud.State(c.accountID)
	if !ok {
		return fmt.Errorf("there is no account %s", c.accountID)
	}
	c.foreign = append(c.foreign, theirs)
	c.count(state.IPRules, own, to)
	return nil
}

// count adds what a round has cost to a tally. What is lost once is lost.
func (c *contest) count(listed, own []string, to *tally) {
	for _, entry := range own {
		if !slices.Contains(listed, entry) {
			to.missing++
		}
	}
	c.foreign = slices.DeleteFunc(c.foreign, func(entry string) bool {
		gone := !slices.Contains(listed, entry)
		if gone {
			to.lost++
		}
		return gone
	})
}

// strike holds the first write of each writer of the side until all of them have been sent, and so have been made of
// what was read before. Then the foreign entry is written, and the others after it. All other calls take their time.
// struck tells why it did not come to that; nil when it did.
func (c *contest) strike(ctx context.Context, entry string) (struck func() error) {
	gate := fault.NewGate()
	var arrived atomic.Int64
	failed := make(chan error, 1)
	c.cloud.Faults.Clear()
	c.cloud.Faults.Add(
		fault.Rule{Method: http.MethodPatch, Times: contestants, Before: func() {
			if arrived.Add(1) == contestants {
				failed <- c.cloud.AddRule(c.accountID, entry)
				gate.Open()
			}
			gate.Hold()
		}},
		fault.Rule{Times: -1, Delay: latency},
	)
	context.AfterFunc(ctx, gate.Open)
	return func() error {
		select {
		case err := <-failed:
			return err
		default:
			return fmt.Errorf("%d of %d writers wrote at first", arrived.Load(), contestants)
		}
	}
}
