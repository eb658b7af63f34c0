package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// example is a root module that the demo can apply: what of the story is its own.
type example interface {
	// folder is where it lies in the repository.
	folder() string
	// seed is what must exist before the first apply.
	seed() sandbox.Seed
	// remember notes what is there before the first apply.
	remember(ctx context.Context, s *story) error
	// apply makes the first apply, with what other people do meanwhile and after it.
	apply(ctx context.Context, s *story) error
	// foreignRules are the entries of others in the account's firewall, sorted.
	foreignRules() []string
	// destroyed checks Azure and Databricks after the destroy.
	destroyed(ctx context.Context, s *story)
}

// choose returns the example of a name. For an empty name it is complete where Terraform can
// get all its plugins, from a mirror of this machine or from the registry, else
// existing-services. verdict is a line that says which, and why.
func choose(ctx context.Context, name, work, binary string) (chosen example, verdict string, err error) {
	switch name {
	case "existing-services":
		return &existingServices{}, "example: existing-services, as asked for", nil
	case "", "complete":
	default:
		return nil, "", fmt.Errorf("unknown example %q: say complete or existing-services", name)
	}
	chosen = &complete{}
	cliConfig, err := plugins.Write(ctx, plugins.Options{BuildDir: filepath.Join(work, "plugins"), ProviderBinary: binary})
	if err != nil {
		return nil, "", err
	}
	terraform := tfrun.Terraform{Dir: filepath.Join(work, chosen.folder()), Env: tfrun.Environ(os.Environ(), cliConfig)}
	output, err := terraform.Do(ctx, "init", "-input=false", "-no-color")
	lack := plugins.Unavailable(output)
	switch {
	case err == nil && name == "":
		return chosen, "example: complete, since all its plugins can be had", nil
	case err == nil:
		return chosen, "example: complete, as asked for", nil
	case lack == "":
		return nil, "", err
	case name == "":
		return &existingServices{}, "example: existing-services, since " + lack, nil
	default:
		return nil, "", fmt.Errorf("the example complete cannot have its plugins: %s; TF_PLUGIN_MIRROR may name the folder of a mirror", lack)
	}
}
