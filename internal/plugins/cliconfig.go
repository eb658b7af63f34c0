package plugins

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cliConfig is the CLI configuration that installs each provider of a mirror from it,
// and all others from the network mirror or, without one, from their registry.
func cliConfig(mirrors []mirror, networkMirror string) string {
	var out strings.Builder
	out.WriteString("# Generated: which provider plugin comes from where.\nprovider_installation {\n")
	mirrored := map[string]bool{}
	for _, m := range mirrors {
		addresses := slices.Sorted(maps.Keys(m.providers))
		if len(addresses) == 0 {
			continue
		}
		for _, address := range addresses {
			mirrored[address] = true
		}
		fmt.Fprintf(&out, "  filesystem_mirror {\n    path    = %s\n    include = %s\n  }\n", quote(m.path), list(addresses))
	}
	exclude := list(slices.Sorted(maps.Keys(mirrored)))
	if networkMirror != "" {
		fmt.Fprintf(&out, "  network_mirror {\n    url     = %s\n    exclude = %s\n  }\n", quote(networkMirror), exclude)
	} else {
		fmt.Fprintf(&out, "  direct {\n    exclude = %s\n  }\n", exclude)
	}
	out.WriteString("}\n")
	return out.String()
}

// quote writes an HCL string.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quote(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

var (
	commentLine      = regexp.MustCompile(`(?m)^\s*(#|//).*$`)
	filesystemMirror = regexp.MustCompile(`filesystem_mirror\s*\{[^}]*?path\s*=\s*"([^"]+)"`)
	networkMirror    = regexp.MustCompile(`network_mirror\s*\{[^}]*?url\s*=\s*"([^"]+)"`)
)

// userConfig is the text of the CLI configuration that Terraform would read, without
// its comments; empty where there is none.
func userConfig() string {
	path := os.Getenv("TF_CLI_CONFIG_FILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		path = filepath.Join(home, ".terraformrc")
	}
	// A variable that points at no file is a common left-over, and as good as unset.
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return commentLine.ReplaceAllString(string(text), "")
}

// userMirrors are the filesystem mirrors of the user's own CLI configuration.
func userMirrors() []string {
	var out []string
	for _, m := range filesystemMirror.FindAllStringSubmatch(userConfig(), -1) {
		out = append(out, m[1])
	}
	return out
}

// userNetworkMirror is the network mirror of the user's own CLI configuration: where
// the registry cannot be reached, it is the one way.
func userNetworkMirror() string {
	if m := networkMirror.FindStringSubmatch(userConfig()); m != nil {
		return m[1]
	}
	return ""
}
