package tools

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// apt downloads packages of the machine's own distribution with all of apt's state
// in a folder of ours; the machine's is only read (sources, keys, what is installed).
type apt struct {
	archives string
	options  []string
}

func newAPT(work string) (*apt, error) {
	a := &apt{archives: filepath.Join(work, "archives")}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial", "log", "archives"} {
		if err := os.MkdirAll(filepath.Join(work, filepath.FromSlash(dir)), 0o755); err != nil {
			return nil, err
		}
	}
	a.options = []string{
		"-q",
		"-o", "Dir::State=" + filepath.Join(work, "state"),
		"-o", "Dir::State::status=/var/lib/dpkg/status",
		"-o", "Dir::Cache=" + filepath.Join(work, "cache"),
		"-o", "Dir::Log=" + filepath.Join(work, "log"),
		"-o", "Debug::NoLocking=true",
		// Root would else download as user _apt, who may not write here.
		"-o", "APT::Sandbox::User=",
		"-o", "APT::Install-Recommends=false",
		// Hooks and post-invoke commands of the machine are not for private downloads.
		"-o", "APT::Update::Post-Invoke=", "-o", "APT::Update::Post-Invoke-Success=",
		"-o", "Acquire::Languages=none",
	}
	return a, nil
}

func (a *apt) run(ctx context.Context, dir string, args ...string) (string, error) {
	return run(ctx, dir, []string{"LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}, "apt-get", append(append([]string{}, a.options...), args...)...)
}

func (a *apt) update(ctx context.Context) error {
	if _, err := a.run(ctx, "", "update"); err != nil {
		return fmt.Errorf("reading the distribution's package lists: %w", err)
	}
	return nil
}

// missingFor returns what an installation of packages would install here, as name=version.
func (a *apt) missingFor(ctx context.Context, packages ...string) ([]string, error) {
	names := strings.Join(packages, ", ")
	out, err := a.run(ctx, "", append([]string{"--simulate", "install"}, packages...)...)
	if err != nil {
		return nil, fmt.Errorf("finding what %s needs: %w", names, err)
	}
	missing := parseSimulation(out)
	if len(missing) == 0 {
		return nil, fmt.Errorf("apt-get would install nothing for %s", names)
	}
	return missing, nil
}

// simulated matches "Inst liblua5.3-0 (5.3.6-2 Debian:12.11/stable [amd64])" and, for
// an upgrade, "Inst libssl3 [3.0.1] (3.0.2 …)".
var simulated = regexp.MustCompile(`^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) `)

func parseSimulation(out string) []string {
	var packages []string
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		if m := simulated.FindStringSubmatch(lines.Text()); m != nil {
			packages = append(packages, m[1]+"="+m[2])
		}
	}
	return packages
}

// download returns the paths of the downloaded package files.
func (a *apt) download(ctx context.Context, packages []string) ([]string, error) {
	if _, err := a.run(ctx, a.archives, append([]string{"download"}, packages...)...); err != nil {
		return nil, fmt.Errorf("downloading %s: %w", strings.Join(packages, ", "), err)
	}
	files, err := filepath.Glob(filepath.Join(a.archives, "*.deb"))
	if err != nil {
		return nil, err
	}
	if len(files) != len(packages) {
		return nil, fmt.Errorf("downloading %s: got %d files", strings.Join(packages, ", "), len(files))
	}
	return files, nil
}

// unpack downloads packages and what the machine lacks for them, and unpacks all into
// root, which exists afterwards only if all went well. Nothing is installed.
func unpack(ctx context.Context, buildDir, root string, packages ...string) (err error) {
	work, err := os.MkdirTemp(buildDir, packages[0]+"-download-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	apt, err := newAPT(work)
	if err != nil {
		return err
	}
	// One unreachable source among several is no reason to give up: what is missing
	// in the end is said by the next step.
	updateErr := apt.update(ctx)
	missing, err := apt.missingFor(ctx, packages...)
	if err != nil {
		return errors.Join(err, updateErr)
	}
	files, err := apt.download(ctx, missing)
	if err != nil {
		return errors.Join(err, updateErr)
	}
	unpacked := filepath.Join(work, "root")
	for _, file := range files {
		if _, err := run(ctx, "", nil, "dpkg-deb", "--extract", file, unpacked); err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(file), err)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(unpacked, root)
}

// librariesOf is the environment in which a program below root finds its shared libraries.
func librariesOf(root string) ([]string, error) {
	libraries, err := libraryDirs(root)
	if err != nil {
		return nil, err
	}
	path := strings.Join(libraries, string(os.PathListSeparator))
	if inherited := os.Getenv("LD_LIBRARY_PATH"); inherited != "" {
		path += string(os.PathListSeparator) + inherited
	}
	return []string{"LD_LIBRARY_PATH=" + path}, nil
}

// libraryDirs are the folders under root that hold shared libraries.
func libraryDirs(root string) ([]string, error) {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*/*.so*", "lib/*/*.so*", "usr/lib/*.so*", "lib/*.so*"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if dir := filepath.Dir(file); len(dirs) == 0 || dirs[len(dirs)-1] != dir {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs, nil
}
