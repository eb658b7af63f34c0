package eippool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// amazonIPv4Pool is what EC2 names as the pool of an address that is Amazon's own.
const amazonIPv4Pool = "amazon"

// Address is one Elastic IP as EC2 describes it.
type Address struct {
	// AllocationID is "eipalloc-…", PublicIP a dotted IPv4 address.
	AllocationID, PublicIP string
	// AssociationID, InterfaceID and InstanceID tell who holds the address; all empty if nobody does.
	AssociationID, InterfaceID, InstanceID string
	// NATGatewayID is the NAT gateway that uses the address; EC2's list of addresses does not tell it. See Region.Named.
	NATGatewayID string
	// ServiceManaged is "alb", "nlb", "rnat" or "rds" when a service of AWS manages the address.
	ServiceManaged string
	// BorderGroup is the network border group, by default the Region's name.
	BorderGroup string
	// IPv4Pool is "amazon" or the id of a pool of one's own (BYOIP).
	IPv4Pool string
	Tags     map[string]string
}

func fromEC2(found types.Address) Address {
	a := Address{
		AllocationID: aws.ToString(found.AllocationId), PublicIP: aws.ToString(found.PublicIp),
		AssociationID: aws.ToString(found.AssociationId), InterfaceID: aws.ToString(found.NetworkInterfaceId),
		InstanceID: aws.ToString(found.InstanceId), ServiceManaged: string(found.ServiceManaged),
		BorderGroup: aws.ToString(found.NetworkBorderGroup), IPv4Pool: aws.ToString(found.PublicIpv4Pool),
		Tags: make(map[string]string, len(found.Tags)),
	}
	for _, tag := range found.Tags {
		a.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return a
}

// InUse reports whether anything holds the address. InstanceID alone would call the
// address of a NAT gateway free.
func (a Address) InUse() bool {
	return a.AssociationID != "" || a.InterfaceID != "" || a.InstanceID != "" || a.ServiceManaged != ""
}

// User names who holds the address, for a message.
func (a Address) User() string {
	var parts []string
	if a.NATGatewayID != "" {
		parts = append(parts, "NAT gateway "+a.NATGatewayID)
	}
	if a.InstanceID != "" {
		parts = append(parts, "instance "+a.InstanceID)
	}
	if a.InterfaceID != "" {
		parts = append(parts, "network interface "+a.InterfaceID)
	}
	if a.ServiceManaged != "" {
		parts = append(parts, "the AWS service "+a.ServiceManaged)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case a.AssociationID != "":
		return "association " + a.AssociationID
	default:
		return "nobody"
	}
}

// String is the address as messages name it: "eipalloc-1 (52.1.2.3)".
func (a Address) String() string { return fmt.Sprintf("%s (%s)", a.AllocationID, a.PublicIP) }

// Lifecycle is "" for an active address. A value that is not known counts as draining:
// not claimable, and never given back for it.
func (a Address) Lifecycle() string {
	switch value, leaving := a.Tags[eiptag.Lifecycle]; {
	case !leaving:
		return ""
	case value == eiptag.LifecycleRetired:
		return eiptag.LifecycleRetired
	default:
		return eiptag.LifecycleDraining
	}
}

// Listed reports whether the address belongs to those that a firewall has to admit:
// all but the retired ones.
func (a Address) Listed() bool { return a.Lifecycle() != eiptag.LifecycleRetired }

// active reports whether the address belongs to the pool for good: it neither drains nor is retired.
func (a Address) active() bool { return a.Lifecycle() == "" }

// Existing reports whether the user brought the address, so that it is never released.
func (a Address) Existing() bool { _, marked := a.Tags[eiptag.Existing]; return marked }

// InUseLines describes addresses and their users, one a line.
func InUseLines(addresses []Address) string {
	lines := make([]string, 0, len(addresses))
	for _, a := range addresses {
		lines = append(lines, fmt.Sprintf("  - %s, used by %s", a, a.User()))
	}
	return strings.Join(lines, "\n")
}

// Names joins addresses as messages name them.
func Names(addresses []Address) string {
	names := make([]string, 0, len(addresses))
	for _, a := range addresses {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// IDs returns the allocation ids.
func IDs(addresses []Address) []string {
	ids := make([]string, 0, len(addresses))
	for _, a := range addresses {
		ids = append(ids, a.AllocationID)
	}
	return ids
}

// sortByOrder puts addresses into the order of ids, those that ids does not name behind
// them by allocation id: EC2 promises no order, and a list in state must not jump.
func sortByOrder(addresses []Address, ids []string) {
	rank := make(map[string]int, len(ids))
	for i, id := range ids {
		rank[id] = i
	}
	position := func(a Address) int {
		if i, known := rank[a.AllocationID]; known {
			return i
		}
		return len(ids)
	}
	slices.SortStableFunc(addresses, func(x, y Address) int {
		return cmp.Or(cmp.Compare(position(x), position(y)), cmp.Compare(x.AllocationID, y.AllocationID))
	})
}
