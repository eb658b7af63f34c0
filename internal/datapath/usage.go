package datapath

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a proxy has used of its machine.
type Usage struct {
	// CPU is the processor time of the master and of all workers, those included that have
	// ended, since the start. The kernel counts in steps of 10 ms.
	CPU time.Duration
	// RSS is the resident memory of all workers, in bytes; what they share counts for each.
	RSS int64
}

// ticksPerSecond is the kernel's USER_HZ, 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// process is one line of /proc/<pid>/stat.
type process struct {
	pid, parent int
	// cpu is its own time and that of its children that were waited for.
	cpu   time.Duration
	ended bool
}

// Usage reads what the proxy has used so far.
func (p *Proxy) Usage() (Usage, error) {
	master, err := readProcess(p.master.Pid)
	if err != nil {
		return Usage{}, err
	}
	usage := Usage{CPU: master.cpu}
	workers, err := p.workers()
	if err != nil {
		return Usage{}, err
	}
	for _, worker := range workers {
		usage.CPU += worker.cpu
		rss, err := residentBytes(worker.pid)
		if err != nil {
			return Usage{}, err
		}
		usage.RSS += rss
	}
	return usage, nil
}

// Workers are the process ids of the workers that live: more than one while old ones still
// have connections after a reload.
func (p *Proxy) Workers() ([]int, error) {
	workers, err := p.workers()
	pids := make([]int, 0, len(workers))
	for _, worker := range workers {
		pids = append(pids, worker.pid)
	}
	return pids, err
}

func (p *Proxy) workers() ([]process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var workers []process
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		// A process may end between the list and the look.
		if process, err := readProcess(pid); err == nil && process.parent == p.master.Pid && !process.ended {
			workers = append(workers, process)
		}
	}
	return workers, nil
}

// readProcess reads the parts of /proc/<pid>/stat that matter here; proc(5) numbers them.
func readProcess(pid int) (process, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The second field is a name in brackets that may hold blanks; the third is next.
	_, rest, ok := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return process{}, fmt.Errorf("process %d: unexpected %q", pid, data)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	var ticks int64
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return process{}, fmt.Errorf("process %d: %w", pid, err)
		}
		ticks += n
	}
	return process{
		pid: pid, parent: parent, ended: fields[0] == "Z" || fields[0] == "X",
		cpu: time.Duration(ticks) * time.Second / ticksPerSecond,
	}, nil
}

// catches reports whether a process has a handler for a signal.
func catches(pid int, signal syscall.Signal) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			caught, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && caught>>(signal-1)&1 == 1
		}
	}
	return false
}

// residentBytes is a process' resident memory.
func residentBytes(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("process %d: unexpected %q", pid, data)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
