package awscloud

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// elbCorrections is what the gateway must remember of load balancers, since moto does not.
type elbCorrections struct {
	mu sync.Mutex
	// network has NAME/ID of each Network Load Balancer: moto writes app/ into the ARNs of all types.
	network map[string]bool
	// enforce holds EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic, "on" or "off", by (corrected) ARN.
	enforce map[string]string
	// matcher holds the health check's success codes set by ModifyTargetGroup, by target group: moto takes
	// them only if the traffic, and not just the check, is HTTP.
	matcher map[string]string
}

func newELBCorrections() *elbCorrections {
	return &elbCorrections{network: map[string]bool{}, enforce: map[string]string{}, matcher: map[string]string{}}
}

// motoARN finds what moto's ARNs of load balancers, listeners and rules have in common.
var motoARN = regexp.MustCompile(`:(loadbalancer|listener|listener-rule)/app/([^/]+/[0-9a-f]+)`)

// toMotoARNs spells ARNs as moto knows them.
func toMotoARNs(form url.Values) url.Values {
	out := cloneForm(form)
	for _, values := range out {
		for i, v := range values {
			if strings.HasPrefix(v, "arn:") {
				for _, kind := range []string{":loadbalancer/", ":listener/", ":listener-rule/"} {
					v = strings.Replace(v, kind+"net/", kind+"app/", 1)
				}
				values[i] = v
			}
		}
	}
	return out
}

// fromMoto spells the ARNs in an answer as AWS does.
func (c *elbCorrections) fromMoto(doc *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rewrite(doc)
}

func (c *elbCorrections) rewrite(n *node) {
	if strings.HasPrefix(n.text, "arn:") {
		n.text = motoARN.ReplaceAllStringFunc(n.text, func(part string) string {
			if m := motoARN.FindStringSubmatch(part); c.network[m[2]] {
				return ":" + m[1] + "/net/" + m[2]
			}
			return part
		})
	}
	for _, k := range n.kids {
		c.rewrite(k)
	}
}

// learn remembers the Network Load Balancers of an answer that shows load balancers.
func (c *elbCorrections) learn(doc *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, lb := range doc.all("member") {
		if m := motoARN.FindStringSubmatch(lb.value("LoadBalancerArn")); m != nil && lb.value("Type") == "network" {
			c.network[m[2]] = true
		}
	}
}

func (c *elbCorrections) enforced(arn string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.enforce[arn]; v != "" {
		return v
	}
	return "on" // AWS's default
}

func (c *elbCorrections) setEnforced(arn, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enforce[arn] = value
}

// correctMatcher shows the success codes of a health check over HTTP, and of no other.
func (c *elbCorrections) correctMatcher(group *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := group.value("HealthCheckProtocol"); p != "HTTP" && p != "HTTPS" {
		group.drop(func(n *node) bool { return n.name == "Matcher" })
	} else if codes := c.matcher[group.value("TargetGroupArn")]; codes != "" {
		group.replace(el("Matcher", txt("HttpCode", codes)))
	}
}

func (c *elbCorrections) setMatcher(targetGroup, codes string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.matcher[targetGroup] = codes
}

// serveELB passes ELBv2 calls on and corrects the answers.
func (c *Cloud) serveELB(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "elasticloadbalancing" || r.Form.Get("Version") != elbv2Version {
		return false
	}
	switch r.Action {
	case "DeleteLoadBalancer":
		if users := c.endpoints.usersOf(r.Form.Get("LoadBalancerArn")); len(users) > 0 {
			awsapi.WriteError(w, r, badRequest("ResourceInUse", "Load balancer '%s' cannot be deleted because it is currently associated with another service", r.Form.Get("LoadBalancerArn")))
			return true
		}
	case "SetSecurityGroups":
		if refusal := c.setSecurityGroups(r); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return true
		}
	case "ModifyTargetGroupAttributes":
		if refusal := c.vpc.checkTargetGroupAttributes(r.HTTP.Context(), r.Form.Get("TargetGroupArn"), givenAttributes(r)); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return true
		}
	case "ModifyListenerAttributes":
		if refusal := checkListenerAttributes(givenAttributes(r)); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return true
		}
	}
	c.moto.serveCorrected(w, withForm(r, toMotoARNs(r.Form)), func(doc *node) *awsapi.Error {
		c.elb.learn(doc)
		c.elb.fromMoto(doc)
		switch r.Action {
		case "CreateLoadBalancer", "DescribeLoadBalancers":
			for _, lb := range doc.items(r.Action + "Result/LoadBalancers") {
				c.correctLoadBalancer(lb)
			}
		case "DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes":
			correctAttributes(doc.at(r.Action+"Result/Attributes"), r.Form.Get("LoadBalancerArn"))
		case "DescribeTargetGroupAttributes", "ModifyTargetGroupAttributes":
			return c.correctTargetGroupAttributes(r.HTTP.Context(), r.Form.Get("TargetGroupArn"), doc.at(r.Action+"Result/Attributes"))
		case "SetSecurityGroups":
			doc.child("SetSecurityGroupsResult").put("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", c.elb.enforced(r.Form.Get("LoadBalancerArn")))
		case "CreateTargetGroup", "ModifyTargetGroup", "DescribeTargetGroups":
			if codes := r.Form.Get("Matcher.HttpCode"); r.Action == "ModifyTargetGroup" && codes != "" {
				c.elb.setMatcher(r.Form.Get("TargetGroupArn"), codes)
			}
			for _, group := range doc.items(r.Action + "Result/TargetGroups") {
				c.elb.correctMatcher(group)
			}
		case "DescribeTargetHealth":
			return c.correctTargetHealth(r, doc)
		}
		return nil
	})
	return true
}

// setSecurityGroups checks and remembers what moto does not know of the call.
func (c *Cloud) setSecurityGroups(r *awsapi.Request) *awsapi.Error {
	arn := r.Form.Get("LoadBalancerArn")
	doc, err := c.vpc.elb(r.HTTP.Context(), "DescribeLoadBalancers", map[string]string{"LoadBalancerArns.member.1": arn})
	if err != nil {
		return err
	}
	for _, lb := range doc.items("DescribeLoadBalancersResult/LoadBalancers") {
		if lb.value("Type") == "network" && len(lb.items("SecurityGroups")) == 0 {
			return badRequest("InvalidConfigurationRequest", "You cannot set security groups on a Network Load Balancer that was created without them: '%s'", arn)
		}
	}
	if v := r.Form.Get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"); v != "" {
		if v != "on" && v != "off" {
			return badRequest("ValidationError", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic must be 'on' or 'off', and not '%s'", v)
		}
		c.elb.setEnforced(arn, v)
	}
	return nil
}

func (c *Cloud) correctLoadBalancer(lb *node) {
	// Moto leaves a new balancer in "provisioning" for several looks, each ten seconds apart in Terraform.
	if state := lb.child("State"); state != nil && state.value("Code") == "provisioning" {
		state.put("Code", "active")
	}
	if lb.value("Type") == "network" && len(lb.items("SecurityGroups")) > 0 {
		lb.put("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", c.elb.enforced(lb.value("LoadBalancerArn")))
	}
}

// networkAttributes are the attributes of a Network Load Balancer with their defaults in AWS.
var networkAttributes = map[string]string{
	"dns_record.client_routing_policy":       "any_availability_zone",
	"ipv6.deny_all_igw_traffic":              "false",
	"zonal_shift.config.enabled":             "false",
	"secondary_ips.auto_assigned.per_subnet": "0",
	"access_logs.s3.enabled":                 "false",
	"load_balancing.cross_zone.enabled":      "false",
	"deletion_protection.enabled":            "false",
}

func correctAttributes(list *node, arn string) {
	if list == nil || !strings.Contains(arn, ":loadbalancer/net/") {
		return
	}
	addAttributes(list, networkAttributes)
}
