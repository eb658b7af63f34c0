package proxyfleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/haproxyconfig"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// haproxy is HAProxy with the user data's haproxy.cfg.
type haproxy struct {
	binary *tools.HAProxyBinary
	config string
}

// spareFiles is how many files HAProxy opens beside those of its connections, and some.
const spareFiles = 200

func (h *haproxy) ports() ([]int, error) {
	ports, err := haproxyconfig.ListenPorts(h.config)
	if err != nil {
		return nil, fmt.Errorf("haproxy.cfg: %w", err)
	}
	return ports, nil
}

func (h *haproxy) dirs() ([]string, error) { return haproxyconfig.SocketDirs(h.config), nil }

func (h *haproxy) sockets() ([]string, error) { return haproxyconfig.Sockets(h.config), nil }

func (h *haproxy) command(at place) (command, error) {
	s := haproxyconfig.Substitution{
		Listen: at.listen, Ports: at.ports, Source: at.source, Nameserver: at.nameserver, HTTPSPort: at.httpsPort,
		Metadata: at.metadata, Root: at.root, Written: at.written(),
	}
	config, err := s.Apply(h.config)
	if err != nil {
		return command{}, fmt.Errorf("haproxy.cfg: %w", err)
	}
	path := filepath.Join(at.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return command{}, err
	}
	argv := []string{h.binary.Path, "-db", "-f", path}
	// An instance may open more files than this machine lets a process.
	if files := maxOpenFiles(); files > 0 && 2*haproxyconfig.MaxConnections(h.config)+spareFiles > files {
		argv = append(argv, "-n", strconv.Itoa(max(1, (files-spareFiles)/2)))
	}
	return command{
		argv: argv, env: h.binary.Env, log: filepath.Join(at.dir, "haproxy.log"),
		relieve: func(pid int) []string { return []string{"-st", strconv.Itoa(pid)} },
	}, nil
}
