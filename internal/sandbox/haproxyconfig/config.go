package haproxyconfig

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ListenPorts returns the TCP ports that a configuration listens on, each once, in order.
func ListenPorts(config string) ([]int, error) {
	var ports []int
	collect := func(address string) (string, error) {
		port, err := bindPort(address)
		if err == nil && port != 0 && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
		return address, err
	}
	for i, text := range strings.SplitAfter(config, "\n") {
		l := parseLine(text)
		if len(l.words) < 2 || l.word(0) != "bind" {
			continue
		}
		if err := l.eachAddress(1, collect); err != nil {
			return nil, fmt.Errorf("line %d (%s): %w", i+1, strings.TrimSpace(text), err)
		}
	}
	return ports, nil
}

// SocketDirs returns the folders, absolute as on the instance, in which a configuration
// makes UNIX sockets or keeps its pid file and its servers' state. Whoever starts HAProxy
// makes them below Root.
func SocketDirs(config string) []string {
	var dirs []string
	add := func(dir string) {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, text := range strings.SplitAfter(config, "\n") {
		l := parseLine(text)
		switch {
		case len(l.words) < 2:
		case l.word(0) == "server-state-base":
			add(l.word(1))
		case isPathKeyword(l.word(0)):
			add(filepath.Dir(l.word(1)))
		case l.word(0) == "stats" && l.word(1) == "socket" && len(l.words) > 2:
			if path, ok := unixPath(l.word(2)); ok {
				add(filepath.Dir(path))
			}
		case l.word(0) == "bind":
			for address := range strings.SplitSeq(l.word(1), ",") {
				if path, ok := unixPath(address); ok {
					add(filepath.Dir(path))
				}
			}
		}
	}
	return dirs
}

// Sockets returns the absolute paths of the UNIX sockets that a configuration serves
// clients on.
func Sockets(config string) []string {
	var sockets []string
	for text := range strings.SplitSeq(config, "\n") {
		l := parseLine(text)
		if l.word(0) != "bind" {
			continue
		}
		for address := range strings.SplitSeq(l.word(1), ",") {
			if path, ok := unixPath(address); ok && filepath.IsAbs(path) {
				sockets = append(sockets, path)
			}
		}
	}
	return sockets
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
