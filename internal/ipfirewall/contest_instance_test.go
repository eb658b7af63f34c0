package ipfirewall

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// sharedNumber is the second number of the entries that all contestants list as shared.
const sharedNumber = "1"

// clientAs returns a client of the provider that writes under a name.
func clientAs(t *testing.T, c sandbox.Access, transport policy.Transporter, name string) *azureaccount.Client {
	t.Helper()
	pipeline, err := c.Pipeline(policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: 20 * time.Millisecond},
		Telemetry: policy.TelemetryOptions{ApplicationID: name},
	})
	if err != nil {
		t.Fatal(err)
	}
	return azureaccount.New(pipeline, c.URL)
}

// transportTo is a process' own connections to the sandbox.
func transportTo(t *testing.T, c sandbox.Access) *http.Client {
	t.Helper()
	raw, err := os.ReadFile(c.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// contestProcess is what a process of a contest is told: the contestants that live in it.
type contestProcess struct {
	Cloud     sandbox.Access
	AccountID string
	Seed      uint64
	Rounds    int
	// Until is when the last round is at the latest.
	Until time.Time
	// Numbers are the second numbers of the contestants' own entries.
	Numbers []int
}

// contestReport is what a process tells of one of its contestants.
type contestReport struct {
	Owner string
	// Event is eventRound after each round and eventPass after each pass.
	Event string
	// Last tells that no more rounds come.
	Last bool
	// Changed tells whether the plan was not empty.
	Changed bool
	// Failed has what the apply said if it failed.
	Failed string
	// Listed are the canonical entries that the configuration lists.
	Listed []string
}

// Events of a contestReport, and the one order that a process takes, on its standard input,
// after the last round: everybody refresh, plan, and apply what is planned.
const (
	eventRound = "round"
	eventPass  = "pass"
	orderPass  = "pass"
)

// reportMark begins the lines of a process' output that are reports.
const reportMark = "contest report "

// contestant plays Terraform for one instance of the resource, with an owner and entries of
// its own.
type contestant struct {
	t         *testing.T
	random    *rand.Rand
	tf        *resourcetest.Terraform
	accountID string
	number    int
	config    resourcetest.Attrs // nil: not in the configuration
}

// runContestants is the main program of a process of a contest.
func runContestants(t *testing.T, told string) {
	var p contestProcess
	if err := json.Unmarshal([]byte(told), &p); err != nil {
		t.Fatal(err)
	}
	transport := transportTo(t, p.Cloud)
	var output sync.Mutex
	report := func(r contestReport) {
		line, _ := json.Marshal(r)
		output.Lock()
		defer output.Unlock()
		fmt.Printf("%s%s\n", reportMark, line)
	}
	var orders []chan struct{}
	t.Run("contestants", func(t *testing.T) {
		for _, number := range p.Numbers {
			passes := make(chan struct{}, 1)
			orders = append(orders, passes)
			owner := fmt.Sprintf("owner-%d", number)
			client := clientAs(t, p.Cloud, transport, owner)
			t.Run(owner, func(t *testing.T) {
				t.Parallel()
				c := &contestant{t: t, random: rand.New(rand.NewPCG(p.Seed, uint64(number))), accountID: p.AccountID, number: number}
				c.tf = resourcetest.New(t, func() resource.Resource {
					return &Resource{cloud: &cloudAccess{
						owner:     owner,
						reachable: func() bool { return true },
						accounts:  func(context.Context) (*azureaccount.Client, diag.Diagnostics) { return client, nil },
						waiter:    waiter.Waiter{Min: time.Millisecond, Max: 10 * time.Millisecond},
						locks:     &accountLocks,
					}}
				})
				for round, last := 1, false; !last; round++ {
					last = round >= p.Rounds || time.Now().After(p.Until)
					c.choose(last)
					r := c.apply(eventRound)
					r.Last = last
					report(r)
				}
				for range passes {
					report(c.apply(eventPass))
				}
			})
		}
		go func() {
			for input := bufio.NewScanner(os.Stdin); input.Scan(); {
				for _, passes := range orders {
					passes <- struct{}{}
				}
			}
			for _, passes := range orders {
				close(passes)
			}
		}()
	})
}

// choose changes the configuration: some of the entries that the contestant may list, in one
// spelling or another, or none of the resource at all, but not at last.
func (c *contestant) choose(last bool) {
	if !last && c.config != nil && c.random.IntN(15) == 0 {
		c.config = nil
		return
	}
	mine := func(rest string) string { return fmt.Sprintf("52.%d.%s", c.number, rest) }
	possible := []string{
		mine("0.1"), mine("0.2/32"), mine("0.4/31"), mine("0.6"), mine("0.7"), mine("0.9"), mine("1.0/24"), mine("2.0/28"), mine("3.3"),
	}
	c.random.Shuffle(len(possible), func(i, j int) { possible[i], possible[j] = possible[j], possible[i] })
	rules := possible[:1+c.random.IntN(len(possible))]
	shared := []string{"52." + sharedNumber + ".0.1", "52." + sharedNumber + ".0.2"}[:c.random.IntN(3)]
	c.config = resourcetest.Attrs{
		"account_id": c.accountID, "owner": fmt.Sprintf("owner-%d", c.number),
		"ip_rules": c.rules(append(slices.Clone(rules), shared...)),
	}
	if len(shared) > 0 {
		c.config["shared_ip_rules"] = c.rules(shared)
	}
}

func (c *contestant) rules(rules []string) tftypes.Value {
	elements := make([]tftypes.Value, len(rules))
	for i, rule := range rules {
		elements[i] = tftypes.NewValue(tftypes.String, rule)
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, elements)
}

// apply is `terraform apply`: refresh, plan, and what the plan says. An apply that fails is
// reported, and the next one goes on from what it left in the state.
func (c *contestant) apply(event string) contestReport {
	c.t.Helper()
	report := contestReport{Owner: fmt.Sprintf("owner-%d", c.number), Event: event, Listed: c.listed()}
	failed := func(what string) contestReport {
		report.Changed, report.Failed = true, what+": "+c.tf.Said()
		return report
	}
	if !c.tf.State.IsNull() && !c.tf.Refresh() {
		return failed("refresh")
	}
	if c.config == nil {
		report.Changed = !c.tf.State.IsNull()
		if report.Changed && !c.tf.Destroy(c.t.Context()) {
			return failed("destroy")
		}
		return report
	}
	plan, ok := c.tf.Plan(c.config)
	if !ok {
		return failed("plan")
	}
	report.Changed = plan.Action != "none"
	if report.Changed && !c.tf.ApplyPlan(c.t.Context(), plan) {
		return failed(plan.Action)
	}
	return report
}

func (c *contestant) listed() []string {
	if c.config == nil {
		return nil
	}
	var values []tftypes.Value
	if err := c.config["ip_rules"].(tftypes.Value).As(&values); err != nil {
		c.t.Fatal(err)
	}
	var rules []string
	for _, value := range values {
		var rule string
		if err := value.As(&rule); err != nil {
			c.t.Fatal(err)
		}
		rules = append(rules, rule)
	}
	return iprange.AllEntries(rules)
}

// parseReport reads a line of a process' output.
func parseReport(line string) (r contestReport, ok bool) {
	text, ok := strings.CutPrefix(line, reportMark)
	if !ok || json.Unmarshal([]byte(text), &r) != nil {
		return contestReport{}, false
	}
	return r, true
}
