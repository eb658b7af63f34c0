package awscloud

import "context"

// Hypervisor runs what an EC2 instance would run. The sandbox's fleet of real
// proxies is one; nil means that instances run nothing and count as healthy while EC2
// says that they run. Its methods must not call the Cloud back.
type Hypervisor interface {
	// Launch boots an instance; it returns once the boot has been started.
	Launch(ctx context.Context, instance Instance) error
	// SetPublicIP tells which public address an instance's traffic now leaves from; "" is none.
	SetPublicIP(instanceID, publicIP string)
	// Terminate stops an instance. An unknown id is no error.
	Terminate(instanceID string)
	// Healthy asks the instance what a load balancer's health check would ask: a TCP
	// connection to port, or, if healthPath is not empty, an HTTP GET of it.
	Healthy(instanceID string, port int, healthPath string) bool
}

// Instance is what a Hypervisor needs to know of a new instance.
type Instance struct {
	ID        string
	PrivateIP string
	// UserData is as cloud-init sees it: base64 already removed.
	UserData []byte
}
