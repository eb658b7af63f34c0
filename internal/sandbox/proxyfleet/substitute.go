package proxyfleet

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// substitution is all that differs between a HAProxy configuration on an EC2 instance
// and the same one on this machine.
type substitution struct {
	// listen replaces the address of every bind line, ports its port (the port in the
	// configuration → a free one; 443 is for root alone).
	listen netip.Addr
	ports  map[int]int
	// source is added to every server line: what the instance's traffic comes from.
	source netip.Addr
	// nameserver replaces the name servers of resolvers sections.
	nameserver netip.AddrPort
	// httpsPort replaces port 443 of servers that are given by name.
	httpsPort int
	// root is put before the paths of files and sockets, which is where written, the
	// paths of the user data's files, were really written.
	root    string
	written []string
}

// apply returns the configuration with the substitutions made, and everything else
// as it was, byte for byte.
func (s *substitution) apply(config string) (string, error) {
	lines := strings.SplitAfter(config, "\n")
	section := ""
	for i, line := range lines {
		l := parseLine(line)
		if len(l.words) == 0 {
			continue
		}
		if isSection(l.word(0)) {
			section = l.word(0)
			continue
		}
		if err := s.edit(section, l); err != nil {
			return "", fmt.Errorf("line %d (%s): %w", i+1, strings.TrimSpace(line), err)
		}
		lines[i] = l.String()
	}
	return strings.Join(lines, ""), nil
}

// listenPorts returns the ports that a configuration listens on, each once, in order.
func listenPorts(config string) ([]int, error) {
	var ports []int
	collect := func(address string) (string, error) {
		port, err := bindPort(address)
		if err == nil && port != 0 && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
		return address, err
	}
	for i, line := range strings.SplitAfter(config, "\n") {
		l := parseLine(line)
		if len(l.words) < 2 || l.word(0) != "bind" {
			continue
		}
		if err := l.eachAddress(1, collect); err != nil {
			return nil, fmt.Errorf("line %d (%s): %w", i+1, strings.TrimSpace(line), err)
		}
	}
	return ports, nil
}

func (s *substitution) edit(section string, l *line) error {
	switch {
	case section == "global" && isProcessKeyword(l.word(0)):
		// Who runs it, where it is locked in and whether it forks is the sandbox's to say.
		l.comment()
		return nil
	case section == "global" && l.word(0) == "pidfile" && len(l.words) > 1:
		l.replace(1, s.root+l.word(1))
	case section == "global" && l.word(0) == "stats" && len(l.words) > 2 && l.word(1) == "socket":
		if path, ok := unixPath(l.word(2)); ok {
			l.replace(2, s.socket(path))
		}
	case section == "resolvers" && l.word(0) == "nameserver" && len(l.words) > 2:
		l.replace(2, s.nameserver.String())
	case section == "resolvers" && l.word(0) == "parse-resolv-conf":
		l.replace(0, "nameserver sandbox "+s.nameserver.String())
	case l.word(0) == "bind" && len(l.words) > 1:
		if err := l.eachAddress(1, s.bindAddress); err != nil {
			return err
		}
	case section != "peers" && l.word(0) == "server" && len(l.words) > 2:
		s.editServer(l, 2)
	case section != "peers" && l.word(0) == "server-template" && len(l.words) > 3:
		s.editServer(l, 3)
	}
	for i := range l.words {
		if slices.Contains(s.written, l.word(i)) {
			l.replace(i, s.root+l.word(i))
		}
	}
	return nil
}

// editServer changes the server line whose address is word number address.
func (s *substitution) editServer(l *line, address int) {
	host, port, ok := strings.Cut(l.word(address), ":")
	if _, err := netip.ParseAddr(host); ok && err != nil && port == "443" {
		l.replace(address, host+":"+strconv.Itoa(s.httpsPort))
	}
	for i := address + 1; i+1 < len(l.words); i++ {
		if l.word(i) == "source" {
			l.replace(i+1, s.source.String())
			return
		}
	}
	l.replace(len(l.words)-1, l.word(len(l.words)-1)+" source "+s.source.String())
}

func (s *substitution) bindAddress(address string) (string, error) {
	if path, ok := unixPath(address); ok {
		return s.socket(path), nil
	}
	port, err := bindPort(address)
	if err != nil {
		return "", err
	}
	free, ok := s.ports[port]
	if !ok {
		return "", fmt.Errorf("no port was set aside for %d", port)
	}
	return netip.AddrPortFrom(s.listen, uint16(free)).String(), nil
}

// socket is a path for a UNIX socket, which may be no longer than about a hundred
// bytes. So it is relative: the proxy's working directory is root.
func (s *substitution) socket(path string) string {
	return "unix@" + strings.TrimPrefix(path, "/")
}

// unixPath returns the path of a UNIX socket's address.
func unixPath(address string) (string, bool) {
	if path, ok := strings.CutPrefix(address, "unix@"); ok {
		return path, true
	}
	return address, strings.HasPrefix(address, "/")
}

// bindPort returns the port of an address to listen on (":443", "*:443",
// "ipv4@10.0.0.1:443", ":::443"); 0 for a UNIX socket.
func bindPort(address string) (int, error) {
	if _, ok := unixPath(address); ok {
		return 0, nil
	}
	colon := strings.LastIndex(address, ":")
	port, err := strconv.ParseUint(address[colon+1:], 10, 16)
	if colon < 0 || err != nil || port == 0 {
		return 0, fmt.Errorf("the sandbox cannot listen on %q: it takes ADDRESS:PORT and UNIX sockets", address)
	}
	return int(port), nil
}

func isSection(word string) bool {
	switch word {
	case "global", "defaults", "frontend", "backend", "listen", "resolvers", "peers", "userlist",
		"mailers", "program", "cache", "ring", "log-forward", "http-errors", "fcgi-app", "crt-store", "traces":
		return true
	}
	return false
}

func isProcessKeyword(word string) bool {
	switch word {
	case "user", "group", "uid", "gid", "chroot", "daemon", "master-worker":
		return true
	}
	return false
}

// socketDirs are the folders, relative to root, that the configuration's UNIX sockets
// and pid file need.
func socketDirs(config string) []string {
	var dirs []string
	for _, line := range strings.SplitAfter(config, "\n") {
		l := parseLine(line)
		var path string
		switch {
		case len(l.words) > 1 && l.word(0) == "pidfile":
			path = l.word(1)
		case len(l.words) > 2 && l.word(0) == "stats" && l.word(1) == "socket":
			path, _ = unixPath(l.word(2))
		case len(l.words) > 1 && l.word(0) == "bind":
			path, _ = unixPath(l.word(1))
		}
		if filepath.IsAbs(path) {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

// line is one line of a configuration, cut so that single words can be exchanged.
type line struct {
	text    string
	words   []span
	changed map[int]string
	prefix  string
}

// span is the half-open range of bytes of a word.
type span struct{ from, to int }

// parseLine finds the words of a line as HAProxy does: separated by blanks that are
// neither quoted nor escaped, up to a comment.
func parseLine(text string) *line {
	l := &line{text: text, changed: map[int]string{}}
	start, quote := -1, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'
		switch {
		case quote == '\'' && c != '\'', quote == '"' && c != '"' && c != '\\':
			continue
		case quote != 0 && c == quote:
			quote = 0
			continue
		case c == '#' || blank:
			if start >= 0 {
				l.words = append(l.words, span{start, i})
				start = -1
			}
			if c == '#' {
				return l
			}
			continue
		}
		if start < 0 {
			start = i
		}
		switch c {
		case '"', '\'':
			quote = c
		case '\\':
			i++
		}
	}
	if start >= 0 {
		l.words = append(l.words, span{start, len(text)})
	}
	return l
}

// word returns word number i as it is written.
func (l *line) word(i int) string { return l.text[l.words[i].from:l.words[i].to] }

// replace exchanges word number i.
func (l *line) replace(i int, word string) { l.changed[i] = word }

// comment turns the line into a comment.
func (l *line) comment() { l.prefix = "# " }

// eachAddress maps each address of the comma-separated list that is word number i.
func (l *line) eachAddress(i int, f func(string) (string, error)) error {
	addresses := strings.Split(l.word(i), ",")
	for n, address := range addresses {
		mapped, err := f(address)
		if err != nil {
			return err
		}
		addresses[n] = mapped
	}
	l.replace(i, strings.Join(addresses, ","))
	return nil
}

// String returns the line with its changes.
func (l *line) String() string {
	var out strings.Builder
	out.WriteString(l.prefix)
	end := 0
	for i, w := range l.words {
		if word, ok := l.changed[i]; ok {
			out.WriteString(l.text[end:w.from])
			out.WriteString(word)
			end = w.to
		}
	}
	out.WriteString(l.text[end:])
	return out.String()
}
