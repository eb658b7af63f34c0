package eipassigner

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// onlyAssigner is a provider of this one resource, on a fake account.
type onlyAssigner struct{ r *Resource }

func (onlyAssigner) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}
func (onlyAssigner) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (onlyAssigner) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (onlyAssigner) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (p onlyAssigner) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return p.r }}
}

func (onlyAssigner) Functions(context.Context) []func() function.Function {
	return []func() function.Function{NewPolicyFunction}
}

func factories(r *Resource) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){"crosscloudlink": providerserver.NewProtocol6WithError(onlyAssigner{r})}
}

const address = "crosscloudlink_lifecycle_eip_assigner.this"

// configuration writes the resource; extra are further arguments, one a line.
func configuration(minimum, maximum int, extra ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_lifecycle_eip_assigner" "this" {
  name                   = "egress"
  auto_scaling_group_arn = %q
  pool_name              = "egress"
  min_size               = %d
  max_size               = %d
  %s
}`, testGroupARN, minimum, maximum, strings.Join(extra, "\n  "))
}

// Real Terraform, from nothing to nothing.
func TestTerraformLifecycle(t *testing.T) {
	w := newWorld(4)
	s := testSpec(t)
	known := func(attribute string, value knownvalue.Check) plancheck.PlanCheck {
		return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
	}
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: factories(w.resource(archARM, archX86)),
		CheckDestroy:             nothingLeft(w),
		Steps: []tftest.TestStep{
			{
				Config: configuration(2, 3),
				ConfigPlanChecks: tftest.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					known("function_name", knownvalue.StringExact(s.functionName())),
					known("launch_hook_name", knownvalue.StringExact(s.hookName(kindLaunch))),
					known("source_code_hash", knownvalue.StringExact("hash-of-arm64")),
					known("policy_json", knownvalue.StringExact(s.policy())),
					known("desired_capacity", knownvalue.Int64Exact(2)),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("status")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("status"), knownvalue.StringExact(statusInService)),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("in_service_count"), knownvalue.Int64Exact(2)),
				},
			},
			{Config: configuration(2, 3), ResourceName: address, ImportState: true, ImportStateId: "egress," + testGroupARN, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"pool_size"}},
			{
				Config:           configuration(3, 4, `timeouts = { update = "5m" }`, `desired_capacity = 3`),
				ConfigPlanChecks: tftest.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}},
			},
			{
				// The group is zeroed and a hook is deleted behind Terraform's back.
				PreConfig: func() {
					w.mu.Lock()
					defer w.mu.Unlock()
					clear(w.hooks)
					w.group.MinSize = aws.Int32(0)
				},
				Config: configuration(3, 4),
				ConfigPlanChecks: tftest.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				}},
			},
			{Config: configuration(3, 4), PlanOnly: true},
		},
	})
}

func TestTerraformShowsAnUpdateUntilReady(t *testing.T) {
	w := newWorld(3)
	w.stuck = true
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: factories(w.resource(archARM)),
		CheckDestroy:             nothingLeft(w),
		Steps: []tftest.TestStep{
			{
				Config:             configuration(2, 2, `timeouts = { create = "1s", update = "1s" }`),
				ExpectNonEmptyPlan: true,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("status"), knownvalue.StringExact(statusWaitingForAddresses)),
				},
			},
			{
				PreConfig: func() {
					w.mu.Lock()
					defer w.mu.Unlock()
					w.stuck = false
				},
				Config: configuration(2, 2),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("status"), knownvalue.StringExact(statusInService)),
				},
			},
		},
	})
}

func TestTerraformRefusesInThePlan(t *testing.T) {
	tests := map[string]struct {
		config  string
		arrange func(w *world) *Resource
		says    string
	}{
		"a name for an ARN":     {config: strings.Replace(configuration(1, 1), testGroupARN, "proxies", 1), says: `aws_autoscaling_group\.NAME\.arn`},
		"no such group":         {config: strings.Replace(configuration(1, 1), "autoScalingGroupName/proxies", "autoScalingGroupName/other", 1), says: `no Auto Scaling group\s+other`},
		"a group elsewhere":     {config: strings.Replace(configuration(1, 1), "us-east-1", "eu-west-1", 1), says: `eu-west-1`},
		"min over max":          {config: configuration(3, 2), says: `min_size is larger than max_size`},
		"desired out of bounds": {config: configuration(1, 2, "desired_capacity = 3"), says: `desired_capacity is not between`},
		"a pool that is small":  {config: configuration(1, 3, "pool_size = 2"), says: `The pool is smaller than the fleet`},
		"a heartbeat too short": {config: configuration(1, 1, "heartbeat_timeout = 5"), says: `between 30 and 7200`},
		"an odd retention":      {config: configuration(1, 1, "log_retention_in_days = 8"), says: `log_retention_in_days`},
		"a reserved tag":        {config: configuration(1, 1, `tags = { "aws:x" = "y" }`), says: `Reserved tag key`},
		"a boundary for nobody": {config: configuration(1, 1, `role_arn = "arn:aws:iam::123456789012:role/own"`, `permissions_boundary_arn = "arn:aws:iam::123456789012:policy/b"`), says: `A boundary for a role that is not made`},
		"built without the zips": {config: configuration(1, 1), says: `make build`,
			arrange: func(w *world) *Resource { return w.resource() }},
		"somebody else's function": {config: configuration(1, 1), says: `has the owner "other"`, arrange: func(w *world) *Resource {
			made(t, w)
			for _, function := range w.functions {
				function.Tags["crosscloudlink:owner"] = "other"
			}
			return w.resource(archARM)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3)
			r := w.resource(archARM)
			if test.arrange != nil {
				r = test.arrange(w)
				w.forget()
			}
			tftest.UnitTest(t, tftest.TestCase{ProtoV6ProviderFactories: factories(r), Steps: []tftest.TestStep{
				{Config: test.config, PlanOnly: true, ExpectError: regexp.MustCompile(test.says)},
			}})
			if w.writes() != 0 {
				t.Errorf("a plan wrote: %v", w.calls)
			}
		})
	}
}

func TestTerraformPlansWithAnUnknownGroup(t *testing.T) {
	w := newWorld(3)
	config := `
resource "terraform_data" "group" {
  input = "` + testGroupARN + `"
}
` + strings.Replace(configuration(2, 3), `"`+testGroupARN+`"`, "terraform_data.group.output", 1)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: factories(w.resource(archARM)),
		CheckDestroy:             nothingLeft(w),
		Steps: []tftest.TestStep{{
			Config: config,
			ConfigPlanChecks: tftest.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectUnknownValue(address, tfjsonpath.New("function_name")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("source_code_hash"), knownvalue.StringExact("hash-of-arm64")),
			}},
		}},
	})
}

func nothingLeft(w *world) tftest.TestCheckFunc {
	return func(*terraform.State) error {
		if left := w.left(); len(left) != 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	}
}
