package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// TestApprovalWithoutDatabricks is the AWS team of three: it has no credential of Azure or
// Databricks, and was told the VPC endpoint by those who have.
func TestApprovalWithoutDatabricks(t *testing.T) {
	s := offer(t)
	addedRule(t, s)
	endpoint, state, _ := strings.Cut(connections(t, s)[0], " ")
	if state != "pendingacceptance" {
		t.Fatalf("the connection is %s before the approval", state)
	}
	var nothing []string
	for _, name := range []string{
		"DATABRICKS_HOST", "DATABRICKS_ACCOUNT_ID", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_AUTH_TYPE",
		"ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID", "ARM_METADATA_HOSTNAME",
	} {
		nothing = append(nothing, name+"=")
	}
	tf := acctest.Terraform(t, fmt.Sprintf(`
resource "crosscloudlink_databricks_private_endpoint_approval" "test" {
  endpoint_service_id = %q
  vpc_endpoint_id     = %q
}

output "status" {
  value = crosscloudlink_databricks_private_endpoint_approval.test.status
}
`, s.id, endpoint), nothing...)

	run := func(args ...string) string {
		t.Helper()
		out, err := tf.Do(t.Context(), append(args, "-no-color")...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	run("apply", "-auto-approve", "-input=false")
	if got := run("output", "-raw", "status"); !strings.HasPrefix(got, "approved") {
		t.Errorf("status %q, want approved", got)
	}
	if got := connections(t, s); len(got) != 1 || got[0] != endpoint+" available" {
		t.Errorf("connections %v", got)
	}
	if changes, err := (tfrun.Terraform{Dir: tf.Dir, Env: tf.Env}).Plan(t.Context()); err != nil || len(changes) > 0 {
		t.Errorf("a second plan: %v, %v", changes, err)
	}
	run("destroy", "-auto-approve", "-input=false")
	if err := withdraw(t, s); err != nil {
		t.Error(err)
	}
}
