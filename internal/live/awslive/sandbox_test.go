package awslive_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/awslive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/livetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// image is one that the sandbox has.
const image = "ami-12c6146b"

// world is a sandbox and how the suite reaches it.
type world struct {
	*sandbox.Sandbox
	options awslive.Options
	inputs  map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sb := acctest.OwnSandbox(t, sandbox.SeedNothing)
	all := livetest.Clients(sb)
	return &world{Sandbox: sb, inputs: map[string]string{"CROSSCLOUDLINK_LIVE_AWS_AMI_ID": image}, options: awslive.Options{
		Connect: func(ctx context.Context) (*clients.AWS, error) {
			cloud, diags := all.AWS(ctx)
			return cloud, live.Refusal(diags)
		},
	}}
}

// ask puts the questions with these ids, or all, to the sandbox, and checks that nothing is left.
func (w *world) ask(t *testing.T, ids ...string) map[string]live.Result {
	t.Helper()
	results := livetest.Ask(t, awslive.Suite(w.options), func(name string) string { return w.inputs[name] }, ids...)
	if left, err := w.AWS().LeftOvers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the suite left %v (%v)", left, err)
	}
	return results
}

func TestAnswersOfTheSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	livetest.Want(t, w.ask(t), map[string]string{
		"aws-reassociation-race":           "agrees: one taker",
		"aws-reassociation-target":         "agrees: refused",
		"aws-describe-lag":                 "agrees: within 30s",
		"aws-recover-address":              "seen: had back",
		"aws-associate-by-tags":            "differs: not limited",
		"aws-new-role-delay":               "agrees: within 5m0s",
		"aws-launch-tags":                  "agrees: tagged at first sight",
		"aws-association-names-instance":   "seen: named",
		"aws-terminate-hook-after-abandon": "seen: does not run",
		"aws-complete-twice":               "agrees: ValidationError: No active Lifecycle Action found",
		"aws-deleted-group-message":        "agrees: ValidationError",
		"aws-warm-pool-listing":            "agrees: not listed",
		"aws-connection-filter":            "seen: refused",
		"aws-endpoint-owner":               "not asked: ",
		"aws-accept-twice":                 "not asked: ",
		"aws-privatelink-idle":             "not asked: ",
	})
}

// TestOtherAnswers has the sandbox answer otherwise, question by question.
func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuse := func(operation string, skip, times int, code string) func() {
		return func() {
			w.AWSCloud().Faults.Add(fault.Rule{Operation: operation, Skip: skip, Times: times, Status: http.StatusBadRequest, Code: code, Message: "so it is"})
		}
	}
	// Another hand frees the address as soon as somebody has it.
	freed := func(times int) func() {
		return func() {
			w.AWSCloud().Faults.Add(fault.Rule{Operation: "ec2:AssociateAddress", Times: times, Then: func() { w.freeAddresses(t) }})
		}
	}
	tests := map[string]struct {
		id      string
		prepare func()
		want    string
	}{
		"two takers":                {"aws-reassociation-race", freed(2), "differs: more than one taker"},
		"a target that is taken":    {"aws-reassociation-target", freed(1), "differs: taken"},
		"an address that is lost":   {"aws-recover-address", refuse("ec2:AllocateAddress", 3, 1, "InvalidAddress.NotFound"), "seen: refused: InvalidAddress.NotFound"},
		"tags that limit":           {"aws-associate-by-tags", refuse("ec2:AssociateAddress", 1, 2, "UnauthorizedOperation"), "agrees: limited at both ends"},
		"tags that limit one end":   {"aws-associate-by-tags", refuse("ec2:AssociateAddress", 1, 1, "UnauthorizedOperation"), "differs: limited at one end"},
		"a role that works later":   {"aws-new-role-delay", refuse("ec2:AssociateAddress", 0, 3, "UnauthorizedOperation"), "agrees: within 5m0s"},
		"another refusal":           {"aws-complete-twice", refuse("autoscaling:CompleteLifecycleAction", 1, 1, "ResourceContention"), "differs: ResourceContention"},
		"a group that is forgotten": {"aws-deleted-group-message", refuse("autoscaling:CompleteLifecycleAction", 2, 1, "ResourceNotFound"), "differs: ResourceNotFound"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w.AWSCloud().Faults.Clear()
			test.prepare()
			results := w.ask(t, test.id)
			livetest.Want(t, results, map[string]string{test.id: test.want})
			if broken := results[test.id].Broken(); broken != (test.want == "differs: limited at one end") {
				t.Errorf("counts as a defect: %t", broken)
			}
		})
	}
}

// freeAddresses takes all addresses from their holders by another hand.
func (w *world) freeAddresses(t *testing.T) {
	cloud, err := w.options.Connect(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	out, err := cloud.EC2.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{})
	if err != nil {
		t.Error(err)
		return
	}
	for _, address := range out.Addresses {
		if address.AssociationId == nil {
			continue
		}
		if _, err := cloud.EC2.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: address.AssociationId}); err != nil {
			t.Error(err)
		}
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cloud, err := w.options.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	connect := func(t *testing.T, name, owner string) (serviceID, endpointID string) {
		t.Helper()
		serviceID = livetest.EndpointService(t, cloud, name, livetest.DatabricksRole)
		endpointID, err := w.AWSCloud().CreateVPCEndpoint("com.amazonaws.vpce."+sandbox.Region+"."+serviceID, livetest.DatabricksRole, owner)
		if err != nil {
			t.Fatal(err)
		}
		return serviceID, endpointID
	}
	ask := func(t *testing.T, id, serviceID, endpointID, want string) {
		t.Helper()
		inputs := map[string]string{"CROSSCLOUDLINK_LIVE_ENDPOINT_SERVICE_ID": serviceID, "CROSSCLOUDLINK_LIVE_VPC_ENDPOINT_ID": endpointID}
		results := livetest.Ask(t, awslive.Suite(w.options), func(name string) string { return inputs[name] }, id)
		livetest.Want(t, results, map[string]string{id: want})
	}
	serviceID, endpointID := connect(t, "theirs", databricks.OwnerAccountID)
	ask(t, "aws-endpoint-owner", serviceID, endpointID, "agrees: Databricks' account")
	other, _ := connect(t, "others", "111122223333")
	ask(t, "aws-endpoint-owner", other, "", "differs: another account")

	// One that waits is none of the suite's business.
	ask(t, "aws-accept-twice", serviceID, endpointID, "undecided: ")
	if state, _ := w.AWSCloud().VPCEndpointState(endpointID); state != "pendingAcceptance" {
		t.Errorf("the suite changed a connection that waited to %s", state)
	}
	if _, err := cloud.EC2.AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &serviceID, VpcEndpointIds: []string{endpointID}}); err != nil {
		t.Fatal(err)
	}
	err = waiter.Waiter{Min: 5 * time.Millisecond, Max: 50 * time.Millisecond}.Until(t.Context(), "the connection", func(context.Context) (string, bool, error) {
		state, _ := w.AWSCloud().VPCEndpointState(endpointID)
		return state, state == "available", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, "aws-accept-twice", serviceID, endpointID, "seen: unsuccessful")
}

// echoServer answers what it is told, unless it was silent for longer than idle: then the connection is forgotten.
func echoServer(t *testing.T, idle time.Duration) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				lines := bufio.NewReader(conn)
				for {
					if err := conn.SetReadDeadline(time.Now().Add(idle)); err != nil {
						return
					}
					line, err := lines.ReadString('\n')
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, line)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestSilence(t *testing.T) {
	t.Parallel()
	const id = "aws-privatelink-idle"
	getenv := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	t.Run("longer than the limit", func(t *testing.T) {
		results := livetest.Ask(t, awslive.Suite(awslive.Options{}), getenv(map[string]string{
			"CROSSCLOUDLINK_LIVE_ECHO_ADDRESS": echoServer(t, 200*time.Millisecond), "CROSSCLOUDLINK_LIVE_ECHO_SILENCES": "20ms, 600ms",
		}), id)
		livetest.Want(t, results, map[string]string{id: "differs: before 1m0s"})
		if !results[id].Broken() {
			t.Error("a limit below the proxies' keepalive does not count as a defect")
		}
	})
	t.Run("shorter than the limit", func(t *testing.T) {
		results := livetest.Ask(t, awslive.Suite(awslive.Options{}), getenv(map[string]string{
			"CROSSCLOUDLINK_LIVE_ECHO_ADDRESS": echoServer(t, time.Minute), "CROSSCLOUDLINK_LIVE_ECHO_SILENCES": "20ms",
		}), id)
		livetest.Want(t, results, map[string]string{id: "agrees: not before 1m0s"})
	})
	t.Run("nobody there", func(t *testing.T) {
		results := livetest.Ask(t, awslive.Suite(awslive.Options{}), getenv(map[string]string{"CROSSCLOUDLINK_LIVE_ECHO_ADDRESS": "127.0.0.1:1"}), id)
		livetest.Want(t, results, map[string]string{id: "failed: "})
	})
}
