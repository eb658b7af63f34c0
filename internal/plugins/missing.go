package plugins

import (
	"regexp"
	"slices"
	"strings"
)

// notFound matches how `terraform init` says that it has no list of a provider's versions, and why.
var notFound = regexp.MustCompile(`Could not retrieve the list of available versions for provider ([\w.-]+(?:/[\w.-]+)+): (.*)`)

// wrongVersion begins the reason where there are versions, and none that the configuration takes:
// that is the configuration's fault, or the mirror's, and no missing provider.
const wrongVersion = "no available releases match"

// layout is the line breaks, and the frame beside an error, of a terminal's width.
var layout = regexp.MustCompile(`[\s│╷╵]+`)

// Missing returns the providers ("hashicorp/azurerm") that a failed `terraform init`, by what
// it printed, found neither in a mirror nor in the registry, sorted. None means that it failed
// for another reason.
func Missing(initOutput string) []string {
	var missing []string
	for _, message := range strings.Split(layout.ReplaceAllString(initOutput, " "), "Error: ") {
		match := notFound.FindStringSubmatch(message)
		if match == nil || strings.HasPrefix(match[2], wrongVersion) {
			continue
		}
		if name := strings.TrimPrefix(match[1], defaultHost+"/"); !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// Unavailable says which providers a failed `terraform init` found nowhere, by what it printed; ""
// means that it failed for another reason. See Missing.
func Unavailable(initOutput string) string {
	missing := Missing(initOutput)
	if len(missing) == 0 {
		return ""
	}
	return "neither a filesystem mirror nor the registry has " + strings.Join(missing, ", ")
}
