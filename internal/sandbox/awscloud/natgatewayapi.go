package awscloud

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// natService answers EC2's calls about NAT gateways, and refuses those about their parts.
type natService struct {
	gateways  *natGateways
	addresses addresses
	vpc       *vpc
	moto      *motoProxy
	// moved is called after each call that may have changed where a subnet's traffic leaves.
	moved func(ctx context.Context)
}

// Serve answers the calls about NAT gateways.
func (s *natService) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	if refused := s.settle(r.HTTP.Context()); refused != nil {
		awsapi.WriteError(w, r, refused)
		return true
	}
	switch r.Action {
	case "CreateNatGateway":
		respond(w, r, s.create)
	case "DescribeNatGateways":
		respond(w, r, s.describe)
	case "DeleteNatGateway":
		respond(w, r, s.delete)
	case "CreateRoute", "ReplaceRoute":
		if id := r.Form.Get("NatGatewayId"); id != "" && !slices.ContainsFunc(s.gateways.list(), func(g natGateway) bool { return g.id == id && g.state != natDeleted }) {
			awsapi.WriteError(w, r, badRequest("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id))
			return true
		}
		s.passOn(w, r)
	case "DeleteRoute", "AssociateRouteTable", "DisassociateRouteTable", "ReplaceRouteTableAssociation", "DeleteRouteTable":
		s.passOn(w, r)
	case "DescribeRouteTables":
		s.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			s.showRoutes(doc)
			return nil
		})
	case "DeleteSubnet":
		id := r.Form.Get("SubnetId")
		if !s.gateways.busy(id) {
			return false
		}
		awsapi.WriteError(w, r, badRequest("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", id))
	case "DeleteNetworkInterface":
		id := r.Form.Get("NetworkInterfaceId")
		if !s.gateways.has(id) {
			return false
		}
		awsapi.WriteError(w, r, badRequest("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", id))
	default:
		return false
	}
	return true
}

// passOn lets moto change a route and looks where traffic leaves since.
func (s *natService) passOn(w http.ResponseWriter, r *awsapi.Request) {
	s.moto.serve(w, r)
	s.moved(r.HTTP.Context())
}

// settle takes interface and address from the gateways that are deleted by now.
func (s *natService) settle(ctx context.Context) *awsapi.Error {
	gone, changed := s.gateways.settle()
	for _, g := range gone {
		s.addresses.ForgetInterface(g.interfaceID)
		if err := s.vpc.deleteInterface(ctx, g.interfaceID); err != nil {
			return err
		}
		if _, err := s.vpc.ec2(ctx, "DeleteNatGateway", map[string]string{"NatGatewayId": g.id}); err != nil {
			return err
		}
	}
	if changed {
		s.moved(ctx)
	}
	return nil
}

// natParameters are the parameters of CreateNatGateway that have an effect here.
var natParameters = []string{"SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress", "ClientToken", "TagSpecification", "DryRun"}

// create makes a gateway. What EC2 finds out only while it makes one leads to a gateway of state failed and
// not to an error: the codes and messages are those of failureCode in the reference of NatGateway.
func (s *natService) create(r *awsapi.Request) ([]*node, *awsapi.Error) {
	ctx := r.HTTP.Context()
	if err := awsapi.RefuseUnknown(r, natParameters...); err != nil {
		return nil, err
	}
	g := natGateway{
		subnetID: r.Form.Get("SubnetId"), allocationID: r.Form.Get("AllocationId"),
		connectivity: r.Form.Get("ConnectivityType"), clientToken: r.Form.Get("ClientToken"),
	}
	if g.connectivity == "" {
		g.connectivity = "public"
	}
	switch {
	case g.subnetID == "":
		return nil, badRequest("MissingParameter", "The request must include the SubnetId parameter. Add the required parameter and retry the request.")
	case g.connectivity != "public" && g.connectivity != "private":
		return nil, badRequest("InvalidParameterValue", "Value (%s) for parameter connectivityType is invalid.", g.connectivity)
	case g.connectivity == "public" && g.allocationID == "":
		return nil, badRequest("MissingParameter", "The request must include the AllocationId parameter. Add the required parameter and retry the request.")
	case g.connectivity == "private" && g.allocationID != "":
		return nil, badRequest("InvalidParameterCombination", "AllocationId cannot be specified for a private NAT gateway.")
	}
	if before, again := s.gateways.ofToken(g.clientToken); again {
		return []*node{el("natGateway", s.show(before)...), txt("clientToken", g.clientToken)}, nil
	}
	var err *awsapi.Error
	if g.tags, err = specifiedTags(r, "natgateway"); err != nil {
		return nil, err
	}
	subnet, err := s.vpc.subnet(ctx, g.subnetID)
	if err != nil {
		return nil, err
	}
	g.vpcID, g.zone = subnet.value("vpcId"), subnet.value("availabilityZone")
	if s.gateways.inZone(g.zone) >= natQuota {
		return nil, badRequest("NatGatewayLimitExceeded", "Performing this operation would exceed the limit of %d NAT gateways", natQuota)
	}
	if g, err = s.make(ctx, g, r.Form.Get("PrivateIpAddress")); err != nil {
		return nil, err
	}
	g = s.gateways.add(g)
	s.moved(ctx)
	return []*node{el("natGateway", s.show(g)...), txt("clientToken", g.clientToken)}, nil
}

// make gives a new gateway its id, its interface and, if it is public, its address; or the reason why it has none.
func (s *natService) make(ctx context.Context, g natGateway, privateIP string) (natGateway, *awsapi.Error) {
	// Moto's own are private ones: it would look for the Elastic IP among its own.
	doc, err := s.vpc.ec2(ctx, "CreateNatGateway", map[string]string{"SubnetId": g.subnetID, "ConnectivityType": "private"})
	if err != nil {
		return g, err
	}
	g.id = doc.value("natGateway/natGatewayId")
	// The interface that moto made has an address of some other network.
	if err := s.vpc.deleteInterface(ctx, doc.value("natGateway/natGatewayAddressSet/item/networkInterfaceId")); err != nil {
		return g, err
	}
	if g.connectivity == "public" {
		gateways, err := s.vpc.ec2(ctx, "DescribeInternetGateways", map[string]string{"Filter.1.Name": "attachment.vpc-id", "Filter.1.Value.1": g.vpcID})
		if err != nil {
			return g, err
		}
		if len(gateways.items("internetGatewaySet")) == 0 {
			g.failure = natFailure{"Gateway.NotAttached", "Network " + g.vpcID + " has no Internet gateway attached"}
			return g, nil
		}
	}
	params := map[string]string{"SubnetId": g.subnetID, "Description": "Interface for NAT Gateway " + g.id}
	if privateIP != "" {
		params["PrivateIpAddress"] = privateIP
	}
	eni, err := s.vpc.ec2(ctx, "CreateNetworkInterface", params)
	if err != nil {
		return g, err
	}
	g.interfaceID, g.privateIP = eni.value("networkInterface/networkInterfaceId"), eni.value("networkInterface/privateIpAddress")
	if g.connectivity == "private" {
		return g, nil
	}
	_, refused := s.addresses.Associate(g.allocationID, "", elasticip.Target{
		InterfaceID: g.interfaceID, PrivateIP: g.privateIP, OwnerID: s.vpc.account, BorderGroup: s.vpc.region, RequesterManaged: true,
	}, false)
	if refused == nil {
		return g, nil
	}
	g.failure = associationFailure(g.allocationID, refusal(refused))
	interfaceID := g.interfaceID
	g.interfaceID, g.privateIP = "", ""
	return g, s.vpc.deleteInterface(ctx, interfaceID)
}

// associationFailure is the failure of a gateway whose address cannot be associated.
func associationFailure(allocationID string, refused *awsapi.Error) natFailure {
	if refused.Code == "Resource.AlreadyAssociated" {
		return natFailure{refused.Code, "Elastic IP address [" + allocationID + "] is already associated"}
	}
	return natFailure{"InvalidAllocationID.NotFound", "Elastic IP address " + allocationID + " could not be associated with this NAT gateway"}
}

func (s *natService) describe(r *awsapi.Request) ([]*node, *awsapi.Error) {
	all, ids := s.gateways.list(), r.List("NatGatewayId")
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(g natGateway) bool { return g.id == id }) {
			return nil, noNATGateway(id)
		}
	}
	var found []natGateway
	if _, err := natSubject(natGateway{}).matches(filters(r)); err != nil {
		return nil, err
	}
	for _, g := range all {
		ok, err := natSubject(g).matches(filters(r))
		if err != nil {
			return nil, err
		}
		if ok && (len(ids) == 0 || slices.Contains(ids, g.id)) {
			found = append(found, g)
		}
	}
	found, next, err := page(r, found, 5, 1000)
	if err != nil {
		return nil, err
	}
	return []*node{set("natGatewaySet", found, s.show), txt("nextToken", next)}, nil
}

func (s *natService) delete(r *awsapi.Request) ([]*node, *awsapi.Error) {
	id := r.Form.Get("NatGatewayId")
	if err := s.gateways.delete(id); err != nil {
		return nil, err
	}
	s.moved(r.HTTP.Context())
	return []*node{txt("natGatewayId", id)}, nil
}

// show is a gateway as EC2 describes it.
func (s *natService) show(g natGateway) []*node {
	address := el("item", txt("allocationId", g.allocationID), txt("networkInterfaceId", g.interfaceID), txt("privateIp", g.privateIP), boolean("isPrimary", true))
	status := "succeeded"
	if g.failure.code != "" {
		status = "failed"
		address.add(txt("failureMessage", g.failure.message))
	}
	address.add(txt("status", status))
	for _, a := range s.addresses.List() {
		if a.Association != nil && g.interfaceID != "" && a.Association.Target.InterfaceID == g.interfaceID {
			address.add(txt("publicIp", a.PublicIP.String()), txt("associationId", a.Association.ID))
		}
	}
	out := []*node{
		txt("natGatewayId", g.id), txt("subnetId", g.subnetID), txt("vpcId", g.vpcID), txt("state", g.state), txt("connectivityType", g.connectivity),
		txt("createTime", g.created.UTC().Format(time.RFC3339)), txt("failureCode", g.failure.code), txt("failureMessage", g.failure.message),
		el("natGatewayAddressSet", address), tagSet(g.tags),
	}
	if !g.deleted.IsZero() {
		out = append(out, txt("deleteTime", g.deleted.UTC().Format(time.RFC3339)))
	}
	return out
}

// showInterface shows the interface of a gateway as what it is.
func (n *natGateways) showInterface(eni *node) {
	if !n.has(eni.value("networkInterfaceId")) {
		return
	}
	eni.put("interfaceType", "nat_gateway")
	eni.put("requesterManaged", "true")
	eni.put("status", "in-use")
	eni.replace(el("attachment", txt("instanceOwnerId", "amazon-aws"), txt("deviceIndex", "1"), txt("status", "attached"), boolean("deleteOnTermination", false)))
}

// showRoutes shows the routes to gateways that are no more as what they are.
func (s *natService) showRoutes(doc *node) {
	all := s.gateways.list()
	for _, table := range doc.items("routeTableSet") {
		for _, route := range table.items("routeSet") {
			id := route.value("natGatewayId")
			if id == "" {
				continue
			}
			if !slices.ContainsFunc(all, func(g natGateway) bool { return g.id == id && (g.state == natAvailable || g.state == natPending) }) {
				route.put("state", "blackhole")
			}
		}
	}
}
