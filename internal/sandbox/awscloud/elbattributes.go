package awscloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Keys of attributes that depend on each other.
const (
	unhealthyTermination = "target_health_state.unhealthy.connection_termination.enabled"
	unhealthyDraining    = "target_health_state.unhealthy.draining_interval_seconds"
)

// targetGroupDefaults are the attributes of a Network Load Balancer's target group with their defaults in AWS.
var targetGroupDefaults = map[string]string{
	"deregistration_delay.connection_termination.enabled": "false",
	"preserve_client_ip.enabled":                          "true",
	"proxy_protocol_v2.enabled":                           "false",
	"stickiness.enabled":                                  "false",
	"stickiness.type":                                     "source_ip",
	"load_balancing.cross_zone.enabled":                   "use_load_balancer_configuration",
	unhealthyTermination:                                  "true",
	unhealthyDraining:                                     "0",
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 "1",
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            "off",
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "1",
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}

// attributeBounds are the numbers that attributes of target groups and listeners may be, by the references of
// TargetGroupAttribute and ListenerAttribute.
var attributeBounds = map[string]struct{ low, high int }{
	"deregistration_delay.timeout_seconds": {0, 3600},
	unhealthyDraining:                      {0, 360000},
	"tcp.idle_timeout.seconds":             {60, 6000},
}

// isNetwork reports whether a target group belongs to Network Load Balancers.
func isNetwork(protocol string) bool {
	return slices.Contains([]string{"TCP", "TLS", "UDP", "TCP_UDP"}, protocol)
}

// givenAttributes reads Attributes of a Modify call.
func givenAttributes(r *awsapi.Request) map[string]string {
	out := map[string]string{}
	for i := 1; ; i++ {
		key := r.Form.Get(fmt.Sprintf("Attributes.member.%d.Key", i))
		if key == "" {
			return out
		}
		out[key] = r.Form.Get(fmt.Sprintf("Attributes.member.%d.Value", i))
	}
}

// checkAttribute refuses a value that AWS would not take.
func checkAttribute(key, value string) *awsapi.Error {
	bounds, isNumber := attributeBounds[key]
	_, isBoolean := map[string]bool{"true": true, "false": true}[targetGroupDefaults[key]]
	switch n, err := strconv.Atoi(value); {
	case isNumber && (err != nil || n < bounds.low || n > bounds.high):
		return badRequest("ValidationError", "'%s' value '%s' must be between '%d-%d' inclusive", key, value, bounds.low, bounds.high)
	case isBoolean && value != "true" && value != "false":
		return badRequest("ValidationError", "'%s' value '%s' must be one of [true, false]", key, value)
	}
	return nil
}

// checkListenerAttributes refuses what AWS would of ModifyListenerAttributes.
func checkListenerAttributes(given map[string]string) *awsapi.Error {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := checkAttribute(key, given[key]); err != nil {
			return err
		}
	}
	return nil
}

// checkTargetGroupAttributes refuses what AWS would of ModifyTargetGroupAttributes for a Network Load Balancer's group.
func (v *vpc) checkTargetGroupAttributes(ctx context.Context, targetGroup string, given map[string]string) *awsapi.Error {
	protocol, err := v.protocolOf(ctx, targetGroup)
	if err != nil || !isNetwork(protocol) {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if _, known := targetGroupDefaults[key]; !known && key != "deregistration_delay.timeout_seconds" {
			return badRequest("ValidationError", "Target group attribute key '%s' is not recognized", key)
		}
		if err := checkAttribute(key, given[key]); err != nil {
			return err
		}
	}
	set, err := v.targetGroupAttributes(ctx, targetGroup)
	if err != nil {
		return err
	}
	all := maps.Clone(targetGroupDefaults)
	maps.Copy(all, set)
	maps.Copy(all, given)
	if all[unhealthyTermination] == "true" && all[unhealthyDraining] != "0" {
		return badRequest("InvalidConfigurationRequest", "The attribute '%s' can be set only while '%s' is false", unhealthyDraining, unhealthyTermination)
	}
	return nil
}

func (v *vpc) protocolOf(ctx context.Context, targetGroup string) (string, *awsapi.Error) {
	doc, err := v.elb(ctx, "DescribeTargetGroups", map[string]string{"TargetGroupArns.member.1": targetGroup})
	if err != nil {
		return "", err
	}
	for _, group := range doc.items("DescribeTargetGroupsResult/TargetGroups") {
		return group.value("Protocol"), nil
	}
	return "", badRequest("TargetGroupNotFound", "One or more target groups not found")
}

// correctTargetGroupAttributes shows a Network Load Balancer's group as AWS does: with its defaults, and without the
// attributes of other groups, which moto gives to all.
func (c *Cloud) correctTargetGroupAttributes(ctx context.Context, targetGroup string, list *node) *awsapi.Error {
	protocol, err := c.vpc.protocolOf(ctx, targetGroup)
	if err != nil || list == nil || !isNetwork(protocol) {
		return err
	}
	list.drop(func(n *node) bool { return strings.HasPrefix(n.value("Key"), "load_balancing.algorithm.") })
	addAttributes(list, targetGroupDefaults)
	return nil
}

// addAttributes adds the defaults of attributes that are not in the list.
func addAttributes(list *node, defaults map[string]string) {
	present := map[string]bool{}
	for _, attribute := range list.kids {
		present[attribute.value("Key")] = true
	}
	for _, key := range slices.Sorted(maps.Keys(defaults)) {
		if !present[key] {
			list.add(el("member", txt("Key", key), txt("Value", defaults[key])))
		}
	}
}
