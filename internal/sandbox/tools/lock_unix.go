//go:build unix

package tools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock takes the exclusive lock of one tool in the build directory, so that two
// processes do not bring the same tool at once. The kernel lets go of it when the
// process dies.
func lock(buildDir, tool string) (unlock func(), err error) {
	if err := os.MkdirAll(buildDir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(buildDir, "."+tool+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}
