// Command terraform-provider-crosscloudlink is the provider's plugin.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/provider"
)

// version is set by the linker (-X main.version=…).
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "run so that a debugger such as delve can attach")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address:         "registry.terraform.io/crosscloudlink/crosscloudlink",
		Debug:           *debug,
		ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err)
	}
}
