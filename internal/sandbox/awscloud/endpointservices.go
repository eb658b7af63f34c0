package awscloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// States of an endpoint connection, as EC2 writes them.
const (
	statePendingAcceptance = "pendingAcceptance"
	statePending           = "pending"
	stateAvailable         = "available"
	stateRejected          = "rejected"
	stateDeleting          = "deleting"
)

// endpointService is a VPC endpoint service configuration: a name under which
// consumers in other accounts reach the account's load balancers.
type endpointService struct {
	id                 string
	name               string // com.amazonaws.vpce.REGION.ID
	acceptanceRequired bool
	loadBalancers      []string // ARNs
	zones              []string
	ipAddressTypes     []string
	permissions        []permission
	tags               map[string]string
}

// permission lets a principal connect to an endpoint service.
type permission struct {
	id        string // vpce-svc-perm-…
	principal string
	tags      map[string]string
}

// endpointConnection is a consumer's VPC endpoint as the service's owner sees it.
type endpointConnection struct {
	id         string // vpce-svc-conn-…
	endpointID string // vpce-…
	serviceID  string
	owner      string // account id
	created    time.Time
	state      string
	settles    time.Time // when a passing state (pending, deleting) is over
}

// endpoints holds the account's endpoint services and the connections to them. Passing states
// end by the clock, when next looked at.
type endpoints struct {
	region string
	tempo  time.Duration
	now    func() time.Time

	mu          sync.Mutex
	services    []*endpointService
	connections []*endpointConnection
}

// settle ends the passing states whose time is over.
func (e *endpoints) settle() {
	now := e.now()
	e.connections = slices.DeleteFunc(e.connections, func(c *endpointConnection) bool {
		if now.Before(c.settles) {
			return false
		}
		if c.state == statePending {
			c.state = stateAvailable
		}
		return c.state == stateDeleting
	})
}

func (e *endpoints) service(id string) (*endpointService, *awsapi.Error) {
	for _, s := range e.services {
		if s.id == id {
			return s, nil
		}
	}
	return nil, badRequest("InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id '%s' does not exist", id)
}

func (e *endpoints) connection(endpointID string) *endpointConnection {
	for _, c := range e.connections {
		if c.endpointID == endpointID {
			return c
		}
	}
	return nil
}

func (s *endpointService) copy() endpointService {
	c := *s
	c.loadBalancers, c.zones = slices.Clone(s.loadBalancers), slices.Clone(s.zones)
	c.permissions, c.tags = slices.Clone(s.permissions), maps.Clone(s.tags)
	return c
}

// create makes an endpoint service. The load balancers have been checked.
func (e *endpoints) create(s endpointService) endpointService {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.id = newID("vpce-svc")
	s.name = fmt.Sprintf("com.amazonaws.vpce.%s.%s", e.region, s.id)
	if len(s.ipAddressTypes) == 0 {
		s.ipAddressTypes = []string{"ipv4"}
	}
	e.services = append(e.services, &s)
	return s.copy()
}

// modify changes a service as a whole: change works on a copy, which is kept if it returns no error.
func (e *endpoints) modify(id string, change func(*endpointService) *awsapi.Error) *awsapi.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.service(id)
	if err != nil {
		return err
	}
	changed := s.copy()
	if err := change(&changed); err != nil {
		return err
	}
	*s = changed
	return nil
}

// find returns the services with these ids (all if there are none), in order of creation.
func (e *endpoints) find(ids []string) ([]endpointService, *awsapi.Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		if _, err := e.service(id); err != nil {
			return nil, err
		}
	}
	var out []endpointService
	for _, s := range e.services {
		if len(ids) == 0 || slices.Contains(ids, s.id) {
			out = append(out, s.copy())
		}
	}
	return out, nil
}

// remove deletes a service that nobody is connected to or waits for.
func (e *endpoints) remove(id string) *awsapi.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.service(id); err != nil {
		return err
	}
	e.settle()
	for _, c := range e.connections {
		if c.serviceID == id && c.live() {
			return badRequest("ExistingVpcEndpointConnections", "Service %s has existing active VPC Endpoint connections!", id)
		}
	}
	e.services = slices.DeleteFunc(e.services, func(s *endpointService) bool { return s.id == id })
	e.connections = slices.DeleteFunc(e.connections, func(c *endpointConnection) bool { return c.serviceID == id })
	return nil
}

// live reports whether the connection keeps its service from being deleted.
func (c *endpointConnection) live() bool {
	return c.state == stateAvailable || c.state == statePending || c.state == statePendingAcceptance
}

// usersOf returns the ids of the services in front of a load balancer.
func (e *endpoints) usersOf(loadBalancer string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, s := range e.services {
		if slices.Contains(s.loadBalancers, loadBalancer) {
			out = append(out, s.id)
		}
	}
	return out
}

// allows reports whether a service lets a principal of an account connect: its exact ARN, its
// whole account, or everyone.
func (s *endpointService) allows(principal, account string) bool {
	return slices.ContainsFunc(s.permissions, func(p permission) bool {
		return p.principal == "*" || p.principal == principal ||
			strings.HasPrefix(p.principal, "arn:") && strings.HasSuffix(p.principal, ":iam::"+account+":root")
	})
}

// allowsByName reports whether a service allows a principal's very ARN.
func (e *endpoints) allowsByName(serviceName, principal string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.services, func(s *endpointService) bool {
		return s.name == serviceName && slices.ContainsFunc(s.permissions, func(p permission) bool { return p.principal == principal })
	})
}

// connect makes a consumer's endpoint. To a consumer that is not allowed, a service does not exist.
func (e *endpoints) connect(serviceName, principal, account string) (endpointID string, _ *awsapi.Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.services, func(s *endpointService) bool { return s.name == serviceName })
	if i < 0 || !e.services[i].allows(principal, account) {
		return "", badRequest("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", serviceName)
	}
	now := e.now()
	c := &endpointConnection{
		id: newID("vpce-svc-conn"), endpointID: newID("vpce"), serviceID: e.services[i].id, owner: account,
		created: now, state: statePendingAcceptance,
	}
	if !e.services[i].acceptanceRequired {
		c.state, c.settles = statePending, now.Add(e.tempo)
	}
	e.connections = append(e.connections, c)
	return c.endpointID, nil
}

// state returns the state of a consumer's endpoint; false if there is no such endpoint.
func (e *endpoints) state(endpointID string) (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle()
	if c := e.connection(endpointID); c != nil {
		return c.state, true
	}
	return "", false
}

// disconnect deletes a consumer's endpoint. An unknown one is no error.
func (e *endpoints) disconnect(endpointID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.connection(endpointID); c != nil {
		c.state, c.settles = stateDeleting, e.now().Add(e.tempo)
	}
}

// accept lets a waiting connection, or one that was rejected, become available.
func (e *endpoints) accept(serviceID, endpointID string) *awsapi.Error {
	return e.decide(serviceID, endpointID, statePending, statePendingAcceptance, stateRejected)
}

// reject turns a connection away, whether it waits or is in use.
func (e *endpoints) reject(serviceID, endpointID string) *awsapi.Error {
	return e.decide(serviceID, endpointID, stateRejected, statePendingAcceptance, statePending, stateAvailable)
}

func (e *endpoints) decide(serviceID, endpointID, to string, from ...string) *awsapi.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle()
	c := e.connection(endpointID)
	if c == nil || c.serviceID != serviceID {
		return badRequest("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", endpointID)
	}
	if !slices.Contains(from, c.state) {
		return badRequest("InvalidState", "Endpoint connection '%s' is in the state %s and not in one of: %s.", endpointID, c.state, strings.Join(from, ", "))
	}
	c.state = to
	if to == statePending {
		c.settles = e.now().Add(e.tempo)
	}
	return nil
}

// list returns copies of all connections, oldest first.
func (e *endpoints) list() []endpointConnection {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle()
	var out []endpointConnection
	for _, c := range e.connections {
		out = append(out, *c)
	}
	return out
}

func (e *endpoints) owns(id string) bool { return strings.HasPrefix(id, "vpce-svc-") }

// retag serves services and permissions: both have ids that start with vpce-svc-.
func (e *endpoints) retag(ids []string, change func(map[string]string)) *awsapi.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var tags []map[string]string
	for _, id := range ids {
		found := e.tagsOf(id)
		if found == nil {
			return badRequest("InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id '%s' does not exist", id)
		}
		tags = append(tags, found)
		tried := maps.Clone(found)
		if change(tried); len(tried) > maxTags {
			return badRequest("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
		}
	}
	for _, t := range tags {
		change(t)
	}
	return nil
}

func (e *endpoints) tagsOf(id string) map[string]string {
	for _, s := range e.services {
		if s.id == id {
			return s.tags
		}
		for _, p := range s.permissions {
			if p.id == id {
				return p.tags
			}
		}
	}
	return nil
}

func (e *endpoints) tagged() (string, map[string]map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]map[string]string{}
	for _, s := range e.services {
		out[s.id] = maps.Clone(s.tags)
	}
	return "vpc-endpoint-service", out
}
