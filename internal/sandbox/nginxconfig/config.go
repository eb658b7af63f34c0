package nginxconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// temporaryDir is where a moved configuration buffers, below root.
const temporaryDir = "/var/lib/nginx"

// ListenPorts returns the TCP ports that a configuration file listens on, each once, in
// order.
func ListenPorts(config string) ([]int, error) {
	d, err := parse(config)
	if err != nil {
		return nil, err
	}
	var ports []int
	for _, x := range d.directives {
		address := d.word(x, 1)
		if d.word(x, 0) != "listen" || strings.HasPrefix(address, "unix:") {
			continue
		}
		port, _, err := listenPort(address)
		if err != nil {
			return nil, fmt.Errorf("line %d (%s): %w", d.line(x.from), d.text[x.from:x.to], err)
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

// Sockets returns the absolute paths of the UNIX sockets that a configuration file listens on.
func Sockets(config string) ([]string, error) {
	d, err := parse(config)
	if err != nil {
		return nil, err
	}
	var sockets []string
	for _, x := range d.directives {
		if socket, ok := strings.CutPrefix(d.word(x, 1), "unix:"); ok && d.word(x, 0) == "listen" && path.IsAbs(socket) {
			sockets = append(sockets, socket)
		}
	}
	return sockets, nil
}

// HasStream reports whether a configuration passes TCP connections on: it has a stream
// block. What cannot be parsed has none.
func HasStream(config string) bool {
	d, err := parse(config)
	return err == nil && slices.ContainsFunc(d.directives, func(x directive) bool { return x.opens && d.word(x, 0) == "stream" })
}

// Dirs returns the folders, absolute as on the instance, that a moved configuration writes
// into. Whoever starts nginx makes them below Root.
func Dirs(config string) ([]string, error) {
	d, err := parse(config)
	if err != nil {
		return nil, err
	}
	files, err := Sockets(config)
	if err != nil {
		return nil, err
	}
	for _, x := range d.directives {
		if file := d.word(x, 1); writesFile(d.word(x, 0)) && isPlainFile(file) {
			files = append(files, file)
		}
	}
	dirs := []string{"/run", temporaryDir}
	for _, file := range files {
		if dir := path.Dir(file); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}
