package plugins

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// alone keeps the machine's own mirrors and settings out of a test. The places that no
// variable moves (/opt, /usr/local, …) are looked at nevertheless.
func alone(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(home, "missing.tfrc"))
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("XDG_DATA_DIRS", filepath.Join(home, "none"))
	t.Setenv(mirrorEnv, "")
	return home
}

func touch(t *testing.T, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	const address, name = "registry.terraform.io/example/thing", "example/thing"
	tests := map[string]string{
		"implied directory":       ".terraform.d/plugins",
		"data home":               ".local/share/terraform/plugins",
		"anywhere near in a home": "cache/mirror",
	}
	for what, dir := range tests {
		t.Run(what, func(t *testing.T) {
			home := alone(t)
			mirrorDir := filepath.Join(home, filepath.FromSlash(dir))
			for _, version := range []string{"1.10.0", "1.9.0", "1.10.0-rc1"} {
				touch(t, mirrorDir, address, version, platform(), "terraform-provider-thing_v"+version)
			}
			touch(t, mirrorDir, address, "terraform-provider-thing_1.11.0_"+platform()+".zip")
			touch(t, mirrorDir, address, "9.9.9", "plan9_mips", "terraform-provider-thing_v9.9.9")
			for _, asked := range []string{name, address} {
				versions, path := Find(asked)
				if want := []string{"1.9.0", "1.10.0-rc1", "1.10.0", "1.11.0"}; !slices.Equal(versions, want) || path != mirrorDir {
					t.Errorf("%s: got %q in %q, want %q in %q", asked, versions, path, want, mirrorDir)
				}
			}
		})
	}
}

func TestFindByVariableAndByUserConfig(t *testing.T) {
	home := alone(t)
	away := t.TempDir()
	touch(t, away, "a", "registry.terraform.io/example/a/1.0.0", platform(), "terraform-provider-a_v1.0.0")
	touch(t, away, "b", "registry.terraform.io/example/b/1.0.0", platform(), "terraform-provider-b_v1.0.0")
	t.Setenv(mirrorEnv, filepath.Join(away, "a"))
	config := filepath.Join(home, "own.tfrc")
	text := "provider_installation {\n # filesystem_mirror { path = \"/commented/out\" }\n  filesystem_mirror {\n    include = [\"*/*\"]\n    path = \"" + filepath.Join(away, "b") + "\"\n  }\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TF_CLI_CONFIG_FILE", config)
	for _, name := range []string{"a", "b"} {
		if versions, path := Find("example/" + name); len(versions) != 1 || path != filepath.Join(away, name) {
			t.Errorf("%s: got %q in %q", name, versions, path)
		}
	}
	if slices.Contains(userMirrors(), "/commented/out") {
		t.Error("a comment counts as configuration")
	}
}

func TestFindNothing(t *testing.T) {
	home := alone(t)
	// The plugins of somebody's working directory, and of something far away.
	touch(t, home, ".terraform", "providers", "registry.terraform.io/example/thing/1.0.0", platform(), "terraform-provider-thing_v1.0.0")
	touch(t, home, "a", "b", "c", "d", "registry.terraform.io/example/thing/1.0.0", platform(), "terraform-provider-thing_v1.0.0")
	if versions, path := Find("example/thing"); len(versions) != 0 || path != "" {
		t.Errorf("got %q in %q, want nothing", versions, path)
	}
}

func TestCLIConfig(t *testing.T) {
	t.Parallel()
	mirrors := []mirror{
		{path: "/x/plugins", providers: map[string][]string{Source: nil}},
		{path: "/nothing", providers: map[string][]string{}},
		{path: "/m", providers: map[string][]string{"registry.terraform.io/hashicorp/aws": nil, "registry.terraform.io/example/a": nil}},
	}
	want := `# Generated: which provider plugin comes from where.
provider_installation {
  filesystem_mirror {
    path    = "/x/plugins"
    include = ["registry.terraform.io/crosscloudlink/crosscloudlink"]
  }
  filesystem_mirror {
    path    = "/m"
    include = ["registry.terraform.io/example/a", "registry.terraform.io/hashicorp/aws"]
  }
  direct {
    exclude = ["registry.terraform.io/crosscloudlink/crosscloudlink", "registry.terraform.io/example/a", "registry.terraform.io/hashicorp/aws"]
  }
}
`
	if got := cliConfig(mirrors, ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got := cliConfig(nil, "https://mirror.example/")
	if !strings.Contains(got, `url     = "https://mirror.example/"`) || strings.Contains(got, "direct") {
		t.Errorf("the user's network mirror is not used:\n%s", got)
	}
}

func TestWriteRefuses(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	touch(t, dir, "provider")
	if err := os.WriteFile(filepath.Join(dir, "text"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, opts := range map[string]Options{
		"no such file":  {ProviderBinary: filepath.Join(dir, "absent")},
		"not a program": {ProviderBinary: filepath.Join(dir, "text")},
		"is no release": {ProviderBinary: filepath.Join(dir, "provider"), Version: "0.0.0-dev"},
	} {
		opts.BuildDir = dir
		if _, err := Write(t.Context(), opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(canceled, Options{BuildDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestTerraformInit lets Terraform itself install both kinds of provider without any
// network: it reads plugins' folders and runs none of them.
func TestTerraformInit(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not on PATH")
	}
	home := alone(t)
	touch(t, home, ".terraform.d", "plugins", "registry.terraform.io/example/thing/1.2.3", platform(), "terraform-provider-thing_v1.2.3")
	touch(t, home, "bin", "terraform-provider-crosscloudlink")
	opts := Options{BuildDir: filepath.Join(home, ".build"), ProviderBinary: filepath.Join(home, "bin", "terraform-provider-crosscloudlink")}
	var config string
	for range 2 { // the second finds all as it should be
		if config, err = Write(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
	}
	work := t.TempDir()
	text := `terraform {
  required_providers {
    crosscloudlink = { source = "crosscloudlink/crosscloudlink", version = ">= 0.1" }
    thing          = { source = "example/thing", version = "~> 1.2" }
  }
}
`
	if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), terraform, "init", "-input=false", "-no-color")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_DATA_DIR=", "TF_PLUGIN_CACHE_DIR=", "CHECKPOINT_DISABLE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Installed crosscloudlink/crosscloudlink v" + DevVersion, "Installed example/thing v1.2.3"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output has no %q:\n%s", want, out)
		}
	}
}
