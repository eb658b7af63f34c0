//go:build !unix

package proxyfleet

// maxOpenFiles is how many files a process of this machine may open at most; 0 means that
// nobody knows.
func maxOpenFiles() int { return 0 }
