package eippool

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// The quota "EC2-VPC Elastic IPs": addresses of Amazon's that an account may hold in a Region.
const (
	quotaService = "ec2"
	quotaCode    = "L-0263D0A3"
)

// QuotaAPI is what the plan needs of Service Quotas; *servicequotas.Client is one.
type QuotaAPI interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
	GetAWSDefaultServiceQuota(context.Context, *servicequotas.GetAWSDefaultServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error)
}

// checkQuota refuses a plan that needs more addresses than the Region's quota leaves. Reading the quota is a right that
// many identities lack: then the apply is where AWS says no.
func (b Backend) checkQuota(ctx context.Context, s Spec, all []Address, missing int, diags *diag.Diagnostics) {
	if missing == 0 || s.IPv4Pool != "" || s.BorderGroup != "" {
		// The quota does not count addresses of one's own, and other border groups have quotas of their own.
		return
	}
	limit, ok := b.quota(ctx)
	if !ok {
		return
	}
	used := countAgainstQuota(all)
	if used+missing <= limit {
		return
	}
	diags.AddAttributeError(path.Root("size"), "The pool needs more Elastic IPs than the quota leaves", overQuota(s, used, missing, limit))
}

// countAgainstQuota counts Amazon's addresses; what a service of AWS manages is left out, since
// it is not known to count and a plan must not be refused for it.
func countAgainstQuota(all []Address) int {
	used := 0
	for _, a := range all {
		if a.ServiceManaged == "" && (a.IPv4Pool == "" || a.IPv4Pool == amazonIPv4Pool) {
			used++
		}
	}
	return used
}

func overQuota(s Spec, used, missing, limit int) string {
	return fmt.Sprintf("Pool %q needs %d more Elastic IPs for size %d. The account uses %d of the %d that the quota \"EC2-VPC Elastic IPs\" (%s) allows in this Region.\n\n"+
		"Request an increase to at least %d (`aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %d`), lower size, or release addresses that are no longer needed.",
		s.Name, missing, s.Size, used, limit, quotaCode, used+missing, quotaService, quotaCode, used+missing)
}

// quota reads the account's quota, or AWS's default where the account never asked for one.
func (b Backend) quota(ctx context.Context) (limit int, ok bool) {
	var value *float64
	out, err := b.Quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(quotaService), QuotaCode: aws.String(quotaCode)})
	switch {
	case err == nil && out.Quota != nil:
		value = out.Quota.Value
	case clouderr.IsAWS(err, "NoSuchResourceException"):
		var byDefault *servicequotas.GetAWSDefaultServiceQuotaOutput
		byDefault, err = b.Quotas.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(quotaService), QuotaCode: aws.String(quotaCode)})
		if err == nil && byDefault.Quota != nil {
			value = byDefault.Quota.Value
		}
	}
	if value == nil {
		tflog.Info(ctx, "the Elastic IP quota cannot be read, so it is not checked in the plan", map[string]any{"quota_code": quotaCode, "error": fmt.Sprint(err)})
		return 0, false
	}
	return int(*value), true
}
