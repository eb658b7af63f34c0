package moto

import (
	"os"
	"syscall"
)

// processAttributes put the server in a group of its own (a Ctrl-C meant for us
// must not stop it before we do) and have the kernel end it if we are killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
