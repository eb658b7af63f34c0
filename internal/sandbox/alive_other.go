//go:build !unix

package sandbox

// alive takes every process for a running one: nothing is removed then.
func alive(int) bool { return true }
