package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the one that the children of its dead children fall
// to, so that nothing it started can leave its sight.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// descendants lists the processes that this one started, directly or not, and that still
// run; those that have ended and fell to this one are laid to rest.
func descendants() ([]string, error) {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 || err != nil {
			break
		}
	}
	return children(os.Getpid())
}

func children(pid int) ([]string, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child))
			found = append(found, fmt.Sprintf("%d %s", child, strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))))
			below, err := children(child)
			if err != nil {
				return nil, err
			}
			found = append(found, below...)
		}
	}
	return found, nil
}
