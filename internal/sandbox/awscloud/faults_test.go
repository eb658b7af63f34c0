package awscloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

func TestFaultsByActionInEC2sOwnFormat(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	client := ec2.NewFromConfig(config(cloud))
	cloud.Faults.Add(fault.Rule{Operation: "ec2:AllocateAddress", Skip: 1, Status: 400, Code: "AddressLimitExceeded", Message: "No more."})
	must(client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}))(t)
	must(client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{}))(t)
	_, err := client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	wantCode(t, err, "AddressLimitExceeded")
	if got := len(must(client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}))(t).Addresses); got != 1 {
		t.Errorf("%d addresses, want 1: a refused call has no effect", got)
	}
	if counts := cloud.Faults.Counts(); counts["ec2:AllocateAddress"] != 2 || counts["ec2:DescribeAddresses"] != 2 {
		t.Errorf("counted %v", counts)
	}
}
