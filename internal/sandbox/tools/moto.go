package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MotoVersion is the version of moto that the sandbox is written and tested against.
const MotoVersion = "5.2.1"

// motoProbe prints the interpreter's own path and moto's version. It fails where moto came
// without its "server" extra, of which flask is a part. It imports neither: that takes a
// second.
const motoProbe = `import sys
from importlib.metadata import version
version("flask")
print(sys.executable)
print(version("moto"))`

// Moto returns the command that serves moto, without its options (-H, -p). It is
// the machine's own moto where python3 has exactly MotoVersion with the "server"
// extra; else one in a virtual environment in buildDir, which is made if need be.
// An error is ErrUnavailable.
func Moto(ctx context.Context, buildDir string) (argv []string, err error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, motoUnavailable(err)
	}
	if argv, err := probeMoto(ctx, python); err == nil {
		return argv, nil
	}
	// Python finds the base interpreter of a virtual environment by its own path.
	if buildDir, err = filepath.Abs(buildDir); err != nil {
		return nil, motoUnavailable(err)
	}
	unlock, err := lock(buildDir, "moto")
	if err != nil {
		return nil, motoUnavailable(err)
	}
	defer unlock()
	venv := filepath.Join(buildDir, "moto-"+MotoVersion)
	own := filepath.Join(venv, "bin", "python3")
	if argv, err := probeMoto(ctx, own); err == nil {
		return argv, nil
	}
	if err := makeMoto(ctx, python, venv); err != nil {
		return nil, motoUnavailable(errors.Join(err, os.RemoveAll(venv)))
	}
	argv, err = probeMoto(ctx, own)
	if err != nil {
		return nil, motoUnavailable(err)
	}
	return argv, nil
}

func makeMoto(ctx context.Context, python, venv string) error {
	if err := os.RemoveAll(venv); err != nil {
		return err
	}
	if _, err := run(ctx, "", nil, python, "-m", "venv", venv); err != nil {
		return fmt.Errorf("making a virtual environment in %s: %w", venv, err)
	}
	requirement := "moto[server]==" + MotoVersion
	_, err := run(ctx, "", nil, filepath.Join(venv, "bin", "python3"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement)
	if err != nil {
		return fmt.Errorf("installing %s into %s: %w", requirement, venv, err)
	}
	return nil
}

func probeMoto(ctx context.Context, python string) ([]string, error) {
	out, err := run(ctx, "", nil, python, "-c", motoProbe)
	if err != nil {
		return nil, err
	}
	line := strings.Fields(out)
	if len(line) != 2 || line[1] != MotoVersion {
		return nil, fmt.Errorf("%s has another moto: %q", python, out)
	}
	// The interpreter itself, not a shim before it: the process that is started must
	// be the one that serves.
	return []string{line[0], "-m", "moto.server"}, nil
}

func motoUnavailable(cause error) error {
	return &unavailable{
		tool:    "moto " + MotoVersion,
		install: fmt.Sprintf("Install Python 3 with its venv module (Debian, Ubuntu: apt install python3-venv) and let it reach a package index, or run: pip install 'moto[server]==%s'.", MotoVersion),
		cause:   cause,
	}
}
