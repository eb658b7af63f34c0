package autoscaling

import (
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// trafficSources reads the target groups of TrafficSources; other kinds are refused.
func trafficSources(p *params) []string {
	var out []string
	for _, prefix := range p.members("TrafficSources") {
		if kind := p.str(prefix + ".Type"); kind != "" && kind != "elbv2" && p.err == nil {
			p.err = awsapi.Errorf(501, "NotImplemented", "the sandbox does not implement traffic sources of type %s", kind)
		}
		out = append(out, p.str(prefix+".Identifier"))
	}
	return out
}

func (s *Service) checkTargetGroups(r *awsapi.Request, arns []string) *awsapi.Error {
	_, err := s.cloud.TargetGroups(r.HTTP.Context(), arns)
	switch {
	case notFound(err):
		return invalid("Provided Target Groups may not be valid. Please ensure they exist and try again.")
	case err != nil:
		return internal(err)
	}
	return nil
}

func (s *Service) attachTargetGroups(r *awsapi.Request) (any, *awsapi.Error) {
	return s.attach(r, r.List("TargetGroupARNs"))
}

func (s *Service) attachTrafficSources(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	arns := trafficSources(p)
	if p.err != nil {
		return nil, p.err
	}
	return s.attach(r, arns)
}

func (s *Service) attach(r *awsapi.Request, arns []string) (any, *awsapi.Error) {
	if err := s.checkTargetGroups(r, arns); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.writableLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	g.targetGroups = uniqueStrings(append(g.targetGroups, arns...))
	serving := g.serving()
	s.backgroundLocked(func() {
		for _, id := range serving {
			s.register(id, arns)
		}
	})
	return nil, nil
}

func (s *Service) detachTargetGroups(r *awsapi.Request) (any, *awsapi.Error) {
	return s.detach(r, r.List("TargetGroupARNs"))
}

func (s *Service) detachTrafficSources(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	arns := trafficSources(p)
	if p.err != nil {
		return nil, p.err
	}
	return s.detach(r, arns)
}

func (s *Service) detach(r *awsapi.Request, arns []string) (any, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	g.targetGroups = slices.DeleteFunc(g.targetGroups, func(arn string) bool { return slices.Contains(arns, arn) })
	serving := g.serving()
	s.backgroundLocked(func() {
		for _, id := range serving {
			for _, arn := range arns {
				if err := s.cloud.Deregister(s.ctx, arn, id); err != nil && s.ctx.Err() == nil {
					s.deps.Logger.Error("deregistering a target", "instance", id, "target_group", arn, "error", err)
				}
			}
		}
	})
	return nil, nil
}

// serving returns the ids of the instances in service.
func (g *group) serving() []string {
	var out []string
	for _, i := range g.instances {
		if i.life.State() == lifecycle.InService {
			out = append(out, i.id)
		}
	}
	return out
}

func (s *Service) describeTargetGroups(r *awsapi.Request) (any, *awsapi.Error) {
	type state struct {
		LoadBalancerTargetGroupARN string
		State                      string
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	var out struct{ LoadBalancerTargetGroups list[state] }
	for _, arn := range g.targetGroups {
		out.LoadBalancerTargetGroups.Members = append(out.LoadBalancerTargetGroups.Members, state{arn, g.attachment()})
	}
	return out, nil
}

func (s *Service) describeTrafficSources(r *awsapi.Request) (any, *awsapi.Error) {
	type state struct{ TrafficSource, State, Identifier, Type string }
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	var out struct{ TrafficSources list[state] }
	for _, arn := range g.targetGroups {
		out.TrafficSources.Members = append(out.TrafficSources.Members, state{arn, g.attachment(), arn, "elbv2"})
	}
	return out, nil
}

// attachment is the state of a target group: "InService" once it has an instance.
func (g *group) attachment() string {
	if len(g.serving()) > 0 {
		return "InService"
	}
	return "Added"
}
