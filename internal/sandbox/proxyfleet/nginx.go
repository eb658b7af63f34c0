package proxyfleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/nginxconfig"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// nginx is nginx with the user data's nginx.conf and the files that it includes.
type nginx struct {
	find   func() (*tools.NginxBinary, error)
	main   file
	others []file // the other *.conf files below nginx' folder
}

// nginxOf returns the nginx that files configure: one of them is an nginx.conf, and there is
// a stream block in it or beside it.
func nginxOf(files []file) (*nginx, bool) {
	n := &nginx{}
	stream := false
	for _, f := range files {
		switch {
		case filepath.Base(f.path) == "nginx.conf":
			n.main = f
		case strings.HasPrefix(f.path, nginxconfig.ConfigDir+"/") && filepath.Ext(f.path) == ".conf":
			n.others = append(n.others, f)
		default:
			continue
		}
		stream = stream || nginxconfig.HasStream(string(f.content))
	}
	return n, stream && n.main.path != ""
}

// all are the configuration's files.
func (n *nginx) all() []file { return append([]file{n.main}, n.others...) }

func (n *nginx) ports() ([]int, error) {
	return collect(n.all(), nginxconfig.ListenPorts)
}

func (n *nginx) dirs() ([]string, error) {
	return collect(n.all(), nginxconfig.Dirs)
}

func (n *nginx) sockets() ([]string, error) {
	return collect(n.all(), nginxconfig.Sockets)
}

// collect joins what find finds in each file, each once.
func collect[T comparable](files []file, find func(config string) ([]T, error)) ([]T, error) {
	var all []T
	for _, f := range files {
		found, err := find(string(f.content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		for _, one := range found {
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all, nil
}

func (n *nginx) command(at place) (command, error) {
	binary, err := n.find()
	if err != nil {
		return command{}, err
	}
	s := nginxconfig.Substitution{
		Listen: at.listen, Ports: at.ports, Source: at.source, Nameserver: at.nameserver, HTTPSPort: at.httpsPort,
		Metadata: at.metadata, Root: at.root, Written: at.written(), Modules: binary.Modules,
	}
	for _, f := range n.others {
		config, err := s.ApplyIncluded(string(f.content))
		if err != nil {
			return command{}, fmt.Errorf("%s: %w", f.path, err)
		}
		if err := os.WriteFile(filepath.Join(at.root, f.path), []byte(config), f.mode); err != nil {
			return command{}, err
		}
	}
	config, err := s.Apply(string(n.main.content))
	if err != nil {
		return command{}, fmt.Errorf("%s: %w", n.main.path, err)
	}
	// One that was killed leaves its sockets, which nginx does not replace.
	sockets, err := n.sockets()
	if err != nil {
		return command{}, err
	}
	for _, socket := range sockets {
		if err := os.Remove(filepath.Join(at.root, socket)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return command{}, err
		}
	}
	path := filepath.Join(at.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return command{}, err
	}
	return command{
		argv: []string{binary.Path, "-e", "stderr", "-c", path}, env: binary.Env, log: filepath.Join(at.dir, "nginx.log"),
	}, nil
}
