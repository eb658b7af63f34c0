// Package haproxyconfig moves the HAProxy configuration of an EC2 instance to this
// machine: only addresses, ports, paths, the user, the name server and the metadata
// service are exchanged, and a source address may be added that stands for the
// instance's public one. Everything else stays as it was, byte for byte.
package haproxyconfig

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MetadataAddress is where an EC2 instance asks for facts about itself, by HTTP on port 80.
var MetadataAddress = netip.MustParseAddr("169.254.169.254")

// Substitution is all that differs between a HAProxy configuration on an EC2 instance
// and the same one on this machine.
type Substitution struct {
	// Listen replaces the address of every bind line, Ports its port (the port in the
	// configuration → a free one; 443 is for root alone).
	Listen netip.Addr
	Ports  map[int]int
	// Source is added to every server line: what the instance's traffic comes from. The
	// zero value adds none.
	Source netip.Addr
	// Nameserver replaces the name servers of resolvers sections.
	Nameserver netip.AddrPort
	// HTTPSPort replaces port 443 of servers that are given by name.
	HTTPSPort int
	// Metadata replaces the instance metadata service, 169.254.169.254:80. The zero value
	// leaves it.
	Metadata netip.AddrPort
	// Root is put before the paths of files, which is where Written, the paths of the user
	// data's files, were really written. UNIX sockets become relative to it, since their
	// paths may be no longer than about a hundred bytes: it has to be HAProxy's working
	// directory.
	Root    string
	Written []string
}

// Apply returns the configuration with the substitutions made. Its error names the line
// that cannot be moved.
func (s *Substitution) Apply(config string) (string, error) {
	lines := strings.SplitAfter(config, "\n")
	section := ""
	for i, text := range lines {
		l := parseLine(text)
		if len(l.words) == 0 {
			continue
		}
		if isSection(l.word(0)) {
			section = l.word(0)
			continue
		}
		if err := s.edit(section, l); err != nil {
			return "", fmt.Errorf("line %d (%s): %w", i+1, strings.TrimSpace(text), err)
		}
		lines[i] = l.String()
	}
	return strings.Join(lines, ""), nil
}

func (s *Substitution) edit(section string, l *line) error {
	keyword := l.word(0)
	switch {
	case section == "global" && isProcessKeyword(keyword):
		// Who runs it, where it is locked in and whether it forks is not the configuration's
		// to say here.
		l.comment()
		return nil
	case isPathKeyword(keyword) && len(l.words) > 1:
		l.replace(1, s.path(l.word(1)))
	case section == "global" && keyword == "stats" && len(l.words) > 2 && l.word(1) == "socket":
		if path, ok := unixPath(l.word(2)); ok {
			l.replace(2, s.socket(path))
		}
	case section == "resolvers" && keyword == "nameserver" && len(l.words) > 2:
		l.replace(2, s.Nameserver.String())
	case section == "resolvers" && keyword == "parse-resolv-conf":
		l.replace(0, "nameserver sandbox "+s.Nameserver.String())
	case keyword == "bind" && len(l.words) > 1:
		if err := l.eachAddress(1, s.bindAddress); err != nil {
			return err
		}
	case section != "peers" && keyword == "server" && len(l.words) > 2:
		s.editServer(l, 2)
	case section != "peers" && keyword == "server-template" && len(l.words) > 3:
		s.editServer(l, 3)
	}
	s.editMetadata(l)
	s.editPaths(l)
	return nil
}

// editServer changes the server line whose address is word number address.
func (s *Substitution) editServer(l *line, address int) {
	if path, ok := unixPath(l.word(address)); ok {
		l.replace(address, s.socket(path))
		return
	}
	host, port, ok := strings.Cut(l.word(address), ":")
	if _, err := netip.ParseAddr(host); ok && err != nil && port == "443" {
		l.replace(address, host+":"+strconv.Itoa(s.HTTPSPort))
	}
	if !s.Source.IsValid() || staysOnInstance(l.word(address)) {
		return
	}
	for i := address + 1; i+1 < len(l.words); i++ {
		if l.word(i) == "source" {
			l.replace(i+1, s.Source.String())
			return
		}
	}
	last := len(l.words) - 1
	l.replace(last, l.current(last)+" source "+s.Source.String())
}

// staysOnInstance reports whether what goes to a server's address never leaves the
// instance, as the metadata service's calls do: its public address does not matter then.
func staysOnInstance(address string) bool {
	host, _, _ := strings.Cut(address, ":")
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLinkLocalUnicast() || ip.IsLoopback())
}

// editMetadata exchanges the metadata service where it is a server's address
// (169.254.169.254:80) or that of a check (addr 169.254.169.254 port 80).
func (s *Substitution) editMetadata(l *line) {
	if !s.Metadata.IsValid() {
		return
	}
	isMetadata := false
	for i := range l.words {
		switch word := l.word(i); {
		case word == netip.AddrPortFrom(MetadataAddress, 80).String():
			l.replace(i, s.Metadata.String())
		case word == MetadataAddress.String() && l.word(i-1) == "addr":
			l.replace(i, s.Metadata.Addr().String())
			isMetadata = true
		case word == "80" && isMetadata && l.word(i-1) == "port":
			l.replace(i, strconv.Itoa(int(s.Metadata.Port())))
		}
	}
}

// editPaths puts root before the files that a line reads: the user data's own, those of
// -f, and those of converters such as map_str(/path,…).
func (s *Substitution) editPaths(l *line) {
	for i := range l.words {
		word := l.current(i)
		switch {
		case slices.Contains(s.Written, word), l.word(i-1) == "-f":
			l.replace(i, s.path(word))
		default:
			if moved := s.movedMaps(word); moved != word {
				l.replace(i, moved)
			}
		}
	}
}

// movedMaps puts root before the file of each map converter in word: map(/path),
// map_str_int(/path,default), map_reg(/path) and the like.
func (s *Substitution) movedMaps(word string) string {
	var out strings.Builder
	rest := word
	for {
		at := strings.Index(rest, "(/")
		if at < 0 {
			out.WriteString(rest)
			return out.String()
		}
		name := rest[:at]
		name = name[strings.LastIndexFunc(name, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })+1:]
		out.WriteString(rest[:at+1])
		if name == "map" || strings.HasPrefix(name, "map_") {
			out.WriteString(s.Root)
		}
		rest = rest[at+1:]
	}
}

// path is where an absolute path of the instance is on this machine.
func (s *Substitution) path(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	return s.Root + path
}

func (s *Substitution) bindAddress(address string) (string, error) {
	if path, ok := unixPath(address); ok {
		return s.socket(path), nil
	}
	port, err := bindPort(address)
	if err != nil {
		return "", err
	}
	free, ok := s.Ports[port]
	if !ok {
		return "", fmt.Errorf("no port was set aside for %d", port)
	}
	return netip.AddrPortFrom(s.Listen, uint16(free)).String(), nil
}

// socket is the address of a UNIX socket, relative to the working directory.
func (s *Substitution) socket(path string) string {
	return "unix@" + strings.TrimPrefix(path, "/")
}

func isProcessKeyword(word string) bool {
	switch word {
	case "user", "group", "uid", "gid", "chroot", "daemon", "master-worker":
		return true
	}
	return false
}

// isPathKeyword reports whether a line's first argument is a file or folder that HAProxy
// itself makes or keeps.
func isPathKeyword(word string) bool {
	switch word {
	case "pidfile", "server-state-file", "server-state-base":
		return true
	}
	return false
}
