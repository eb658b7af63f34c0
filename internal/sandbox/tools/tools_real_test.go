package tools

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// buildDir is the checkout's build directory: what a test brings there serves the
// next test too.
var buildDir = filepath.Join("..", "..", "..", ".build")

func TestHAProxy(t *testing.T) {
	t.Parallel()
	found, err := HAProxy(context.Background(), buildDir)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("haproxy %s at %s", found.Version, found.Path)
}

func TestNginx(t *testing.T) {
	t.Parallel()
	found, err := Nginx(context.Background(), buildDir)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("nginx %s at %s, modules %v", found.Version, found.Path, found.Modules)
}

func TestMoto(t *testing.T) {
	t.Parallel()
	argv, err := Moto(context.Background(), buildDir)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(context.Background(), "", nil, argv[0], append(argv[1:], "--help")...); err != nil {
		t.Error(err)
	}
}
