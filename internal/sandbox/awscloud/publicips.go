package awscloud

import (
	"net/netip"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// publicIPs are the public addresses that network interfaces have at one moment.
type publicIPs struct {
	elastic   map[string][]elasticip.Address // by interface
	automatic map[string]netip.Addr          // by interface
	account   string
}

func (c *Cloud) publicIPs() publicIPs {
	p := publicIPs{elastic: map[string][]elasticip.Address{}, automatic: c.addresses.AutomaticIPs(), account: c.options.AccountID}
	for _, a := range c.addresses.List() {
		if a.Association != nil {
			id := a.Association.Target.InterfaceID
			p.elastic[id] = append(p.elastic[id], a)
		}
	}
	return p
}

// byInstance returns the Elastic IP of each instance that has one.
func (p publicIPs) byInstance() map[string]string {
	out := map[string]string{}
	for _, held := range p.elastic {
		for _, a := range held {
			if id := a.Association.Target.InstanceID; id != "" {
				out[id] = a.PublicIP.String()
			}
		}
	}
	return out
}

// has reports whether an interface has any public address.
func (p publicIPs) has(interfaceID string) bool {
	return len(p.elastic[interfaceID]) > 0 || p.automatic[interfaceID].IsValid()
}

// association returns the association that a private address of an interface shows, and its
// public address; nil if there is none. An automatic address belongs to the primary private one.
func (p publicIPs) association(interfaceID, privateIP string, primary bool) (*node, netip.Addr) {
	for _, a := range p.elastic[interfaceID] {
		if a.Association.Target.PrivateIP == privateIP {
			return el("association", txt("publicIp", a.PublicIP.String()), txt("publicDnsName", publicName(a.PublicIP)), txt("ipOwnerId", a.Association.Target.OwnerID),
				txt("allocationId", a.AllocationID), txt("associationId", a.Association.ID)), a.PublicIP
		}
	}
	if ip := p.automatic[interfaceID]; primary && ip.IsValid() {
		return el("association", txt("publicIp", ip.String()), txt("publicDnsName", publicName(ip)), txt("ipOwnerId", amazonOwner)), ip
	}
	return nil, netip.Addr{}
}

// amazonOwner is whose an automatic address is.
const amazonOwner = "amazon"

// showInterface puts the public addresses of an interface in the place of those that moto made up.
func (p publicIPs) showInterface(eni *node) (primary netip.Addr) {
	id, privateIP := eni.value("networkInterfaceId"), eni.value("privateIpAddress")
	shown, primary := p.association(id, privateIP, true)
	eni.exchange("association", shown)
	for _, private := range eni.items("privateIpAddressesSet") {
		ip := private.value("privateIpAddress")
		shown, _ := p.association(id, ip, ip == privateIP)
		private.exchange("association", shown)
	}
	return primary
}

// showInstance does so for all interfaces of an instance, and shows the first one's as the instance's own.
func (p publicIPs) showInstance(instance *node) {
	for i, eni := range instance.items("networkInterfaceSet") {
		primary := p.showInterface(eni)
		if i > 0 {
			continue
		}
		if !primary.IsValid() {
			instance.exchange("ipAddress", nil)
			instance.put("dnsName", "")
			continue
		}
		instance.put("ipAddress", primary.String())
		instance.put("dnsName", publicName(primary))
	}
}

// publicName is the public DNS name that EC2 gives an address in us-east-1: ec2-52-20-16-1.compute-1.amazonaws.com.
func publicName(ip netip.Addr) string {
	return "ec2-" + strings.ReplaceAll(ip.String(), ".", "-") + ".compute-1.amazonaws.com"
}

// observe takes from an instance's description what the rules of automatic public addresses need. Moto
// shows a public address on the interface of an instance that was launched with one. Instances may be launched,
// stopped and started behind the gateway's back, so that each description counts.
func (c *Cloud) observe(instance *node) {
	id, interfaces := instance.value("instanceId"), instance.items("networkInterfaceSet")
	switch instance.value("instanceState/name") {
	case "pending", "running":
		for _, eni := range interfaces {
			if eni.value("association/publicIp") != "" {
				c.addresses.LaunchWithPublicIP(elasticip.Target{
					InterfaceID: eni.value("networkInterfaceId"), InstanceID: id, PrivateIP: eni.value("privateIpAddress"),
					OwnerID: c.options.AccountID, BorderGroup: c.options.Region,
				})
			}
		}
		c.addresses.SetInterfaces(id, len(interfaces))
		c.addresses.StartInstance(id)
	case "stopping", "stopped":
		c.addresses.StopInstance(id)
	}
}

// observeAll observes the instances of a DescribeInstances answer, and returns them.
func (c *Cloud) observeAll(doc *node) []*node {
	var out []*node
	for _, reservation := range doc.items("reservationSet") {
		out = append(out, reservation.items("instancesSet")...)
	}
	for _, instance := range out {
		c.observe(instance)
	}
	return out
}
