package awslive_test

import (
	"os"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/awslive"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// TestAccAWS asks the AWS that the environment leads to.
func TestAccAWS(t *testing.T) {
	live.Run(t, awslive.Suite(awslive.Live(os.Getenv)), "../../../.build/live")
}
