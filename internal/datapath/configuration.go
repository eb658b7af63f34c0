package datapath

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrender"
)

// ConfigPath is where the proxy's configuration is on an instance.
const ConfigPath = "/etc/haproxy/haproxy.cfg"

// ServerStatePath is where an instance keeps its servers' addresses over a reload.
const ServerStatePath = "/var/lib/haproxy/server-state"

// Configuration is all that HAProxy reads on an instance.
type Configuration struct {
	// Files are the contents by absolute path on the instance; one is ConfigPath.
	Files map[string]string
	// HealthSocket and StatsSocket are paths on the instance.
	HealthSocket, StatsSocket string
}

// Render renders the module in the folder moduleDir (modules/haproxy-config) with the
// inputs given. It runs Terraform.
func Render(ctx context.Context, moduleDir string, inputs map[string]any) (Configuration, error) {
	outputs, err := tfrender.Outputs(ctx, moduleDir, inputs)
	if err != nil {
		return Configuration{}, err
	}
	c := Configuration{Files: map[string]string{}}
	files, ok := outputs["files"].(map[string]any)
	if !ok {
		return Configuration{}, fmt.Errorf("output files of %s is %T, not a map", moduleDir, outputs["files"])
	}
	for path, content := range files {
		text, ok := content.(string)
		if !ok {
			return Configuration{}, fmt.Errorf("output files of %s: %s is %T, not a string", moduleDir, path, content)
		}
		c.Files[path] = text
	}
	for name, path := range map[string]*string{"health_socket": &c.HealthSocket, "stats_socket": &c.StatsSocket} {
		if *path, ok = outputs[name].(string); !ok {
			return Configuration{}, fmt.Errorf("output %s of %s is %T, not a string", name, moduleDir, outputs[name])
		}
	}
	if c.Files[ConfigPath] == "" {
		return Configuration{}, fmt.Errorf("output files of %s has no %s", moduleDir, ConfigPath)
	}
	return c, nil
}

// Retime returns the configuration with other durations, and nothing else changed. Each key
// is the word or words before a duration ("hold timeout", "inter"), wherever they stand. A
// keyword that the configuration does not have is an error.
func (c Configuration) Retime(durations map[string]time.Duration) (Configuration, error) {
	text := c.Files[ConfigPath]
	for keyword, duration := range durations {
		words := strings.Fields(keyword)
		for i, word := range words {
			words[i] = regexp.QuoteMeta(word)
		}
		place, err := regexp.Compile(`(?m)((?:^|[ \t])` + strings.Join(words, `[ \t]+`) + `[ \t]+)[0-9]+(?:us|ms|s|m|h|d)?([ \t]|$)`)
		if err != nil {
			return Configuration{}, err
		}
		if !place.MatchString(text) {
			return Configuration{}, errors.New("the configuration has no duration after " + keyword)
		}
		text = place.ReplaceAllString(text, fmt.Sprintf("${1}%dms${2}", duration.Milliseconds()))
	}
	c.Files = maps.Clone(c.Files)
	c.Files[ConfigPath] = text
	return c, nil
}
