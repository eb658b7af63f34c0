// Package e2e_test runs the whole product, Terraform and provider and all three clouds of
// the sandbox, through what users and accidents do to it.
package e2e_test

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
