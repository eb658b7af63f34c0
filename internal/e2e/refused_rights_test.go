package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// refusedCall is a run for one call of which the right is missing.
type refusedCall struct {
	// run is the command, and what it is about to do.
	run []string
	// action is the right in the cloud's own terms.
	action string
	// call is the call that is refused, every time.
	call fault.Rule
	// at is the attribute at which the error is shown.
	at string
	// prepare brings clouds and configuration to where the run begins; nil if they are there.
	prepare func(t *testing.T, s *stage)
	// undone is whether the refusal comes after a change, which is taken back.
	undone bool
}

// wantDenied makes the run on a stage of its own without the right, which it has to name, having changed nothing.
// unchanged, if not nil, asserts that of the clouds. After the right is given the same run ends well.
func wantDenied(t *testing.T, s *stage, script *fault.Script, status fault.Rule, d refusedCall, unchanged func(t *testing.T)) {
	t.Helper()
	if d.prepare != nil {
		d.prepare(t, s)
	}
	d.call.Status, d.call.Code, d.call.Message, d.call.Times = status.Status, status.Code, status.Message, -1
	script.Add(d.call)
	defer script.Clear()
	before := len(changes(t))
	out, err := s.tf.Do(t.Context(), d.run...)
	flat := strings.ReplaceAll(out, "│", "")
	switch {
	case err == nil:
		t.Errorf("terraform %s has ended well", d.run[0])
	case !said(d.action).MatchString(flat):
		t.Errorf("nothing says that the right %s is missing:\n%s", d.action, out)
	case d.at != "" && !regexp.MustCompile(`(?m)^\s*\d+:\s+`+d.at+`\s+=`).MatchString(flat):
		t.Errorf("the error is not at %s:\n%s", d.at, out)
	}
	if made := changes(t)[before:]; len(made) > 0 && !d.undone {
		t.Errorf("without the right, the run has made the changes %q", made)
	}
	if unchanged != nil {
		unchanged(t)
	}
	script.Clear()
	s.do(t, d.run...)
}

var (
	azureDenies = fault.Rule{Status: http.StatusForbidden, Code: "AuthorizationFailed", Message: "The client does not have authorization to perform action."}
	awsDenies   = fault.Rule{Status: http.StatusForbidden, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
	bricksDeny  = fault.Rule{Status: http.StatusForbidden, Code: "PERMISSION_DENIED", Message: "Only account admins may do this."}
)

// The right to one call of the firewall is missing.
func TestFirewallDenied(t *testing.T) {
	const read, write = "Microsoft.CognitiveServices/accounts/read", "Microsoft.CognitiveServices/accounts/write"
	script := &acctest.Sandbox(t).Azure().Faults
	for name, d := range map[string]refusedCall{
		"plan":           {run: planning(), action: read, call: fault.Rule{Method: http.MethodGet}, at: "account_id"},
		"create: write":  {run: arguments(apply), action: write, call: fault.Rule{Method: http.MethodPatch}, at: "account_id"},
		"refresh":        {run: planning(), action: read, call: fault.Rule{Method: http.MethodGet}, prepare: func(t *testing.T, s *stage) { s.apply(t) }},
		"destroy: write": {run: arguments(destroy), action: write, call: fault.Rule{Method: http.MethodPatch}, prepare: func(t *testing.T, s *stage) { s.apply(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			id := seedAccount(t, nil)
			s := newStage(t, firewallConfig(id, `["52.1.2.3"]`))
			d.call.Path = regexp.MustCompile("(?i)^" + regexp.QuoteMeta(id) + "$")
			wantDenied(t, s, script, azureDenies, d, nil)
		})
	}
}

// The right to one call of the admission is missing.
func TestAdmissionDenied(t *testing.T) {
	script := &acctest.Sandbox(t).AWSCloud().Faults
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	for name, d := range map[string]refusedCall{
		"create: list": {run: arguments(apply), action: "ec2:DescribeAddresses"},
		"create: tag":  {run: arguments(apply), action: "ec2:CreateTags"},
		"refresh":      {run: planning(), action: "ec2:DescribeAddresses", prepare: applied},
		"destroy: tag": {run: arguments(destroy), action: "ec2:CreateTags", prepare: applied},
	} {
		t.Run(name, func(t *testing.T) {
			pool := unique("denied")
			s := newStage(t, "")
			s.configure(t, poolConfig(pool, "1", "require_admission = true"))
			s.apply(t)
			s.configure(t, poolConfig(pool, "1", "require_admission = true")+fmt.Sprintf(`
resource "crosscloudlink_eip_admission" "test" {
  pool_name = %q
  firewalls = { theirs = { admitted_public_ips = crosscloudlink_eip_pool.test.public_ips } }
}
`, pool))
			d.call.Operation, d.call.Caller = d.action, s.key
			wantDenied(t, s, script, awsDenies, d, nil)
			s.do(t, arguments(destroy)...)
		})
	}
}

// The right to one call of the approval is missing.
func TestApprovalDenied(t *testing.T) {
	sb := acctest.Sandbox(t)
	ncc := sharedNCC(t)
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	for name, d := range map[string]refusedCall{
		"plan: service":       {run: planning(), action: "ec2:DescribeVpcEndpointServiceConfigurations", at: "endpoint_service_id"},
		"create: connections": {run: arguments(apply), action: "ec2:DescribeVpcEndpointConnections"},
		"create: accept":      {run: arguments(apply), action: "ec2:AcceptVpcEndpointConnections"},
		"refresh":             {run: planning(), action: "ec2:DescribeVpcEndpointConnections", prepare: applied},
		"destroy: reject":     {run: arguments(destroy), action: "ec2:RejectVpcEndpointConnections", prepare: applied},
		"plan: NCC":           {run: planning(), action: "GET", call: fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(ncc + "$")}, at: "network_connectivity_config_id"},
		"create: rules":       {run: arguments(apply), action: "GET", call: fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(ncc + "/private-endpoint-rules$")}},
	} {
		t.Run(name, func(t *testing.T) {
			offered := offer(t)
			addedRule(t, offered)
			s := newStage(t, approvalConfig(ncc, quoted(offered.id)))
			script, status := &sb.AWSCloud().Faults, awsDenies
			if d.call.Path != nil {
				script, status = &sb.Databricks().Faults, bricksDeny
			} else {
				d.call.Operation, d.call.Caller = d.action, s.key
			}
			wantDenied(t, s, script, status, d, nil)
		})
	}
}

// Without the right to read a service's allowed principals the apply goes on, and says what it could not check.
func TestApprovalWithoutRightToPrincipals(t *testing.T) {
	const action = "ec2:DescribeVpcEndpointServicePermissions"
	s := newStage(t, approvalConfig(sharedNCC(t), quoted(offer(t).id), "wait_for_rule = false"))
	denies := awsDenies
	denies.Operation, denies.Caller, denies.Times = action, s.key, -1
	script := &acctest.Sandbox(t).AWSCloud().Faults
	script.Add(denies)
	defer script.Clear()
	if out := s.do(t, arguments(apply)...); !said("It is not known whether Databricks may connect", action, databricksPrincipal).MatchString(strings.ReplaceAll(out, "│", "")) {
		t.Errorf("nothing says that the right %s is missing:\n%s", action, out)
	}
}

// The right to one call of the workspace's network is missing.
func TestWorkspaceNetworkDenied(t *testing.T) {
	theirs, ours := sharedNetworks(t)
	script := &acctest.Sandbox(t).Databricks().Faults
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	for name, d := range map[string]refusedCall{
		"plan: workspace": {run: planning(), action: "GET", call: fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(`/workspaces/\d+$`)}, at: "workspace_id"},
		"plan: NCC":       {run: planning(), action: "GET", call: fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile("/network-connectivity-configs/" + ours + "$")}, at: "network_connectivity_config_id"},
		"create: NCC":     {run: arguments(apply), action: "PATCH", call: fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile(`/workspaces/\d+$`)}, at: "network_connectivity_config_id", undone: true},
		"create: policy":  {run: arguments(apply), action: "PUT", call: fault.Rule{Method: http.MethodPut, Path: regexp.MustCompile(`/workspaces/\d+/network$`)}, at: "network_policy_id"},
		"refresh":         {run: planning(), action: "GET", call: fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(`/workspaces/\d+$`)}, prepare: applied},
		"destroy: NCC":    {run: arguments(destroy), action: "PATCH", call: fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile(`/workspaces/\d+$`)}, prepare: applied},
	} {
		t.Run(name, func(t *testing.T) {
			id := seedTheirWorkspace(t, theirs)
			s := newStage(t, networkConfig(id, quoted(ours), ourPolicy))
			d.action += " /api/2.0/"
			var before []string
			has := func() []string {
				ncc, policy, _ := acctest.Sandbox(t).Databricks().WorkspaceNetwork(id)
				return []string{ncc, policy}
			}
			arrange := d.prepare
			d.prepare = func(t *testing.T, s *stage) {
				if arrange != nil {
					arrange(t, s)
				}
				before = has()
			}
			wantDenied(t, s, script, bricksDeny, d, func(t *testing.T) {
				t.Helper()
				if now := has(); !slices.Equal(now, before) {
					t.Errorf("the workspace has %q and had %q", now, before)
				}
			})
		})
	}
}
