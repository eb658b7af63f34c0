package azurelive_test

import (
	"os"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/azurelive"
)

// TestAccAzure asks the Azure that the environment leads to.
func TestAccAzure(t *testing.T) {
	live.Run(t, azurelive.Suite(azurelive.Live(os.Getenv)), "../../../.build/live")
}
