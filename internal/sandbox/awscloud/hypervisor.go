package awscloud

import "context"

// Hypervisor runs what an EC2 instance would run. The sandbox's fleet of real
// proxies is one; nil means that instances run nothing and count as healthy while EC2
// says that they run. Its methods must not call the Cloud back.
type Hypervisor interface {
	// Launch boots an instance; it returns once the boot has been started.
	Launch(ctx context.Context, instance Instance) error
	// SetPublicIP tells which public address an instance has now, from which its traffic leaves; "" is none.
	SetPublicIP(instanceID, publicIP string)
	// SetNATGatewayIP tells from which address of a NAT gateway the traffic of an instance leaves
	// while it has no public address of its own; "" is none.
	SetNATGatewayIP(instanceID, publicIP string)
	// Terminate stops an instance. An unknown id is no error.
	Terminate(instanceID string)
	// Healthy asks the instance what a load balancer's health check would ask: a TCP
	// connection to port, or, if healthPath is not empty, an HTTP GET of it. With
	// proxyProtocol a header of PROXY protocol v2, command LOCAL, comes first.
	Healthy(instanceID string, port int, healthPath string, proxyProtocol bool) bool
}

// Instance is what a Hypervisor needs to know of a new instance.
type Instance struct {
	ID        string
	PrivateIP string
	// UserData is as cloud-init sees it: base64 already removed.
	UserData []byte
	// InstanceProfileARN is the instance profile whose role the instance may use; "" is none.
	InstanceProfileARN string
	AvailabilityZone   string
	SubnetID           string
}
