//go:build !linux

package moto

import (
	"os"
	"syscall"
)

// processAttributes: no other system has a parent-death signal, so there the server
// outlives a killed parent.
func processAttributes() *syscall.SysProcAttr { return nil }

func terminate(p *os.Process) { _ = p.Signal(os.Interrupt) }

func kill(p *os.Process) { _ = p.Kill() }
