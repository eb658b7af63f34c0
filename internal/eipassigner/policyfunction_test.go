package eipassigner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	tf "github.com/hashicorp/terraform-plugin-framework/types"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// assignerPolicy calls the function assigner_policy.
func assignerPolicy(t *testing.T, argument attr.Value) (tf.String, *function.FuncError) {
	t.Helper()
	resp := function.RunResponse{Result: function.NewResultData(tf.StringUnknown())}
	NewPolicyFunction().Run(t.Context(), function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{tf.DynamicValue(argument)})}, &resp)
	result, _ := resp.Result.Value().(tf.String)
	return result, resp.Error
}

func object(members map[string]attr.Value) tf.Object {
	kinds := map[string]attr.Type{}
	for name, value := range members {
		kinds[name] = value.Type(nil) //nolint:staticcheck // none of these types asks the context
	}
	return tf.ObjectValueMust(kinds, members)
}

func tuple(texts ...string) tf.Tuple {
	var kinds []attr.Type
	var values []attr.Value
	for _, text := range texts {
		kinds, values = append(kinds, tf.StringType), append(values, tf.StringValue(text))
	}
	return tf.TupleValueMust(kinds, values)
}

// randomAssigner is an assigner as the resource's model has it, and as the function's argument says it.
func randomAssigner(random *rand.Rand) (m model, owner string, argument map[string]attr.Value) {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	m, owner, argument = planned(), "default", map[string]attr.Value{}
	region := pick("us-east-1", "eu-west-3")
	m.Name = tf.StringValue(pick("egress", "a", strings.Repeat("x", 32)))
	m.AutoScalingGroupARN = tf.StringValue(fmt.Sprintf("arn:%s:autoscaling:%s:%012d:autoScalingGroup:01234567-89ab-cdef-0123-%012x:autoScalingGroupName/%s",
		pick("aws", "aws-cn"), region, random.Int64N(1e12), random.Int64N(1<<40), pick("proxies", "a/b c", `"<&>"`)))
	m.PoolName = tf.StringValue(pick("egress", "a b_c/d:e@f", "ä"))
	argument["name"], argument["auto_scaling_group_arn"], argument["pool_name"] = m.Name, m.AutoScalingGroupARN, m.PoolName
	// An attribute that is left out may be null instead.
	optional := func(name string, into *tf.String, value string) {
		switch random.IntN(3) {
		case 0:
			*into = tf.StringValue(value)
			argument[name] = *into
		case 1:
			argument[name] = tf.StringNull()
		}
	}
	optional("tag_key", &m.TagKey, pick("pool", "crosscloudlink:eip-pool"))
	optional("kms_key_arn", &m.KMSKeyARN, "arn:aws:kms:"+region+":123456789012:key/mrk-1")
	optional("failure_destination_arn", &m.FailureDestinationARN, "arn:aws:sns:"+region+":123456789012:failed")
	if random.IntN(2) == 0 {
		owner = pick("staging", "team a/b")
		argument["owner"] = tf.StringValue(owner)
	}
	if random.IntN(2) == 0 {
		subnets, groups := []string{"subnet-3", "subnet-1", "subnet-2"}[:1+random.IntN(3)], []string{"sg-2", "sg-1"}[:1+random.IntN(2)]
		random.Shuffle(len(subnets), func(i, j int) { subnets[i], subnets[j] = subnets[j], subnets[i] })
		m.VPCConfig = tf.ObjectValueMust(vpcConfigTypes, map[string]attr.Value{"subnet_ids": tfvalue.Set(subnets), "security_group_ids": tfvalue.Set(groups)})
		argument["vpc_config"] = m.VPCConfig
		switch random.IntN(3) {
		case 0: // as one writes it
			argument["vpc_config"] = object(map[string]attr.Value{"subnet_ids": tuple(append(subnets, subnets[0])...), "security_group_ids": tuple(groups...)})
		case 1:
			argument["vpc_config"] = object(map[string]attr.Value{"subnet_ids": tfvalue.List(subnets), "security_group_ids": tfvalue.List(groups)})
		}
	}
	return m, owner, argument
}

// The function and the resource agree byte for byte, whatever the assigner.
func TestAssignerPolicyIsThePolicyOfTheResource(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	seen := map[string]bool{}
	for range 500 {
		m, owner, argument := randomAssigner(random)
		s, diags := m.toSpec(t.Context(), owner, nil)
		must(t, diags)
		got, err := assignerPolicy(t, object(argument))
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, argument, err)
		}
		m.setDerived(s, archive{})
		if !got.Equal(m.PolicyJSON) {
			t.Fatalf("seed %d: %v\nfunction %s\nresource %s", seed, argument, got, m.PolicyJSON)
		}
		seen[got.ValueString()] = true
	}
	if len(seen) < 400 {
		t.Errorf("seed %d: only %d different policies", seed, len(seen))
	}
}

func TestAssignerPolicyTakesAMapOfStrings(t *testing.T) {
	got, err := assignerPolicy(t, tfvalue.Map(map[string]string{"name": "egress", "auto_scaling_group_arn": testGroupARN, "pool_name": testPool}))
	if want := testSpec(t).policy(); err != nil || got.ValueString() != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAssignerPolicyWaitsForWhatIsUnknown(t *testing.T) {
	for name, unknown := range map[string]map[string]attr.Value{
		"the group":       {"auto_scaling_group_arn": tf.StringUnknown()},
		"all of a VPC":    {"vpc_config": tf.ObjectUnknown(vpcConfigTypes)},
		"a subnet's id":   {"vpc_config": object(map[string]attr.Value{"subnet_ids": tf.SetValueMust(tf.StringType, []attr.Value{tf.StringUnknown()}), "security_group_ids": tuple("sg-1")})},
		"all, one is odd": {"auto_scaling_group_arn": tf.StringUnknown(), "colour": tf.StringValue("red")},
	} {
		t.Run(name, func(t *testing.T) {
			argument := map[string]attr.Value{"name": tf.StringValue("egress"), "auto_scaling_group_arn": tf.StringValue(testGroupARN), "pool_name": tf.StringValue(testPool)}
			for key, value := range unknown {
				argument[key] = value
			}
			if got, err := assignerPolicy(t, object(argument)); err != nil || !got.IsUnknown() {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestAssignerPolicyRefusesBadArguments(t *testing.T) {
	with := func(name string, value attr.Value) attr.Value {
		argument := map[string]attr.Value{"name": tf.StringValue("egress"), "auto_scaling_group_arn": tf.StringValue(testGroupARN), "pool_name": tf.StringValue(testPool)}
		argument[name] = value
		return object(argument)
	}
	for name, test := range map[string]struct {
		argument attr.Value
		says     string
	}{
		"no object":              {tf.StringValue("egress"), `must be an object, such as { name = "egress"`},
		"a list":                 {tuple("egress"), "must be an object"},
		"nothing":                {object(nil), `attribute "name" is missing`},
		"a null pool":            {with("pool_name", tf.StringNull()), `attribute "pool_name" is missing`},
		"an odd attribute":       {with("subnet_ids", tuple("subnet-1")), `attribute "subnet_ids" is not one that a policy depends on; there are auto_scaling_group_arn, failure_destination_arn, kms_key_arn, name, owner, pool_name, tag_key and vpc_config`},
		"a name for an ARN":      {with("auto_scaling_group_arn", tf.StringValue("proxies")), `attribute "auto_scaling_group_arn" is "proxies", and must be the ARN of an Auto Scaling group`},
		"a name too long":        {with("name", tf.StringValue(strings.Repeat("x", 33))), "must be 1 to 32 letters"},
		"a number":               {with("pool_name", tf.Int64Value(7)), `attribute "pool_name" must be a string`},
		"a pool of many":         {with("pool_name", tf.StringValue("eg*")), `attribute "pool_name" is "eg*", and must have 1`},
		"an owner of signs":      {with("owner", tf.StringValue("a#b")), `attribute "owner" is "a#b"`},
		"an empty tag key":       {with("tag_key", tf.StringValue("")), `attribute "tag_key" is ""`},
		"an alias":               {with("kms_key_arn", tf.StringValue("alias/a")), "not an alias"},
		"a bucket":               {with("failure_destination_arn", tf.StringValue("arn:aws:s3:::b")), "must be the ARN of an SQS queue"},
		"a VPC's id":             {with("vpc_config", tf.StringValue("vpc-1")), `attribute "vpc_config" must be an object with subnet_ids and security_group_ids`},
		"no security group":      {with("vpc_config", object(map[string]attr.Value{"subnet_ids": tuple("subnet-1")})), "security_group_ids that are wrong: there must be a list with at least one"},
		"a group for a subnet":   {with("vpc_config", object(map[string]attr.Value{"subnet_ids": tuple("sg-1"), "security_group_ids": tuple("sg-1")})), `subnet_ids that are wrong: one is "sg-1", and must be a subnet id`},
		"more than a VPC config": {with("vpc_config", object(map[string]attr.Value{"vpc_id": tf.StringValue("vpc-1")})), `has the attribute "vpc_id"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := assignerPolicy(t, test.argument)
			if err == nil || err.FunctionArgument == nil || *err.FunctionArgument != 0 || !strings.Contains(err.Text, test.says) {
				t.Errorf("got %s, %v; want %q", got, err, test.says)
			}
		})
	}
}

// A role of one's own is made before the assigner, in one apply, without a cycle, from a group
// whose ARN is known only then; and the two policies are one.
func TestTerraformMakesARoleOfOnesOwnFirst(t *testing.T) {
	w := newWorld(3)
	config := `
terraform {
  required_providers {
    crosscloudlink = { source = "registry.terraform.io/hashicorp/crosscloudlink" }
  }
}
resource "terraform_data" "group" {
  input = "` + testGroupARN + `"
}
resource "terraform_data" "role" {
  input = {
    arn    = "arn:aws:iam::123456789012:role/own"
    policy = provider::crosscloudlink::assigner_policy({ name = "egress", auto_scaling_group_arn = terraform_data.group.output, pool_name = "egress" })
  }
}
` + strings.Replace(configuration(2, 3, "role_arn = terraform_data.role.output.arn"), `"`+testGroupARN+`"`, "terraform_data.group.output", 1) + `
output "same" {
  value = terraform_data.role.output.policy == ` + address + `.policy_json
}`
	tftest.UnitTest(t, tftest.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_8_0)},
		ProtoV6ProviderFactories: factories(w.resource(archARM)),
		CheckDestroy:             nothingLeft(w),
		Steps: []tftest.TestStep{
			{Config: config, Check: tftest.TestCheckOutput("same", "true"), ConfigPlanChecks: tftest.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectUnknownValue("terraform_data.role", tfjsonpath.New("input").AtMapKey("policy"))},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			}},
			{Config: strings.ReplaceAll(config, "terraform_data.group.output", `"`+testGroupARN+`"`), PlanOnly: true},
		},
	})
	if made := slices.ContainsFunc(w.log, func(op string) bool { return strings.HasPrefix(op, "iam.") }); made {
		t.Error("a role was looked for or made beside the user's own")
	}
}
