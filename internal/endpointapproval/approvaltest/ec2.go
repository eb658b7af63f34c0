package approvaltest

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// EC2 is the AWS side of a World, as its SDK shows it.
type EC2 struct{ world *World }

// EC2 is the world's AWS side.
func (w *World) EC2() EC2 { return EC2{w} }

// AWSError is an error of EC2, as its SDK reports it for an operation.
func AWSError(operation, code string) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: operation, Err: &smithy.GenericAPIError{Code: code, Message: "said EC2"}}
}

// page cuts one element out of all, so that every search needs more than the first page.
func page[T any](all []T, token *string) (items []T, next *string) {
	at := 0
	if token != nil {
		at, _ = strconv.Atoi(*token)
	}
	if at < len(all) {
		items = all[at : at+1]
	}
	if at+1 < len(all) {
		next = aws.String(strconv.Itoa(at + 1))
	}
	return items, next
}

// DescribeVpcEndpointConnections lists the connections to one service; the only filter is service-id.
func (e EC2) DescribeVpcEndpointConnections(ctx context.Context, in *ec2.DescribeVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointConnectionsOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(in.Filters) != 1 || aws.ToString(in.Filters[0].Name) != "service-id" {
		return nil, AWSError("DescribeVpcEndpointConnections", "InvalidFilter")
	}
	var found []types.VpcEndpointConnection
	err := e.world.call("DescribeConnections", func() {
		for _, connection := range e.world.Connections {
			if aws.ToString(connection.ServiceId) == in.Filters[0].Values[0] {
				found = append(found, *connection)
			}
		}
	})
	out := &ec2.DescribeVpcEndpointConnectionsOutput{}
	out.VpcEndpointConnections, out.NextToken = page(found, in.NextToken)
	return out, err
}

// DescribeVpcEndpointServiceConfigurations shows one service.
func (e EC2) DescribeVpcEndpointServiceConfigurations(_ context.Context, in *ec2.DescribeVpcEndpointServiceConfigurationsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServiceConfigurationsOutput, error) {
	id := in.ServiceIds[0]
	err := e.world.call("DescribeServices", func() {})
	service := e.world.Services[id]
	if err == nil && service == nil {
		err = AWSError("DescribeVpcEndpointServiceConfigurations", "InvalidVpcEndpointServiceId.NotFound")
	}
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeVpcEndpointServiceConfigurationsOutput{ServiceConfigurations: []types.ServiceConfiguration{{
		ServiceId: aws.String(id), ServiceName: aws.String("com.amazonaws.vpce." + e.world.Region + "." + id), AcceptanceRequired: aws.Bool(!service.AcceptsAll),
	}}}, nil
}

// DescribeVpcEndpointServicePermissions lists whom a service allows.
func (e EC2) DescribeVpcEndpointServicePermissions(_ context.Context, in *ec2.DescribeVpcEndpointServicePermissionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServicePermissionsOutput, error) {
	var allowed []types.AllowedPrincipal
	err := e.world.call("DescribePermissions", func() {
		for _, principal := range e.world.Services[aws.ToString(in.ServiceId)].Principals {
			allowed = append(allowed, types.AllowedPrincipal{Principal: aws.String(principal)})
		}
	})
	out := &ec2.DescribeVpcEndpointServicePermissionsOutput{}
	out.AllowedPrincipals, out.NextToken = page(allowed, in.NextToken)
	return out, err
}

// AcceptVpcEndpointConnections accepts connections that ask for it; others are Unsuccessful.
func (e EC2) AcceptVpcEndpointConnections(ctx context.Context, in *ec2.AcceptVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.AcceptVpcEndpointConnectionsOutput, error) {
	failed, err := e.decide(ctx, "Accept", in.ServiceId, in.VpcEndpointIds, e.world.accept, "pendingacceptance")
	return &ec2.AcceptVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

// RejectVpcEndpointConnections rejects connections that ask or are available; others are Unsuccessful.
func (e EC2) RejectVpcEndpointConnections(ctx context.Context, in *ec2.RejectVpcEndpointConnectionsInput, _ ...func(*ec2.Options)) (*ec2.RejectVpcEndpointConnectionsOutput, error) {
	failed, err := e.decide(ctx, "Reject", in.ServiceId, in.VpcEndpointIds, e.world.reject, "pendingacceptance", "available", "partial", "somethingnew")
	return &ec2.RejectVpcEndpointConnectionsOutput{Unsuccessful: failed}, err
}

func (e EC2) decide(ctx context.Context, name string, serviceID *string, endpointIDs []string, do func(*types.VpcEndpointConnection), from ...string) (failed []types.UnsuccessfulItem, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.world.Services[aws.ToString(serviceID)] == nil {
		return nil, AWSError(name+"VpcEndpointConnections", "InvalidVpcEndpointServiceId.NotFound")
	}
	err = e.world.call(name, func() {
		for _, id := range endpointIDs {
			connection := e.world.Connection(id)
			if connection == nil || !slices.Contains(from, strings.ToLower(string(connection.VpcEndpointState))) {
				failed = append(failed, types.UnsuccessfulItem{ResourceId: aws.String(id), Error: &types.UnsuccessfulItemError{Code: aws.String("InvalidState"), Message: aws.String("not in a state for this")}})
				continue
			}
			do(connection)
		}
	})
	return failed, err
}
