package ipfirewall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
)

// foreignRules are entries that no owner of the property test ever lists, as Azure might hand
// them out: with fields that the provider does not know, in spellings that it would not use, around
// and beside the owners' own.
var foreignRules = []string{
	`{"value":"9.9.9.9"}`,
	`{"value":"9.9.8.0/24","note":"a <b> & \u00fc","n":12345678901234567890}`,
	`{"value":"52.0.0.0/16"}`,
	`{"value":"52.1.4.0/30","tags":{"b":1,"a":[null,1e400]}}`,
	`{"value":"9.1.1.1/32","action":"Allow"}`,
	`{"value":"52.0.0.8/31","note":"half of it is listed by an owner too"}`,
	`{"value":"novel:range*"}`,
	`{"value":"9.9.9.9 "}`,
	`{"other":"no value at all"}`,
}

// foreignSubnets are virtual network rules, which no owner can list.
const foreignSubnets = `[{"id":"/theirs","ignoreMissingVnetServiceEndpoint":true},{"id":"/x","state":"Failed","new":[1,2]}]`

// mergeWorld is an account as bytes, which is all that Azure keeps of it, and the owners' states.
type mergeWorld struct {
	t      *testing.T
	random *rand.Rand
	acls   []byte
	access string
	states []*model
	// foreign are the foreign entries, in order and in canonicalJSON.
	foreign []string
	empty   model
	steps   []string
}

func newMergeWorld(t *testing.T, random *rand.Rand, empty model) *mergeWorld {
	w := &mergeWorld{t: t, random: random, access: azureaccount.AccessEnabled, states: make([]*model, 3), empty: empty}
	var rules []string
	for _, i := range random.Perm(len(foreignRules))[:random.IntN(len(foreignRules)+1)] {
		rules = append(rules, foreignRules[i])
		w.foreign = append(w.foreign, canonicalJSON(t, []byte(foreignRules[i])))
	}
	w.acls = fmt.Appendf(nil, `{"defaultAction":"Deny","bypass":"None","ipRules":[%s],"virtualNetworkRules":%s}`, strings.Join(rules, ","), foreignSubnets)
	return w
}

// account is what a read of the account gives.
func (w *mergeWorld) account() *azureaccount.Account {
	w.t.Helper()
	acls := &azureaccount.NetworkACLs{}
	if err := json.Unmarshal(w.acls, acls); err != nil {
		w.t.Fatal(err)
	}
	return &azureaccount.Account{ID: "/account", Kind: "OpenAI", CustomSubDomain: "sub", ProvisioningState: "Succeeded", PublicNetworkAccess: w.access, ACLs: acls}
}

// write merges what is desired into the account as it is.
func (w *mergeWorld) write(d desired) {
	w.t.Helper()
	change := d.mergeInto(w.account())
	raw, err := json.Marshal(change.ACLs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.acls = raw
	if change.PublicNetworkAccess != "" {
		w.access = change.PublicNetworkAccess
	}
}

// ruleOf makes an own rule of an owner in a random spelling: a host, a pair, or a range that
// covers hosts of the same owner, of others, or of nobody.
func (w *mergeWorld) ruleOf(owner int) string {
	host := fmt.Sprintf("52.%d.%d.%d", owner%2, 2*owner, w.random.IntN(6))
	switch w.random.IntN(8) {
	case 0, 1, 2:
		return host
	case 3, 4:
		return host + "/32"
	case 5:
		return fmt.Sprintf("52.%d.%d.%d/31", owner%2, 2*owner, 2*w.random.IntN(3))
	case 6:
		if w.random.IntN(4) == 0 {
			return "52.0.0.9"
		}
		return fmt.Sprintf("52.%d.%d.0/%d", owner%2, 2*owner, 24+w.random.IntN(5))
	default:
		return fmt.Sprintf("52.%d.100.%d", 1, w.random.IntN(3)) // several owners have these
	}
}

// configuration makes a configuration of an owner: rules, some of them shared, and settings.
func (w *mergeWorld) configuration(owner int) model {
	var rules, shared []string
	have := map[string]bool{}
	for range w.random.IntN(7) {
		rule := w.ruleOf(owner)
		if entries := iprange.Entries(rule); have[entries[0]] || have[entries[len(entries)-1]] {
			continue
		}
		for _, entry := range iprange.Entries(rule) {
			have[entry] = true
		}
		rules = append(rules, rule)
		if w.random.IntN(4) == 0 {
			shared = append(shared, rule)
		}
	}
	m := w.empty
	m.IPRules = ruleSet(rules)
	if len(shared) > 0 {
		m.SharedIPRules = ruleSet(shared)
	}
	setting := func(values ...string) types.String {
		if i := w.random.IntN(3 * len(values)); i < len(values) {
			return types.StringValue(values[i])
		}
		return types.StringNull()
	}
	m.DefaultAction = setting(azureaccount.ActionAllow, azureaccount.ActionDeny)
	m.Bypass = setting(azureaccount.BypassAzureServices, azureaccount.BypassNone)
	m.PublicNetworkAccess = setting(azureaccount.AccessEnabled, azureaccount.AccessDisabled)
	return m
}

// respelled writes the same entries in another way.
func (w *mergeWorld) respelled(m model) model {
	respell := func(rules []string) []string {
		var out []string
		for _, rule := range rules {
			switch host, isHost := strings.CutSuffix(rule, "/32"); {
			case isHost:
				out = append(out, host)
			case strings.HasSuffix(rule, "/31"):
				out = append(out, iprange.Entries(rule)...)
			case iprange.IsHost(rule):
				out = append(out, rule+"/32")
			default:
				out = append(out, rule)
			}
		}
		return out
	}
	m.IPRules, m.SharedIPRules = ruleSet(respell(rulesOf(m.IPRules))), ruleSet(respell(rulesOf(m.SharedIPRules)))
	return m
}

// step lets one owner do something, and returns what it desired of the account.
func (w *mergeWorld) step() {
	w.t.Helper()
	owner := w.random.IntN(len(w.states))
	state := w.states[owner]
	before, wasListed := w.raw(), listedIn(w.account())
	var d desired
	var next *model
	action := "applies"
	switch what := w.random.IntN(10); {
	case state != nil && what == 0:
		action = "destroys"
		d = desired{drop: state.removable()}
	case state != nil && what == 1:
		action = "refreshes"
		state.refresh(w.account())
		next = state
		d = desired{list: entriesOf(state.IPRules)}
	case state != nil && what <= 3:
		action = "respells"
		state.refresh(w.account())
		same := w.respelled(*state)
		next, d = &same, same.desired(state)
		if !d.heldBy(w.account()) && (len(d.drop) > 0 || len(without(d.list, keysOf(wasListed))) > 0) {
			w.fatalf("owner %d: another spelling of what is listed is a change: %+v", owner, d)
		}
	default:
		planned := w.configuration(owner)
		next, d = &planned, planned.desired(state)
	}
	w.steps = append(w.steps, fmt.Sprintf("owner %d %s: list %q, drop %q, settings %q %q %q", owner, action, d.list, d.drop, d.defaultAction, d.bypass, d.publicNetworkAccess))
	if state != nil {
		for _, entry := range entriesOf(state.SharedIPRules) {
			if slices.Contains(d.drop, entry) {
				w.fatalf("owner %d removes %s, which it called shared", owner, entry)
			}
		}
	}
	settings, access := w.settings(), w.access
	w.write(d)
	w.states[owner] = next
	w.checkOwn(owner, d, next, wasListed)
	w.checkUntouched(d, before, settings, access)

	once := slices.Clone(w.acls)
	w.write(d)
	if !bytes.Equal(once, w.acls) {
		w.fatalf("a second merge of the same made %s of %s", w.acls, once)
	}
}

// checkOwn asserts that the owner has what it asked for, and that nobody else's changed with it.
func (w *mergeWorld) checkOwn(owner int, d desired, state *model, wasListed map[string]bool) {
	w.t.Helper()
	account := w.account()
	if !d.heldBy(account) {
		w.fatalf("%+v is not held by %q", d, account.ACLs.Values())
	}
	listed := listedIn(account)
	for entry := range wasListed {
		if !listed[entry] && !slices.Contains(d.drop, entry) {
			w.fatalf("%s is gone, and nobody asked for that", entry)
		}
	}
	for entry := range listed {
		if !wasListed[entry] && !slices.Contains(d.list, entry) {
			w.fatalf("%s has come, and nobody asked for that", entry)
		}
	}
	if state == nil {
		return
	}
	for _, entry := range entriesOf(state.IPRules) {
		if !listed[entry] {
			w.fatalf("owner %d lacks %s", owner, entry)
		}
	}
}

// checkUntouched asserts that all that was not to be changed is as it was, in its order and to
// the last field.
func (w *mergeWorld) checkUntouched(d desired, before []string, settings [2]string, access string) {
	w.t.Helper()
	after := w.raw()
	stay := slices.DeleteFunc(before, func(raw string) bool { return containsAll(d.drop, iprange.Entries(valueOf(raw))) })
	if len(after) < len(stay) || !slices.Equal(stay, after[:len(stay)]) {
		w.fatalf("entries changed or moved:\n%q\nand now\n%q", stay, after)
	}
	foreign := slices.DeleteFunc(slices.Clone(after), func(raw string) bool { return !slices.Contains(w.foreign, raw) })
	if !slices.Equal(foreign, w.foreign) {
		w.fatalf("the foreign entries were\n%q\nand are\n%q", w.foreign, foreign)
	}
	if got := canonicalJSON(w.t, w.part("virtualNetworkRules")); got != canonicalJSON(w.t, []byte(foreignSubnets)) {
		w.fatalf("the virtual network rules became %s", got)
	}
	want := [2]string{cmp.Or(d.defaultAction, settings[0]), cmp.Or(d.bypass, settings[1])}
	if got := w.settings(); got != want {
		w.fatalf("default action and bypass were %q, and are %q instead of %q", settings, got, want)
	}
	if want := cmp.Or(d.publicNetworkAccess, access); w.access != want {
		w.fatalf("public access was %q, and is %q instead of %q", access, w.access, want)
	}
}

// fatalf ends the test and tells the steps that led there.
func (w *mergeWorld) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(w.steps, "\n"))
}

func (w *mergeWorld) part(name string) json.RawMessage {
	w.t.Helper()
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(w.acls, &parts); err != nil {
		w.t.Fatal(err)
	}
	return parts[name]
}

func (w *mergeWorld) settings() [2]string {
	acls := w.account().ACLs
	return [2]string{acls.DefaultAction, acls.Bypass}
}

// raw lists the account's entries as JSON, each in one canonical form.
func (w *mergeWorld) raw() []string {
	w.t.Helper()
	var rules []json.RawMessage
	if err := json.Unmarshal(w.part("ipRules"), &rules); err != nil {
		w.t.Fatal(err)
	}
	out := make([]string, len(rules))
	for i, rule := range rules {
		out[i] = canonicalJSON(w.t, rule)
	}
	return out
}

// canonicalJSON removes what JSON does not tell apart: white space, escapes, the order of
// fields. Numbers stay as they are written.
func canonicalJSON(t *testing.T, raw []byte) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func valueOf(raw string) string {
	var rule struct{ Value string }
	_ = json.Unmarshal([]byte(raw), &rule)
	return rule.Value
}

func keysOf(set map[string]bool) []string {
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	return keys
}

// Whatever several owners do, in any order: what they do not list stays as it was, to the
// byte and in its order; each has what it last asked for; and doing it again changes nothing.
func TestForeignEntriesAreInvariant(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	empty := emptyModel(t)
	for range 60 {
		w := newMergeWorld(t, random, empty)
		for range 40 {
			w.step()
		}
		w.checkEnd()
	}
}

// checkEnd destroys all: what is left is foreign, or was called shared, or listed by two of whom
// the other was to take it away.
func (w *mergeWorld) checkEnd() {
	w.t.Helper()
	shared := map[string]bool{}
	for _, state := range w.states {
		if state == nil {
			continue
		}
		for _, entry := range entriesOf(state.SharedIPRules) {
			shared[entry] = true
		}
	}
	foreign := map[string]bool{}
	for _, raw := range w.foreign {
		for _, entry := range iprange.Entries(valueOf(raw)) {
			foreign[entry] = true
		}
	}
	owned := map[string]bool{}
	for owner, state := range w.states {
		if state == nil {
			continue
		}
		for _, entry := range state.removable() {
			owned[entry] = true
		}
		before := w.raw()
		settings := w.settings()
		d := desired{drop: state.removable()}
		w.steps = append(w.steps, fmt.Sprintf("owner %d destroys at the end: drop %q", owner, d.drop))
		w.write(d)
		w.checkUntouched(d, before, settings, w.access)
		w.states[owner] = nil
	}
	for entry := range listedIn(w.account()) {
		if owned[entry] && !shared[entry] && !foreign[entry] {
			w.fatalf("%s is left", entry)
		}
	}
	if !reflect.DeepEqual(canonicalJSON(w.t, w.part("virtualNetworkRules")), canonicalJSON(w.t, []byte(foreignSubnets))) {
		w.fatalf("the virtual network rules became %s", w.part("virtualNetworkRules"))
	}
}

// The generator has to keep its hands off the foreign entries, or the test would prove nothing.
func TestForeignEntriesOfThePropertyTestAreForeign(t *testing.T) {
	w := newMergeWorld(t, rand.New(rand.NewPCG(1, 2)), emptyModel(t))
	foreign := map[string]bool{}
	for _, raw := range foreignRules {
		entries := iprange.Entries(valueOf(raw))
		if len(entries) == 1 {
			foreign[entries[0]] = true
		}
	}
	covering := 0
	for range 2000 {
		for owner := range w.states {
			for _, entry := range iprange.Entries(w.ruleOf(owner)) {
				if foreign[entry] {
					t.Fatalf("owner %d lists the foreign %s", owner, entry)
				}
				if prefix, err := netip.ParsePrefix(entry); err == nil && prefix.Bits() < 31 {
					covering++
				}
			}
		}
	}
	if covering == 0 {
		t.Error("no range was made")
	}
}
