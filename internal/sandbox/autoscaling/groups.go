package autoscaling

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// settings are the parameters that create and update share.
var settings = []string{
	"AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity", "LaunchTemplate", "VPCZoneIdentifier",
	"HealthCheckType", "HealthCheckGracePeriod", "DefaultCooldown", "DefaultInstanceWarmup", "MaxInstanceLifetime",
	"CapacityRebalance", "NewInstancesProtectedFromScaleIn", "TerminationPolicies", "Context", "DesiredCapacityType",
	"ServiceLinkedRoleARN", "InstanceMaintenancePolicy", "AvailabilityZoneDistribution",
	"AvailabilityZoneImpairmentPolicy", "CapacityReservationSpecification", "SkipZonalShiftValidation",
	"InstanceLifecyclePolicy",
}

func (s *Service) createGroup(r *awsapi.Request) (any, *awsapi.Error) {
	known := append(slices.Clone(settings), "TargetGroupARNs", "TrafficSources", "Tags", "LifecycleHookSpecificationList")
	if err := awsapi.RefuseUnknown(r, known...); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	p.required("MinSize")
	p.required("MaxSize")
	g := &group{
		name:                    name,
		arn:                     fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s", s.deps.Region, s.deps.AccountID, uuid.NewString(), name),
		created:                 s.deps.Clock.Now(),
		healthCheckType:         "EC2",
		defaultCooldown:         300,
		terminationPolicies:     []string{"Default"},
		serviceLinkedRoleARN:    fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", s.deps.AccountID),
		capacityDistribution:    "balanced-best-effort",
		impairedZoneHealthCheck: "IgnoreUnhealthy",
		capacityReservation:     "default",
		starting:                map[string]int{},
		warming:                 map[string]int{},
		backoff:                 lifecycle.Backoff{First: s.deps.Step * firstPauseInSteps, Max: s.deps.MaxLaunchPause},
		wake:                    make(chan struct{}, 1),
	}
	if err := s.applySettings(r, p, g); err != nil {
		return nil, err
	}
	switch {
	case g.template.ID == "":
		return nil, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	case len(g.subnets) == 0:
		return nil, invalid("At least one Availability Zone or VPC Subnet is required.")
	}
	targets := append(slices.Clone(r.List("TargetGroupARNs")), trafficSources(p)...)
	if err := s.checkTargetGroups(r, targets); err != nil {
		return nil, err
	}
	g.targetGroups = uniqueStrings(targets)
	g.tags = readTags(p, name)
	for _, prefix := range p.members("LifecycleHookSpecificationList") {
		h, err := readHook(p, prefix+".", newHook())
		if err != nil {
			return nil, err
		}
		g.hooks = append(g.hooks, h)
	}
	if p.err != nil {
		return nil, p.err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.groups[name]; exists {
		return nil, awsapi.Errorf(http.StatusBadRequest, "AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s already exists", name)
	}
	s.groups[name] = g
	s.backgroundLocked(func() { s.runGroup(g) })
	g.kick()
	return nil, nil
}

// applySettings reads the parameters that are given into g and checks the whole.
func (s *Service) applySettings(r *awsapi.Request, p *params, g *group) *awsapi.Error {
	if err := applySizes(p, g); err != nil {
		return err
	}
	if err := s.applyPlacement(r, p, g); err != nil {
		return err
	}
	for _, set := range []struct {
		name string
		at   *int
	}{{"HealthCheckGracePeriod", &g.healthCheckGracePeriod}, {"DefaultCooldown", &g.defaultCooldown}} {
		if v := p.integer(set.name); v != nil {
			*set.at = *v
		}
	}
	// AWS takes -1 (warm-up) and 0 (lifetime) as "none".
	if v := p.integer("DefaultInstanceWarmup"); v != nil {
		if g.defaultInstanceWarmup = v; *v == -1 {
			g.defaultInstanceWarmup = nil
		}
	}
	if v := p.integer("MaxInstanceLifetime"); v != nil {
		switch g.maxInstanceLifetime = v; {
		case *v == 0:
			g.maxInstanceLifetime = nil
		case *v < minLifetime || *v > maxLifetime:
			return invalid("MaxInstanceLifetime must be 0 or between %d and %d seconds; it is %d", minLifetime, maxLifetime, *v)
		}
	}
	for _, set := range []struct {
		name string
		at   *bool
	}{
		{"CapacityRebalance", &g.capacityRebalance},
		{"NewInstancesProtectedFromScaleIn", &g.protectedFromScaleIn},
		{"AvailabilityZoneImpairmentPolicy.ZonalShiftEnabled", &g.zonalShiftEnabled},
	} {
		if v := p.boolean(set.name); v != nil {
			*set.at = *v
		}
	}
	for _, set := range []struct {
		name string
		at   *string
	}{
		{"HealthCheckType", &g.healthCheckType},
		{"Context", &g.context},
		{"DesiredCapacityType", &g.desiredCapacityType},
		{"ServiceLinkedRoleARN", &g.serviceLinkedRoleARN},
		{"AvailabilityZoneDistribution.CapacityDistributionStrategy", &g.capacityDistribution},
		{"AvailabilityZoneImpairmentPolicy.ImpairedZoneHealthCheckBehavior", &g.impairedZoneHealthCheck},
		{"CapacityReservationSpecification.CapacityReservationPreference", &g.capacityReservation},
	} {
		if p.str(set.name) != "" {
			*set.at = p.str(set.name)
		}
	}
	if policies := r.List("TerminationPolicies"); len(policies) > 0 {
		g.terminationPolicies = policies
	}
	if err := applyMaintenance(p, g); err != nil {
		return err
	}
	if err := applyRetention(p, g); err != nil {
		return err
	}
	for _, kind := range strings.Split(g.healthCheckType, ",") {
		if !slices.Contains([]string{"EC2", "ELB", "EBS", "VPC_LATTICE"}, kind) {
			return invalid("Invalid HealthCheckType: %s", g.healthCheckType)
		}
	}
	return p.err
}

// applySizes is AWS's rule for sizes: bounds must be in order, a desired capacity that
// is given must lie between them, and one that is not given follows them.
func applySizes(p *params, g *group) *awsapi.Error {
	if v := p.integer("MinSize"); v != nil {
		g.min = *v
	}
	if v := p.integer("MaxSize"); v != nil {
		g.max = *v
	}
	desired := p.integer("DesiredCapacity")
	switch {
	case p.err != nil:
		return p.err
	case g.min < 0 || g.max < 0:
		return invalid("Min and max bounds must be greater than or equal to 0")
	case g.min > g.max:
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", g.max, g.min)
	case desired == nil:
		g.desired = min(max(g.desired, g.min), g.max)
	case *desired < g.min || *desired > g.max:
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", *desired, g.min, g.max)
	default:
		g.desired = *desired
	}
	return nil
}

// applyPlacement resolves launch template and subnets.
func (s *Service) applyPlacement(r *awsapi.Request, p *params, g *group) *awsapi.Error {
	ref := templateRef{
		ID:      p.str("LaunchTemplate.LaunchTemplateId"),
		Name:    p.str("LaunchTemplate.LaunchTemplateName"),
		Version: p.str("LaunchTemplate.Version"),
	}
	if ref.ID != "" || ref.Name != "" {
		if ref.Version == "" {
			ref.Version = "$Default"
		}
		found, err := s.cloud.Template(r.HTTP.Context(), ref)
		if notFound(err) {
			return invalid("You must use a valid fully-formed launch template. The specified launch template, with template ID %s, does not exist.", ref.ID+ref.Name)
		}
		if err != nil {
			return internal(err)
		}
		g.template = templateRef{ID: found.ref.ID, Name: found.ref.Name, Version: ref.Version}
	}
	if subnets := p.str("VPCZoneIdentifier"); subnets != "" {
		ids := strings.Split(strings.ReplaceAll(subnets, " ", ""), ",")
		zones, err := s.cloud.Zones(r.HTTP.Context(), ids)
		if notFound(err) {
			return invalid("The subnet ID '%s' does not exist", subnets)
		}
		if err != nil {
			return internal(err)
		}
		g.subnets, g.zones = ids, zones
	}
	return nil
}

// applyMaintenance reads InstanceMaintenancePolicy; -1 and -1 removes it.
func applyMaintenance(p *params, g *group) *awsapi.Error {
	least, most := p.integer("InstanceMaintenancePolicy.MinHealthyPercentage"), p.integer("InstanceMaintenancePolicy.MaxHealthyPercentage")
	switch {
	case p.err != nil:
		return p.err
	case least == nil && most == nil:
		return nil
	case least == nil || most == nil:
		return invalid("InstanceMaintenancePolicy needs both MinHealthyPercentage and MaxHealthyPercentage")
	case *least == -1 && *most == -1:
		g.maintenance = nil
		return nil
	case *least < 0 || *least > 100 || *most < 100 || *most > 200 || *most-*least > 100:
		return invalid("InstanceMaintenancePolicy is out of range: minimum 0-100, maximum 100-200, at most 100 apart; got %d and %d", *least, *most)
	}
	g.maintenance = &maintenancePolicy{MinHealthyPercentage: *least, MaxHealthyPercentage: *most}
	return nil
}

// applyRetention reads InstanceLifecyclePolicy.
func applyRetention(p *params, g *group) *awsapi.Error {
	if err := awsapi.RefuseUnknownMembers(p.r, "InstanceLifecyclePolicy.", "RetentionTriggers.TerminateHookAbandon"); err != nil {
		return err
	}
	switch action := p.str("InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon"); action {
	case "":
	case "retain":
		g.retainOnAbandon = true
	case "terminate":
		g.retainOnAbandon = false
	default:
		return invalid("Invalid TerminateHookAbandon: %s", action)
	}
	return nil
}

// groupLocked finds a group that is not being deleted.
func (s *Service) groupLocked(name string) (*group, *awsapi.Error) {
	g, ok := s.groups[name]
	if !ok {
		return nil, invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name)
	}
	return g, nil
}

// writableLocked is groupLocked for calls that a group under deletion refuses.
func (s *Service) writableLocked(name string) (*group, *awsapi.Error) {
	g, err := s.groupLocked(name)
	if err != nil {
		return nil, err
	}
	if g.deleting {
		return nil, awsapi.Errorf(http.StatusBadRequest, "ScalingActivityInProgress", "You cannot change AutoScalingGroup %s because it is being deleted.", name)
	}
	return g, nil
}

func (s *Service) updateGroup(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, settings...); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	s.mu.Lock()
	g, apiErr := s.writableLocked(name)
	var changed group
	if apiErr == nil {
		changed = *g
	}
	s.mu.Unlock()
	if apiErr != nil {
		return nil, apiErr
	}
	// The settings are checked on a copy, without the lock: EC2 is asked on the way.
	if err := s.applySettings(r, p, &changed); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.takeSettings(&changed)
	g.kick()
	return nil, nil
}

// takeSettings copies all that UpdateAutoScalingGroup can change.
func (g *group) takeSettings(from *group) {
	g.min, g.max, g.desired = from.min, from.max, from.desired
	g.template, g.subnets, g.zones = from.template, from.subnets, from.zones
	g.healthCheckType, g.healthCheckGracePeriod = from.healthCheckType, from.healthCheckGracePeriod
	g.defaultCooldown, g.defaultInstanceWarmup, g.maxInstanceLifetime = from.defaultCooldown, from.defaultInstanceWarmup, from.maxInstanceLifetime
	g.capacityRebalance, g.protectedFromScaleIn, g.terminationPolicies = from.capacityRebalance, from.protectedFromScaleIn, from.terminationPolicies
	g.context, g.desiredCapacityType, g.serviceLinkedRoleARN = from.context, from.desiredCapacityType, from.serviceLinkedRoleARN
	g.maintenance, g.capacityDistribution, g.retainOnAbandon = from.maintenance, from.capacityDistribution, from.retainOnAbandon
	g.zonalShiftEnabled, g.impairedZoneHealthCheck, g.capacityReservation = from.zonalShiftEnabled, from.impairedZoneHealthCheck, from.capacityReservation
}

func (s *Service) setDesiredCapacity(r *awsapi.Request) (any, *awsapi.Error) {
	// HonorCooldown is accepted: cooldowns belong to simple scaling policies, which do not exist here.
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "DesiredCapacity", "HonorCooldown"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	p.required("DesiredCapacity")
	desired := p.integer("DesiredCapacity")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.writableLocked(name)
	switch {
	case err != nil:
		return nil, err
	case *desired > g.max:
		return nil, invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", *desired, g.max)
	case *desired < g.min:
		return nil, invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", *desired, g.min)
	}
	g.desired = *desired
	g.kick()
	return nil, nil
}

func (s *Service) deleteGroup(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "ForceDelete"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	force := p.boolean("ForceDelete")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(name)
	if err != nil {
		return nil, err
	}
	if force == nil || !*force {
		switch {
		case g.pending() > 0 || slices.ContainsFunc(g.instances, func(i *instance) bool { return !i.life.State().Leaving() }):
			return nil, awsapi.Errorf(http.StatusBadRequest, "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
		case len(g.instances) > 0:
			return nil, awsapi.Errorf(http.StatusBadRequest, "ScalingActivityInProgress", "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
		}
	}
	g.deleting, g.force = true, true
	now := s.deps.Clock.Now()
	for _, i := range g.instances {
		s.sendAwayLocked(i, departure{
			cause:     fmt.Sprintf("At %s a user request force-deleted AutoScalingGroup %s.", now.UTC().Format(time.RFC3339), name),
			skipHooks: true,
		})
	}
	s.removeIfEmptyLocked(g)
	g.kick()
	return nil, nil
}

// removeIfEmptyLocked forgets a group under deletion once its last instance is gone.
func (s *Service) removeIfEmptyLocked(g *group) {
	if g.deleting && len(g.instances) == 0 && g.pending() == 0 && s.groups[g.name] == g {
		delete(s.groups, g.name)
		g.kick()
	}
}

func uniqueStrings(in []string) []string {
	var out []string
	for _, v := range in {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
