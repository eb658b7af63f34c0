package autoscaling

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func metricOf(name string) *types.TargetTrackingMetricStat {
	return &types.TargetTrackingMetricStat{Stat: aws.String("Average"), Metric: &types.Metric{
		Namespace: aws.String("AWS/NetworkELB"), MetricName: &name, Dimensions: []types.MetricDimension{{Name: aws.String("LoadBalancer"), Value: aws.String("net/a/1")}},
	}}
}

// flows is a policy on flows per healthy target.
func flows(change ...func(*api.PutScalingPolicyInput)) *api.PutScalingPolicyInput {
	in := &api.PutScalingPolicyInput{
		AutoScalingGroupName: aws.String("g"), PolicyName: aws.String("flows"), PolicyType: aws.String("TargetTrackingScaling"),
		TargetTrackingConfiguration: &types.TargetTrackingConfiguration{
			TargetValue: aws.Float64(1234.5),
			CustomizedMetricSpecification: &types.CustomizedMetricSpecification{Metrics: []types.TargetTrackingMetricDataQuery{
				{Id: aws.String("m1"), MetricStat: metricOf("ActiveFlowCount"), ReturnData: aws.Bool(false)},
				{Id: aws.String("m2"), MetricStat: metricOf("HealthyHostCount"), ReturnData: aws.Bool(false)},
				{Id: aws.String("e1"), Expression: aws.String("IF(m2 > 0, m1 / m2, 0)"), Label: aws.String("flows per target")},
			}},
		},
	}
	for _, f := range change {
		f(in)
	}
	return in
}

func queries(in *api.PutScalingPolicyInput) []types.TargetTrackingMetricDataQuery {
	return in.TargetTrackingConfiguration.CustomizedMetricSpecification.Metrics
}

func (b *bench) policies() []types.ScalingPolicy {
	b.t.Helper()
	return must[*api.DescribePoliciesOutput](b.t)(b.DescribePolicies(b.t.Context(), &api.DescribePoliciesInput{AutoScalingGroupName: aws.String("g")})).ScalingPolicies
}

func TestPoliciesAreShownAsPut(t *testing.T) {
	b := newBench(t)
	b.create(1)
	put := must[*api.PutScalingPolicyOutput](t)(b.PutScalingPolicy(t.Context(), flows()))
	got := b.policies()
	if len(got) != 1 || *got[0].PolicyARN != *put.PolicyARN || !strings.HasSuffix(*put.PolicyARN, ":autoScalingGroupName/g:policyName/flows") || !*got[0].Enabled {
		t.Fatalf("policies %+v", got)
	}
	tracking := got[0].TargetTrackingConfiguration
	metrics := tracking.CustomizedMetricSpecification.Metrics
	if *tracking.TargetValue != 1234.5 || *tracking.DisableScaleIn || len(metrics) != 3 || *metrics[2].Expression != "IF(m2 > 0, m1 / m2, 0)" ||
		!*metrics[2].ReturnData || *metrics[0].ReturnData || *metrics[1].MetricStat.Metric.MetricName != "HealthyHostCount" || *metrics[1].MetricStat.Metric.Dimensions[0].Value != "net/a/1" {
		t.Errorf("tracking %+v", tracking)
	}
	if len(got[0].Alarms) != 2 || len(put.Alarms) != 2 || !strings.HasPrefix(*got[0].Alarms[0].AlarmName, "TargetTracking-g-AlarmHigh-") {
		t.Errorf("alarms %+v", got[0].Alarms)
	}

	// Put again it is the same policy, and one that never shrinks the group has no alarm for it.
	again := must[*api.PutScalingPolicyOutput](t)(b.PutScalingPolicy(t.Context(), flows(func(in *api.PutScalingPolicyInput) {
		in.TargetTrackingConfiguration.DisableScaleIn = aws.Bool(true)
		in.EstimatedInstanceWarmup = aws.Int32(90)
	})))
	got = b.policies()
	if *again.PolicyARN != *put.PolicyARN || len(got) != 1 || len(got[0].Alarms) != 1 || *got[0].EstimatedInstanceWarmup != 90 {
		t.Errorf("put again: %+v", got)
	}
	_, err := b.DeletePolicy(t.Context(), &api.DeletePolicyInput{AutoScalingGroupName: aws.String("g"), PolicyName: aws.String("other")})
	wantCode(t, err, "ValidationError", "not found")
	must[*api.DeletePolicyOutput](t)(b.DeletePolicy(t.Context(), &api.DeletePolicyInput{PolicyName: put.PolicyARN}))
	if got := b.policies(); len(got) != 0 {
		t.Errorf("left: %+v", got)
	}
}

func TestPoliciesThatAWSRefuses(t *testing.T) {
	b := newBench(t)
	b.create(0)
	for text, change := range map[string]func(*api.PutScalingPolicyInput){
		"not found":                    func(in *api.PutScalingPolicyInput) { in.AutoScalingGroupName = aws.String("none") },
		"names 'm3', which is not in":  func(in *api.PutScalingPolicyInput) { queries(in)[2].Expression = aws.String("m1 / m3") },
		"Exactly one query":            func(in *api.PutScalingPolicyInput) { queries(in)[0].ReturnData = nil },
		"is not unique":                func(in *api.PutScalingPolicyInput) { queries(in)[1].Id = aws.String("m1") },
		"begin with a small letter":    func(in *api.PutScalingPolicyInput) { queries(in)[1].Id = aws.String("M2") },
		"either an Expression or":      func(in *api.PutScalingPolicyInput) { queries(in)[0].Expression = aws.String("m2") },
		"needs Stat and a Metric":      func(in *api.PutScalingPolicyInput) { queries(in)[0].MetricStat.Stat = aws.String("") },
		"must be 10, 30 or 60 seconds": func(in *api.PutScalingPolicyInput) { queries(in)[0].MetricStat.Period = aws.Int32(300) },
		"or Metrics, and not both": func(in *api.PutScalingPolicyInput) {
			in.TargetTrackingConfiguration.CustomizedMetricSpecification.MetricName = aws.String("x")
		},
		"needs either a Predefined": func(in *api.PutScalingPolicyInput) {
			in.TargetTrackingConfiguration.CustomizedMetricSpecification = nil
		},
		"Invalid PredefinedMetricType":    predefined("ASGAverageLoad", ""),
		"ResourceLabel must be given":     predefined("ALBRequestCountPerTarget", ""),
		"ResourceLabel must not be given": predefined("ASGAverageNetworkOut", "app/x"),
	} {
		_, err := b.PutScalingPolicy(t.Context(), flows(change))
		wantCode(t, err, "ValidationError", text)
	}
	_, err := b.PutScalingPolicy(t.Context(), flows(func(in *api.PutScalingPolicyInput) { in.PolicyType = aws.String("StepScaling") }))
	wantCode(t, err, "NotImplemented", "StepScaling")
	_, err = b.PutScalingPolicy(t.Context(), flows(func(in *api.PutScalingPolicyInput) { in.Cooldown = aws.Int32(10) }))
	wantCode(t, err, "NotImplemented", "Cooldown")
	if got := b.policies(); len(got) != 0 {
		t.Errorf("a refused policy is there: %+v", got)
	}
}

func predefined(kind types.MetricType, label string) func(*api.PutScalingPolicyInput) {
	return func(in *api.PutScalingPolicyInput) {
		in.TargetTrackingConfiguration.CustomizedMetricSpecification = nil
		in.TargetTrackingConfiguration.PredefinedMetricSpecification = &types.PredefinedMetricSpecification{PredefinedMetricType: kind}
		if label != "" {
			in.TargetTrackingConfiguration.PredefinedMetricSpecification.ResourceLabel = &label
		}
	}
}
