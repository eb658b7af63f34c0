package autoscaling

import (
	"context"
	"encoding/xml"
	"net/http"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Service is the emulated Auto Scaling; it is an awsapi.Handler.
type Service struct {
	deps  Deps
	cloud cloud

	// ctx ends with Close; all work in the background hangs on it.
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
	// release gives back what the cloud holds, once the work has ended.
	release func()

	mu     sync.Mutex
	closed bool
	groups map[string]*group
}

// New starts the service. The caller ends it with Close.
func New(deps Deps) *Service {
	deps = deps.withDefaults()
	cloud := newMotoCloud(deps.MotoURL, deps.Region)
	s := newService(deps, cloud)
	s.release = cloud.moto.Close
	return s
}

func newService(deps Deps, cloud cloud) *Service {
	s := &Service{deps: deps.withDefaults(), cloud: cloud, release: func() {}, groups: map[string]*group{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.background(s.watchHealth)
	return s
}

// Close stops all work in the background and returns when none is left. Machines keep
// running in moto.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Wait()
	s.release()
}

// background runs f until it returns; f must return soon after s.ctx ends.
func (s *Service) background(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backgroundLocked(f)
}

func (s *Service) backgroundLocked(f func()) {
	if s.closed {
		return
	}
	s.work.Go(f)
}

// GroupARN returns the ARN of the named group.
func (s *Service) GroupARN(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.groups[name]
	if !ok {
		return "", false
	}
	return g.arn, true
}

// GroupTags returns the tags of the group with this ARN.
func (s *Service) GroupTags(arn string) (map[string]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		if g.arn == arn {
			tags := map[string]string{}
			for _, t := range g.tags {
				tags[t.Key] = t.Value
			}
			return tags, true
		}
	}
	return nil, false
}

// GroupOfInstance returns the name of the group that an instance belongs to.
func (s *Service) GroupOfInstance(instanceID string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, _ := s.findInstance(instanceID)
	if g == nil {
		return "", false
	}
	return g.name, true
}

// action answers one API action: a result to be encoded (nil for an empty one), or an error.
type action func(s *Service, r *awsapi.Request) (any, *awsapi.Error)

var actions = map[string]action{
	"CreateAutoScalingGroup":              (*Service).createGroup,
	"UpdateAutoScalingGroup":              (*Service).updateGroup,
	"DeleteAutoScalingGroup":              (*Service).deleteGroup,
	"DescribeAutoScalingGroups":           (*Service).describeGroups,
	"DescribeAutoScalingInstances":        (*Service).describeInstances,
	"DescribeScalingActivities":           (*Service).describeActivities,
	"SetDesiredCapacity":                  (*Service).setDesiredCapacity,
	"SetInstanceHealth":                   (*Service).setInstanceHealth,
	"TerminateInstanceInAutoScalingGroup": (*Service).terminateInstance,
	"PutLifecycleHook":                    (*Service).putHook,
	"DeleteLifecycleHook":                 (*Service).deleteHook,
	"DescribeLifecycleHooks":              (*Service).describeHooks,
	"CompleteLifecycleAction":             (*Service).completeAction,
	"RecordLifecycleActionHeartbeat":      (*Service).recordHeartbeat,
	"CreateOrUpdateTags":                  (*Service).createTags,
	"DeleteTags":                          (*Service).deleteTags,
	"DescribeTags":                        (*Service).describeTags,
	"AttachLoadBalancerTargetGroups":      (*Service).attachTargetGroups,
	"DetachLoadBalancerTargetGroups":      (*Service).detachTargetGroups,
	"DescribeLoadBalancerTargetGroups":    (*Service).describeTargetGroups,
	"AttachTrafficSources":                (*Service).attachTrafficSources,
	"DetachTrafficSources":                (*Service).detachTrafficSources,
	"DescribeTrafficSources":              (*Service).describeTrafficSources,
	"EnableMetricsCollection":             (*Service).enableMetrics,
	"DisableMetricsCollection":            (*Service).disableMetrics,
	"SuspendProcesses":                    (*Service).suspendProcesses,
	"ResumeProcesses":                     (*Service).resumeProcesses,
	"PutWarmPool":                         (*Service).putWarmPool,
	"DeleteWarmPool":                      (*Service).deleteWarmPool,
	"DescribeWarmPool":                    (*Service).describeWarmPool,
	"StartInstanceRefresh":                (*Service).startRefresh,
	"CancelInstanceRefresh":               (*Service).cancelRefresh,
	"DescribeInstanceRefreshes":           (*Service).describeRefreshes,
	"PutScalingPolicy":                    (*Service).putPolicy,
	"DescribePolicies":                    (*Service).describePolicies,
	"DeletePolicy":                        (*Service).deletePolicy,
}

// Serve answers every call of service autoscaling, the unknown ones with 501.
func (s *Service) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "autoscaling" {
		return false
	}
	act, ok := actions[r.Action]
	if !ok || r.Form == nil {
		awsapi.WriteError(w, r, awsapi.NotImplemented(r))
		return true
	}
	result, err := act(s, r)
	if err != nil {
		awsapi.WriteError(w, r, err)
		return true
	}
	awsapi.WriteXML(w, answer{action: r.Action, result: result})
	return true
}

// answer is the query protocol's envelope around a result.
type answer struct {
	action string
	result any
}

// MarshalXML writes <ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>….
func (a answer) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	root := element(a.action + "Response")
	root.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: "http://autoscaling.amazonaws.com/doc/2011-01-01/"}}
	if err := e.EncodeToken(root); err != nil {
		return err
	}
	result := a.result
	if result == nil {
		result = struct{}{}
	}
	if err := e.EncodeElement(result, element(a.action+"Result")); err != nil {
		return err
	}
	metadata := struct {
		RequestID string `xml:"RequestId"`
	}{awsapi.RequestID()}
	if err := e.EncodeElement(metadata, element("ResponseMetadata")); err != nil {
		return err
	}
	return e.EncodeToken(root.End())
}

func element(name string) xml.StartElement {
	return xml.StartElement{Name: xml.Name{Local: name}}
}

// list is the query protocol's list: <Name><member>…</member></Name>.
type list[T any] struct {
	Members []T `xml:"member"`
}
