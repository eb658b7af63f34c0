// Command dashboardpicture draws the layout of the fleet's CloudWatch dashboard, as
// modules/egress-dashboard makes it, into the picture that the README shows. It runs in
// the repository's root.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/dashboardpicture"
)

const (
	module  = "modules/egress-dashboard"
	picture = "modules/aws-egress-proxy/dashboard.svg"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "dashboardpicture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	svg, err := dashboardpicture.Render(ctx, module, dashboardpicture.PoolInputs())
	if err != nil {
		return err
	}
	return os.WriteFile(picture, svg, 0o644)
}
