package awscloud

import (
	"context"
	"maps"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// natRoutes remembers what the Hypervisor was told of instances behind NAT gateways.
type natRoutes struct {
	mu sync.Mutex
	// told has, by instance, the public address that was told last.
	told map[string]string
}

// known returns the addresses by instance.
func (r *natRoutes) known() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.told)
}

// InstanceLaunched tells the Hypervisor, now and from then on, from which NAT gateway's address the traffic of an instance
// leaves. Whoever launches instances behind the gateway's back calls it.
func (c *Cloud) InstanceLaunched(ctx context.Context, instanceID string) {
	c.routes.mu.Lock()
	c.routes.told[instanceID] = ""
	c.routes.mu.Unlock()
	c.followRoutes(ctx)
}

// followRoutes tells the Hypervisor which instances' traffic leaves from another NAT gateway's address since the last look.
func (c *Cloud) followRoutes(ctx context.Context) {
	if c.options.Hypervisor == nil {
		return
	}
	c.routes.mu.Lock()
	defer c.routes.mu.Unlock()
	if len(c.routes.told) == 0 {
		return
	}
	// The call that changed a route may be over before all instances know it.
	now, err := c.natIPs(context.WithoutCancel(ctx))
	if err != nil {
		c.options.Logger.Error("finding the ways through NAT gateways", "error", err)
		return
	}
	for id, before := range maps.All(c.routes.told) {
		if now[id] != before {
			c.routes.told[id] = now[id]
			c.options.Hypervisor.SetNATGatewayIP(id, now[id])
		}
	}
}

// forgetRoute is for an instance that is gone.
func (c *Cloud) forgetRoute(instanceID string) {
	c.routes.mu.Lock()
	defer c.routes.mu.Unlock()
	delete(c.routes.told, instanceID)
}

// natIPs returns, by instance, the public address of the NAT gateway that the default route of its subnet leads to.
func (c *Cloud) natIPs(ctx context.Context) (map[string]string, *awsapi.Error) {
	byGateway := c.natGatewayIPs()
	if len(byGateway) == 0 {
		return nil, nil
	}
	bySubnet, err := c.vpc.natGatewayOfSubnets(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := c.vpc.ec2(ctx, "DescribeInstances", nil)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, reservation := range doc.items("reservationSet") {
		for _, instance := range reservation.items("instancesSet") {
			if ip := byGateway[bySubnet(instance.value("subnetId"), instance.value("vpcId"))]; ip != "" {
				out[instance.value("instanceId")] = ip
			}
		}
	}
	return out, nil
}

// natGatewayIPs returns the public addresses of the gateways that carry traffic.
func (c *Cloud) natGatewayIPs() map[string]string {
	elastic := c.publicIPs().elastic
	out := map[string]string{}
	for _, g := range c.nats.list() {
		if held := elastic[g.interfaceID]; g.state == natAvailable && len(held) > 0 {
			out[g.id] = held[0].PublicIP.String()
		}
	}
	return out
}

// natGatewayOfSubnets returns a function that names the NAT gateway to which a subnet's route 0.0.0.0/0 leads, "" if
// to none: the route of its own route table, else of the VPC's main one.
func (v *vpc) natGatewayOfSubnets(ctx context.Context) (func(subnetID, vpcID string) string, *awsapi.Error) {
	doc, err := v.ec2(ctx, "DescribeRouteTables", nil)
	if err != nil {
		return nil, err
	}
	own, main := map[string]string{}, map[string]string{}
	for _, table := range doc.items("routeTableSet") {
		gateway := ""
		for _, route := range table.items("routeSet") {
			if route.value("destinationCidrBlock") == "0.0.0.0/0" {
				gateway = route.value("natGatewayId")
			}
		}
		for _, association := range table.items("associationSet") {
			if association.value("main") == "true" {
				main[table.value("vpcId")] = gateway
			} else {
				own[association.value("subnetId")] = gateway
			}
		}
	}
	return func(subnetID, vpcID string) string {
		if gateway, ok := own[subnetID]; ok {
			return gateway
		}
		return main[vpcID]
	}, nil
}

func (v *vpc) subnet(ctx context.Context, subnetID string) (*node, *awsapi.Error) {
	doc, err := v.ec2(ctx, "DescribeSubnets", map[string]string{"SubnetId.1": subnetID})
	if err != nil {
		return nil, err
	}
	for _, subnet := range doc.items("subnetSet") {
		return subnet, nil
	}
	return nil, badRequest("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnetID)
}

// deleteInterface deletes an interface that the gateway's own account has made; "" is none.
func (v *vpc) deleteInterface(ctx context.Context, interfaceID string) *awsapi.Error {
	if interfaceID == "" {
		return nil
	}
	_, err := v.ec2(ctx, "DeleteNetworkInterface", map[string]string{"NetworkInterfaceId": interfaceID})
	return err
}
