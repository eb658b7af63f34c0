package autoscaling

import (
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

type groupXML struct {
	AutoScalingGroupName             string
	AutoScalingGroupARN              string
	LaunchTemplate                   templateXML
	MinSize                          int
	MaxSize                          int
	DesiredCapacity                  int
	DefaultCooldown                  int
	AvailabilityZones                list[string]
	LoadBalancerNames                list[string]
	TargetGroupARNs                  list[string]
	HealthCheckType                  string
	HealthCheckGracePeriod           int
	Instances                        list[instanceXML]
	CreatedTime                      string
	SuspendedProcesses               list[suspendedXML]
	VPCZoneIdentifier                string
	EnabledMetrics                   list[metricXML]
	Status                           string `xml:",omitempty"`
	Tags                             list[tagXML]
	TerminationPolicies              list[string]
	NewInstancesProtectedFromScaleIn bool
	ServiceLinkedRoleARN             string
	MaxInstanceLifetime              *int
	CapacityRebalance                bool
	Context                          string `xml:",omitempty"`
	DesiredCapacityType              string `xml:",omitempty"`
	DefaultInstanceWarmup            *int
	TrafficSources                   list[trafficSourceXML]
	InstanceMaintenancePolicy        *maintenancePolicy
	InstanceLifecyclePolicy          *lifecyclePolicyXML
	WarmPoolConfiguration            *warmPoolXML
	WarmPoolSize                     *int
	AvailabilityZoneDistribution     struct{ CapacityDistributionStrategy string }
	AvailabilityZoneImpairmentPolicy struct {
		ZonalShiftEnabled               bool
		ImpairedZoneHealthCheckBehavior string
	}
	CapacityReservationSpecification struct{ CapacityReservationPreference string }
}

type lifecyclePolicyXML struct {
	RetentionTriggers struct{ TerminateHookAbandon string }
}

type templateXML struct {
	LaunchTemplateID   string `xml:"LaunchTemplateId"`
	LaunchTemplateName string
	Version            string
}

type instanceXML struct {
	InstanceID           string `xml:"InstanceId"`
	InstanceType         string
	ImageID              string `xml:"ImageId"`
	AvailabilityZone     string
	LifecycleState       lifecycle.State
	HealthStatus         string
	LaunchTemplate       templateXML
	ProtectedFromScaleIn bool
	// AutoScalingGroupName is in DescribeAutoScalingInstances only.
	AutoScalingGroupName string `xml:",omitempty"`
}

type suspendedXML struct {
	ProcessName      string
	SuspensionReason string
}

type metricXML struct{ Metric, Granularity string }

type trafficSourceXML struct{ Identifier, Type string }

func (g *group) xml() groupXML {
	x := groupXML{
		AutoScalingGroupName:             g.name,
		AutoScalingGroupARN:              g.arn,
		LaunchTemplate:                   g.template.xml(),
		MinSize:                          g.min,
		MaxSize:                          g.max,
		DesiredCapacity:                  g.desired,
		DefaultCooldown:                  g.defaultCooldown,
		TargetGroupARNs:                  list[string]{g.targetGroups},
		HealthCheckType:                  g.healthCheckType,
		HealthCheckGracePeriod:           g.healthCheckGracePeriod,
		CreatedTime:                      timestamp(g.created),
		VPCZoneIdentifier:                strings.Join(g.subnets, ","),
		TerminationPolicies:              list[string]{g.terminationPolicies},
		NewInstancesProtectedFromScaleIn: g.protectedFromScaleIn,
		ServiceLinkedRoleARN:             g.serviceLinkedRoleARN,
		MaxInstanceLifetime:              g.maxInstanceLifetime,
		CapacityRebalance:                g.capacityRebalance,
		Context:                          g.context,
		DesiredCapacityType:              g.desiredCapacityType,
		DefaultInstanceWarmup:            g.defaultInstanceWarmup,
		InstanceMaintenancePolicy:        g.maintenance,
	}
	for _, subnet := range g.subnets {
		x.AvailabilityZones.Members = append(x.AvailabilityZones.Members, g.zones[subnet])
	}
	x.AvailabilityZones.Members = uniqueStrings(x.AvailabilityZones.Members)
	slices.Sort(x.AvailabilityZones.Members)
	for _, i := range g.instances {
		if !i.life.State().InWarmPool() {
			x.Instances.Members = append(x.Instances.Members, i.xml())
		}
	}
	if g.pool != nil {
		size := len(g.warmInstances())
		x.WarmPoolConfiguration, x.WarmPoolSize = warmPool(g.pool), &size
	}
	if g.retainOnAbandon {
		x.InstanceLifecyclePolicy = &lifecyclePolicyXML{}
		x.InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon = "retain"
	}
	for _, process := range g.suspended {
		x.SuspendedProcesses.Members = append(x.SuspendedProcesses.Members, suspendedXML{process, "User suspended"})
	}
	for _, metric := range g.metrics {
		x.EnabledMetrics.Members = append(x.EnabledMetrics.Members, metricXML{metric, "1Minute"})
	}
	for _, arn := range g.targetGroups {
		x.TrafficSources.Members = append(x.TrafficSources.Members, trafficSourceXML{arn, "elbv2"})
	}
	for _, t := range g.tags {
		x.Tags.Members = append(x.Tags.Members, t.xml(g.name))
	}
	if g.deleting {
		x.Status = "Delete in progress"
	}
	x.AvailabilityZoneDistribution.CapacityDistributionStrategy = g.capacityDistribution
	x.AvailabilityZoneImpairmentPolicy.ZonalShiftEnabled = g.zonalShiftEnabled
	x.AvailabilityZoneImpairmentPolicy.ImpairedZoneHealthCheckBehavior = g.impairedZoneHealthCheck
	x.CapacityReservationSpecification.CapacityReservationPreference = g.capacityReservation
	return x
}

func (t templateRef) xml() templateXML {
	return templateXML{LaunchTemplateID: t.ID, LaunchTemplateName: t.Name, Version: t.Version}
}

func (i *instance) xml() instanceXML {
	return instanceXML{
		InstanceID: i.id, InstanceType: i.instanceType, ImageID: i.imageID, AvailabilityZone: i.zone,
		LifecycleState: i.life.State(), HealthStatus: i.health, LaunchTemplate: i.template.xml(), ProtectedFromScaleIn: i.protected,
	}
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// sortedGroupsLocked returns the groups by name.
func (s *Service) sortedGroupsLocked() []*group {
	out := make([]*group, 0, len(s.groups))
	for _, g := range s.groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	return out
}

func (s *Service) describeGroups(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupNames", "Filters", "MaxRecords", "NextToken", "IncludeInstances"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	names := r.List("AutoScalingGroupNames")
	filters, err := readFilters(p)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out struct{ AutoScalingGroups list[groupXML] }
	for _, g := range s.sortedGroupsLocked() {
		if (len(names) == 0 || slices.Contains(names, g.name)) && g.matches(filters) {
			out.AutoScalingGroups.Members = append(out.AutoScalingGroups.Members, g.xml())
		}
	}
	return out, nil
}

type filter struct {
	name   string
	values []string
}

func readFilters(p *params) ([]filter, *awsapi.Error) {
	var out []filter
	for _, prefix := range p.members("Filters") {
		f := filter{name: p.str(prefix + ".Name"), values: p.r.List(prefix + ".Values")}
		if f.name != "tag-key" && f.name != "tag-value" && !strings.HasPrefix(f.name, "tag:") {
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: tag-key, tag-value, tag:<key>", f.name)
		}
		out = append(out, f)
	}
	return out, nil
}

// matches reports whether each filter fits some tag of the group.
func (g *group) matches(filters []filter) bool {
	for _, f := range filters {
		fits := slices.ContainsFunc(g.tags, func(t tag) bool {
			switch f.name {
			case "tag-key":
				return slices.Contains(f.values, t.Key)
			case "tag-value":
				return slices.Contains(f.values, t.Value)
			default:
				return t.Key == strings.TrimPrefix(f.name, "tag:") && slices.Contains(f.values, t.Value)
			}
		})
		if !fits {
			return false
		}
	}
	return true
}

func (s *Service) describeInstances(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "InstanceIds", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	ids := r.List("InstanceIds")
	s.mu.Lock()
	defer s.mu.Unlock()
	var out struct{ AutoScalingInstances list[instanceXML] }
	for _, g := range s.sortedGroupsLocked() {
		for _, i := range g.instances {
			if len(ids) > 0 && !slices.Contains(ids, i.id) {
				continue
			}
			x := i.xml()
			x.AutoScalingGroupName = g.name
			// This call spells health in capitals, DescribeAutoScalingGroups does not.
			x.HealthStatus = strings.ToUpper(x.HealthStatus)
			out.AutoScalingInstances.Members = append(out.AutoScalingInstances.Members, x)
		}
	}
	return out, nil
}

type activityXML struct {
	ActivityID           string `xml:"ActivityId"`
	AutoScalingGroupName string
	AutoScalingGroupARN  string
	Description          string
	Cause                string
	StartTime            string
	EndTime              string `xml:",omitempty"`
	StatusCode           string
	StatusMessage        string `xml:",omitempty"`
	Progress             int
	Details              string
}

func (a *activity) xml() activityXML {
	x := activityXML{
		ActivityID: a.id, AutoScalingGroupName: a.groupName, AutoScalingGroupARN: a.groupARN, Description: a.description,
		Cause: a.cause, StartTime: timestamp(a.start), StatusCode: a.status, StatusMessage: a.message, Progress: a.progress, Details: a.detail,
	}
	if !a.end.IsZero() {
		x.EndTime = timestamp(a.end)
	}
	return x
}

func (s *Service) describeActivities(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "ActivityIds", "AutoScalingGroupName", "IncludeDeletedGroups", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	name, ids := r.Form.Get("AutoScalingGroupName"), r.List("ActivityIds")
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" {
		if _, err := s.groupLocked(name); err != nil {
			return nil, err
		}
	}
	var out struct{ Activities list[activityXML] }
	for _, g := range s.sortedGroupsLocked() {
		if name != "" && g.name != name {
			continue
		}
		// AWS answers newest first.
		for _, a := range slices.Backward(g.activities) {
			if len(ids) == 0 || slices.Contains(ids, a.id) {
				out.Activities.Members = append(out.Activities.Members, a.xml())
			}
		}
	}
	return out, nil
}
