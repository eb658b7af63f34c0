package child

import (
	"os/exec"
	"runtime"
)

// Start starts a command that ends with this process, however that ends. gone is called once: with what Wait says when
// the command has ended, or with the error of Start if it could not be started.
func Start(cmd *exec.Cmd, gone func(error)) error {
	cmd.SysProcAttr = Attributes()
	started := make(chan error, 1)
	go func() {
		// The parent-death signal is sent when the thread that started the child ends: this one must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			err = cmd.Wait()
		}
		gone(err)
	}()
	return <-started
}
