package autoscaling

import (
	"fmt"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// putWarmPool makes a warm pool or replaces its configuration: what a call leaves out gets
// its default. Instances that rest already stay as they are.
func (s *Service) putWarmPool(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "MinSize", "MaxGroupPreparedCapacity", "PoolState", "InstanceReusePolicy"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	pool := &lifecycle.Pool{MaxPrepared: -1, State: lifecycle.Stopped}
	if v := p.integer("MinSize"); v != nil {
		pool.MinSize = *v
	}
	if v := p.integer("MaxGroupPreparedCapacity"); v != nil {
		pool.MaxPrepared = *v
	}
	if v := p.str("PoolState"); v != "" {
		pool.State = lifecycle.PoolState(v)
	}
	if v := p.boolean("InstanceReusePolicy.ReuseOnScaleIn"); v != nil {
		pool.ReuseOnScaleIn = *v
	}
	switch {
	case p.err != nil:
		return nil, p.err
	case pool.MinSize < 0:
		return nil, invalid("MinSize must not be negative; it is %d", pool.MinSize)
	case pool.MaxPrepared < -1:
		return nil, invalid("MaxGroupPreparedCapacity must be -1 or more; it is %d", pool.MaxPrepared)
	case pool.State != lifecycle.Stopped && pool.State != lifecycle.Running && pool.State != lifecycle.Hibernated:
		return nil, invalid("Invalid PoolState: %s", pool.State)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.writableLocked(name)
	switch {
	case err != nil:
		return nil, err
	case g.pool != nil && g.pool.Deleting:
		return nil, invalid("The warm pool of AutoScalingGroup %s is being deleted", name)
	case pool.MaxPrepared >= 0 && pool.MaxPrepared < pool.MinSize:
		return nil, invalid("MaxGroupPreparedCapacity, %d, must not be less than MinSize, %d", pool.MaxPrepared, pool.MinSize)
	}
	g.pool = pool
	g.kick()
	return nil, nil
}

// deleteWarmPool empties the warm pool; it is gone with its last instance.
func (s *Service) deleteWarmPool(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "ForceDelete"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name, force := p.required("AutoScalingGroupName"), p.boolean("ForceDelete")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(name)
	switch {
	case err != nil:
		return nil, err
	case g.pool == nil:
		return nil, invalid("No warm pool found for AutoScalingGroup %s", name)
	}
	g.pool.Deleting = true
	how := departure{
		cause:     fmt.Sprintf("At %s a user request deleted the warm pool.", s.deps.Clock.Now().UTC().Format(time.RFC3339)),
		skipHooks: force != nil && *force,
	}
	for _, i := range g.instances {
		if state := i.life.State(); state.InWarmPool() && !state.Retained() {
			s.sendAwayLocked(i, how)
		}
	}
	g.kick()
	return nil, nil
}

type warmPoolXML struct {
	MaxGroupPreparedCapacity *int
	MinSize                  int
	PoolState                lifecycle.PoolState
	Status                   string `xml:",omitempty"`
	InstanceReusePolicy      *reusePolicyXML
}

type reusePolicyXML struct{ ReuseOnScaleIn bool }

func warmPool(pool *lifecycle.Pool) *warmPoolXML {
	if pool == nil {
		return nil
	}
	x := &warmPoolXML{MinSize: pool.MinSize, PoolState: pool.State}
	if pool.MaxPrepared >= 0 {
		x.MaxGroupPreparedCapacity = &pool.MaxPrepared
	}
	if pool.Deleting {
		x.Status = "PendingDelete"
	}
	if pool.ReuseOnScaleIn {
		x.InstanceReusePolicy = &reusePolicyXML{true}
	}
	return x
}

// warmInstances are the instances that DescribeWarmPool lists.
func (g *group) warmInstances() []instanceXML {
	var out []instanceXML
	for _, i := range g.instances {
		if i.life.State().InWarmPool() {
			out = append(out, i.xml())
		}
	}
	return out
}

func (s *Service) describeWarmPool(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "AutoScalingGroupName", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	name := p.required("AutoScalingGroupName")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(name)
	if err != nil {
		return nil, err
	}
	var out struct {
		WarmPoolConfiguration *warmPoolXML
		Instances             list[instanceXML]
	}
	out.WarmPoolConfiguration = warmPool(g.pool)
	out.Instances.Members = g.warmInstances()
	return out, nil
}
