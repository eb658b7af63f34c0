package awscloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// logsTarget is CloudWatch Logs' prefix of X-Amz-Target.
const logsTarget = "Logs_20140328."

// metricFilterService corrects what moto does with metric filters: put again it keeps both, it takes those of groups that
// do not exist, and they outlive their group.
type metricFilterService struct {
	moto   *motoProxy
	client moto.Client
}

// filterOfGroup names a metric filter.
type filterOfGroup struct {
	LogGroupName string `json:"logGroupName"`
	FilterName   string `json:"filterName"`
}

// Serve passes the calls that concern metric filters on.
func (s *metricFilterService) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "logs" || r.Action != "PutMetricFilter" && r.Action != "DeleteLogGroup" {
		return false
	}
	var named filterOfGroup
	if json.Unmarshal(r.Body, &named) != nil {
		return false
	}
	if err := s.prepare(r.HTTP.Context(), r.Action, named); err != nil {
		refused, ok := errors.AsType[*awsapi.Error](err)
		if !ok {
			refused = awsapi.Errorf(http.StatusServiceUnavailable, "ServiceUnavailableException", "%s", err)
		}
		awsapi.WriteError(w, r, refused)
		return true
	}
	s.moto.serve(w, r)
	return true
}

// prepare removes the filters that the call replaces or takes away.
func (s *metricFilterService) prepare(ctx context.Context, action string, named filterOfGroup) error {
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	if err := s.client.JSON(ctx, "logs", "1.1", logsTarget+"DescribeLogGroups", map[string]string{"logGroupNamePrefix": named.LogGroupName}, &groups); err != nil {
		return err
	}
	exists := false
	for _, g := range groups.LogGroups {
		exists = exists || g.LogGroupName == named.LogGroupName
	}
	if !exists {
		return badRequest("ResourceNotFoundException", "The specified log group does not exist.")
	}
	var found struct {
		MetricFilters []filterOfGroup `json:"metricFilters"`
	}
	if err := s.client.JSON(ctx, "logs", "1.1", logsTarget+"DescribeMetricFilters", map[string]string{"logGroupName": named.LogGroupName}, &found); err != nil {
		return err
	}
	for _, f := range found.MetricFilters {
		if action == "PutMetricFilter" && f.FilterName != named.FilterName {
			continue
		}
		if err := s.client.JSON(ctx, "logs", "1.1", logsTarget+"DeleteMetricFilter", f, nil); err != nil {
			return err
		}
	}
	return nil
}
