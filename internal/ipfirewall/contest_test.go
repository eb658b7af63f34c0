package ipfirewall

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

var (
	contestRounds = flag.Int("contest.rounds", 25, "how often each of the contest's eight writers changes its entries, in each mode")
	contestTime   = flag.Duration("contest.time", 15*time.Second, "after what time a contest's writers end their rounds early")
	contestSeed   = flag.Uint64("contest.seed", 0, "seed of what the writers want and how Azure misbehaves, not of who comes first; 0 takes the time")
)

// contestOutcome is how one contest ended.
type contestOutcome struct {
	verdict
	// rounds counts the changes that the contestants made to their configurations, failed the
	// applies that failed.
	rounds, failed int
	// missing counts own entries that were missing when all writers had ended their last round,
	// repairs the applies that had something to do afterwards, until all plans were empty: those
	// behind lastBlow are among them.
	missing, repairs int
	// left counts own entries that nobody lists any more and that came back: who brings them back has
	// read them before they were removed.
	left int
	took time.Duration
}

func (o contestOutcome) String() string {
	return fmt.Sprintf("%d rounds, %d writes in %s, %d applies failed. "+
		"Foreign entries: %d put there, %d lost, %d brought back, %d times moved. "+
		"Own entries: %d taken away and %d brought back by other contestants, %d taken away by the foreign writer, %d missing after the last round, %d repairs, %d left over",
		o.rounds, o.Writes, o.took.Round(time.Millisecond), o.failed,
		o.ForeignPut, o.ForeignLost, o.ForeignBack, o.ForeignMoved,
		o.OthersLost, o.OthersBack, o.OwnLost, o.missing, o.repairs, o.left)
}

// contestEnv tells a process that it is one of a contest's.
const contestEnv = "IPFIREWALL_CONTEST_PROCESS"

// contestProcesses are the contestants by process; those of one process share its locks.
var contestProcesses = [][]int{{11, 12, 13}, {21, 22}, {31, 32}}

// TestContest has eight writers on one account: seven instances of the resource in three processes, and a
// foreign writer that reads, changes and writes back without ETags. Azure misbehaves all the time.
//
// With If-Match honoured no write of ours takes away, brings back or moves an entry that is not ours.
// With If-Match ignored nobody can promise that: what is lost is counted beside what as many plain writers
// lose. In both, own entries that somebody else's write took away come back with the next apply.
func TestContest(t *testing.T) {
	if told := os.Getenv(contestEnv); told != "" {
		runContestants(t, told)
		return
	}
	seed := *contestSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-contest.seed=%d", seed)
	t.Run("If-Match honoured", func(t *testing.T) {
		ours := newContest(t, seed, false).run("ours", *contestRounds)
		t.Logf("ours: %s", ours)
		if ours.ForeignLost != 0 || ours.ForeignBack != 0 || ours.ForeignMoved != 0 || ours.OthersLost != 0 || ours.OthersBack != 0 {
			t.Error("our writes changed what is not theirs")
		}
	})
	t.Run("If-Match ignored", func(t *testing.T) {
		c := newContest(t, seed, true)
		ours := c.run("ours", *contestRounds)
		t.Logf("ours: %s", ours)
		plain := c.runPlain("plain", ours.rounds/len(contestants()))
		t.Logf("plain read, modify, write: %s", plain)
		// What is lost depends on who comes first, so that little can be asserted of it.
		if plain.ForeignLost >= 20 && ours.ForeignLost > plain.ForeignLost {
			t.Errorf("our writes lost %d foreign entries, and those of as many plain writers %d", ours.ForeignLost, plain.ForeignLost)
		}
	})
}

// contestants are those of all processes.
func contestants() []int { return slices.Concat(contestProcesses...) }

// contest is a sandbox for contests, each on an account of its own.
type contest struct {
	*sandbox.Cloud
	t    *testing.T
	seed uint64
}

func newContest(t *testing.T, seed uint64, ignoreIfMatch bool) *contest {
	t.Helper()
	c, err := sandbox.New(t.Context(), sandbox.Options{Dir: t.TempDir(), OperationTime: 2 * time.Millisecond, Propagation: -1, IgnoreIfMatch: ignoreIfMatch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &contest{Cloud: c, t: t, seed: seed}
}

// begin makes the contest's account and has Azure misbehave towards it.
func (c *contest) begin(name string, rounds int) string {
	c.t.Helper()
	id, err := c.SeedAccount(sandbox.Account{ResourceGroup: "theirs", Name: name, Subdomain: name, IPRules: []string{"9.9.9.9", "8.8.8.0/24"}, DefaultAction: "Deny", Bypass: "AzureServices"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.Faults.Clear()
	c.Faults.Add(c.faults(id, rounds)...)
	return id
}

// faults are the ways in which Azure misbehaves, spread over the requests to come: about every
// fifth PATCH and every twentieth GET.
func (c *contest) faults(id string, rounds int) []fault.Rule {
	random := rand.New(rand.NewPCG(c.seed, 7))
	here := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(id) + `$`)
	busy := func() { _ = c.BeginOperation(id, 15*time.Millisecond) }
	soon := http.Header{"Retry-After-Ms": {"4"}}
	patches := []fault.Rule{
		{Status: http.StatusConflict, Code: "RequestConflict", Message: "Another operation is being performed on the parent resource"},
		{Status: http.StatusConflict, Code: "TransientError", Message: "Etag conflict"},
		{Status: http.StatusPreconditionFailed, Code: "IfMatchPreconditionFailed", Message: "The specified precondition failed."},
		{Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Slow down.", Header: soon},
		{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "It broke."},
		{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "Not now.", Header: soon},
		{LoseRequest: true}, {LoseAnswer: true}, {Repeat: true}, {Delay: 3 * time.Millisecond},
	}
	gets := []fault.Rule{
		{Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Slow down.", Header: soon},
		{Status: http.StatusBadGateway, Code: "BadGateway", Message: "Nobody is there."},
		{LoseAnswer: true}, {Stale: true}, {Delay: 3 * time.Millisecond}, {Then: busy},
	}
	requests := 8 * rounds
	var rules []fault.Rule
	for range requests / 4 {
		rule := patches[random.IntN(len(patches))]
		rule.Method, rule.Skip = http.MethodPatch, random.IntN(requests)
		rules = append(rules, rule)
		rule = gets[random.IntN(len(gets))]
		rule.Method, rule.Path, rule.Skip = http.MethodGet, here, random.IntN(5*requests)
		rules = append(rules, rule)
	}
	return rules
}

// run is the contest of our instances.
func (c *contest) run(name string, rounds int) contestOutcome {
	c.t.Helper()
	started := time.Now()
	id := c.begin(name, rounds)
	ticks, foreignDone := c.foreign(id, rounds)
	ctx, cancel := context.WithTimeout(c.t.Context(), *contestTime+mostAfter)
	defer cancel()
	var processes []*process
	for _, numbers := range contestProcesses {
		processes = append(processes, c.start(ctx, id, numbers, rounds))
	}
	outcome := contestOutcome{}
	listed := map[string][]string{}
	var mu sync.Mutex
	each := func(event string) (changed int) {
		var wg sync.WaitGroup
		for _, p := range processes {
			wg.Go(func() {
				for at := len(p.numbers); at > 0; {
					r, ok := p.next(c.t, event)
					if !ok {
						return
					}
					if r.Last || event == eventPass {
						at--
					}
					mu.Lock()
					listed[r.Owner] = r.Listed
					if r.Changed {
						changed++
					}
					if r.Failed != "" {
						outcome.failed++
						c.t.Logf("%s failed to %s", r.Owner, r.Failed)
					}
					if event == eventRound {
						outcome.rounds++
					}
					mu.Unlock()
					if event == eventRound {
						ticks <- struct{}{}
					}
				}
			})
		}
		wg.Wait()
		return changed
	}
	each(eventRound)
	close(ticks)
	<-foreignDone
	outcome.missing = len(c.missing(id, listed))
	c.lastBlow(id)
	c.settle(&outcome, func() int {
		for _, p := range processes {
			p.order(c.t, orderPass)
		}
		return each(eventPass)
	})
	for _, p := range processes {
		p.end(c.t)
	}
	if missing := c.missing(id, listed); len(missing) > 0 {
		c.t.Errorf("all plans are empty, and these own entries are missing: %q", missing)
	}
	if outcome.repairs < len(contestProcesses) {
		c.t.Errorf("%d applies changed something after own entries of %d contestants were taken away", outcome.repairs, len(contestProcesses))
	}
	v, lastAdded := judge(c.History(id))
	outcome.verdict, outcome.took = v, time.Since(started)
	left := c.left(id, listed)
	outcome.left = len(left)
	for _, entry := range left {
		if owner := contestantOf(entry); owner == lastAdded[entry] {
			c.t.Errorf("%s left %s behind", owner, entry)
		}
	}
	return outcome
}

// lastBlow takes the own entries of one contestant of each process away, as a foreign writer does that
// has read the account before they were there.
func (c *contest) lastBlow(id string) {
	c.t.Helper()
	parsed, err := azureaccount.ParseID(id)
	if err != nil {
		c.t.Fatal(err)
	}
	w := newPlainWriter(c.t, c.Access(), parsed, foreigner, nil)
	err = w.write(c.t.Context(), func(rules []azureaccount.IPRule) []azureaccount.IPRule {
		return slices.DeleteFunc(rules, func(rule azureaccount.IPRule) bool {
			return slices.ContainsFunc(contestProcesses, func(numbers []int) bool {
				return contestantOf(rule.Value) == fmt.Sprintf("owner-%d", numbers[0])
			})
		})
	})
	if err != nil {
		c.t.Errorf("the foreign writer: %v", err)
	}
}

// mostPasses bounds how often all instances are applied until no plan has anything to do. Two are
// enough but for what Azure's misbehaviour and the instances themselves undo in between.
const mostPasses = 20

// settle has every instance applied again, all at the same time, until all plans are empty.
func (c *contest) settle(outcome *contestOutcome, pass func() (changed int)) {
	c.t.Helper()
	for range mostPasses {
		changed := pass()
		if changed == 0 {
			return
		}
		outcome.repairs += changed
	}
	c.t.Errorf("after %d passes there is still something to do", mostPasses)
}

// missing lists the own entries that the account lacks.
func (c *contest) missing(id string, listed map[string][]string) []string {
	c.t.Helper()
	state, ok := c.State(id)
	if !ok {
		c.t.Fatal("the account is gone")
	}
	var missing []string
	for _, entries := range listed {
		missing = append(missing, without(entries, state.IPRules)...)
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// left lists the own entries in the account that nobody lists any more, those that all share
// left out.
func (c *contest) left(id string, listed map[string][]string) []string {
	c.t.Helper()
	state, _ := c.State(id)
	var wanted []string
	for _, entries := range listed {
		wanted = append(wanted, entries...)
	}
	return slices.DeleteFunc(without(state.IPRules, wanted), func(entry string) bool { return contestantOf(entry) == "" })
}

// foreign starts the foreign writer: a round each time that every contestant has had one.
func (c *contest) foreign(id string, rounds int) (ticks chan<- struct{}, done <-chan struct{}) {
	c.t.Helper()
	parsed, err := azureaccount.ParseID(id)
	if err != nil {
		c.t.Fatal(err)
	}
	w := &foreignWriter{plainWriter: newPlainWriter(c.t, c.Access(), parsed, foreigner, rand.New(rand.NewPCG(c.seed, 1)))}
	all := len(contestants())
	had, ended := make(chan struct{}, all*rounds), make(chan struct{})
	go func() {
		defer close(ended)
		ticked := 0
		for range had {
			if ticked++; ticked%all != 0 {
				continue
			}
			if err := w.round(context.WithoutCancel(c.t.Context())); err != nil {
				c.t.Errorf("the foreign writer: %v", err)
			}
		}
	}()
	return had, ended
}

// runPlain is the contest of as many plain writers.
func (c *contest) runPlain(name string, rounds int) contestOutcome {
	c.t.Helper()
	started := time.Now()
	id := c.begin(name, rounds)
	parsed, err := azureaccount.ParseID(id)
	if err != nil {
		c.t.Fatal(err)
	}
	ticks, foreignDone := c.foreign(id, rounds)
	var writers []*plainContestant
	var wg sync.WaitGroup
	for _, number := range contestants() {
		w := &plainContestant{newPlainWriter(c.t, c.Access(), parsed, fmt.Sprintf("owner-%d", number), rand.New(rand.NewPCG(c.seed, uint64(number)))), number, nil}
		writers = append(writers, w)
		wg.Go(func() {
			for range rounds {
				if err := w.round(c.t.Context()); err != nil {
					c.t.Errorf("plain writer %d: %v", w.number, err)
				}
				ticks <- struct{}{}
			}
		})
	}
	wg.Wait()
	close(ticks)
	<-foreignDone
	listed := map[string][]string{}
	for _, w := range writers {
		listed[fmt.Sprint(w.number)] = w.listed
	}
	v, _ := judge(c.History(id))
	return contestOutcome{
		verdict: v, rounds: rounds * len(writers), missing: len(c.missing(id, listed)), left: len(c.left(id, listed)), took: time.Since(started),
	}
}

// process is a process of the contest, seen from outside.
type process struct {
	numbers []int
	cmd     *exec.Cmd
	input   io.WriteCloser
	reports chan contestReport
	mu      sync.Mutex
	output  bytes.Buffer
}

// mostAfter bounds what comes after the last rounds; processes that take longer are killed.
const mostAfter = time.Minute

// start starts a process with some of the contestants: the test program, once more.
func (c *contest) start(ctx context.Context, id string, numbers []int, rounds int) *process {
	c.t.Helper()
	told, err := json.Marshal(contestProcess{Cloud: c.Access(), AccountID: id, Seed: c.seed, Rounds: rounds, Until: time.Now().Add(*contestTime), Numbers: numbers})
	if err != nil {
		c.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	p := &process{numbers: numbers, reports: make(chan contestReport)}
	p.cmd = exec.CommandContext(ctx, program, "-test.run=^TestContest$", fmt.Sprintf("-test.parallel=%d", len(numbers)))
	p.cmd.Env = append(os.Environ(), contestEnv+"="+string(told))
	p.cmd.Stderr = writerFunc(p.keep)
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(p.reports)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if r, ok := parseReport(lines.Text()); ok {
				p.reports <- r
				continue
			}
			_, _ = p.keep(append(lines.Bytes(), '\n'))
		}
	}()
	return p
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

// keep keeps what a process says beside its reports.
func (p *process) keep(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// next is the next report, which is to be of one kind. A process that ended reports no more.
func (p *process) next(t *testing.T, event string) (contestReport, bool) {
	r, ok := <-p.reports
	if ok && r.Event != event {
		t.Errorf("process %v reports a %s where a %s is due", p.numbers, r.Event, event)
	}
	return r, ok
}

func (p *process) order(t *testing.T, order string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.input, order); err != nil {
		t.Errorf("process %v takes no orders: %v\n%s", p.numbers, err, p.said())
	}
}

// end lets the process end, and fails the test if it did in its own.
func (p *process) end(t *testing.T) {
	t.Helper()
	_ = p.input.Close()
	for range p.reports { //nolint:revive // the output is read to its end
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("process %v: %v\n%s", p.numbers, err, strings.TrimSpace(p.said()))
	}
}
