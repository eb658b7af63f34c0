package plugins

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// defaultHost is the registry of providers whose address names none.
const defaultHost = "registry.terraform.io"

// mirrorEnv names the environment variable that points at a mirror by hand.
const mirrorEnv = "TF_PLUGIN_MIRROR"

// mirror is a folder in the layout of a Terraform filesystem mirror.
type mirror struct {
	path      string
	providers map[string][]string // address → versions for this platform, ascending
}

// root is a folder to look for mirrors in.
type root struct {
	path string
	// depth is how many levels below path a mirror may lie; 0 means that path itself is
	// one.
	depth int
}

// roots are the places in which mirrors are looked for, the deliberate ones first.
func roots() []root {
	var out []root
	add := func(depth int, paths ...string) {
		for _, path := range paths {
			if path != "" && !slices.ContainsFunc(out, func(r root) bool { return r.path == path }) {
				out = append(out, root{path, depth})
			}
		}
	}
	add(1, filepath.SplitList(os.Getenv(mirrorEnv))...)
	add(0, userMirrors()...)
	home, _ := os.UserHomeDir() // a machine without homes has the other places
	// Terraform's implied local mirror directories.
	if home != "" {
		add(0, filepath.Join(home, ".terraform.d", "plugins"))
		if runtime.GOOS == "darwin" {
			add(0, filepath.Join(home, "Library", "Application Support", "io.terraform", "plugins"))
		}
	}
	dataDirs := filepath.SplitList(os.Getenv("XDG_DATA_DIRS"))
	if len(dataDirs) == 0 {
		dataDirs = []string{"/usr/local/share", "/usr/share"}
	}
	dataHome := os.Getenv("XDG_DATA_HOME")
	if dataHome == "" && home != "" {
		dataHome = filepath.Join(home, ".local", "share")
	}
	for _, dir := range append([]string{dataHome}, dataDirs...) {
		if filepath.IsAbs(dir) {
			add(0, filepath.Join(dir, "terraform", "plugins"))
		}
	}
	// Where an image's maker may have put one.
	add(3, "/opt", "/usr/local", "/usr/share", "/var/lib")
	add(2, home)
	return out
}

// search finds the mirrors that hold anything for this platform.
func search(ctx context.Context, roots []root) ([]mirror, error) {
	var mirrors []mirror
	seen := map[string]bool{}
	for _, r := range roots {
		err := filepath.WalkDir(r.path, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// What is absent or not readable holds nothing for us.
			if err != nil || !entry.IsDir() {
				return skip(entry)
			}
			if isDir(filepath.Join(path, defaultHost)) {
				if target, err := filepath.EvalSymlinks(path); err == nil && !seen[target] {
					seen[target] = true
					if m := read(path); len(m.providers) > 0 {
						mirrors = append(mirrors, m)
					}
				}
				return fs.SkipDir
			}
			if level(r.path, path) >= r.depth || skipped(entry.Name()) && path != r.path {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return mirrors, nil
}

func skip(entry fs.DirEntry) error {
	if entry == nil || entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// level is how many levels path lies below root.
func level(root, path string) int {
	relative, err := filepath.Rel(root, path)
	if err != nil || relative == "." {
		return 0
	}
	return strings.Count(relative, string(filepath.Separator)) + 1
}

// skipped are folders that are large or another program's own: the plugins of a
// working directory (.terraform) are not a mirror.
func skipped(name string) bool {
	switch name {
	case ".terraform", ".git", ".cache", "node_modules", "go", "site-packages", "doc", "man", "locale":
		return true
	}
	return false
}

// read lists what a mirror holds for this platform, unpacked or as archives.
func read(path string) mirror {
	m := mirror{path: path, providers: map[string][]string{}}
	for _, pattern := range []string{
		filepath.Join("*", "*", "*", "*", platform()),
		filepath.Join("*", "*", "*", "terraform-provider-*_"+platform()+".zip"),
	} {
		found, _ := filepath.Glob(filepath.Join(path, pattern)) // the patterns are well-formed
		for _, f := range found {
			relative, err := filepath.Rel(path, f)
			if err != nil {
				continue
			}
			part := strings.Split(filepath.ToSlash(relative), "/")
			if !strings.Contains(part[0], ".") {
				continue
			}
			version := part[3]
			if len(part) == 4 {
				version = strings.TrimSuffix(strings.TrimPrefix(version, "terraform-provider-"+part[2]+"_"), "_"+platform()+".zip")
			}
			address := strings.Join(part[:3], "/")
			if !slices.Contains(m.providers[address], version) {
				m.providers[address] = append(m.providers[address], version)
			}
		}
	}
	for address := range maps.Keys(m.providers) {
		slices.SortFunc(m.providers[address], compareVersions)
	}
	return m
}

// compareVersions orders versions by their numbers, a pre-release before its release.
func compareVersions(a, b string) int {
	aCore, aPre, _ := strings.Cut(a, "-")
	bCore, bPre, _ := strings.Cut(b, "-")
	if c := slices.Compare(numbers(aCore), numbers(bCore)); c != 0 {
		return c
	}
	switch {
	case aPre == bPre:
		return 0
	case aPre == "":
		return 1
	case bPre == "":
		return -1
	}
	return strings.Compare(aPre, bPre)
}

func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part) // what is no number counts as zero
		out = append(out, n)
	}
	return out
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
