//go:build !linux

package child

import (
	"os"
	"syscall"
)

// Attributes are the defaults: no other system has a parent-death signal, so there a
// process outlives a killed sandbox.
func Attributes() *syscall.SysProcAttr { return nil }

// Terminate asks the process to end.
func Terminate(p *os.Process) { _ = p.Signal(os.Interrupt) }

// Kill ends the process at once.
func Kill(p *os.Process) { _ = p.Kill() }
