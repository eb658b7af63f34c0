package awscloud

import (
	"context"
	"net/http"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// network is what the address calls must know of the rest of EC2.
type network interface {
	// instanceTarget returns the target that an instance's name stands for: its only network interface.
	instanceTarget(ctx context.Context, instanceID string) (elasticip.Target, *awsapi.Error)
	// interfaceTarget returns the target of a network interface; privateIP "" means its primary one.
	interfaceTarget(ctx context.Context, interfaceID, privateIP string) (elasticip.Target, *awsapi.Error)
}

// addressService answers EC2's Elastic IP calls.
type addressService struct {
	book    addresses
	network network
}

// Serve answers the Elastic IP calls.
func (s *addressService) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	var answer func(*awsapi.Request) ([]*node, *awsapi.Error)
	switch r.Action {
	case "AllocateAddress":
		answer = s.allocate
	case "DescribeAddresses":
		answer = s.describe
	case "DescribeAddressesAttribute":
		answer = s.describeAttribute
	case "AssociateAddress":
		answer = s.associate
	case "DisassociateAddress":
		answer = s.disassociate
	case "ReleaseAddress":
		answer = s.release
	default:
		return false
	}
	respond(w, r, answer)
	return true
}

// respond writes what answer returns, in EC2's format. A dry run asks only whether the caller
// may make the call, and who came here may.
func respond(w http.ResponseWriter, r *awsapi.Request, answer func(*awsapi.Request) ([]*node, *awsapi.Error)) {
	if r.Form.Get("DryRun") == "true" {
		awsapi.WriteError(w, r, awsapi.Errorf(http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."))
		return
	}
	kids, err := answer(r)
	if err != nil {
		awsapi.WriteError(w, r, err)
		return
	}
	writeNode(w, r, kids...)
}

// writeNode writes a successful EC2 answer.
func writeNode(w http.ResponseWriter, r *awsapi.Request, kids ...*node) {
	doc := el(r.Action+"Response", txt("requestId", awsapi.RequestID()))
	doc.attr = ec2Namespace
	doc.add(kids...)
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	_, _ = w.Write(doc.bytes())
}

func (s *addressService) allocate(r *awsapi.Request) ([]*node, *awsapi.Error) {
	switch r.Form.Get("Domain") {
	case "", "vpc":
	case "standard":
		return nil, badRequest("InvalidParameterValue", "EC2-Classic addresses are no longer available; use the domain 'vpc'.")
	default:
		return nil, badRequest("InvalidParameterValue", "Invalid value '%s' for domain.", r.Form.Get("Domain"))
	}
	for _, unsupported := range []string{"CustomerOwnedIpv4Pool", "IpamPoolId"} {
		if r.Form.Get(unsupported) != "" {
			return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of AllocateAddress", unsupported)
		}
	}
	tags, err := specifiedTags(r, "elastic-ip")
	if err != nil {
		return nil, err
	}
	a, refused := s.book.Allocate(elasticip.Allocation{
		Pool: r.Form.Get("PublicIpv4Pool"), BorderGroup: r.Form.Get("NetworkBorderGroup"), Ask: r.Form.Get("Address"), Tags: tags,
	})
	if refused != nil {
		return nil, refusal(refused)
	}
	return []*node{
		txt("publicIp", a.PublicIP.String()), txt("allocationId", a.AllocationID), txt("domain", "vpc"),
		txt("publicIpv4Pool", a.Pool), txt("networkBorderGroup", a.BorderGroup),
	}, nil
}

func (s *addressService) describe(r *awsapi.Request) ([]*node, *awsapi.Error) {
	found, err := s.book.find(r.List("AllocationId"), r.List("PublicIp"), filters(r))
	if err != nil {
		return nil, err
	}
	return []*node{set("addressesSet", found, func(a elasticip.Address) []*node {
		out := []*node{
			txt("publicIp", a.PublicIP.String()), txt("allocationId", a.AllocationID), txt("domain", "vpc"),
			txt("publicIpv4Pool", a.Pool), txt("networkBorderGroup", a.BorderGroup),
		}
		if assoc := a.Association; assoc != nil {
			out = append(out, txt("associationId", assoc.ID), txt("instanceId", assoc.Target.InstanceID),
				txt("networkInterfaceId", assoc.Target.InterfaceID), txt("networkInterfaceOwnerId", assoc.Target.OwnerID),
				txt("privateIpAddress", assoc.Target.PrivateIP))
		}
		out = append(out, txt("serviceManaged", a.Managed))
		if len(a.Tags) > 0 {
			out = append(out, tagSet(a.Tags))
		}
		return out
	})}, nil
}

// describeAttribute tells of the reverse DNS names; none can be set here.
func (s *addressService) describeAttribute(r *awsapi.Request) ([]*node, *awsapi.Error) {
	found, err := s.book.find(r.List("AllocationId"), nil, nil)
	if err != nil {
		return nil, err
	}
	found, next, err := page(r, found, 1, 1000)
	if err != nil {
		return nil, err
	}
	return []*node{set("addressSet", found, func(a elasticip.Address) []*node {
		return []*node{txt("publicIp", a.PublicIP.String()), txt("allocationId", a.AllocationID)}
	}), txt("nextToken", next)}, nil
}

func (s *addressService) associate(r *awsapi.Request) ([]*node, *awsapi.Error) {
	allocationID, publicIP := r.Form.Get("AllocationId"), r.Form.Get("PublicIp")
	instanceID, interfaceID := r.Form.Get("InstanceId"), r.Form.Get("NetworkInterfaceId")
	switch {
	case allocationID == "" && publicIP == "":
		return nil, badRequest("MissingParameter", "Either public IP or allocation ID must be specified")
	case allocationID != "" && publicIP != "":
		return nil, badRequest("InvalidParameterCombination", "You may specify public IP or allocation id, but not both in the same call")
	case instanceID == "" && interfaceID == "":
		return nil, badRequest("MissingParameter", "Either instance ID or network interface id must be specified")
	case instanceID != "" && interfaceID != "":
		return nil, badRequest("InvalidParameterCombination", "You may specify instance ID or network interface id, but not both in the same call")
	}
	var to elasticip.Target
	var err *awsapi.Error
	if interfaceID != "" {
		to, err = s.network.interfaceTarget(r.HTTP.Context(), interfaceID, r.Form.Get("PrivateIpAddress"))
	} else {
		to, err = s.network.instanceTarget(r.HTTP.Context(), instanceID)
	}
	if err != nil {
		return nil, err
	}
	// Absent means true: the call takes the address from whoever has it.
	id, refused := s.book.Associate(allocationID, publicIP, to, r.Form.Get("AllowReassociation") != "false")
	if refused != nil {
		return nil, refusal(refused)
	}
	return []*node{boolean("return", true), txt("associationId", id)}, nil
}

func (s *addressService) disassociate(r *awsapi.Request) ([]*node, *awsapi.Error) {
	associationID, publicIP := r.Form.Get("AssociationId"), r.Form.Get("PublicIp")
	if associationID == "" && publicIP == "" {
		return nil, badRequest("MissingParameter", "Either public IP or association id must be specified")
	}
	return []*node{boolean("return", true)}, refusal(s.book.Disassociate(associationID, publicIP))
}

func (s *addressService) release(r *awsapi.Request) ([]*node, *awsapi.Error) {
	allocationID := r.Form.Get("AllocationId")
	switch publicIP := r.Form.Get("PublicIp"); {
	case publicIP != "" && allocationID != "":
		return nil, badRequest("InvalidParameterCombination", "You may specify public IP or allocation id, but not both in the same call")
	case publicIP != "":
		return nil, badRequest("InvalidParameterValue", "You must specify an allocation id when releasing a VPC elastic IP address")
	case allocationID == "":
		return nil, badRequest("MissingParameter", "The request must contain the parameter AllocationId")
	}
	return []*node{boolean("return", true)}, refusal(s.book.Release(allocationID, r.Form.Get("NetworkBorderGroup")))
}
