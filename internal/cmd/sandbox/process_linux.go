package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// commandAttributes have the kernel end the command if the sandbox is killed.
func commandAttributes(ownGroup bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: ownGroup, Pdeathsig: syscall.SIGTERM}
}

// endWithGoRun has the kernel hang up when `go run` is killed, which does not pass on what
// killed it.
func endWithGoRun() {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil || !bytes.Equal(bytes.TrimSpace(name), []byte("go")) {
		return
	}
	// Without it the sandbox runs on until its command ends, as on other systems.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGHUP), 0, 0, 0)
}
