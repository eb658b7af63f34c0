//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownsTerminal reports whether this process is in the foreground of a terminal.
func ownsTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

// pass passes a signal on. An interrupt goes to all of the command's group, as a terminal
// sends it; other signals go to the command alone, since provider plugins ignore an
// interrupt and nothing else.
func pass(p *os.Process, s os.Signal, ownGroup bool) {
	number, ok := s.(syscall.Signal)
	if !ok {
		return
	}
	if number == syscall.SIGINT && ownGroup {
		_ = syscall.Kill(-p.Pid, number)
		return
	}
	_ = syscall.Kill(p.Pid, number)
}

// kill ends the command, with all of its group if it has one.
func kill(p *os.Process, ownGroup bool) {
	if ownGroup {
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
		return
	}
	_ = p.Kill()
}
