//go:build unix

package proxyfleet

import "syscall"

// maxOpenFiles is how many files a process of this machine may open at most; 0 means that
// nobody knows.
func maxOpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Max, 1<<30))
}
