package datapathbench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// reloadSignal has HAProxy's master start a new worker.
const reloadSignal = unix.SIGUSR2

// processorTime is what processes have used so far, user and system, to the nanosecond: /proc/<pid>/stat counts in
// steps of 10 ms.
func processorTime(pids ...int) (total time.Duration, _ error) {
	for _, pid := range pids {
		var used unix.Timespec
		// The clock of another process is the complement of its id, with CPUCLOCK_SCHED (2) in the low bits:
		// clock_getcpuclockid(3) makes it so.
		if err := unix.ClockGettime(int32(^pid)<<3|2, &used); err != nil {
			return 0, fmt.Errorf("reading the clock of process %d: %w", pid, err)
		}
		total += time.Duration(used.Nano())
	}
	return total, nil
}

// ownProcessorTime is what this process has used so far.
func ownProcessorTime() (time.Duration, error) { return processorTime(os.Getpid()) }

// residentBytes is the resident memory of processes; what they share counts for each.
func residentBytes(pids ...int) (total int64, _ error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			return 0, fmt.Errorf("process %d: unexpected %q", pid, text)
		}
		pages, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		total += pages * int64(os.Getpagesize())
	}
	return total, nil
}

// children are the processes that a process with one thread has started and that live.
func children(pid int) (pids []int, _ error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("children of process %d: %w", pid, err)
		}
		pids = append(pids, child)
	}
	return pids, nil
}
