package dashboardpicture

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrender"
)

// PoolInputs are inputs of the module egress-dashboard for a fleet on a pool of addresses,
// with everything that can be shown.
func PoolInputs() map[string]any {
	return map[string]any{
		"name":                   "openai-link",
		"region":                 "us-east-1",
		"runbook_url":            "https://example.com/runbook",
		"load_balancer":          "net/openai-link-nlb/0123456789abcdef",
		"target_group":           "targetgroup/openai-link-proxy/0123456789abcdef",
		"endpoint_service_id":    "vpce-svc-0123456789abcdef0",
		"autoscaling_group_name": "openai-link-proxy",
		"zones":                  []string{"us-east-1a", "us-east-1b", "us-east-1c"},
		"min_size":               3,
		"max_connections":        20000,
		"assigner":               map[string]any{"function_name": "openai-link-eip-assigner", "pool_name": "openai-link"},
		"proxy_log_group_name":   "/crosscloudlink/egress-proxy/openai-link",
	}
}

// GatewayInputs are the same for a fleet behind NAT gateways.
func GatewayInputs() map[string]any {
	inputs := PoolInputs()
	delete(inputs, "assigner")
	inputs["nat_gateway_ids"] = map[string]string{
		"us-east-1a": "nat-0123456789abcdef1", "us-east-1b": "nat-0123456789abcdef2", "us-east-1c": "nat-0123456789abcdef3",
	}
	return inputs
}

// Render draws the dashboard that the module in moduleDir makes of inputs, with all its
// alarms on it. Errors are the module's, and those of Parse.
func Render(ctx context.Context, moduleDir string, inputs map[string]any) ([]byte, error) {
	body, err := Body(ctx, moduleDir, inputs)
	if err != nil {
		return nil, err
	}
	dashboard, err := Parse(body)
	if err != nil {
		return nil, err
	}
	return dashboard.SVG(), nil
}

// Body is the JSON of the dashboard that Render draws.
func Body(ctx context.Context, moduleDir string, inputs map[string]any) (string, error) {
	outputs, err := tfrender.Outputs(ctx, moduleDir, inputs)
	if err != nil {
		return "", err
	}
	alarms, ok := outputs["alarms"].(map[string]any)
	if !ok {
		return "", fmt.Errorf("the output alarms of %s is %T, not alarms by key", moduleDir, outputs["alarms"])
	}
	var arns []string
	for _, key := range slices.Sorted(maps.Keys(alarms)) {
		alarm, ok := alarms[key].(map[string]any)
		if !ok {
			return "", fmt.Errorf("alarm %s of %s is %T", key, moduleDir, alarms[key])
		}
		arns = append(arns, fmt.Sprintf("arn:aws:cloudwatch:%s:123456789012:alarm:%s", inputs["region"], alarm["name"]))
	}
	inputs = maps.Clone(inputs)
	inputs["alarm_arns"] = arns
	if outputs, err = tfrender.Outputs(ctx, moduleDir, inputs); err != nil {
		return "", err
	}
	body, ok := outputs["dashboard_body"].(string)
	if !ok {
		return "", fmt.Errorf("the output dashboard_body of %s is %T, not text", moduleDir, outputs["dashboard_body"])
	}
	return body, nil
}
