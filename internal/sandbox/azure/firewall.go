package azure

import (
	"net/netip"
	"slices"
	"strings"
)

// maxIPRules is the service's documented cap on IP rules per account:
// https://learn.microsoft.com/azure/ai-services/cognitive-services-virtual-networks
const maxIPRules = 100

// Values of publicNetworkAccess. The last one leaves the account to its perimeter, and
// closes one that has none.
const (
	accessEnabled            = "Enabled"
	accessDisabled           = "Disabled"
	accessSecuredByPerimeter = "SecuredByPerimeter"
)

var publicAccesses = []string{accessEnabled, accessDisabled, accessSecuredByPerimeter}

// firewall is the part of an account that decides who may talk to its data plane.
type firewall struct {
	publicAccess  string // one of publicAccesses
	defaultAction string // Allow | Deny
	ipRules       []string

	perimeterMode  string // empty outside of a perimeter
	perimeterRules []string
}

// Refusals of the data plane, in Azure's own words. How it words what a perimeter refuses is
// not documented.
const (
	refusedByRules        = "Access denied due to Virtual Network/Firewall rules."
	refusedByPublicAccess = "Public access is disabled. Please configure private endpoint."
)

// refusal returns why the firewall turns source away, or "" when it lets it in. A
// source that is no address is on no list. Access modes and public access play together as in
// https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
func (f firewall) refusal(source string) string {
	enforced := f.perimeterMode == PerimeterEnforced
	switch {
	case (enforced || f.perimeterMode == PerimeterLearning) && admits(f.perimeterRules, source):
		return ""
	case enforced:
		return refusedByRules
	case strings.EqualFold(f.publicAccess, accessDisabled), strings.EqualFold(f.publicAccess, accessSecuredByPerimeter):
		return refusedByPublicAccess
	case strings.EqualFold(f.defaultAction, "Deny") && !admits(f.ipRules, source):
		return refusedByRules
	default:
		return ""
	}
}

// admits tells whether one of the rules contains source.
func admits(rules []string, source string) bool {
	addr, err := netip.ParseAddr(source)
	return err == nil && slices.ContainsFunc(rules, func(rule string) bool { return ruleContains(rule, addr) })
}

func ruleContains(rule string, addr netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(rule); err == nil {
		return prefix.Contains(addr)
	}
	host, err := netip.ParseAddr(rule)
	return err == nil && host == addr
}

// firewall is the account's firewall as it is written, whatever the data plane obeys yet.
func (a *account) firewall() firewall {
	f := firewallOf(a.properties)
	if a.association != nil {
		f.perimeterMode, f.perimeterRules = a.association.perimeter.AccessMode, a.association.perimeter.AddressPrefixes
	}
	return f
}

// firewallOf reads the firewall out of an account's properties.
func firewallOf(properties map[string]any) firewall {
	f := firewall{publicAccess: accessEnabled, defaultAction: "Allow"}
	if s, ok := properties["publicNetworkAccess"].(string); ok {
		f.publicAccess = s
	}
	acls, ok := properties["networkAcls"].(map[string]any)
	if !ok {
		return f
	}
	if s, ok := acls["defaultAction"].(string); ok {
		f.defaultAction = s
	}
	f.ipRules = ruleValues(acls)
	return f
}

// ruleValues returns the values of networkAcls.ipRules in their order.
func ruleValues(acls map[string]any) []string {
	rules, _ := acls["ipRules"].([]any)
	values := make([]string, 0, len(rules))
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		value, _ := rule["value"].(string)
		values = append(values, value)
	}
	return values
}

// ruleObjects is the reverse of ruleValues.
func ruleObjects(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = map[string]any{"value": v}
	}
	return out
}

// checkNetworkACLs refuses what the service refuses in a networkAcls object. kind and
// subdomain are the account's own, as they will be after the write.
func checkNetworkACLs(acls map[string]any, kind, subdomain string) *armError {
	if subdomain == "" {
		return badRequest("CustomSubDomainNotConfigured", "Network access rules need a custom subdomain name; the account has none.")
	}
	if action, ok := acls["defaultAction"]; ok && action != "Allow" && action != "Deny" {
		return badRequest("InvalidRequestContent", "The value %v of networkAcls.defaultAction is not one of Allow, Deny.", action)
	}
	if bypass, ok := acls["bypass"]; ok {
		if bypass != "AzureServices" && bypass != "None" {
			return badRequest("InvalidRequestContent", "The value %v of networkAcls.bypass is not one of AzureServices, None.", bypass)
		}
		if !slices.Contains([]string{"OpenAI", "AIServices", "TextAnalytics"}, kind) {
			return badRequest("NetworkAclsBypassNotSupported", "The Kind '%s' does not support Trusted Services.", kind)
		}
	}
	values := ruleValues(acls)
	if len(values) > maxIPRules {
		return badRequest("BadRequest", "The number of IP rules (%d) exceeds the limit of %d.", len(values), maxIPRules)
	}
	seen := map[string]bool{}
	for _, v := range values {
		if !validRule(v) {
			return badRequest("BadRequest", "Invalid IP address or range %s.", v)
		}
		if seen[v] {
			// Whether the service refuses or merges duplicates is not documented; refusing
			// is what a client must be ready for.
			return badRequest("BadRequest", "Duplicate IP address or range %s.", v)
		}
		seen[v] = true
	}
	return nil
}

// validRule accepts a public IPv4 address, or an aligned range no smaller than a /30.
func validRule(value string) bool {
	if addr, err := netip.ParseAddr(value); err == nil {
		return addr.Is4() && publicAddr(addr)
	}
	prefix, err := netip.ParsePrefix(value)
	return err == nil && prefix.Addr().Is4() && prefix.Bits() > 0 && prefix.Bits() <= 30 &&
		prefix == prefix.Masked() && !slices.ContainsFunc(privateRanges, prefix.Overlaps)
}

func publicAddr(addr netip.Addr) bool {
	return !slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// privateRanges are those that the service's documentation refuses (RFC 1918), and those
// from which no packet can reach it.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/3"),
}
