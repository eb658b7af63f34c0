package awscloud

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// linkPort is the port on which an endpoint's traffic arrives: TLS of the models' APIs.
const linkPort = 443

// Target is one instance behind an endpoint.
type Target struct {
	InstanceID string
	// PublicIP is the Elastic IP that its traffic leaves from, its own or a NAT gateway's; "" is none.
	PublicIP string
	// Port is where the instance listens.
	Port    int
	Healthy bool
	// ProxyProtocol tells that the load balancer sends a header of PROXY protocol v2 before the client's bytes.
	ProxyProtocol bool
}

// Targets is TargetsOn for port 443.
func (c *Cloud) Targets(vpceID string) ([]Target, error) { return c.TargetsOn(vpceID, linkPort) }

// TargetsOn follows the way that a connection through a consumer's endpoint to a port takes: its
// service's load balancers, their TCP listeners on that port, the target groups, the registered targets. An endpoint that is not
// available, or a balancer without such a listener, leads nowhere: no targets. An endpoint that does not exist is an error.
func (c *Cloud) TargetsOn(vpceID string, port int) ([]Target, error) {
	ctx := context.Background()
	state, ok := c.endpoints.state(vpceID)
	if !ok {
		return nil, badRequest("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", vpceID)
	}
	if state != stateAvailable {
		return nil, nil
	}
	var out []Target
	for _, arn := range c.endpoints.balancersBehind(vpceID) {
		groups, err := c.vpc.forwardTo(ctx, arn, port)
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			targets, err := c.targetsOf(ctx, group)
			if err != nil {
				return nil, err
			}
			out = append(out, targets...)
		}
	}
	return out, nil
}

// balancersBehind returns the load balancers of the service that an endpoint is connected to.
func (e *endpoints) balancersBehind(endpointID string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.connection(endpointID)
	if c == nil {
		return nil
	}
	s, err := e.service(c.serviceID)
	if err != nil {
		return nil
	}
	return append([]string(nil), s.loadBalancers...)
}

// forwardTo returns the target groups to which a load balancer's TCP listener on a port forwards.
func (v *vpc) forwardTo(ctx context.Context, loadBalancer string, port int) ([]string, error) {
	doc, err := v.elb(ctx, "DescribeListeners", map[string]string{"LoadBalancerArn": loadBalancer})
	if err != nil {
		return nil, err
	}
	var out []string
	seen := map[string]bool{}
	for _, listener := range doc.items("DescribeListenersResult/Listeners") {
		if listener.value("Protocol") != "TCP" || listener.value("Port") != strconv.Itoa(port) {
			continue
		}
		for _, group := range listener.child("DefaultActions").all("TargetGroupArn") {
			if !seen[group.text] {
				seen[group.text] = true
				out = append(out, group.text)
			}
		}
	}
	return out, nil
}

// healthCheck is how a target group looks at its targets.
type healthCheck struct {
	port int    // 0: the target's own
	path string // "": only a TCP connection
	// proxyProtocol: the group sends the header of PROXY protocol v2, to its health check too.
	proxyProtocol bool
}

func (v *vpc) healthCheckOf(ctx context.Context, targetGroup string) (healthCheck, *awsapi.Error) {
	doc, err := v.elb(ctx, "DescribeTargetGroups", map[string]string{"TargetGroupArns.member.1": targetGroup})
	if err != nil {
		return healthCheck{}, err
	}
	groups := doc.items("DescribeTargetGroupsResult/TargetGroups")
	if len(groups) == 0 {
		return healthCheck{}, badRequest("TargetGroupNotFound", "One or more target groups not found")
	}
	check := healthCheck{}
	if port, err := strconv.Atoi(groups[0].value("HealthCheckPort")); err == nil {
		check.port = port
	}
	if p := groups[0].value("HealthCheckProtocol"); p == "HTTP" || p == "HTTPS" {
		check.path = groups[0].value("HealthCheckPath")
		if check.path == "" {
			check.path = "/"
		}
	}
	attributes, err := v.targetGroupAttributes(ctx, targetGroup)
	check.proxyProtocol = attributes["proxy_protocol_v2.enabled"] == "true"
	return check, err
}

// targetGroupAttributes returns the attributes that were set, by key.
func (v *vpc) targetGroupAttributes(ctx context.Context, targetGroup string) (map[string]string, *awsapi.Error) {
	doc, err := v.elb(ctx, "DescribeTargetGroupAttributes", map[string]string{"TargetGroupArn": targetGroup})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, attribute := range doc.items("DescribeTargetGroupAttributesResult/Attributes") {
		out[attribute.value("Key")] = attribute.value("Value")
	}
	return out, nil
}

// healthy asks the instance as the target group's health check would. Without a
// Hypervisor nothing listens anywhere, and what is registered counts as healthy.
func (c *Cloud) healthy(instanceID string, port int, check healthCheck) bool {
	if c.options.Hypervisor == nil {
		return true
	}
	if check.port != 0 {
		port = check.port
	}
	return c.options.Hypervisor.Healthy(instanceID, port, check.path, check.proxyProtocol)
}

// TargetHealthy reports whether a target group's health check finds an instance well. What cannot be
// found out, such as the check of a group that does not exist, is not healthy.
func (c *Cloud) TargetHealthy(instanceID, targetGroupARN string) bool {
	targets, err := c.targetsOf(context.Background(), targetGroupARN)
	if err != nil {
		return false
	}
	for _, t := range targets {
		if t.InstanceID == instanceID {
			return t.Healthy
		}
	}
	return false
}

// targetsOf returns the registered instances of a target group.
func (c *Cloud) targetsOf(ctx context.Context, targetGroup string) ([]Target, error) {
	check, refusal := c.vpc.healthCheckOf(ctx, targetGroup)
	if refusal != nil {
		return nil, refusal
	}
	doc, refusal := c.vpc.elb(ctx, "DescribeTargetHealth", map[string]string{"TargetGroupArn": targetGroup})
	if refusal != nil {
		return nil, refusal
	}
	ips, nats := c.publicIPs().byInstance(), c.routes.known()
	var out []Target
	for _, description := range doc.items("DescribeTargetHealthResult/TargetHealthDescriptions") {
		if description.value("TargetHealth/State") != "healthy" { // moto's word for registered and running
			continue
		}
		id := description.value("Target/Id")
		port, err := strconv.Atoi(description.value("Target/Port"))
		if err != nil {
			return nil, awsapi.Errorf(http.StatusInternalServerError, "InternalError", "the port of target '%s': %s", id, err)
		}
		out = append(out, Target{InstanceID: id, PublicIP: cmp.Or(ips[id], nats[id]), Port: port, Healthy: c.healthy(id, port, check), ProxyProtocol: check.proxyProtocol})
	}
	return out, nil
}

// correctTargetHealth replaces moto's opinion, that what is registered is healthy, by a look.
func (c *Cloud) correctTargetHealth(r *awsapi.Request, doc *node) *awsapi.Error {
	check, err := c.vpc.healthCheckOf(r.HTTP.Context(), r.Form.Get("TargetGroupArn"))
	if err != nil {
		return err
	}
	for _, description := range doc.items("DescribeTargetHealthResult/TargetHealthDescriptions") {
		health := description.child("TargetHealth")
		port, _ := strconv.Atoi(description.value("Target/Port")) // 0 leads to "unhealthy"
		if health.value("State") == "healthy" && !c.healthy(description.value("Target/Id"), port, check) {
			health.put("State", "unhealthy")
			health.put("Reason", "Target.FailedHealthChecks")
			health.put("Description", "Health checks failed")
		}
	}
	return nil
}
