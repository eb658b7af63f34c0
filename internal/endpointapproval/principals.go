package endpointapproval

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
)

// principalLooks is how often an apply looks for Databricks among the allowed principals before
// it says that it is not there: EC2 may show some seconds late what the same apply has just added.
const principalLooks = 5

// entrance is whom an endpoint service lets connect, as far as Databricks is concerned.
type entrance struct {
	serviceID string
	// roles are those as which Databricks may come; one of them suffices. accounts are theirs.
	roles, accounts []string
	// ownAccounts says that the accounts are not those that Databricks is known by.
	ownAccounts bool
	// allowed are the principals that the service allows.
	allowed []string
}

// open reports whether a role of Databricks is allowed by its own name.
func (e entrance) open() bool {
	return slices.ContainsFunc(e.roles, func(role string) bool { return slices.Contains(e.allowed, role) })
}

// wildcards are the allowed principals that comprise Databricks without naming it.
func (e entrance) wildcards() []string {
	var found []string
	for _, principal := range e.allowed {
		ofAccount := func(account string) bool { return strings.HasSuffix(principal, ":iam::"+account+":root") }
		if principal == "*" || slices.ContainsFunc(e.accounts, ofAccount) {
			found = append(found, principal)
		}
	}
	return found
}

// closed reports whether Databricks is not let in at all.
func (e entrance) closed() bool { return !e.open() && len(e.wildcards()) == 0 }

// awaitsEndpoint reports whether Databricks has yet to make the endpoint, or has failed to, for
// which the service must let it connect.
func (o Observation) awaitsEndpoint() bool {
	return o.asksDatabricks && !o.ruleGone && (o.rule == nil || o.rule.VpcEndpointId == "" && !o.rule.Deactivated)
}

// checkEntrance tells what keeps Databricks from connecting to the endpoint service, after so many
// looks at most. A service that does not let it in is reported by addClosed: as an error, or as a
// warning where the principal may yet come. closed is whether it was.
func (c *Clouds) checkEntrance(ctx context.Context, serviceID string, owners []string, looks int, diags *diag.Diagnostics, addClosed func(at path.Path, summary, detail string)) (closed bool) {
	at := path.Root("endpoint_service_id")
	seen := entrance{
		serviceID: serviceID, accounts: owners, roles: endpointrule.Roles(c.Partition, c.Region, owners),
		ownAccounts: !slices.Equal(owners, endpointrule.Accounts(c.Partition)),
	}
	err := c.Waiter.Until(ctx, "Databricks' role among the allowed principals of "+serviceID, func(ctx context.Context) (string, bool, error) {
		var err error
		seen.allowed, err = c.allowedPrincipals(ctx, serviceID)
		looks--
		return "", !seen.closed() || looks <= 0, err
	})
	switch {
	case clouderr.DeniedAction(err) != "":
		diags.AddAttributeWarning(at, "It is not known whether Databricks may connect to the endpoint service",
			clouderr.Detail(err, "Reading the allowed principals of "+serviceID+".",
				"Allow the right named to see this checked. Without it, check yourself that the service allows exactly "+strings.Join(seen.roles, " or ")+"."))
	case err != nil:
		clouderr.AddAttribute(diags, at, "Cannot read the allowed principals of the endpoint service", err, "Reading the allowed principals of "+serviceID+".")
	case seen.closed():
		addClosed(at, "The endpoint service does not let Databricks connect", seen.describeClosed())
		return true
	case !seen.open():
		diags.AddAttributeWarning(at, "The endpoint service does not name Databricks' role", seen.describeWildcards())
	}
	return false
}

// wanted says what to add, and where.
func (e entrance) wanted() string {
	which := e.roles[0]
	if len(e.roles) > 1 {
		which = "one of " + strings.Join(e.roles, " and ") + " (whichever your Databricks account connects by)"
	}
	text := "Add " + which + " to allowed_principals of aws_vpc_endpoint_service. If an aws_vpc_endpoint_service_allowed_principal adds it, let this resource depend on that (depends_on)."
	if e.ownAccounts {
		text += " The account in it is from allowed_owner_account_ids."
	}
	return text
}

func (e entrance) describeClosed() string {
	allowed := "nobody"
	if len(e.allowed) > 0 {
		allowed = "only " + strings.Join(e.allowed, ", ")
	}
	return fmt.Sprintf("%s allows %s to connect, so Databricks can make no VPC endpoint, and a rule for it ends as CREATE_FAILED and never comes back.\n\n%s", e.serviceID, allowed, e.wanted())
}

func (e entrance) describeWildcards() string {
	return fmt.Sprintf("%s lets Databricks connect by %s alone. Databricks is reported to look for its role by name and to refuse such a service; then the rule ends as CREATE_FAILED.\n\n%s",
		e.serviceID, strings.Join(e.wildcards(), ", "), e.wanted())
}

// allowedPrincipals are the ARNs that may connect to the service, or "*" for all.
func (c *Clouds) allowedPrincipals(ctx context.Context, serviceID string) ([]string, error) {
	var allowed []string
	pages := ec2.NewDescribeVpcEndpointServicePermissionsPaginator(c.EC2, &ec2.DescribeVpcEndpointServicePermissionsInput{ServiceId: aws.String(serviceID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.AllowedPrincipals {
			allowed = append(allowed, aws.ToString(p.Principal))
		}
	}
	return allowed, nil
}
