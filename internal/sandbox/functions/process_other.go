//go:build !linux

package functions

import (
	"os"
	"syscall"
)

// processAttributes are the defaults: only Linux ends children with their parent.
func processAttributes() *syscall.SysProcAttr { return nil }

// killGroup ends the process.
func killGroup(p *os.Process) { _ = p.Kill() }
