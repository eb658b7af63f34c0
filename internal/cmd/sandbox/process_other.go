//go:build !linux && unix

package main

import "syscall"

func commandAttributes(ownGroup bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: ownGroup}
}

func endWithGoRun() {}
