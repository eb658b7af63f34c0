package awscloud

import (
	"context"
	"fmt"
	"net/url"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

const (
	ec2Version   = "2016-11-15"
	elbv2Version = "2015-12-01"
)

// vpc asks moto about networks, instances and load balancers.
type vpc struct {
	moto    *motoProxy
	elbARNs *elbCorrections
	region  string
	account string
	// observe is shown every instance that is looked up.
	observe func(instance *node)
}

func (v *vpc) ec2(ctx context.Context, action string, params map[string]string) (*node, *awsapi.Error) {
	return v.moto.query(ctx, "ec2", ec2Version, v.region, formOf(action, params))
}

func (v *vpc) elb(ctx context.Context, action string, params map[string]string) (*node, *awsapi.Error) {
	doc, err := v.moto.query(ctx, "elasticloadbalancing", elbv2Version, v.region, toMotoARNs(formOf(action, params)))
	if err != nil {
		return nil, err
	}
	v.elbARNs.fromMoto(doc)
	return doc, nil
}

func formOf(action string, params map[string]string) url.Values {
	form := url.Values{"Action": {action}}
	for k, value := range params {
		form.Set(k, value)
	}
	return form
}

// instance returns an instance's element of DescribeInstances.
func (v *vpc) instance(ctx context.Context, instanceID string) (*node, *awsapi.Error) {
	doc, err := v.ec2(ctx, "DescribeInstances", map[string]string{"InstanceId.1": instanceID})
	if err != nil {
		return nil, err
	}
	for _, reservation := range doc.items("reservationSet") {
		for _, instance := range reservation.items("instancesSet") {
			v.observe(instance)
			return instance, nil
		}
	}
	return nil, badRequest("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", instanceID)
}

func (v *vpc) instanceTarget(ctx context.Context, instanceID string) (elasticip.Target, *awsapi.Error) {
	instance, err := v.instance(ctx, instanceID)
	if err != nil {
		return elasticip.Target{}, err
	}
	if state := instance.value("instanceState/name"); state != "running" && state != "stopped" && state != "stopping" {
		return elasticip.Target{}, badRequest("InvalidInstanceID", "The %s instance '%s' is not in a valid state for this operation.", state, instanceID)
	}
	interfaces := instance.items("networkInterfaceSet")
	if len(interfaces) != 1 {
		return elasticip.Target{}, badRequest("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", instanceID)
	}
	return v.interfaceTarget(ctx, interfaces[0].value("networkInterfaceId"), "")
}

func (v *vpc) interfaceTarget(ctx context.Context, interfaceID, privateIP string) (elasticip.Target, *awsapi.Error) {
	doc, err := v.ec2(ctx, "DescribeNetworkInterfaces", map[string]string{"NetworkInterfaceId.1": interfaceID})
	if err != nil {
		return elasticip.Target{}, err
	}
	found := doc.items("networkInterfaceSet")
	if len(found) == 0 {
		return elasticip.Target{}, badRequest("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", interfaceID)
	}
	eni := found[0]
	to := elasticip.Target{
		InterfaceID: interfaceID, InstanceID: eni.value("attachment/instanceId"), PrivateIP: eni.value("privateIpAddress"),
		OwnerID: v.account, BorderGroup: v.region,
	}
	if privateIP != "" && privateIP != to.PrivateIP {
		if !hasPrivateIP(eni, privateIP) {
			return elasticip.Target{}, badRequest("InvalidParameterValue", "Address %s does not fall within the network interface's addresses", privateIP)
		}
		to.PrivateIP = privateIP
	}
	if to.InstanceID != "" {
		instance, err := v.instance(ctx, to.InstanceID)
		if err != nil {
			return elasticip.Target{}, err
		}
		switch state := instance.value("instanceState/name"); state {
		case "running", "stopped", "stopping":
		default:
			return elasticip.Target{}, badRequest("IncorrectInstanceState", "The %s-instance-creation instance to which '%s' is attached is not in a valid state for this operation", state, interfaceID)
		}
	}
	vpcID := eni.value("vpcId")
	gateways, err := v.ec2(ctx, "DescribeInternetGateways", map[string]string{"Filter.1.Name": "attachment.vpc-id", "Filter.1.Value.1": vpcID})
	if err != nil {
		return elasticip.Target{}, err
	}
	if len(gateways.items("internetGatewaySet")) == 0 {
		return elasticip.Target{}, badRequest("Gateway.NotAttached", "Network %s is not attached to any internet gateway", vpcID)
	}
	return to, nil
}

func hasPrivateIP(eni *node, ip string) bool {
	for _, item := range eni.items("privateIpAddressesSet") {
		if item.value("privateIpAddress") == ip {
			return true
		}
	}
	return false
}

func (v *vpc) zonesOf(ctx context.Context, arns []string) ([]string, *awsapi.Error) {
	params := map[string]string{}
	for i, arn := range arns {
		params[fmt.Sprintf("LoadBalancerArns.member.%d", i+1)] = arn
	}
	doc, err := v.elb(ctx, "DescribeLoadBalancers", params)
	if err != nil {
		return nil, badRequest("InvalidParameter", "The load balancers %v cannot be used: %s", arns, err.Message)
	}
	var zones []string
	seen := map[string]bool{}
	for _, lb := range doc.items("DescribeLoadBalancersResult/LoadBalancers") {
		if lb.value("Type") != "network" {
			return nil, badRequest("InvalidParameter", "The load balancer '%s' is not a Network Load Balancer.", lb.value("LoadBalancerArn"))
		}
		for _, zone := range lb.items("AvailabilityZones") {
			if name := zone.value("ZoneName"); !seen[name] {
				seen[name] = true
				zones = append(zones, name)
			}
		}
	}
	return zones, nil
}
