package autoscaling

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// maxPolicies is how many scaling policies a group may have.
const maxPolicies = 50

// policy is a target tracking policy of a group. It is stored and shown, and never runs: the
// sandbox has no metrics that it could follow.
type policy struct {
	name, arn string
	warmup    *int
	enabled   bool
	tracking  targetTracking
	alarms    []alarmXML
}

type policyXML struct {
	AutoScalingGroupName        string
	PolicyName                  string
	PolicyARN                   string
	PolicyType                  string
	EstimatedInstanceWarmup     *int
	Enabled                     bool
	Alarms                      list[alarmXML]
	TargetTrackingConfiguration targetTracking
}

type alarmXML struct{ AlarmName, AlarmARN string }

func (s *Service) putPolicy(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	name, groupName := p.required("PolicyName"), p.required("AutoScalingGroupName")
	if p.err != nil {
		return nil, p.err
	}
	if kind := p.str("PolicyType"); kind != targetTrackingType {
		return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement scaling policies of type %s, but of type %s alone", policyKind(kind), targetTrackingType)
	}
	known := []string{"AutoScalingGroupName", "PolicyName", "PolicyType", "EstimatedInstanceWarmup", "Enabled", "TargetTrackingConfiguration"}
	// The stock provider sends a Cooldown of zero with every update, and AWS takes it.
	if p.str("Cooldown") == "0" {
		known = append(known, "Cooldown")
	}
	if err := awsapi.RefuseUnknown(r, known...); err != nil {
		return nil, err
	}
	tracking, err := readTargetTracking(p)
	if err != nil {
		return nil, err
	}
	warmup, enabled := p.integer("EstimatedInstanceWarmup"), p.boolean("Enabled")
	switch {
	case p.err != nil:
		return nil, p.err
	case warmup != nil && *warmup < 0:
		return nil, invalid("EstimatedInstanceWarmup must not be negative; it is %d", *warmup)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.writableLocked(groupName)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(g.policies, func(other policy) bool { return other.name == name })
	if at < 0 {
		if len(g.policies) >= maxPolicies {
			return nil, awsapi.Errorf(http.StatusBadRequest, "LimitExceeded", "Only %d scaling policies are allowed for an Auto Scaling group", maxPolicies)
		}
		at = len(g.policies)
		g.policies = append(g.policies, policy{name: name, arn: fmt.Sprintf("arn:aws:autoscaling:%s:%s:scalingPolicy:%s:autoScalingGroupName/%s:policyName/%s",
			s.deps.Region, s.deps.AccountID, uuid.NewString(), groupName, name)})
	}
	put := &g.policies[at]
	put.tracking, put.warmup, put.enabled = tracking, warmup, enabled == nil || *enabled
	put.alarms = s.trackingAlarms(groupName, tracking)
	return struct {
		PolicyARN string
		Alarms    list[alarmXML]
	}{put.arn, list[alarmXML]{put.alarms}}, nil
}

// policyKind is the type that PutScalingPolicy takes when none is given.
func policyKind(given string) string {
	if given == "" {
		return "SimpleScaling"
	}
	return given
}

// trackingAlarms names the alarms that AWS makes for a target tracking policy: one to grow and, unless it
// shall never shrink the group, one to shrink.
func (s *Service) trackingAlarms(group string, t targetTracking) []alarmXML {
	directions := []string{"AlarmHigh", "AlarmLow"}
	if t.DisableScaleIn {
		directions = directions[:1]
	}
	var out []alarmXML
	for _, direction := range directions {
		name := fmt.Sprintf("TargetTracking-%s-%s-%s", group, direction, uuid.NewString())
		out = append(out, alarmXML{name, fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", s.deps.Region, s.deps.AccountID, name)})
	}
	return out
}

func (s *Service) describePolicies(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "PolicyNames", "PolicyTypes", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	groupName, names, types := r.Form.Get("AutoScalingGroupName"), r.List("PolicyNames"), r.List("PolicyTypes")
	s.mu.Lock()
	defer s.mu.Unlock()
	if groupName != "" {
		if _, err := s.groupLocked(groupName); err != nil {
			return nil, err
		}
	}
	var out struct{ ScalingPolicies list[policyXML] }
	for _, g := range s.sortedGroupsLocked() {
		if groupName != "" && g.name != groupName {
			continue
		}
		for _, p := range g.policies {
			if (len(names) == 0 || slices.Contains(names, p.name) || slices.Contains(names, p.arn)) && (len(types) == 0 || slices.Contains(types, targetTrackingType)) {
				out.ScalingPolicies.Members = append(out.ScalingPolicies.Members, p.xml(g.name))
			}
		}
	}
	return out, nil
}

func (p policy) xml(group string) policyXML {
	return policyXML{
		AutoScalingGroupName: group, PolicyName: p.name, PolicyARN: p.arn, PolicyType: targetTrackingType,
		EstimatedInstanceWarmup: p.warmup, Enabled: p.enabled, Alarms: list[alarmXML]{p.alarms}, TargetTrackingConfiguration: p.tracking,
	}
}

func (s *Service) deletePolicy(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	name := p.required("PolicyName")
	if p.err != nil {
		return nil, p.err
	}
	groupName := r.Form.Get("AutoScalingGroupName")
	if groupName == "" && !strings.HasPrefix(name, "arn:") {
		return nil, invalid("Group name cannot be null when the policy is named by its name and not by its ARN")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.sortedGroupsLocked() {
		if groupName != "" && g.name != groupName {
			continue
		}
		before := len(g.policies)
		g.policies = slices.DeleteFunc(g.policies, func(p policy) bool { return p.name == name || p.arn == name })
		if len(g.policies) < before {
			return nil, nil
		}
	}
	return nil, invalid("Autoscaling Policy name not found - the policy %s of group %s does not exist", name, groupName)
}
