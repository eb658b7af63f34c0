//go:build !unix

package datapath

import "syscall"

// No HAProxy runs here, so none is ever signalled.
const signalReload, signalSoftStop = syscall.SIGINT, syscall.SIGINT
