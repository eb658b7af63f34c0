package awscloud

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// serveNetwork passes on the EC2 calls whose answers or effects have to do with Elastic IPs, and
// adds that. It serves what moto keeps and gets wrong besides.
func (c *Cloud) serveNetwork(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	switch r.Action {
	case "DescribeInstances", "DescribeNetworkInterfaces":
		if refusal := addressFilter(r); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return true
		}
	}
	switch r.Action {
	case "DescribeInstances":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			held := c.addresses.associated()
			for _, reservation := range doc.items("reservationSet") {
				for _, instance := range reservation.items("instancesSet") {
					showAddresses(instance, held)
				}
			}
			return nil
		})
	case "DescribeNetworkInterfaces":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			held := c.addresses.associated()
			for _, eni := range doc.items("networkInterfaceSet") {
				if a, ok := held[eni.value("networkInterfaceId")]; ok {
					eni.replace(shownAssociation(a))
				}
			}
			return nil
		})
	case "RunInstances":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			for _, instance := range doc.items("instancesSet") {
				if err := c.launch(r.HTTP.Context(), instance); err != nil {
					return err
				}
			}
			return nil
		})
	case "TerminateInstances":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			for _, instance := range doc.items("instancesSet") {
				id := instance.value("instanceId")
				c.addresses.forgetInstance(id)
				if c.options.Hypervisor != nil {
					c.options.Hypervisor.Terminate(id)
				}
			}
			return nil
		})
	case "DeleteNetworkInterface":
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			c.addresses.forgetInterface(r.Form.Get("NetworkInterfaceId"))
			return nil
		})
	case "DetachInternetGateway":
		if refusal := c.mappedAddresses(r); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return true
		}
		return false
	case "DescribeLaunchTemplates":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			for _, template := range doc.items("launchTemplates") {
				if err := c.correctTemplateTags(r.HTTP.Context(), template); err != nil {
					return err
				}
			}
			return nil
		})
	case "CreateLaunchTemplateVersion", "DescribeLaunchTemplateVersions":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			for _, data := range doc.all("launchTemplateData") {
				correctTemplateData(data)
			}
			return nil
		})
	case "CreateNatGateway":
		// Moto would look for the Elastic IP among its own, where none is.
		awsapi.WriteError(w, r, awsapi.NotImplemented(r))
	default:
		return false
	}
	return true
}

// addressFilter refuses the filters on public addresses: moto would look for them among its own, and find nothing.
func addressFilter(r *awsapi.Request) *awsapi.Error {
	for _, f := range filters(r) {
		if f.name == "ip-address" || strings.Contains(f.name, "association.") {
			return awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement the filter %s of %s", f.name, r.Action)
		}
	}
	return nil
}

// launch boots an instance that was asked of EC2 itself. Auto Scaling's instances are launched by Auto Scaling.
func (c *Cloud) launch(ctx context.Context, instance *node) *awsapi.Error {
	if c.options.Hypervisor == nil {
		return nil
	}
	id := instance.value("instanceId")
	doc, refusal := c.vpc.ec2(ctx, "DescribeInstanceAttribute", map[string]string{"InstanceId": id, "Attribute": "userData"})
	if refusal != nil {
		return refusal
	}
	userData, err := base64.StdEncoding.DecodeString(doc.value("userData/value"))
	if err != nil {
		return badRequest("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	// The machine outlives the call that started it.
	err = c.options.Hypervisor.Launch(context.WithoutCancel(ctx), Instance{ID: id, PrivateIP: instance.value("privateIpAddress"), UserData: userData})
	if err != nil {
		c.options.Logger.Warn("the instance does not boot", "instance", id, "error", err)
	}
	return nil
}

// mappedAddresses refuses to cut off the Internet from a network that still has public addresses.
func (c *Cloud) mappedAddresses(r *awsapi.Request) *awsapi.Error {
	held := c.addresses.associated()
	if len(held) == 0 {
		return nil
	}
	vpcID := r.Form.Get("VpcId")
	doc, err := c.vpc.ec2(r.HTTP.Context(), "DescribeNetworkInterfaces", map[string]string{"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpcID})
	if err != nil {
		return err
	}
	for _, eni := range doc.items("networkInterfaceSet") {
		if _, ok := held[eni.value("networkInterfaceId")]; ok {
			return badRequest("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", vpcID)
		}
	}
	return nil
}

// showAddresses adds to an instance the Elastic IPs of its interfaces.
func showAddresses(instance *node, held map[string]address) {
	for i, eni := range instance.items("networkInterfaceSet") {
		a, ok := held[eni.value("networkInterfaceId")]
		if !ok {
			continue
		}
		eni.replace(shownAssociation(a))
		for _, private := range eni.items("privateIpAddressesSet") {
			if private.value("privateIpAddress") == a.assoc.target.privateIP {
				private.replace(shownAssociation(a))
			}
		}
		if i == 0 {
			instance.put("ipAddress", a.publicIP.String())
			instance.put("dnsName", publicName(a))
		}
	}
}

// shownAssociation is an association as an interface shows it.
func shownAssociation(a address) *node {
	return el("association", txt("publicIp", a.publicIP.String()), txt("publicDnsName", publicName(a)), txt("ipOwnerId", a.assoc.target.ownerID),
		txt("allocationId", a.allocationID), txt("associationId", a.assoc.id))
}

// publicName is the public DNS name that EC2 gives an address in us-east-1: ec2-52-20-16-1.compute-1.amazonaws.com.
func publicName(a address) string {
	return "ec2-" + strings.ReplaceAll(a.publicIP.String(), ".", "-") + ".compute-1.amazonaws.com"
}

// correctTemplateData removes from a launch template's data the tags of the template itself, which moto mixes in.
func correctTemplateData(data *node) {
	specifications := data.child("tagSpecificationSet")
	if specifications == nil {
		return
	}
	specifications.drop(func(n *node) bool { return n.value("resourceType") == "launch-template" })
}

// correctTemplateTags replaces the tags that a launch template had when it was made, all that moto shows, by today's.
func (c *Cloud) correctTemplateTags(ctx context.Context, template *node) *awsapi.Error {
	doc, err := c.vpc.ec2(ctx, "DescribeTags", map[string]string{"Filter.1.Name": "resource-id", "Filter.1.Value.1": template.value("launchTemplateId")})
	if err != nil {
		return err
	}
	tags := map[string]string{}
	for _, tag := range doc.items("tagSet") {
		tags[tag.value("key")] = tag.value("value")
	}
	template.replace(tagSet(tags))
	return nil
}
