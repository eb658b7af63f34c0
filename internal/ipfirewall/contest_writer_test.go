package ipfirewall

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// attempts is how often a plain writer begins again, from a fresh read, before it gives up,
// as a person or a script does.
const attempts = 50

// plainWriter changes an account's firewall as scripts and other tools do: it reads the account, changes the
// list, and sends the list back, without asking whether anybody wrote in between.
type plainWriter struct {
	client *azureaccount.Client
	id     azureaccount.ID
	random *rand.Rand
}

func newPlainWriter(t *testing.T, c sandbox.Access, id azureaccount.ID, name string, random *rand.Rand) *plainWriter {
	t.Helper()
	return &plainWriter{client: clientAs(t, c, transportTo(t, c), name), id: id, random: random}
}

// write sends what change makes of the list that was read.
func (w *plainWriter) write(ctx context.Context, change func(rules []azureaccount.IPRule) []azureaccount.IPRule) error {
	var last error
	for range attempts {
		account, err := w.client.Get(ctx, w.id)
		if err != nil {
			last = err
			continue
		}
		acls := *account.ACLs
		acls.IPRules = change(slices.Clone(acls.IPRules))
		if _, last = w.client.PatchNetwork(ctx, w.id, "", azureaccount.NetworkChange{ACLs: acls}); last == nil {
			return nil
		}
	}
	return fmt.Errorf("gave up after %d attempts: %w", attempts, last)
}

// foreignEntries is how many entries the foreign writer keeps at most: with those of all
// contestants they have room in an account.
const foreignEntries = 15

// foreignWriter adds entries, none of them twice, and removes them again.
type foreignWriter struct {
	*plainWriter
	made int
}

func (w *foreignWriter) round(ctx context.Context) error {
	remove := w.random.IntN(2)
	pick := w.random.IntN(foreignEntries)
	w.made++
	fresh := azureaccount.IPRule{Value: fmt.Sprintf("9.%d.%d.1", w.made/256, w.made%256)}
	return w.write(ctx, func(rules []azureaccount.IPRule) []azureaccount.IPRule {
		var mine []azureaccount.IPRule
		for _, rule := range rules {
			if rule.Value == fresh.Value {
				return rules // an attempt whose answer was lost
			}
			if isForeign(rule.Value) {
				mine = append(mine, rule)
			}
		}
		if len(mine) == 0 || len(mine) < foreignEntries && remove == 0 {
			return append(rules, fresh)
		}
		gone := mine[pick%len(mine)].Value
		return slices.DeleteFunc(rules, func(rule azureaccount.IPRule) bool { return rule.Value == gone })
	})
}

// plainContestant keeps entries of its own with plain writes.
type plainContestant struct {
	*plainWriter
	number int
	// listed are the entries that it wrote last.
	listed []string
}

func (w *plainContestant) round(ctx context.Context) error {
	prefix := fmt.Sprintf("52.%d.0.", w.number)
	var want []azureaccount.IPRule
	w.listed = nil
	for i := range 9 {
		if w.random.IntN(2) == 0 {
			entry := fmt.Sprint(prefix, i)
			want, w.listed = append(want, azureaccount.IPRule{Value: entry}), append(w.listed, entry)
		}
	}
	own := fmt.Sprintf("owner-%d", w.number)
	return w.write(ctx, func(rules []azureaccount.IPRule) []azureaccount.IPRule {
		others := slices.DeleteFunc(rules, func(rule azureaccount.IPRule) bool { return contestantOf(rule.Value) == own })
		return append(others, want...)
	})
}
