package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

func TestParse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	built := filepath.Join(dir, "bin", "terraform-provider-crosscloudlink")
	if err := os.Mkdir(filepath.Dir(built), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(built, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	opts, command, err := parse([]string{"exec", "-build-dir", dir, "--seed", "nothing", "-no-proxies", "--", "terraform", "apply", "-auto-approve"}, new(bytes.Buffer))
	if err != nil || !slices.Equal(command, []string{"terraform", "apply", "-auto-approve"}) {
		t.Errorf("got command %q, %v", command, err)
	}
	if want := (sandbox.Options{BuildDir: dir, Seed: sandbox.SeedNothing, ProviderBinary: built, NoProxies: true}); opts != want {
		t.Errorf("got %+v, want %+v", opts, want)
	}
	if _, command, err := parse([]string{"up", "-build-dir", dir}, new(bytes.Buffer)); command != nil || err != nil {
		t.Errorf("up: got command %q, %v", command, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                 "say exec or up",
		"down":             `unknown command "down"`,
		"exec":             "write: sandbox exec -- COMMAND",
		"exec -fast -- ls": "-fast",
		"up now":           "no arguments",
	} {
		if _, _, err := parse(strings.Fields(line), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
	for _, line := range []string{"help", "-h", "exec --help", "up -h"} {
		var out bytes.Buffer
		if _, _, err := parse(strings.Fields(line), &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "sandbox exec") || !strings.Contains(out.String(), "-build-dir") {
			t.Errorf("%q: got %v and\n%s", line, err, out.String())
		}
	}
}

func TestShellEnvironment(t *testing.T) {
	t.Parallel()
	got := shellEnvironment([]string{"AWS_REGION=us-east-1", "A=it's"}, []string{"AWS_PROFILE=prod", "AWS_REGION=eu-west-1", "HOME=/h"})
	if want := "unset AWS_PROFILE\nexport AWS_REGION='us-east-1'\nexport A='it'\\''s'\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
