package child

import (
	"os"
	"syscall"
)

// Attributes put a process in a group of its own, since a Ctrl-C at the terminal is for
// the command that the sandbox runs, and have the kernel end it if the sandbox is killed.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Terminate asks the process, and what it started, to end.
func Terminate(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

// Kill ends the process, and what it started, at once.
func Kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
