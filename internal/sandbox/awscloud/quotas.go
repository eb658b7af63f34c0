package awscloud

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

const (
	// addressQuotaCode is "EC2-VPC Elastic IPs", per Region.
	addressQuotaCode = "L-0263D0A3"
	// addressQuotaDefault is what a new account has.
	addressQuotaDefault = 5
)

// quotaService answers Service Quotas' calls about the quotas that the gateway enforces; moto knows others.
type quotaService struct {
	region, account string
	addresses       int
}

// Serve answers the calls about the quotas of EC2.
func (s *quotaService) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "servicequotas" {
		return false
	}
	var params struct{ ServiceCode, QuotaCode string }
	if err := json.Unmarshal(r.Body, &params); err != nil || params.ServiceCode != "ec2" {
		return false
	}
	value := s.addresses
	switch r.Action {
	case "GetAWSDefaultServiceQuota":
		value = addressQuotaDefault
		fallthrough
	case "GetServiceQuota":
		if params.QuotaCode != addressQuotaCode {
			awsapi.WriteError(w, r, badRequest("NoSuchResourceException", "The request failed because the specified service does not exist."))
			return true
		}
		awsapi.WriteJSON(w, r, http.StatusOK, map[string]any{"Quota": s.quota(value)})
	case "ListServiceQuotas", "ListAWSDefaultServiceQuotas":
		if r.Action == "ListAWSDefaultServiceQuotas" {
			value = addressQuotaDefault
		}
		awsapi.WriteJSON(w, r, http.StatusOK, map[string]any{"Quotas": []any{s.quota(value)}})
	default:
		return false
	}
	return true
}

func (s *quotaService) quota(value int) map[string]any {
	return map[string]any{
		"ServiceCode": "ec2", "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
		"QuotaArn":  fmt.Sprintf("arn:aws:servicequotas:%s:%s:ec2/%s", s.region, s.account, addressQuotaCode),
		"QuotaCode": addressQuotaCode, "QuotaName": "EC2-VPC Elastic IPs",
		"Value": value, "Unit": "None", "Adjustable": true, "GlobalQuota": false,
	}
}
