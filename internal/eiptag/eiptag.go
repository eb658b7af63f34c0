// Package eiptag names the tags that carry a pool's memory on its Elastic IPs.
// The provider writes them, the Lambda reads them; they are the only state that
// survives a killed apply.
package eiptag

// Tag keys on an Elastic IP.
const (
	// DefaultPoolKey is the tag key whose value is the pool's name, unless the pool names another key.
	DefaultPoolKey = "crosscloudlink:eip-pool"
	// Owner's value names the configuration that manages the object (the provider's `owner`).
	Owner = "crosscloudlink:owner"
	// Admission says whether a firewall must admit, or has admitted, the address.
	Admission = "crosscloudlink:admission"
	// Lifecycle is absent on an active address.
	Lifecycle = "crosscloudlink:lifecycle"
	// Existing marks an address that the user brought: never released, only untagged.
	Existing = "crosscloudlink:existing"
	// Slot's value is the name of the one place that an address is kept for, such as an availability zone's NAT
	// gateway. It is absent on an address that any instance may claim.
	Slot = "crosscloudlink:slot"
	// LastReason's value says when and why the address's holder last changed: an RFC 3339
	// time, a space, the reason.
	LastReason = "crosscloudlink:last-reason"
	// LastZone's value is the availability zone of the instance that had the address last.
	LastZone = "crosscloudlink:last-zone"
)

// Abandoned is the tag key on an instance whose value says when and why its launch was
// abandoned, in the form of LastReason.
const Abandoned = "crosscloudlink:abandoned"

// Values of Admission.
const (
	AdmissionRequired = "required"
	AdmissionAdmitted = "admitted"
)

// Values of Lifecycle.
const (
	LifecycleDraining = "draining"
	LifecycleRetired  = "retired"
)

// ExistingTrue is the value of Existing.
const ExistingTrue = "true"

// Claimable reports whether an address with these tags may be given to an instance:
// it is active, kept for no slot, and no firewall still has to admit it. Any value that is not known
// counts as not claimable.
func Claimable(tags map[string]string) bool {
	if _, leaving := tags[Lifecycle]; leaving {
		return false
	}
	if _, kept := tags[Slot]; kept {
		return false
	}
	return Admitted(tags)
}

// Admitted reports whether no firewall still has to admit an address with these tags.
func Admitted(tags map[string]string) bool {
	admission, gated := tags[Admission]
	return !gated || admission == AdmissionAdmitted
}
