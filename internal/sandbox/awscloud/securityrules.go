package awscloud

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// ruleDescriptions remembers the descriptions of security group rules, by rule id. Moto keeps
// only those of rules that name an IP range, and shows none of the others.
type ruleDescriptions struct {
	mu   sync.Mutex
	byID map[string]string
}

func newRuleDescriptions() *ruleDescriptions { return &ruleDescriptions{byID: map[string]string{}} }

func (d *ruleDescriptions) set(id, description string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[id] = description
}

// show puts its description on each rule of a securityGroupRuleSet.
func (d *ruleDescriptions) show(rules []*node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, rule := range rules {
		description, known := d.byID[rule.value("securityGroupRuleId")]
		if !known {
			continue // a rule that came with its group
		}
		rule.drop(func(n *node) bool { return n.name == "description" })
		rule.add(txt("description", description))
	}
}

// peerParameters are the parameters that say what a rule lets traffic from or to, in Authorize
// calls below the list of that kind, and as DescribeSecurityGroupRules shows it.
var peerParameters = []struct{ list, authorize, modify, shown string }{
	{"IpRanges", "CidrIp", "CidrIpv4", "cidrIpv4"},
	{"Ipv6Ranges", "CidrIpv6", "CidrIpv6", "cidrIpv6"},
	{"Groups", "GroupId", "ReferencedGroupId", "referencedGroupInfo/groupId"},
	{"PrefixListIds", "PrefixListId", "PrefixListId", "prefixListId"},
}

// ruleKey is what makes a rule unique in its group and direction.
type ruleKey struct{ protocol, from, to, peer string }

// grants reads the descriptions in IpPermissions, by what they describe.
func grants(r *awsapi.Request) map[ruleKey]string {
	out := map[ruleKey]string{}
	for n := 1; ; n++ {
		permission := fmt.Sprintf("IpPermissions.%d.", n)
		protocol := r.Form.Get(permission + "IpProtocol")
		if protocol == "" {
			return out
		}
		for _, kind := range peerParameters {
			for m := 1; ; m++ {
				entry := fmt.Sprintf("%s%s.%d.", permission, kind.list, m)
				peer := r.Form.Get(entry + kind.authorize)
				if peer == "" {
					break
				}
				out[newRuleKey(protocol, r.Form.Get(permission+"FromPort"), r.Form.Get(permission+"ToPort"), peer)] = r.Form.Get(entry + "Description")
			}
		}
	}
}

// newRuleKey spells protocols and "all ports" in one way.
func newRuleKey(protocol, from, to, peer string) ruleKey {
	names := map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "all": "-1"}
	key := ruleKey{protocol: strings.ToLower(protocol), from: from, to: to, peer: peer}
	if name, ok := names[key.protocol]; ok {
		key.protocol = name
	}
	if key.protocol == "-1" || from == "-1" {
		key.from, key.to = "", ""
	}
	return key
}

func shownKey(rule *node) ruleKey {
	peer := ""
	for _, kind := range peerParameters {
		if v := rule.value(kind.shown); v != "" {
			peer = v
		}
	}
	return newRuleKey(rule.value("ipProtocol"), rule.value("fromPort"), rule.value("toPort"), peer)
}

// serveRules passes on the calls about security group rules and corrects what they do to descriptions.
func (c *Cloud) serveRules(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	switch r.Action {
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			if err := c.describeGranted(r); err != nil {
				return err
			}
			c.rules.show(doc.items("securityGroupRuleSet"))
			return nil
		})
	case "UpdateSecurityGroupRuleDescriptionsIngress", "UpdateSecurityGroupRuleDescriptionsEgress":
		if r.Form.Get("SecurityGroupRuleDescription.1.SecurityGroupRuleId") != "" {
			// Moto says yes to this form, and does nothing.
			awsapi.WriteError(w, r, awsapi.NotImplemented(r))
			return true
		}
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error { return c.describeGranted(r) })
	case "ModifySecurityGroupRules":
		changed, err := c.modifiedRules(r)
		if err != nil {
			awsapi.WriteError(w, r, err)
			return true
		}
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			for id, description := range changed {
				c.rules.set(id, description)
			}
			return nil
		})
	case "DescribeSecurityGroupRules":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			c.rules.show(doc.items("securityGroupRuleSet"))
			return nil
		})
	default:
		return false
	}
	return true
}

// describeGranted remembers the descriptions that an Authorize… or UpdateSecurityGroupRuleDescriptions… call gave. The rules
// are looked up: moto's answer names those of the last permission only.
func (c *Cloud) describeGranted(r *awsapi.Request) *awsapi.Error {
	given := grants(r)
	if len(given) == 0 || r.Form.Get("GroupId") == "" {
		return nil
	}
	rules, err := c.rulesOf(r.HTTP.Context(), r.Form.Get("GroupId"))
	if err != nil {
		return err
	}
	egress := strings.HasSuffix(r.Action, "Egress")
	for _, rule := range rules {
		if description, ok := given[shownKey(rule)]; ok && (rule.value("isEgress") == "true") == egress {
			c.rules.set(rule.value("securityGroupRuleId"), description)
		}
	}
	return nil
}

func (c *Cloud) rulesOf(ctx context.Context, groupID string) ([]*node, *awsapi.Error) {
	doc, err := c.vpc.ec2(ctx, "DescribeSecurityGroupRules", map[string]string{"Filter.1.Name": "group-id", "Filter.1.Value.1": groupID})
	if err != nil {
		return nil, err
	}
	return doc.items("securityGroupRuleSet"), nil
}

// modifiedRules returns the description that each rule of a ModifySecurityGroupRules call is to have: the
// call replaces the whole rule. It refuses what moto would drop without a word: another peer than an IPv4 range.
func (c *Cloud) modifiedRules(r *awsapi.Request) (map[string]string, *awsapi.Error) {
	rules, err := c.rulesOf(r.HTTP.Context(), r.Form.Get("GroupId"))
	if err != nil {
		return nil, err
	}
	descriptions := map[string]string{}
	for n := 1; ; n++ {
		prefix := fmt.Sprintf("SecurityGroupRule.%d.", n)
		id := r.Form.Get(prefix + "SecurityGroupRuleId")
		if id == "" {
			return descriptions, nil
		}
		descriptions[id] = r.Form.Get(prefix + "SecurityGroupRule.Description")
		at := slices.IndexFunc(rules, func(rule *node) bool { return rule.value("securityGroupRuleId") == id })
		if at < 0 {
			continue // moto refuses it
		}
		for _, kind := range peerParameters {
			if peer := r.Form.Get(prefix + "SecurityGroupRule." + kind.modify); peer != "" && kind.modify != "CidrIpv4" && peer != rules[at].value(kind.shown) {
				return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement ModifySecurityGroupRules with another %s", kind.modify)
			}
		}
	}
}
