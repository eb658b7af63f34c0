package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// patience is how many signals a command gets as they are; the next one kills it.
const patience = 2

// execute runs a command to its end, passing signals on to it, and returns its exit
// status. The clouds stay up meanwhile: an interrupted terraform still finishes its last
// writes.
func execute(command, env []string, signals <-chan os.Signal, stderr io.Writer) int {
	// At a terminal the command must be in the terminal's own process group, or it could
	// not read from it; Ctrl-C then reaches it without us.
	atTerminal := ownsTerminal()
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = env
	cmd.SysProcAttr = commandAttributes(!atTerminal)
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The kernel signals the command when the thread that started it ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return exitUnknown
		}
		return exitCannot
	}
	for received := 0; ; {
		select {
		case err := <-ended:
			return exitStatus(err)
		case got := <-signals:
			received++
			switch {
			case received > patience:
				kill(cmd.Process, !atTerminal)
			case got == os.Interrupt && atTerminal:
				// Sent once by the terminal; twice would be terraform's "at once".
			default:
				pass(cmd.Process, got, !atTerminal)
			}
		}
	}
}

// exitStatus is a shell's: the command's own, or 128 and the signal that ended it.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return exitFailed
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return exit.ExitCode()
}
