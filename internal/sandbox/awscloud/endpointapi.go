package awscloud

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// loadBalancers is what the endpoint service calls must know of ELBv2.
type loadBalancers interface {
	// zonesOf checks that these are existing Network Load Balancers and returns the availability zones that they serve.
	zonesOf(ctx context.Context, arns []string) ([]string, *awsapi.Error)
}

// endpointAPI answers EC2's calls about endpoint services and connections, the provider's side of PrivateLink.
type endpointAPI struct {
	endpoints *endpoints
	balancers loadBalancers
	moto      *motoProxy
}

// Serve answers the calls about endpoint services and connections.
func (s *endpointAPI) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	var answer func(*awsapi.Request) ([]*node, *awsapi.Error)
	switch r.Action {
	case "CreateVpcEndpointServiceConfiguration":
		answer = s.create
	case "DescribeVpcEndpointServiceConfigurations":
		answer = s.describe
	case "ModifyVpcEndpointServiceConfiguration":
		answer = s.modify
	case "DeleteVpcEndpointServiceConfigurations":
		answer = s.delete
	case "ModifyVpcEndpointServicePermissions":
		answer = s.modifyPermissions
	case "DescribeVpcEndpointServicePermissions":
		answer = s.describePermissions
	case "DescribeVpcEndpointConnections":
		answer = s.describeConnections
	case "AcceptVpcEndpointConnections":
		answer = s.decide(s.endpoints.accept)
	case "RejectVpcEndpointConnections":
		answer = s.decide(s.endpoints.reject)
	case "DescribeVpcEndpointServices":
		s.describeServices(w, r)
		return true
	case "CreateVpcEndpoint":
		if !strings.Contains(r.Form.Get("ServiceName"), ".vpce.") {
			return false
		}
		answer = func(*awsapi.Request) ([]*node, *awsapi.Error) {
			return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement CreateVpcEndpoint for an endpoint service of one's own")
		}
	default:
		return false
	}
	respond(w, r, answer)
	return true
}

func (s *endpointAPI) create(r *awsapi.Request) ([]*node, *awsapi.Error) {
	for _, unsupported := range []string{"PrivateDnsName", "GatewayLoadBalancerArn.1", "SupportedRegion.1"} {
		if r.Form.Get(unsupported) != "" {
			return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of %s", strings.TrimSuffix(unsupported, ".1"), r.Action)
		}
	}
	arns := r.List("NetworkLoadBalancerArn")
	if len(arns) == 0 {
		return nil, badRequest("MissingParameter", "The request must contain at least one of the parameters NetworkLoadBalancerArn, GatewayLoadBalancerArn")
	}
	zones, err := s.balancers.zonesOf(r.HTTP.Context(), arns)
	if err != nil {
		return nil, err
	}
	tags, err := specifiedTags(r, "vpc-endpoint-service")
	if err != nil {
		return nil, err
	}
	created := s.endpoints.create(endpointService{
		acceptanceRequired: r.Form.Get("AcceptanceRequired") != "false", // EC2's default is to require it
		loadBalancers:      arns, zones: zones, ipAddressTypes: r.List("SupportedIpAddressType"), tags: tags,
	})
	return []*node{el("serviceConfiguration", s.configuration(created)...)}, nil
}

// configuration is a service as its owner sees it.
func (s *endpointAPI) configuration(service endpointService) []*node {
	return []*node{
		txt("serviceId", service.id), txt("serviceName", service.name), txt("serviceState", "Available"),
		set("serviceType", []string{"Interface"}, serviceType),
		boolean("acceptanceRequired", service.acceptanceRequired), boolean("managesVpcEndpoints", false),
		texts("availabilityZoneSet", service.zones), texts("networkLoadBalancerArnSet", service.loadBalancers),
		texts("supportedIpAddressTypeSet", service.ipAddressTypes),
		texts("baseEndpointDnsNameSet", []string{s.dnsName(service)}),
		set("supportedRegionSet", []string{s.endpoints.region}, func(region string) []*node {
			return []*node{txt("region", region), txt("serviceState", "Available")}
		}),
		tagSet(service.tags),
	}
}

func serviceType(t string) []*node { return []*node{txt("serviceType", t)} }

func (s *endpointAPI) dnsName(service endpointService) string {
	return service.id + "." + s.endpoints.region + ".vpce.amazonaws.com"
}

func (s *endpointAPI) describe(r *awsapi.Request) ([]*node, *awsapi.Error) {
	found, err := s.endpoints.find(r.List("ServiceId"))
	if err != nil {
		return nil, err
	}
	found, err = selected(found, filters(r), func(service endpointService) subject {
		return subject{tags: service.tags, attributes: map[string][]string{
			"service-id": {service.id}, "service-name": {service.name}, "service-state": {"Available"},
			"supported-ip-address-types": service.ipAddressTypes,
		}}
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(r, found, 5, 1000)
	if err != nil {
		return nil, err
	}
	return []*node{set("serviceConfigurationSet", found, s.configuration), txt("nextToken", next)}, nil
}

// selected returns the elements that pass all filters. A filter that the VPC endpoint calls do not know is
// InvalidFilter there, unlike elsewhere in EC2.
func selected[T any](all []T, filters []filter, as func(T) subject) ([]T, *awsapi.Error) {
	var none T
	if _, err := as(none).matches(filters); err != nil {
		return nil, badRequest("InvalidFilter", "%s", err.Message)
	}
	return slices.DeleteFunc(all, func(v T) bool {
		ok, _ := as(v).matches(filters)
		return !ok
	}), nil
}

func (s *endpointAPI) modify(r *awsapi.Request) ([]*node, *awsapi.Error) {
	for _, unsupported := range []string{"PrivateDnsName", "AddGatewayLoadBalancerArn.1", "AddSupportedRegion.1", "RemoveSupportedRegion.1"} {
		if r.Form.Get(unsupported) != "" {
			return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of %s", strings.TrimSuffix(unsupported, ".1"), r.Action)
		}
	}
	id := r.Form.Get("ServiceId")
	before, err := s.endpoints.find([]string{id})
	if err != nil {
		return nil, err
	}
	removed := r.List("RemoveNetworkLoadBalancerArn")
	arns := slices.DeleteFunc(before[0].loadBalancers, func(arn string) bool { return slices.Contains(removed, arn) })
	for _, arn := range r.List("AddNetworkLoadBalancerArn") {
		if !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	if len(arns) == 0 {
		return nil, badRequest("InvalidParameter", "The endpoint service '%s' must have at least one load balancer.", id)
	}
	zones, err := s.balancers.zonesOf(r.HTTP.Context(), arns)
	if err != nil {
		return nil, err
	}
	return []*node{boolean("return", true)}, s.endpoints.modify(id, func(service *endpointService) *awsapi.Error {
		service.loadBalancers, service.zones = arns, zones
		if v := r.Form.Get("AcceptanceRequired"); v != "" {
			service.acceptanceRequired = v == "true"
		}
		types := slices.DeleteFunc(slices.Clone(service.ipAddressTypes), func(t string) bool { return slices.Contains(r.List("RemoveSupportedIpAddressType"), t) })
		service.ipAddressTypes = append(types, r.List("AddSupportedIpAddressType")...)
		return nil
	})
}

func (s *endpointAPI) delete(r *awsapi.Request) ([]*node, *awsapi.Error) {
	return unsuccessful(r.List("ServiceId"), s.endpoints.remove), nil
}

// unsuccessful does something for each id and lists those that failed: the calls for many ids answer 200 even if all fail.
func unsuccessful(ids []string, do func(string) *awsapi.Error) []*node {
	list := el("unsuccessful")
	for _, id := range ids {
		if err := do(id); err != nil {
			list.add(el("item", txt("resourceId", id), el("error", txt("code", err.Code), txt("message", err.Message))))
		}
	}
	return []*node{list}
}

func (s *endpointAPI) modifyPermissions(r *awsapi.Request) ([]*node, *awsapi.Error) {
	id := r.Form.Get("ServiceId")
	var added []permission
	err := s.endpoints.modify(id, func(service *endpointService) *awsapi.Error {
		for _, principal := range r.List("AddAllowedPrincipals") {
			if principal != "*" && !strings.HasPrefix(principal, "arn:") {
				return badRequest("InvalidPrincipal", "Invalid principal: '%s'", principal)
			}
			if slices.ContainsFunc(service.permissions, func(p permission) bool { return p.principal == principal }) {
				continue
			}
			p := permission{id: newID("vpce-svc-perm"), principal: principal, tags: map[string]string{}}
			added = append(added, p)
			service.permissions = append(service.permissions, p)
		}
		removed := r.List("RemoveAllowedPrincipals")
		service.permissions = slices.DeleteFunc(service.permissions, func(p permission) bool { return slices.Contains(removed, p.principal) })
		return nil
	})
	return []*node{boolean("return", true), set("addedPrincipalSet", added, func(p permission) []*node {
		return []*node{txt("principal", p.principal), txt("principalType", principalType(p.principal)), txt("serviceId", id), txt("servicePermissionId", p.id)}
	})}, err
}

// principalType classifies an allowed principal as EC2 does.
func principalType(principal string) string {
	resource := principal[strings.LastIndex(principal, ":")+1:]
	switch {
	case principal == "*":
		return "All"
	case strings.HasPrefix(resource, "role/"):
		return "Role"
	case strings.HasPrefix(resource, "user/"):
		return "User"
	case resource == "root":
		return "Account"
	}
	return "Service"
}

func (s *endpointAPI) describePermissions(r *awsapi.Request) ([]*node, *awsapi.Error) {
	id := r.Form.Get("ServiceId")
	found, err := s.endpoints.find([]string{id})
	if err != nil {
		return nil, err
	}
	permissions, err := selected(found[0].permissions, filters(r), func(p permission) subject {
		return subject{attributes: map[string][]string{"principal": {p.principal}, "principal-type": {principalType(p.principal)}}, tags: p.tags}
	})
	if err != nil {
		return nil, err
	}
	permissions, next, err := page(r, permissions, 5, 1000)
	if err != nil {
		return nil, err
	}
	return []*node{set("allowedPrincipals", permissions, func(p permission) []*node {
		return []*node{txt("principal", p.principal), txt("principalType", principalType(p.principal)), txt("serviceId", id), txt("servicePermissionId", p.id), tagSet(p.tags)}
	}), txt("nextToken", next)}, nil
}

func (s *endpointAPI) describeConnections(r *awsapi.Request) ([]*node, *awsapi.Error) {
	// vpc-endpoint-id stands in the API's documentation, but the real service answers InvalidFilter
	// (the stock AWS provider filters on its side for that reason).
	found, err := selected(s.endpoints.list(), filters(r), func(c endpointConnection) subject {
		return subject{attributes: map[string][]string{
			"service-id": {c.serviceID}, "vpc-endpoint-owner": {c.owner}, "vpc-endpoint-state": {c.state},
			"vpc-endpoint-region": {s.endpoints.region}, "ip-address-type": {"ipv4"},
		}}
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(r, found, 1, 1000)
	if err != nil {
		return nil, err
	}
	return []*node{set("vpcEndpointConnectionSet", found, s.connection), txt("nextToken", next)}, nil
}

func (s *endpointAPI) connection(c endpointConnection) []*node {
	out := []*node{
		txt("serviceId", c.serviceID), txt("vpcEndpointId", c.endpointID), txt("vpcEndpointOwner", c.owner), txt("vpcEndpointState", c.state),
		txt("creationTimestamp", c.created.UTC().Format(time.RFC3339)), txt("ipAddressType", "ipv4"), txt("vpcEndpointConnectionId", c.id),
		txt("vpcEndpointRegion", s.endpoints.region),
	}
	if services, err := s.endpoints.find([]string{c.serviceID}); err == nil {
		out = append(out, texts("networkLoadBalancerArnSet", services[0].loadBalancers))
	}
	return out
}

func (s *endpointAPI) decide(do func(serviceID, endpointID string) *awsapi.Error) func(*awsapi.Request) ([]*node, *awsapi.Error) {
	return func(r *awsapi.Request) ([]*node, *awsapi.Error) {
		serviceID := r.Form.Get("ServiceId")
		if _, err := s.endpoints.find([]string{serviceID}); err != nil {
			return nil, err
		}
		return unsuccessful(r.List("VpcEndpointId"), func(id string) *awsapi.Error { return do(serviceID, id) }), nil
	}
}

// describeServices adds the account's own services to those that AWS offers, of which moto knows.
func (s *endpointAPI) describeServices(w http.ResponseWriter, r *awsapi.Request) {
	own, err := s.endpoints.find(nil)
	if err != nil {
		awsapi.WriteError(w, r, err)
		return
	}
	names := r.List("ServiceName")
	wanted, foreign := []endpointService{}, []string{}
	for _, name := range names {
		i := slices.IndexFunc(own, func(service endpointService) bool { return service.name == name })
		switch {
		case i >= 0:
			wanted = append(wanted, own[i])
		case strings.Contains(name, ".vpce."):
			awsapi.WriteError(w, r, badRequest("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", name))
			return
		default:
			foreign = append(foreign, name)
		}
	}
	if len(names) == 0 {
		wanted = own
	}
	wanted = slices.DeleteFunc(wanted, func(service endpointService) bool {
		ok, err := subject{tags: service.tags, attributes: map[string][]string{
			"owner": {s.moto.account}, "service-name": {service.name}, "service-type": {"Interface"}, "service-region": {s.endpoints.region},
			"supported-ip-address-types": service.ipAddressTypes,
		}}.matches(filters(r))
		return err != nil || !ok
	})
	details := set("serviceDetailSet", wanted, func(service endpointService) []*node {
		return []*node{
			txt("serviceName", service.name), txt("serviceId", service.id), set("serviceType", []string{"Interface"}, serviceType),
			txt("serviceRegion", s.endpoints.region), texts("availabilityZoneSet", service.zones), txt("owner", s.moto.account),
			texts("baseEndpointDnsNameSet", []string{s.dnsName(service)}), txt("vpcEndpointPolicySupported", strconv.FormatBool(false)),
			boolean("acceptanceRequired", service.acceptanceRequired), boolean("managesVpcEndpoints", false), tagSet(service.tags),
			texts("supportedIpAddressTypeSet", service.ipAddressTypes),
		}
	})
	if len(names) > 0 && len(foreign) == 0 {
		list := el("serviceNameSet")
		for _, service := range wanted {
			list.add(txt("item", service.name))
		}
		writeNode(w, r, list, details)
		return
	}
	s.moto.serveCorrected(w, withList(r, "ServiceName", foreign), func(doc *node) *awsapi.Error {
		for _, list := range []string{"serviceNameSet", "serviceDetailSet"} {
			if doc.child(list) == nil {
				doc.add(el(list))
			}
		}
		for _, detail := range details.kids {
			doc.child("serviceNameSet").add(txt("item", detail.value("serviceName")))
		}
		doc.child("serviceDetailSet").add(details.kids...)
		return nil
	})
}
