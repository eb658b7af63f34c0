//go:build !linux

package proxyfleet

import (
	"os"
	"syscall"
)

func processAttributes() *syscall.SysProcAttr { return nil }

func terminate(p *os.Process) { _ = p.Signal(os.Interrupt) }

func kill(p *os.Process) { _ = p.Kill() }
