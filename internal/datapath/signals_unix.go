//go:build unix

package datapath

import "syscall"

// The signals by which HAProxy's master process is told what to do.
const (
	signalReload   = syscall.SIGUSR2
	signalSoftStop = syscall.SIGUSR1
)
