package awscloud_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

// Whatever a rule names, its description is shown as it was given last.
func TestSecurityGroupRulesKeepTheirDescriptions(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	ctx := t.Context()
	group := func(name string) *string {
		return must(s.client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &s.vpc}))(t).GroupId
	}
	own, peer := group("rules-own"), group("rules-peer")
	tcp := func(port int32) types.IpPermission {
		return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
	}
	byGroup, byRange, byList := tcp(8443), tcp(8404), tcp(443)
	byGroup.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: peer, Description: aws.String("by group")}}
	byRange.IpRanges = []types.IpRange{{CidrIp: aws.String("10.0.0.0/8"), Description: aws.String("by range")}, {CidrIp: aws.String("172.16.0.0/12")}}
	byList.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-63a5400a"), Description: aws.String("by list")}}
	must(s.client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: own, IpPermissions: []types.IpPermission{byGroup, byRange, byList}}))(t)

	byGroup.UserIdGroupPairs[0].Description = aws.String("outwards")
	out := must(s.client.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: own, IpPermissions: []types.IpPermission{byGroup}}))(t)
	if got := aws.ToString(out.SecurityGroupRules[0].Description); got != "outwards" {
		t.Errorf("the answer shows the description %q", got)
	}
	descriptions := func() []string {
		t.Helper()
		found := must(s.client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
			Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{*own}}},
		}))(t)
		shown := map[string]bool{}
		for _, rule := range found.SecurityGroupRules {
			shown[aws.ToString(rule.Description)] = true
		}
		delete(shown, "")
		return slices.Sorted(maps.Keys(shown))
	}
	if got, want := descriptions(), []string{"by group", "by list", "by range", "outwards"}; !slices.Equal(got, want) {
		t.Fatalf("the descriptions are %q, want %q", got, want)
	}

	rule := out.SecurityGroupRules[0].SecurityGroupRuleId
	modify := func(description, group *string) error {
		_, err := s.client.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{GroupId: own, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
			SecurityGroupRuleId: rule,
			SecurityGroupRule: &types.SecurityGroupRuleRequest{
				IpProtocol: aws.String("tcp"), FromPort: aws.Int32(8443), ToPort: aws.Int32(8443), ReferencedGroupId: group, Description: description,
			},
		}}})
		return err
	}
	wantCode(t, modify(aws.String("modified"), peer), "")
	if got, want := descriptions(), []string{"by group", "by list", "by range", "modified"}; !slices.Equal(got, want) {
		t.Errorf("after ModifySecurityGroupRules the descriptions are %q, want %q", got, want)
	}
	wantCode(t, modify(nil, peer), "")
	if got, want := descriptions(), []string{"by group", "by list", "by range"}; !slices.Equal(got, want) {
		t.Errorf("with its description taken off they are %q, want %q", got, want)
	}
	wantCode(t, modify(nil, own), "NotImplemented")
}
