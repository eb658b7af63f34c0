package awscloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

func TestTargetGroupAttributes(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "attributes")
	show := func() map[string]string {
		out := map[string]string{}
		for _, a := range must(b.client.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &b.targetGroup}))(t).Attributes {
			out[*a.Key] = *a.Value
		}
		return out
	}
	modify := func(pairs ...string) error {
		in := &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &b.targetGroup}
		for i := 0; i < len(pairs); i += 2 {
			in.Attributes = append(in.Attributes, types.TargetGroupAttribute{Key: &pairs[i], Value: &pairs[i+1]})
		}
		_, err := b.client.ModifyTargetGroupAttributes(t.Context(), in)
		return err
	}
	const termination, draining = "target_health_state.unhealthy.connection_termination.enabled", "target_health_state.unhealthy.draining_interval_seconds"
	if got := show(); got["proxy_protocol_v2.enabled"] != "false" || got[termination] != "true" || got[draining] != "0" || got["load_balancing.algorithm.type"] != "" {
		t.Errorf("the defaults are %v", got)
	}
	wantCode(t, modify("proxy_protocol_v2.enabled", "maybe"), "ValidationError")
	wantCode(t, modify("proxy_protocol_v3.enabled", "true"), "ValidationError")
	wantCode(t, modify("deregistration_delay.timeout_seconds", "3601"), "ValidationError")
	wantCode(t, modify(draining, "300"), "InvalidConfigurationRequest")
	wantCode(t, modify(termination, "false", draining, "360001"), "ValidationError")
	wantCode(t, modify(termination, "false", draining, "300", "proxy_protocol_v2.enabled", "true"), "")
	wantCode(t, modify(termination, "true"), "InvalidConfigurationRequest")
	if got := show(); got["proxy_protocol_v2.enabled"] != "true" || got[termination] != "false" || got[draining] != "300" {
		t.Errorf("the attributes are %v", got)
	}
}

func TestListenerIdleTimeout(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "idle")
	listener := must(b.client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: &b.arn}))(t).Listeners[0].ListenerArn
	set := func(seconds string) error {
		_, err := b.client.ModifyListenerAttributes(t.Context(), &elb.ModifyListenerAttributesInput{
			ListenerArn: listener, Attributes: []types.ListenerAttribute{{Key: aws.String("tcp.idle_timeout.seconds"), Value: &seconds}},
		})
		return err
	}
	wantCode(t, set("59"), "ValidationError")
	wantCode(t, set("6001"), "ValidationError")
	wantCode(t, set("6000"), "")
	attributes := must(b.client.DescribeListenerAttributes(t.Context(), &elb.DescribeListenerAttributesInput{ListenerArn: listener}))(t).Attributes
	if len(attributes) != 1 || *attributes[0].Value != "6000" {
		t.Errorf("attributes %+v", attributes)
	}
}
