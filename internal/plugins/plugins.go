// Package plugins lets `terraform init` find its provider plugins on this machine: our
// provider as it was just built, and others from whatever filesystem mirror there is,
// else from the registry.
package plugins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Source is our provider's address.
const Source = "registry.terraform.io/crosscloudlink/crosscloudlink"

// DevVersion is the version that a freshly built provider is installed as. It has the
// form of a release, since Terraform takes a pre-release such as 0.1.0-dev only where
// a configuration asks for exactly that one.
const DevVersion = "0.1.0"

// Options say what to install.
type Options struct {
	// BuildDir is the folder that the mirror and the CLI configuration are written to.
	BuildDir string
	// ProviderBinary is our provider as it was built; empty to install none.
	ProviderBinary string
	// Version is the version to install it as; empty means DevVersion.
	Version string
}

// Write installs the provider's binary as a filesystem mirror under BuildDir and
// writes a CLI configuration that finds it there. Other providers come from the
// filesystem mirrors of this machine where one has them (Find), and else from where
// Terraform would take them. It returns the absolute path of the configuration, for
// TF_CLI_CONFIG_FILE.
func Write(ctx context.Context, opts Options) (cliConfigPath string, err error) {
	buildDir, err := filepath.Abs(opts.BuildDir)
	if err != nil {
		return "", err
	}
	mirrors, err := search(ctx, roots())
	if err != nil {
		return "", fmt.Errorf("looking for provider plugins: %w", err)
	}
	// Ours is the one that was built, whatever else of that name lies about.
	for i := range mirrors {
		delete(mirrors[i].providers, Source)
	}
	if opts.ProviderBinary != "" {
		own := filepath.Join(buildDir, "plugins")
		if err := install(own, opts.ProviderBinary, opts.Version); err != nil {
			return "", fmt.Errorf("installing the provider: %w", err)
		}
		mirrors = append([]mirror{{path: own, providers: map[string][]string{Source: nil}}}, mirrors...)
	}
	if err := os.MkdirAll(buildDir, 0o755); err != nil {
		return "", err
	}
	cliConfigPath = filepath.Join(buildDir, "terraform.tfrc")
	return cliConfigPath, writeAtomically(cliConfigPath, cliConfig(mirrors, userNetworkMirror()))
}

// install links the binary into the mirror in the layout that Terraform reads
// unpacked: HOST/NAMESPACE/TYPE/VERSION/OS_ARCH/terraform-provider-TYPE_vVERSION.
func install(mirrorDir, binary, version string) error {
	if version == "" {
		version = DevVersion
	}
	if strings.ContainsAny(version, "-+") {
		return fmt.Errorf("version %q is no release: Terraform would not take it for a constraint such as >= 0.1", version)
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	if info, err := os.Stat(binary); err != nil {
		return err
	} else if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not a program", binary)
	}
	dir := filepath.Join(mirrorDir, filepath.FromSlash(Source), version, platform())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, "terraform-provider-crosscloudlink_v"+version)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if target, err := os.Readlink(name); err == nil && target == binary {
		return nil
	}
	temporary := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.Symlink(binary, temporary); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Rename(temporary, name)
}

// Find returns the versions of a provider ("hashicorp/aws", or with its host) that
// filesystem mirrors of this machine hold for this platform, in ascending order, and
// the mirror that has the newest. No version and an empty path mean that there is none.
func Find(name string) (versions []string, path string) {
	if strings.Count(name, "/") == 1 {
		name = defaultHost + "/" + name
	}
	// Without a deadline the search fails in no way but by finding nothing.
	mirrors, _ := search(context.Background(), roots())
	for _, m := range mirrors {
		for _, version := range m.providers[name] {
			if len(versions) == 0 || compareVersions(version, versions[len(versions)-1]) > 0 {
				path = m.path
			}
			if !slices.Contains(versions, version) {
				versions = append(versions, version)
				slices.SortFunc(versions, compareVersions)
			}
		}
	}
	return versions, path
}

func platform() string { return runtime.GOOS + "_" + runtime.GOARCH }

func writeAtomically(path, content string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == content {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
