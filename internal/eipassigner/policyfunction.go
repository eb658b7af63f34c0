package eipassigner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// policyFunction is provider::crosscloudlink::assigner_policy.
type policyFunction struct{}

// NewPolicyFunction returns the function assigner_policy: the policy_json of an assigner,
// before there is one, for a role of the user's own.
func NewPolicyFunction() function.Function { return policyFunction{} }

func (policyFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "assigner_policy"
}

func (policyFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Policy of the role of an assigner",
		Description: "Gives the policy that the role of a crosscloudlink_lifecycle_eip_assigner with these arguments must have, the same JSON as its policy_json. " +
			"With it a role of one's own, for role_arn, can be made before the assigner. Needs Terraform 1.8 or later.",
		MarkdownDescription: "Gives the policy that the role of a `crosscloudlink_lifecycle_eip_assigner` with these arguments must have, the same JSON as its `policy_json`. " +
			"With it a role of one's own, for `role_arn`, can be made before the assigner, without a cycle. Needs Terraform 1.8 or later.",
		Parameters: []function.Parameter{function.DynamicParameter{
			Name:        "assigner",
			Description: "Object with the assigner's arguments of the same names: name, auto_scaling_group_arn and pool_name; as far as the assigner has them, tag_key, kms_key_arn, vpc_config and failure_destination_arn; and owner, where the provider's configuration or CROSSCLOUDLINK_OWNER names one.",
			MarkdownDescription: "An object with the assigner's arguments of the same names: `name`, `auto_scaling_group_arn` and `pool_name`; as far as the assigner has them, `tag_key`, `kms_key_arn`, `vpc_config` and `failure_destination_arn`; " +
				"and `owner`, where the provider's configuration or `CROSSCLOUDLINK_OWNER` names one: a function does not see the provider's configuration, and the names of all that is made depend on it. Null is the same as left out.",
		}},
		Return: function.StringReturn{},
	}
}

func (policyFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var argument types.Dynamic
	if resp.Error = req.Arguments.Get(ctx, &argument); resp.Error != nil {
		return
	}
	given, err := members(argument)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, "The assigner "+err.Error())
		return
	}
	if !wholly(ctx, given) {
		resp.Error = resp.Result.Set(ctx, types.StringUnknown())
		return
	}
	s, err := specOf(given)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, "The assigner cannot have such a policy: "+err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, s.policy())
}

var errNoObject = errors.New("must be an object, such as { name = \"egress\", auto_scaling_group_arn = aws_autoscaling_group.proxies.arn, pool_name = \"egress\" }")

// members are the attributes of an object, or the elements of a map, that are not null.
func members(v attr.Value) (map[string]attr.Value, error) {
	if dynamic, ok := v.(types.Dynamic); ok {
		v = dynamic.UnderlyingValue()
	}
	var all map[string]attr.Value
	switch v := v.(type) {
	case types.Object:
		all = v.Attributes()
	case types.Map:
		all = v.Elements()
	default:
		return nil, errNoObject
	}
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(_ string, member attr.Value) bool { return member.IsNull() })
	return all, nil
}

// wholly reports whether all values are known, what is inside of them included.
func wholly(ctx context.Context, given map[string]attr.Value) bool {
	for _, v := range given {
		value, err := v.ToTerraformValue(ctx)
		if err != nil || !value.IsFullyKnown() {
			return false
		}
	}
	return true
}

// specOf is as much of a spec as the policy depends on.
func specOf(given map[string]attr.Value) (spec, error) {
	s := spec{owner: clients.DefaultOwner, tagKey: eiptag.DefaultPoolKey}
	var groupARN string
	required := []string{"name", "auto_scaling_group_arn", "pool_name"}
	texts := map[string]struct {
		into   *string
		format format
	}{
		"name":                    {&s.name, nameFormat},
		"auto_scaling_group_arn":  {&groupARN, groupARNFormat},
		"pool_name":               {&s.pool, poolNameFormat},
		"tag_key":                 {&s.tagKey, tagKeyFormat},
		"owner":                   {&s.owner, ownerFormat},
		"kms_key_arn":             {&s.kmsKey, kmsKeyFormat},
		"failure_destination_arn": {&s.failureDestination, failureDestinationFormat},
	}
	for _, name := range required {
		if given[name] == nil {
			return spec{}, fmt.Errorf("attribute %q is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		target, isText := texts[name]
		var err error
		switch {
		case isText:
			*target.into, err = text(value, target.format)
		case name == "vpc_config":
			s.subnets, s.securityGroups, err = vpcOf(value)
		default:
			err = fmt.Errorf("is not one that a policy depends on; there are %s and vpc_config", strings.Join(slices.Sorted(maps.Keys(texts)), ", "))
		}
		if err != nil {
			return spec{}, fmt.Errorf("attribute %q %w", name, err)
		}
	}
	var err error
	s.group, err = parseGroupARN(groupARN)
	return s, err
}

// text is a string of a format.
func text(v attr.Value, f format) (string, error) {
	if dynamic, ok := v.(types.Dynamic); ok {
		v = dynamic.UnderlyingValue()
	}
	value, ok := v.(types.String)
	if !ok {
		return "", errors.New("must be a string")
	}
	if !f.pattern.MatchString(value.ValueString()) {
		return "", fmt.Errorf("is %q, and %s", value.ValueString(), f.says)
	}
	return value.ValueString(), nil
}

// vpcOf takes a vpc_config apart, and sorts what it holds as the resource does.
func vpcOf(v attr.Value) (subnets, securityGroups []string, err error) {
	given, err := members(v)
	if err != nil {
		return nil, nil, errors.New("must be an object with subnet_ids and security_group_ids")
	}
	for name := range given {
		if name != "subnet_ids" && name != "security_group_ids" {
			return nil, nil, fmt.Errorf("has the attribute %q; there are subnet_ids and security_group_ids", name)
		}
	}
	if subnets, err = ids(given["subnet_ids"], subnetFormat); err != nil {
		return nil, nil, fmt.Errorf("has subnet_ids that are wrong: %w", err)
	}
	if securityGroups, err = ids(given["security_group_ids"], securityGroupFormat); err != nil {
		return nil, nil, fmt.Errorf("has security_group_ids that are wrong: %w", err)
	}
	return subnets, securityGroups, nil
}

// ids are the elements of a list, set or tuple, sorted, each once.
func ids(v attr.Value, f format) ([]string, error) {
	var elements []attr.Value
	switch v := v.(type) {
	case types.List:
		elements = v.Elements()
	case types.Set:
		elements = v.Elements()
	case types.Tuple:
		elements = v.Elements()
	}
	if len(elements) == 0 {
		return nil, errors.New("there must be a list with at least one")
	}
	var all []string
	for _, element := range elements {
		id, err := text(element, f)
		if err != nil {
			return nil, fmt.Errorf("one %w", err)
		}
		all = append(all, id)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
