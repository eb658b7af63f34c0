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
			instances := c.observeAll(doc)
			ips := c.publicIPs()
			for _, instance := range instances {
				ips.showInstance(instance)
			}
			return nil
		})
	case "DescribeNetworkInterfaces":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			if err := c.observeOwners(r.HTTP.Context(), doc); err != nil {
				return err
			}
			ips := c.publicIPs()
			for _, eni := range doc.items("networkInterfaceSet") {
				ips.showInterface(eni)
				c.nats.showInterface(eni)
			}
			return nil
		})
	case "RunInstances":
		run, refused := c.withImage(r)
		if refused != nil {
			awsapi.WriteError(w, r, refused)
			return true
		}
		c.moto.serveCorrected(w, run, func(doc *node) *awsapi.Error {
			for _, instance := range doc.items("instancesSet") {
				if err := c.launch(r.HTTP.Context(), instance); err != nil {
					return err
				}
				c.observe(instance)
			}
			ips := c.publicIPs()
			for _, instance := range doc.items("instancesSet") {
				ips.showInstance(instance)
			}
			return nil
		})
	case "StopInstances", "StartInstances":
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			return c.look(r.HTTP.Context(), r.List("InstanceId"))
		})
	case "AttachNetworkInterface":
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			instanceID := r.Form.Get("InstanceId")
			c.addresses.MoveInterface(r.Form.Get("NetworkInterfaceId"), instanceID)
			return c.look(r.HTTP.Context(), []string{instanceID})
		})
	case "DetachNetworkInterface":
		interfaceID, instanceID, refused := c.attached(r.HTTP.Context(), r.Form.Get("AttachmentId"))
		if refused != nil {
			awsapi.WriteError(w, r, refused)
			return true
		}
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			if interfaceID == "" {
				return nil
			}
			c.addresses.MoveInterface(interfaceID, "")
			return c.look(r.HTTP.Context(), []string{instanceID})
		})
	case "TerminateInstances":
		c.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
			for _, instance := range doc.items("instancesSet") {
				id := instance.value("instanceId")
				c.InstanceTerminated(id)
				if c.options.Hypervisor != nil {
					c.options.Hypervisor.Terminate(id)
				}
			}
			return nil
		})
	case "DeleteNetworkInterface":
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error {
			c.addresses.ForgetInterface(r.Form.Get("NetworkInterfaceId"))
			return nil
		})
	case "ModifyVpcEndpoint":
		c.moto.serveCorrected(w, r, func(*node) *awsapi.Error { return c.routeToEndpoint(r.HTTP.Context(), r) })
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
	err = c.options.Hypervisor.Launch(context.WithoutCancel(ctx), Instance{
		ID: id, PrivateIP: instance.value("privateIpAddress"), UserData: userData, InstanceProfileARN: instance.value("iamInstanceProfile/arn"),
		AvailabilityZone: instance.value("placement/availabilityZone"), SubnetID: instance.value("subnetId"),
	})
	if err != nil {
		c.options.Logger.Warn("the instance does not boot", "instance", id, "error", err)
	}
	c.InstanceLaunched(ctx, id)
	return nil
}

// mappedAddresses refuses to cut off the Internet from a network that still has public addresses.
func (c *Cloud) mappedAddresses(r *awsapi.Request) *awsapi.Error {
	ips := c.publicIPs()
	if len(ips.elastic)+len(ips.automatic) == 0 {
		return nil
	}
	vpcID := r.Form.Get("VpcId")
	doc, err := c.vpc.ec2(r.HTTP.Context(), "DescribeNetworkInterfaces", map[string]string{"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpcID})
	if err != nil {
		return err
	}
	for _, eni := range doc.items("networkInterfaceSet") {
		if ips.has(eni.value("networkInterfaceId")) {
			return badRequest("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", vpcID)
		}
	}
	return nil
}

// look observes instances as they are now.
func (c *Cloud) look(ctx context.Context, instanceIDs []string) *awsapi.Error {
	for _, id := range instanceIDs {
		if _, err := c.vpc.instance(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// observeOwners observes the instances of interfaces that have a public address of moto's.
func (c *Cloud) observeOwners(ctx context.Context, interfaces *node) *awsapi.Error {
	var ids []string
	for _, eni := range interfaces.items("networkInterfaceSet") {
		if id := eni.value("attachment/instanceId"); id != "" && eni.value("association/publicIp") != "" {
			ids = append(ids, id)
		}
	}
	return c.look(ctx, ids)
}

// attached returns the interface and the instance of an attachment, or "" if there is none.
func (c *Cloud) attached(ctx context.Context, attachmentID string) (interfaceID, instanceID string, _ *awsapi.Error) {
	doc, err := c.vpc.ec2(ctx, "DescribeNetworkInterfaces", map[string]string{"Filter.1.Name": "attachment.attachment-id", "Filter.1.Value.1": attachmentID})
	if err != nil {
		return "", "", err
	}
	for _, eni := range doc.items("networkInterfaceSet") {
		return eni.value("networkInterfaceId"), eni.value("attachment/instanceId"), nil
	}
	return "", "", nil
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
