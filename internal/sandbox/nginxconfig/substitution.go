// Package nginxconfig moves the nginx configuration of an EC2 instance to this machine, as
// package haproxyconfig does with HAProxy's: only addresses, ports, paths, the user, the
// name server and the modules to load are exchanged, and a source address is added.
package nginxconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ConfigDir is the folder on the instance that relative paths of a configuration begin at.
const ConfigDir = "/etc/nginx"

// Substitution is all that differs between an nginx configuration on an EC2 instance and
// the same one on this machine.
type Substitution struct {
	// Listen replaces the address of every listen directive, Ports its port (the port in
	// the configuration → a free one).
	Listen netip.Addr
	Ports  map[int]int
	// Source is what the instance's traffic comes from: it is bound for everything that is
	// passed on to another machine.
	Source netip.Addr
	// Nameserver replaces the addresses of resolver directives.
	Nameserver netip.AddrPort
	// HTTPSPort replaces port 443 of names: host:443, $variable:443.
	HTTPSPort int
	// Metadata replaces the instance metadata service, 169.254.169.254. The zero value
	// leaves it.
	Metadata netip.AddrPort
	// Root is put before the paths of files that nginx writes, and of Written, the paths of
	// the user data's files. UNIX sockets become relative to it: it has to be nginx's
	// working directory.
	Root    string
	Written []string
	// Modules are the dynamic modules to load in place of those that the configuration names.
	Modules []string
}

// Apply returns the main configuration file with the substitutions made, and everything
// else as it was, byte for byte.
func (s *Substitution) Apply(config string) (string, error) {
	moved, err := s.ApplyIncluded(config)
	if err != nil {
		return "", err
	}
	var prelude strings.Builder
	for _, module := range s.Modules {
		fmt.Fprintf(&prelude, "load_module %s; ", module)
	}
	// One process, so that none is left when it is killed.
	fmt.Fprintf(&prelude, "daemon off; master_process off; pid %s/run/nginx.pid;\n", s.Root)
	return prelude.String() + moved, nil
}

// ApplyIncluded does so with a file that the main one includes.
func (s *Substitution) ApplyIncluded(config string) (string, error) {
	d, err := parse(config)
	if err != nil {
		return "", err
	}
	e := &edits{}
	for _, x := range d.directives {
		if err := s.edit(d, x, e); err != nil {
			return "", fmt.Errorf("line %d (%s): %w", d.line(x.from), d.text[x.from:x.to], err)
		}
	}
	return e.apply(config), nil
}

func (s *Substitution) edit(d *document, x directive, e *edits) error {
	switch name := d.word(x, 0); {
	case x.parent < 0 && isProcessDirective(name):
		e.replace(span{x.from, x.to}, "")
		return nil
	case name == "include":
		s.editInclude(d, x, e)
		return nil
	case name == "listen":
		return s.editListen(d, x, e)
	case name == "resolver":
		s.editResolver(d, x, e)
		return nil
	case name == "proxy_bind" && s.Source.IsValid():
		e.replace(x.words[1], s.Source.String())
		return nil
	case name == "proxy_pass" && s.Source.IsValid() && !staysOnInstance(d.word(x, 1)) && !d.binds(x):
		e.insert(x.to, " proxy_bind "+s.Source.String()+";")
	case name == "http" && x.opens:
		e.insert(x.to, s.temporaryFolders(d))
	}
	s.editWords(d, x, e)
	return nil
}

// editInclude moves an include of the user data's own files, and drops one of the
// distribution's, which are not here.
func (s *Substitution) editInclude(d *document, x directive, e *edits) {
	pattern := absolute(d.word(x, 1))
	if slices.ContainsFunc(s.Written, func(written string) bool {
		matches, err := path.Match(pattern, written)
		return err == nil && matches
	}) {
		e.replace(x.words[1], s.Root+pattern)
		return
	}
	e.replace(span{x.from, x.to}, "")
}

func (s *Substitution) editListen(d *document, x directive, e *edits) error {
	address := d.word(x, 1)
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		e.replace(x.words[1], "unix:"+strings.TrimPrefix(socket, "/"))
		return nil
	}
	port, v6, err := listenPort(address)
	if err != nil {
		return err
	}
	if v6 { // the same port of IPv4 is beside it, or nobody asks for it here
		e.replace(span{x.from, x.to}, "")
		return nil
	}
	free, ok := s.Ports[port]
	if !ok {
		return fmt.Errorf("no port was set aside for %d", port)
	}
	e.replace(x.words[1], netip.AddrPortFrom(s.Listen, uint16(free)).String())
	return nil
}

func (s *Substitution) editResolver(d *document, x directive, e *edits) {
	replaced := false
	for n := 1; n < len(x.words); n++ {
		switch {
		case strings.Contains(d.word(x, n), "="): // a parameter
		case replaced:
			e.replace(x.words[n], "")
		default:
			e.replace(x.words[n], s.Nameserver.String())
			replaced = true
		}
	}
}

// byName matches a name, or a variable that holds one, with the port of HTTPS.
var byName = regexp.MustCompile(`^([A-Za-z$][\w.${}-]*):443$`)

// editWords changes what may be anywhere: HTTPS by name, the metadata service, paths.
func (s *Substitution) editWords(d *document, x directive, e *edits) {
	for n := 1; n < len(x.words); n++ {
		word := d.word(x, n)
		switch match := byName.FindStringSubmatch(word); {
		case match != nil:
			e.replace(x.words[n], match[1]+":"+strconv.Itoa(s.HTTPSPort))
		case s.Metadata.IsValid() && strings.Contains(word, metadataHost):
			moved := strings.ReplaceAll(word, metadataHost+":80", metadataHost)
			e.replace(x.words[n], strings.ReplaceAll(moved, metadataHost, s.Metadata.String()))
		case slices.Contains(s.Written, word), n == 1 && writesFile(d.word(x, 0)) && isPlainFile(word):
			e.replace(x.words[n], s.Root+word)
		}
	}
}

// metadataHost is the metadata service's address.
const metadataHost = "169.254.169.254"

// binds reports whether the block of x, or one around it, has a proxy_bind.
func (d *document) binds(x directive) bool {
	for at := x.parent; ; at = d.directives[at].parent {
		for _, other := range d.directives {
			if other.parent == at && d.word(other, 0) == "proxy_bind" {
				return true
			}
		}
		if at < 0 {
			return false
		}
	}
}

// staysOnInstance reports whether what is passed to target never leaves the instance.
func staysOnInstance(target string) bool {
	target = strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://")
	host, _, _ := strings.Cut(target, "/")
	host, _, _ = strings.Cut(host, ":")
	if host == "unix" || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLinkLocalUnicast() || ip.IsLoopback())
}

// temporaryFolders are the directives that put what nginx buffers below root, except for
// those that the configuration has.
func (s *Substitution) temporaryFolders(d *document) string {
	var out strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		name := kind + "_temp_path"
		if !slices.ContainsFunc(d.directives, func(x directive) bool { return d.word(x, 0) == name }) {
			fmt.Fprintf(&out, " %s %s%s/%s;", name, s.Root, temporaryDir, kind)
		}
	}
	return out.String()
}

// isProcessDirective reports whether a directive says who runs nginx, how many processes
// it has, or with which modules.
func isProcessDirective(name string) bool {
	switch name {
	case "user", "daemon", "master_process", "pid", "lock_file", "load_module", "worker_processes", "worker_rlimit_nofile":
		return true
	}
	return false
}

// writesFile reports whether a directive's argument is a file or folder that nginx makes.
func writesFile(name string) bool {
	return name == "access_log" || name == "error_log" || strings.HasSuffix(name, "_temp_path")
}

func isPlainFile(word string) bool {
	return strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "/dev/")
}

func absolute(file string) string {
	if strings.HasPrefix(file, "/") {
		return file
	}
	return ConfigDir + "/" + file
}

// listenPort returns the port of an address to listen on: "443", "*:443", "10.0.0.1:443",
// "[::]:443". An address without a port listens on 80.
func listenPort(address string) (port int, v6 bool, err error) {
	v6 = strings.HasPrefix(address, "[")
	digits := address
	if colon := strings.LastIndex(address, ":"); colon >= 0 && !strings.HasSuffix(address, "]") {
		digits = address[colon+1:]
	} else if v6 || strings.Contains(address, ".") {
		return 80, v6, nil
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || number == 0 {
		return 0, v6, errors.New("the sandbox listens on ADDRESS:PORT and UNIX sockets only")
	}
	return int(number), v6, nil
}
