package endpointrule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/settings"
)

// accounts are the AWS accounts in which Databricks makes private endpoints, by partition; in
// GovCloud that of the civilian shard, then that of the DoD. They stand in Databricks' own
// modules: https://github.com/databricks/terraform-databricks-sra (aws/customizations/serverless_privatelink).
var accounts = map[string][]string{
	"aws":        {"565502421330"},
	"aws-us-gov": {"347038500609", "347034940029"},
}

// Accounts returns the AWS accounts in which Databricks makes private endpoints in a
// partition ("aws", "aws-us-gov"); none where they are not known.
func Accounts(partition string) []string { return slices.Clone(accounts[partition]) }

// Roles returns the ARNs of the roles by which Databricks makes private endpoints in a region
// out of these accounts. An endpoint service has to allow one of them, letter by letter:
// users report that Databricks refuses a service that lets it in by a wildcard alone.
func Roles(partition, region string, accounts []string) []string {
	var roles []string
	for _, account := range accounts {
		roles = append(roles, fmt.Sprintf("arn:%s:iam::%s:role/private-connectivity-role-%s", partition, account, region))
	}
	return roles
}

// rolesFor are the roles that an endpoint service has to allow, by the region in its name
// ("com.amazonaws.vpce.us-east-1.vpce-svc-0a1b"); none if Databricks' accounts are not known there.
func rolesFor(serviceName string) []string {
	_, rest, _ := strings.Cut(serviceName, ".vpce.")
	region, _, _ := strings.Cut(rest, ".")
	partition := partitionOf(region)
	return Roles(partition, region, accounts[partition])
}

// partitionOf tells the partition by the region's name.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	default:
		return "aws"
	}
}

// FixFailed says what to do about a rule that is CREATE_FAILED.
func FixFailed(rule settings.NccPrivateEndpointRule) string {
	principal := "the principal by which Databricks connects in this region"
	if roles := rolesFor(rule.EndpointService); len(roles) > 0 {
		principal += " (" + strings.Join(roles, " or ") + ")"
	}
	return "Check that the endpoint service allows exactly " + principal + ", not only by a wildcard, and that its load balancer is in at least two zones. " +
		"Then have the rule deleted and added again (if Terraform makes it: terraform apply -replace with its address)."
}
