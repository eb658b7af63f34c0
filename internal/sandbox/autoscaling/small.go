package autoscaling

import (
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// metrics are what EnableMetricsCollection turns on when it names none.
var metrics = []string{
	"GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
	"GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances", "GroupInServiceCapacity",
	"GroupPendingCapacity", "GroupStandbyCapacity", "GroupTerminatingCapacity", "GroupTotalCapacity",
	"WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity", "WarmPoolPendingCapacity", "WarmPoolTerminatingCapacity",
	"WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity",
}

// onGroup runs change on the group that the request names.
func (s *Service) onGroup(r *awsapi.Request, change func(g *group) *awsapi.Error) (any, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked(r.Form.Get("AutoScalingGroupName"))
	if err != nil {
		return nil, err
	}
	return nil, change(g)
}

// chosen returns the request's list, or all when it names none; each must be known.
func chosen(r *awsapi.Request, parameter string, all []string) ([]string, *awsapi.Error) {
	names := r.List(parameter)
	if len(names) == 0 {
		return slices.Clone(all), nil
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, invalid("'%s' in %s is not valid", name, parameter)
		}
	}
	return names, nil
}

// enableMetrics remembers what is on; the sandbox has no metrics of groups.
func (s *Service) enableMetrics(r *awsapi.Request) (any, *awsapi.Error) {
	if granularity := r.Form.Get("Granularity"); granularity != "1Minute" {
		return nil, invalid("The only supported value of Granularity is 1Minute; got '%s'", granularity)
	}
	names, err := chosen(r, "Metrics", metrics)
	if err != nil {
		return nil, err
	}
	return s.onGroup(r, func(g *group) *awsapi.Error {
		g.metrics = uniqueStrings(append(g.metrics, names...))
		return nil
	})
}

func (s *Service) disableMetrics(r *awsapi.Request) (any, *awsapi.Error) {
	names, err := chosen(r, "Metrics", metrics)
	if err != nil {
		return nil, err
	}
	return s.onGroup(r, func(g *group) *awsapi.Error {
		g.metrics = slices.DeleteFunc(g.metrics, func(m string) bool { return slices.Contains(names, m) })
		return nil
	})
}

func (s *Service) suspendProcesses(r *awsapi.Request) (any, *awsapi.Error) {
	names, err := chosen(r, "ScalingProcesses", processes)
	if err != nil {
		return nil, err
	}
	return s.onGroup(r, func(g *group) *awsapi.Error {
		g.suspended = uniqueStrings(append(g.suspended, names...))
		return nil
	})
}

func (s *Service) resumeProcesses(r *awsapi.Request) (any, *awsapi.Error) {
	names, err := chosen(r, "ScalingProcesses", processes)
	if err != nil {
		return nil, err
	}
	return s.onGroup(r, func(g *group) *awsapi.Error {
		g.suspended = slices.DeleteFunc(g.suspended, func(p string) bool { return slices.Contains(names, p) })
		g.kick()
		return nil
	})
}
