package proxyfleet

import (
	"os"
	"syscall"
)

// processAttributes put a proxy in a process group of its own, since a Ctrl-C at the
// terminal is for the command that the sandbox runs, and let the kernel end it if the
// sandbox is killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
