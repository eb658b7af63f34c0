package endpointapproval

import (
	"context"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	serviceID   = approvaltest.ServiceID
	serviceName = approvaltest.ServiceName
	nccID       = approvaltest.NCCID
	ruleID      = approvaltest.RuleID
	endpointID  = approvaltest.EndpointID
	owner       = approvaltest.Owner
	role        = approvaltest.Role
)

type attrs = resourcetest.Attrs

// world is a played pair of clouds, and connects the resource to them.
type world struct {
	*approvaltest.World
	// noDatabricks makes every connect with Databricks fail.
	noDatabricks bool
}

func newWorld() *world { return &world{World: approvaltest.NewWorld()} }

func (w *world) known(bool) bool { return true }

func (w *world) connect(_ context.Context, withDatabricks bool) (*Clouds, diag.Diagnostics) {
	if withDatabricks && w.noDatabricks {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("No Databricks account id", "set account_id")}
	}
	c := w.clouds()
	if !withDatabricks {
		c.Databricks = nil
	}
	return c, nil
}

func (w *world) clouds() *Clouds {
	return &Clouds{EC2: w.EC2(), Databricks: w.Databricks(), Region: w.Region, Partition: w.Partition, Waiter: waiter.Waiter{Clock: w.Clock}}
}

func (w *world) expectCalls(t *testing.T, want map[string]int) {
	t.Helper()
	for name, n := range want {
		if w.Calls[name] != n {
			t.Errorf("%d calls of %s, want %d (all: %v)", w.Calls[name], name, n, w.Calls)
		}
	}
}

// failing answers the named call with err, from its first time to its last.
func failing(name string, err error, last int) func(string, int) error {
	return func(call string, n int) error {
		if call == name && n <= last {
			return err
		}
		return nil
	}
}

func newTerraform(t *testing.T, w *world) *resourcetest.Terraform {
	t.Helper()
	return resourcetest.New(t, func() resource.Resource { return &Resource{connector: w} })
}

func byNCC(more attrs) attrs {
	given := attrs{"endpoint_service_id": serviceID, "network_connectivity_config_id": nccID}
	maps.Copy(given, more)
	return given
}
