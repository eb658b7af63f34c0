package proxyfleet

import (
	"net"
	"net/netip"
	"regexp"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/haproxyconfig"
)

// scriptSubstitution is all that differs between a script on an instance and the same one
// on this machine. Its working directory has to be the instance's root.
type scriptSubstitution struct {
	root     string
	listen   netip.Addr
	ports    map[int]int
	metadata netip.AddrPort
}

func (i *instance) scriptSubstitution() scriptSubstitution {
	return scriptSubstitution{root: i.root(), listen: i.loopback, ports: i.ports, metadata: i.metadata.Addr()}
}

var (
	// ownPath matches the paths that are an instance's own, programs of the system left out.
	ownPath = regexp.MustCompile(`/(?:etc|home|opt|root|run|srv|tmp|usr/local|var)\b`)
	// ownPort matches a port of the instance, as it asks itself.
	ownPort = regexp.MustCompile(`\b(?:127\.0\.0\.1|localhost):(\d+)\b`)
)

// apply returns a script's text with the substitutions made.
func (s scriptSubstitution) apply(text string) string {
	service := haproxyconfig.MetadataAddress.String()
	text = strings.ReplaceAll(text, service+":80", service)
	text = strings.ReplaceAll(text, service, s.metadata.String())
	text = ownPort.ReplaceAllStringFunc(text, func(address string) string {
		_, port, _ := net.SplitHostPort(address) // the expression has it so
		if free := freePort(s.ports, port); free != "" {
			return net.JoinHostPort(s.listen.String(), free)
		}
		return address
	})
	var out strings.Builder
	end := 0
	for _, at := range ownPath.FindAllStringIndex(text, -1) {
		// Behind a name or a variable it is the rest of a longer path.
		if at[0] > 0 && strings.ContainsRune(pathBytes, rune(text[at[0]-1])) {
			continue
		}
		out.WriteString(text[end:at[0]])
		out.WriteString(s.path(text[at[0]:at[1]]))
		end = at[1]
	}
	out.WriteString(text[end:])
	return out.String()
}

// pathBytes may stand before a slash inside a path.
const pathBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./}*?]"

// path is where a folder of the instance is: below root, but what holds sockets relative to
// it, since their paths may be no longer than about a hundred bytes.
func (s scriptSubstitution) path(folder string) string {
	if folder == "/run" {
		return "run"
	}
	return s.root + folder
}
