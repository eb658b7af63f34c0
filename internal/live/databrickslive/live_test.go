package databrickslive_test

import (
	"os"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/databrickslive"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// TestAccDatabricks asks the Databricks, and the AWS behind it, that the environment leads to.
func TestAccDatabricks(t *testing.T) {
	live.Run(t, databrickslive.Suite(databrickslive.Live(os.Getenv)), "../../../.build/live")
}
