package eipassigner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	tf "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// fullyPlanned is planned with every option.
func fullyPlanned() model {
	m := planned()
	m.PermissionsBoundaryARN = tf.StringValue("arn:aws:iam::123456789012:policy/boundary")
	m.KMSKeyARN = tf.StringValue("arn:aws:kms:us-east-1:123456789012:key/k")
	m.VPCConfig = vpcOfIDs([]string{"subnet-0a", "subnet-0b"}, []string{"sg-01"})
	m.CodeSigningConfigARN = tf.StringValue("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-1")
	m.FailureDestinationARN = tf.StringValue("arn:aws:sqs:us-east-1:123456789012:failed")
	return m
}

func vpcOfIDs(subnets, securityGroups []string) tf.Object {
	return tf.ObjectValueMust(vpcConfigTypes, map[string]attr.Value{"subnet_ids": tfvalue.Set(subnets), "security_group_ids": tfvalue.Set(securityGroups)})
}

// Every setting of every part: changed or deleted by hand, it is shown under its part's name,
// planned as an update, and repaired in place, and what was there before is there again.
func TestDriftOfEachPartIsShownAndRepaired(t *testing.T) {
	function := func(change func(*lambdatypes.FunctionConfiguration)) func(*world, model) {
		return func(w *world, m model) { change(w.functions[m.FunctionName.ValueString()].Configuration) }
	}
	tests := map[string]struct {
		part   string
		tamper func(w *world, m model)
	}{
		"trust policy": {"role", func(w *world, m model) { w.roles[m.RoleName.ValueString()].AssumeRolePolicyDocument = aws.String(`{}`) }},
		"boundary":     {"role", func(w *world, m model) { w.roles[m.RoleName.ValueString()].PermissionsBoundary = nil }},
		"role's tags": {"role", func(w *world, m model) {
			w.roles[m.RoleName.ValueString()].Tags = toRoleTags(map[string]string{eiptag.Owner: "default"})
		}},
		"role policy gone": {"role_policy", func(w *world, m model) {
			delete(w.inline, m.RoleName.ValueString())
		}},
		"role policy wider": {"role_policy", func(w *world, m model) {
			w.inline[m.RoleName.ValueString()] = strings.Replace(w.inline[m.RoleName.ValueString()], "ec2:DisassociateAddress", "ec2:ReleaseAddress", 1)
		}},
		"log retention": {"log_group", func(w *world, m model) {
			w.logGroups["/aws/lambda/"+m.FunctionName.ValueString()].RetentionInDays = aws.Int32(1)
		}},
		"log kept for ever": {"log_group", func(w *world, m model) {
			w.logGroups["/aws/lambda/"+m.FunctionName.ValueString()].RetentionInDays = nil
		}},
		"log group's tags": {"log_group", func(w *world, m model) {
			delete(w.tags["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/"+m.FunctionName.ValueString()], "team")
		}},
		"log group gone": {"log_group", func(w *world, m model) { delete(w.logGroups, "/aws/lambda/"+m.FunctionName.ValueString()) }},
		"code":           {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.CodeSha256 = aws.String("patched") })},
		"architecture": {"function", function(func(c *lambdatypes.FunctionConfiguration) {
			c.Architectures = []lambdatypes.Architecture{lambdatypes.ArchitectureX8664}
		})},
		"environment": {"function", function(func(c *lambdatypes.FunctionConfiguration) {
			c.Environment = &lambdatypes.EnvironmentResponse{Variables: map[string]string{"POOL_NAME": "other"}}
		})},
		"one more variable": {"function", function(func(c *lambdatypes.FunctionConfiguration) {
			more := maps.Clone(c.Environment.Variables)
			more["DEBUG"] = "1"
			c.Environment = &lambdatypes.EnvironmentResponse{Variables: more}
		})},
		"no environment": {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.Environment = nil })},
		"memory":         {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.MemorySize = aws.Int32(1024) })},
		"timeout":        {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.Timeout = aws.Int32(3) })},
		"runtime":        {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.Runtime = lambdatypes.RuntimeProvidedal2 })},
		"handler":        {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.Handler = aws.String("main") })},
		"function's role": {"function", function(func(c *lambdatypes.FunctionConfiguration) {
			c.Role = aws.String("arn:aws:iam::123456789012:role/admin")
		})},
		"KMS key": {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.KMSKeyArn = nil })},
		"no VPC":  {"function", function(func(c *lambdatypes.FunctionConfiguration) { c.VpcConfig = nil })},
		"other VPC": {"function", function(func(c *lambdatypes.FunctionConfiguration) {
			c.VpcConfig = &lambdatypes.VpcConfigResponse{SubnetIds: []string{"subnet-ff"}, SecurityGroupIds: []string{"sg-ff"}}
		})},
		"code signing": {"function", func(w *world, m model) {
			w.signing[m.FunctionName.ValueString()] = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-2"
		}},
		"function's tags": {"function", func(w *world, m model) { w.functions[m.FunctionName.ValueString()].Tags["cost"] = "0" }},
		"retries": {"function_retries", func(w *world, m model) {
			w.retries[m.FunctionName.ValueString()].MaximumRetryAttempts = aws.Int32(0)
		}},
		"maximum age": {"function_retries", func(w *world, m model) {
			w.retries[m.FunctionName.ValueString()].MaximumEventAgeInSeconds = aws.Int32(60)
		}},
		"failure destination": {"function_retries", func(w *world, m model) {
			w.retries[m.FunctionName.ValueString()].DestinationConfig.OnFailure.Destination = aws.String("arn:aws:sqs:us-east-1:123456789012:theirs")
		}},
		"no failure destination": {"function_retries", func(w *world, m model) { w.retries[m.FunctionName.ValueString()].DestinationConfig = nil }},
		"no retry settings":      {"function_retries", func(w *world, _ model) { clear(w.retries) }},
	}
	for _, kind := range ruleKinds {
		rule := func(m model) string { return m.FunctionName.ValueString() + "-" + kind }
		add := func(what string, tamper func(w *world, m model)) {
			tests[kind+" rule "+what] = struct {
				part   string
				tamper func(w *world, m model)
			}{kind + "_rule", tamper}
		}
		add("disabled", func(w *world, m model) { w.rules[rule(m)].State = eventtypes.RuleStateDisabled })
		add("matches more", func(w *world, m model) { w.rules[rule(m)].EventPattern = aws.String(`{"source":["aws.autoscaling"]}`) })
		add("schedule", func(w *world, m model) { w.rules[rule(m)].ScheduleExpression = aws.String("rate(1 day)") })
		add("tags", func(w *world, m model) { delete(w.tags[ruleARN(aws.String(rule(m)))], "team") })
		add("gone", func(w *world, m model) {
			delete(w.rules, rule(m))
			delete(w.targets, rule(m))
		})
		add("target gone", func(w *world, m model) { delete(w.targets, rule(m)) })
		add("target elsewhere", func(w *world, m model) {
			w.targets[rule(m)][0].Arn = aws.String("arn:aws:lambda:us-east-1:123456789012:function:theirs")
		})
		add("target input", func(w *world, m model) { w.targets[rule(m)][0].Input = aws.String(`{"report":true}`) })
		tests[kind+" permission gone"] = struct {
			part   string
			tamper func(w *world, m model)
		}{kind + "_permission", func(w *world, m model) { delete(w.permissions[m.FunctionName.ValueString()], "crosscloudlink-"+kind) }}
		tests[kind+" permission wider"] = struct {
			part   string
			tamper func(w *world, m model)
		}{kind + "_permission", func(w *world, m model) {
			w.permissions[m.FunctionName.ValueString()]["crosscloudlink-"+kind] = "arn:aws:events:*:*:rule/*"
		}}
	}
	for _, kind := range hookKinds {
		add := func(what string, change func(*astypes.LifecycleHook)) {
			tests[kind+" hook "+what] = struct {
				part   string
				tamper func(w *world, m model)
			}{kind + "_hook", func(w *world, m model) {
				name := m.FunctionName.ValueString() + "-" + kind
				hook := w.hooks[name]
				if change == nil {
					delete(w.hooks, name)
					return
				}
				change(&hook)
				w.hooks[name] = hook
			}}
		}
		add("gone", nil)
		add("result", func(hook *astypes.LifecycleHook) {
			hook.DefaultResult = aws.String(map[string]string{"ABANDON": "CONTINUE", "CONTINUE": "ABANDON"}[*hook.DefaultResult])
		})
		add("timeout", func(hook *astypes.LifecycleHook) { hook.HeartbeatTimeout = aws.Int32(30) })
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3)
			m := madeFrom(t, w, fullyPlanned())
			whole := w.snapshot(t)
			test.tamper(w, m)
			if w.snapshot(t) == whole {
				t.Fatal("nothing was tampered with")
			}
			seen, diags := read(t, w, m)
			must(t, diags)
			if got := fmt.Sprint(seen.DriftedParts); got != fmt.Sprintf("[%q]", test.part) {
				t.Errorf("drifted parts %s", got)
			}
			next := replan(t, w, *seen, fullyPlanned(), nil)
			if !next.Status.IsUnknown() || !next.DriftedParts.IsUnknown() {
				t.Errorf("planned status %s, drifted %s", next.Status, next.DriftedParts)
			}
			w.forget()
			done, diags := update(t.Context(), t, w, *seen, next)
			must(t, diags)
			if len(done.DriftedParts.Elements()) != 0 || done.Status.ValueString() != statusInService {
				t.Errorf("after the repair: status %s, drifted %s", done.Status, done.DriftedParts)
			}
			if w.writes() == 0 || w.writes() > 4 {
				t.Errorf("repaired with %d writes: %v", w.writes(), w.calls)
			}
			if deleted := slices.ContainsFunc(w.log, func(op string) bool { return strings.Contains(op, ".Delete") || strings.Contains(op, ".Create") }); deleted && !strings.Contains(name, "gone") {
				t.Errorf("not repaired in place: %v", w.calls)
			}
			if now := w.snapshot(t); now != whole {
				t.Errorf("after the repair:\n%s\nbefore:\n%s", now, whole)
			}
		})
	}
}

// An upgrade of the provider brings another archive: one attribute changes, beside those that
// tell how far the fleet is.
func TestUpgradeOfTheFunctionIsAnUpdateOfItsHash(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	seen, diags := read(t, w, m)
	must(t, diags)
	upgraded := w.resource(archARM)
	upgraded.archive = func(string) (archive, error) { return archive{content: []byte("v2"), hash: "hash-of-v2"}, nil }
	resp := resource.ModifyPlanResponse{Plan: planFor(t, *seen)}
	upgraded.ModifyPlan(t.Context(), resource.ModifyPlanRequest{Config: tfsdk.Config(planFor(t, planned())), Plan: planFor(t, *seen), State: stateFor(t, *seen)}, &resp)
	must(t, resp.Diagnostics)
	changes, err := resp.Plan.Raw.Diff(stateFor(t, *seen).Raw)
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for _, change := range changes {
		if steps := change.Path.Steps(); len(steps) == 1 {
			changed = append(changed, strings.Trim(fmt.Sprint(steps[0]), `"`))
		}
	}
	slices.Sort(changed)
	want := []string{"drifted_parts", "in_service_count", "source_code_hash", "status", "status_reason"}
	if !slices.Equal(changed, want) {
		t.Errorf("planned changes of %v, want %v", changed, want)
	}
	var next model
	must(t, resp.Plan.Get(t.Context(), &next))
	if next.SourceCodeHash.ValueString() != "hash-of-v2" || !next.Status.IsUnknown() || !next.StatusReason.IsUnknown() || !next.InServiceCount.IsUnknown() || !next.DriftedParts.IsUnknown() {
		t.Errorf("planned %+v", next)
	}
	updated := resource.UpdateResponse{State: stateFor(t, *seen)}
	upgraded.Update(t.Context(), resource.UpdateRequest{Plan: resp.Plan, State: stateFor(t, *seen)}, &updated)
	must(t, updated.Diagnostics)
	if writes := w.writes(); writes != 1 || w.calls["lambda.UpdateFunctionCode"] != 1 {
		t.Errorf("an upgrade took %d writes: %v", writes, w.calls)
	}
	if got := *w.functions[m.FunctionName.ValueString()].Configuration.CodeSha256; got != "hash-of-v2" {
		t.Errorf("the function's code is %s", got)
	}
}

// Tags and the provider's default tags are on every part that can have tags, from the start and
// after a change; those of others stay.
func TestTagsReachEveryPart(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	tagsOf := func() map[string]map[string]string {
		name := m.FunctionName.ValueString()
		all := map[string]map[string]string{
			"role": roleTags(w.roles[name].Tags), "function": w.functions[name].Tags,
			"log group": w.tags["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/"+name],
		}
		for _, kind := range ruleKinds {
			all[kind+" rule"] = w.tags[ruleARN(aws.String(name+"-"+kind))]
		}
		return all
	}
	for part, tags := range tagsOf() {
		if want := (map[string]string{"team": "ml", "cost": "42", eiptag.Owner: "default"}); !maps.Equal(tags, want) {
			t.Errorf("%s has the tags %v", part, tags)
		}
		tags["theirs"] = "kept"
	}
	w.roles[m.RoleName.ValueString()].Tags = toRoleTags(map[string]string{"team": "ml", "cost": "42", eiptag.Owner: "default", "theirs": "kept"})
	seen, diags := read(t, w, m)
	must(t, diags)
	if len(seen.DriftedParts.Elements()) > 0 {
		t.Errorf("a tag of somebody else's is drift: %s", seen.DriftedParts)
	}
	next := replan(t, w, *seen, planned(), func(m *model) {
		m.Tags = tfvalue.Map(map[string]string{"stage": "prod", "team": "platform"}) // over the default tag
	})
	_, diags = update(t.Context(), t, w, *seen, next)
	must(t, diags)
	for part, tags := range tagsOf() {
		if want := (map[string]string{"team": "platform", "stage": "prod", eiptag.Owner: "default", "theirs": "kept"}); !maps.Equal(tags, want) {
			t.Errorf("after a change %s has the tags %v", part, tags)
		}
	}
}

// A function or a role deleted by hand takes what hangs on it along; all of it is made anew.
func TestWhatIsDeletedByHandIsMadeAnew(t *testing.T) {
	for name, test := range map[string]struct {
		tamper func(w *world, name string)
		parts  []string
	}{
		"the function": {func(w *world, name string) {
			delete(w.functions, name)
			delete(w.permissions, name)
			delete(w.retries, name)
			delete(w.signing, name)
		}, []string{"function", "function_retries", "launch_permission", "terminate_permission", "schedule_permission"}},
		"the role": {func(w *world, name string) {
			delete(w.roles, name)
			delete(w.inline, name)
		}, []string{"role", "role_policy"}},
		"both hooks": {func(w *world, _ string) { clear(w.hooks) }, []string{"launch_hook", "terminate_hook"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3)
			m := madeFrom(t, w, fullyPlanned())
			whole := w.snapshot(t)
			test.tamper(w, m.FunctionName.ValueString())
			seen, diags := read(t, w, m)
			must(t, diags)
			if got := tfvalue.Strings(seen.DriftedParts.Elements()); !slices.Equal(got, test.parts) {
				t.Errorf("drifted parts %v", got)
			}
			done, diags := update(t.Context(), t, w, *seen, replan(t, w, *seen, fullyPlanned(), nil))
			must(t, diags)
			if done.Status.ValueString() != statusInService || w.snapshot(t) != whole {
				t.Errorf("status %s\n%s\nbefore:\n%s", done.Status, w.snapshot(t), whole)
			}
		})
	}
}
