package elasticip

import "net/netip"

// AmazonPool is the name of Amazon's own address pool.
const AmazonPool = "amazon"

// MaxTags is EC2's limit of tags on one address.
const MaxTags = 50

// Address is one Elastic IP as it was at one moment. Addresses share their Tags and Association with
// the Book, which never changes either in place: treat them as read-only.
type Address struct {
	AllocationID string // eipalloc-…
	PublicIP     netip.Addr
	Pool         string // AmazonPool, or a brought range's id (ipv4pool-ec2-…)
	BorderGroup  string // network border group
	Tags         map[string]string
	// Association is nil while no network interface has the address.
	Association *Association
	// Managed names the service of AWS that keeps the address for itself (alb, nlb, rds, rnat), or is empty.
	Managed string
}

// InUse reports whether something has the address: a network interface or a service of AWS.
func (a Address) InUse() bool { return a.Association != nil || a.Managed != "" }

// kept reports whether only a service of AWS may move the address.
func (a Address) kept() bool {
	return a.Managed != "" || a.Association != nil && a.Association.Target.RequesterManaged
}

// Association ties an address to a target.
type Association struct {
	ID     string // eipassoc-…
	Target Target
}

// Target is a private address of a network interface, and the instance that the interface is attached to, if any.
type Target struct {
	InterfaceID string
	InstanceID  string // empty: the interface is not attached to an instance
	PrivateIP   string
	OwnerID     string // the account that the interface belongs to
	BorderGroup string // empty: the Region's own
	// RequesterManaged: a service of AWS made the interface (a NAT gateway's, for example), and only
	// that service gives it addresses and takes them away.
	RequesterManaged bool
}

// holder is who loses an address that another takes: the instance, or an interface of its own.
func (t Target) holder() string {
	if t.InstanceID != "" {
		return t.InstanceID
	}
	return t.InterfaceID
}

// socket is what can have one address at a time.
type socket struct{ interfaceID, privateIP string }

func (t Target) socket() socket { return socket{t.InterfaceID, t.PrivateIP} }
