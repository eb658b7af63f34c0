package eipassigner

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// inlinePolicy is the name of the role's only policy.
const inlinePolicy = "eip-assigner"

type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid       string
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

const policyVersion = "2012-10-17"

// trustPolicy lets Lambda, and nobody else, run as the role.
func trustPolicy() string {
	return mustJSON(policyDocument{Version: policyVersion, Statement: []policyStatement{{
		Sid: "Lambda", Effect: "Allow", Principal: map[string]string{"Service": "lambda.amazonaws.com"}, Action: []string{"sts:AssumeRole"},
	}}})
}

// policy is all that the function may do.
//
// EC2 authorises AssociateAddress and DisassociateAddress on both ends: the Elastic IP and
// the network interface (the instance too, where one is named). So both must carry the
// pool's tag: the address under the pool's tag_key, and interface and instance under
// crosscloudlink:eip-pool, which the launch template's tag_specifications must set for
// "network-interface" and "instance", because Auto Scaling does not tag interfaces itself.
// The Describe calls know no resources.
func (s spec) policy() string {
	tagged := func(key string) map[string]map[string][]string {
		return map[string]map[string][]string{"StringEquals": {"aws:ResourceTag/" + key: {s.pool}}}
	}
	moves := []string{"ec2:AssociateAddress", "ec2:DisassociateAddress"}
	addresses := []string{s.group.arn("ec2", "elastic-ip/*")}
	only := func(condition map[string]map[string][]string, keys ...string) map[string]map[string][]string {
		condition["ForAllValues:StringEquals"] = map[string][]string{"aws:TagKeys": keys}
		return condition
	}
	statements := []policyStatement{
		{Sid: "Look", Effect: "Allow", Resource: []string{"*"}, Action: []string{
			"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "ec2:DescribeAddresses", "ec2:DescribeInstances",
		}},
		{Sid: "MoveAddressesOfThePool", Effect: "Allow", Action: moves, Resource: addresses, Condition: tagged(s.tagKey)},
		{Sid: "MoveThemToTheFleet", Effect: "Allow", Action: moves, Condition: tagged(eiptag.DefaultPoolKey),
			Resource: []string{s.group.arn("ec2", "network-interface/*"), s.group.arn("ec2", "instance/*")}},
		{Sid: "RecordTheReason", Effect: "Allow", Action: []string{"ec2:CreateTags"}, Resource: addresses,
			Condition: only(tagged(s.tagKey), eiptag.LastReason, eiptag.LastZone)},
		{Sid: "RecordAnAbandonedLaunch", Effect: "Allow", Action: []string{"ec2:CreateTags"}, Resource: []string{s.group.arn("ec2", "instance/*")},
			Condition: only(tagged(eiptag.DefaultPoolKey), eiptag.Abandoned)},
		{Sid: "CompleteLifecycleActions", Effect: "Allow", Resource: []string{s.group.text},
			Action: []string{"autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"}},
		{Sid: "Log", Effect: "Allow", Resource: []string{s.logGroupARN() + ":*"}, Action: []string{"logs:CreateLogStream", "logs:PutLogEvents"}},
	}
	statements = append(statements, s.vpcStatements()...)
	if s.failureDestination != "" {
		statements = append(statements, policyStatement{Sid: "ReportFailedEvents", Effect: "Allow",
			Action: []string{failureActions[serviceOf(s.failureDestination)]}, Resource: []string{s.failureDestination}})
	}
	if s.kmsKey != "" {
		statements = append(statements, policyStatement{Sid: "ReadTheEnvironment", Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: []string{s.kmsKey}})
	}
	return mustJSON(policyDocument{Version: policyVersion, Statement: statements})
}

// failureActions is what Lambda does, as the function's role, to a destination of each service.
var failureActions = map[string]string{"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction", "events": "events:PutEvents"}

// serviceOf is the service that an ARN names.
func serviceOf(arn string) string { return strings.Split(arn, ":")[2] }

// vpcStatements let Lambda make and delete the interfaces of a function in a VPC, as the
// function's role, and keep the function's own code from doing the same.
//
// A new interface is authorised on its subnet and its security groups too, so these bind it. For
// deleting one, the Lambda developer guide ("Giving Lambda functions access to resources in an
// Amazon VPC") wants all resource ids of the account and Region, and describing knows no
// resources. The key lambda:SourceFunctionArn is there only in calls of the function's code.
func (s spec) vpcStatements() []policyStatement {
	if len(s.subnets) == 0 {
		return nil
	}
	look := []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
	change := []string{"ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"}
	const create = "ec2:CreateNetworkInterface"
	within := []string{s.group.arn("ec2", "network-interface/*")}
	for _, id := range s.subnets {
		within = append(within, s.group.arn("ec2", "subnet/"+id))
	}
	for _, id := range s.securityGroups {
		within = append(within, s.group.arn("ec2", "security-group/"+id))
	}
	return []policyStatement{
		{Sid: "LookAtTheVPC", Effect: "Allow", Action: look, Resource: []string{"*"}},
		{Sid: "JoinTheVPC", Effect: "Allow", Action: []string{create}, Resource: within},
		{Sid: "LeaveTheVPC", Effect: "Allow", Action: change, Resource: []string{s.group.arn("ec2", "*/*")}},
		{Sid: "DenyTheFunctionsOwnCode", Effect: "Deny", Action: append([]string{create}, append(change, look...)...), Resource: []string{"*"},
			Condition: map[string]map[string][]string{"ArnEquals": {"lambda:SourceFunctionArn": {s.functionARN()}}}},
	}
}

// sameJSON reports whether two documents mean the same. IAM returns them URL-encoded, and
// AWS keeps neither order nor white space.
func sameJSON(want, got string) bool {
	if decoded, err := url.PathUnescape(got); err == nil && !json.Valid([]byte(got)) {
		got = decoded
	}
	var a, b any
	if json.Unmarshal([]byte(want), &a) != nil || json.Unmarshal([]byte(got), &b) != nil {
		return want == got
	}
	return reflect.DeepEqual(a, b)
}
