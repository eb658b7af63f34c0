// Package approvaltest plays both ends of a private endpoint, the AWS account that has the
// endpoint service and the Databricks account that connects to it, in process and by a clock
// that tests and measurements move.
package approvaltest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// What a new World holds: an endpoint service without connections, an NCC without rules. The
// first rule is RuleID, and its endpoint EndpointID.
const (
	ServiceID   = "vpce-svc-0a1b"
	ServiceName = "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b"
	NCCID       = "ncc-1"
	RuleID      = "rule-1"
	EndpointID  = "vpce-0c11"
	Owner       = "565502421330"
	Role        = "arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"
)

// Service is an endpoint service of the AWS account.
type Service struct {
	// Principals are those that may connect.
	Principals []string
	// AcceptsAll says that connections need no acceptance.
	AcceptsAll bool
}

// Delays are how long the clouds take by themselves; nothing is slow by default.
type Delays struct {
	// Endpoint is how long a rule stays CREATING before its endpoint shows on both sides. 0 leaves it CREATING.
	Endpoint time.Duration
	// Available is how long an accepted connection is pending in AWS.
	Available time.Duration
	// Established is how long after that Databricks notices; negative is never.
	Established time.Duration
}

// World is both clouds. A rule that becomes PENDING shows as a connection that asks for acceptance,
// and an accepted connection makes its rule ESTABLISHED. Tests may change Rules and Connections
// between calls as another hand would.
type World struct {
	// Region is AWS', NCCRegion Databricks'; both are us-east-1.
	Region, Partition, NCCRegion string
	// Services are the endpoint services by id.
	Services    map[string]*Service
	Rules       []*settings.NccPrivateEndpointRule
	Connections []*types.VpcEndpointConnection
	Delays      Delays
	// Calls counts by name of the call: DescribeConnections, DescribeServices, DescribePermissions,
	// Accept, Reject, GetNCC, GetRule, ListRules.
	Calls map[string]int
	// Accepted and Rejected are the endpoints whose connections were, in that order.
	Accepted, Rejected []string
	// Before is asked ahead of each call's effect, n counting its calls from 1; its error is the
	// call's answer, and nothing happens. After is asked once the call has had its effect: its error is an answer that got lost.
	Before, After func(call string, n int) error
	// Clock moves by the pauses of waits, and on every pause, the next of Steps happens.
	Clock *waiter.FakeClock
	Steps []func()

	mu     sync.Mutex
	now    time.Time
	events []event
	shown  time.Time
}

// event is what happens at a time.
type event struct {
	at time.Time
	do func()
}

// NewWorld returns a world in which ServiceID allows Role, and nothing is connected.
func NewWorld() *World {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &World{
		Region: "us-east-1", Partition: "aws", NCCRegion: "us-east-1",
		Services: map[string]*Service{ServiceID: {Principals: []string{Role}}},
		Calls:    map[string]int{},
		Clock:    waiter.NewFakeClock(start), now: start,
	}
	w.Clock.OnAfter = func(now time.Time) {
		w.mu.Lock()
		w.advance(now)
		var step func()
		if len(w.Steps) > 0 {
			step, w.Steps = w.Steps[0], w.Steps[1:]
		}
		w.mu.Unlock()
		if step != nil {
			step()
		}
	}
	return w
}

// In has something happen once so much time has passed from now on.
func (w *World) In(d time.Duration, do func()) {
	w.events = append(w.events, event{w.now.Add(d), do})
}

// advance lets happen what is due by then, in the order in which it is.
func (w *World) advance(to time.Time) {
	for {
		next := -1
		for i, e := range w.events {
			if !e.at.After(to) && (next < 0 || e.at.Before(w.events[next].at)) {
				next = i
			}
		}
		if next < 0 {
			w.now = to
			return
		}
		e := w.events[next]
		w.events = slices.Delete(w.events, next, next+1)
		w.now = e.at
		e.do()
	}
}

// Shown is when the last endpoint showed.
func (w *World) Shown() time.Time { return w.shown }

// AddRule adds a rule in a state, as the Databricks administrator does.
func (w *World) AddRule(state string) *settings.NccPrivateEndpointRule {
	rule := &settings.NccPrivateEndpointRule{
		RuleId: fmt.Sprintf("rule-%d", len(w.Rules)+1), NetworkConnectivityConfigId: NCCID, EndpointService: "com.amazonaws.vpce." + w.Region + "." + ServiceID,
		DomainNames: []string{"acme.openai.azure.com"}, CreationTime: int64(len(w.Rules) + 1),
	}
	w.Rules = append(w.Rules, rule)
	w.SetRule(rule, state)
	if d := w.Delays.Endpoint; state == "CREATING" && d > 0 {
		w.In(d, func() { w.SetRule(rule, "PENDING") })
	}
	return rule
}

// SetRule moves a rule to a state. The endpoint appears on both sides with the first state after CREATING.
func (w *World) SetRule(rule *settings.NccPrivateEndpointRule, state string) {
	rule.ConnectionState = settings.NccPrivateEndpointRulePrivateLinkConnectionState(state)
	if state == "CREATING" || state == "CREATE_FAILED" || rule.VpcEndpointId != "" {
		return
	}
	rule.VpcEndpointId = EndpointID
	if rule.RuleId != RuleID {
		rule.VpcEndpointId = "vpce-0c" + strings.TrimPrefix(rule.RuleId, "rule-")
	}
	w.Connect(rule.VpcEndpointId, "pendingAcceptance")
}

// Connect adds a connection of an endpoint in a state to ServiceID.
func (w *World) Connect(endpointID, state string) *types.VpcEndpointConnection {
	connection := &types.VpcEndpointConnection{
		ServiceId: aws.String(ServiceID), VpcEndpointId: aws.String(endpointID), VpcEndpointOwner: aws.String(Owner), VpcEndpointState: types.State(state),
	}
	w.Connections = append(w.Connections, connection)
	w.shown = w.now
	return connection
}

// Connection is that of an endpoint, or nil.
func (w *World) Connection(endpointID string) *types.VpcEndpointConnection {
	for _, connection := range w.Connections {
		if aws.ToString(connection.VpcEndpointId) == endpointID {
			return connection
		}
	}
	return nil
}

// Disconnect removes an endpoint's connection.
func (w *World) Disconnect(endpointID string) {
	w.Connections = slices.DeleteFunc(w.Connections, func(c *types.VpcEndpointConnection) bool { return aws.ToString(c.VpcEndpointId) == endpointID })
}

// Live are the endpoints whose connections keep ServiceID from being deleted.
func (w *World) Live() []string {
	var live []string
	for _, c := range w.Connections {
		switch strings.ToLower(string(c.VpcEndpointState)) {
		case "available", "pending", "pendingacceptance", "deleting":
			live = append(live, aws.ToString(c.VpcEndpointId))
		}
	}
	return live
}

// ForgetCalls starts counting calls anew.
func (w *World) ForgetCalls() { w.Calls = map[string]int{} }

// TotalCalls counts all calls.
func (w *World) TotalCalls() int {
	total := 0
	for _, n := range w.Calls {
		total += n
	}
	return total
}

// call counts, and plays the faults around effect.
func (w *World) call(name string, effect func()) error {
	w.mu.Lock()
	w.Calls[name]++
	n := w.Calls[name]
	w.mu.Unlock()
	if w.Before != nil {
		if err := w.Before(name, n); err != nil {
			return err
		}
	}
	w.mu.Lock()
	effect()
	w.mu.Unlock()
	if w.After != nil {
		return w.After(name, n)
	}
	return nil
}

// ruleOf is the rule whose endpoint it is, or nil.
func (w *World) ruleOf(endpointID string) *settings.NccPrivateEndpointRule {
	i := slices.IndexFunc(w.Rules, func(r *settings.NccPrivateEndpointRule) bool { return r.VpcEndpointId == endpointID })
	if i < 0 {
		return nil
	}
	return w.Rules[i]
}

// accept lets a connection become available, and its rule ESTABLISHED, in the clouds' own time.
func (w *World) accept(connection *types.VpcEndpointConnection) {
	id := aws.ToString(connection.VpcEndpointId)
	w.Accepted = append(w.Accepted, id)
	established := func() {
		if rule := w.ruleOf(id); rule != nil {
			rule.ConnectionState = settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished
		}
	}
	available := func() {
		connection.VpcEndpointState = "available"
		switch d := w.Delays.Established; {
		case d > 0:
			w.In(d, established)
		case d == 0:
			established()
		}
	}
	if w.Delays.Available > 0 {
		connection.VpcEndpointState = "pending"
		w.In(w.Delays.Available, available)
		return
	}
	available()
}

func (w *World) reject(connection *types.VpcEndpointConnection) {
	id := aws.ToString(connection.VpcEndpointId)
	w.Rejected = append(w.Rejected, id)
	connection.VpcEndpointState = "rejected"
	if rule := w.ruleOf(id); rule != nil {
		rule.ConnectionState = settings.NccPrivateEndpointRulePrivateLinkConnectionStateRejected
	}
}
