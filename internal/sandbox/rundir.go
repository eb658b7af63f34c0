package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// keptRuns is how many folders of ended runs stay, for those who look for the reason of
// a failure.
const keptRuns = 4

// newRunDir makes a folder for one run, with the process id in its name, and removes
// those of long ended ones.
func newRunDir(buildDir string) (string, error) {
	parent, err := filepath.Abs(filepath.Join(buildDir, "sandbox"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("making the sandbox's folder: %w", err)
	}
	if err := removeOldRuns(parent); err != nil {
		return "", fmt.Errorf("removing the folders of ended runs: %w", err)
	}
	dir, err := os.MkdirTemp(parent, fmt.Sprintf("run-%d-", os.Getpid()))
	if err != nil {
		return "", fmt.Errorf("making the run's folder: %w", err)
	}
	return dir, nil
}

func removeOldRuns(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	type run struct {
		path string
		made int64
	}
	var ended []run
	for _, entry := range entries {
		part := strings.Split(entry.Name(), "-")
		if len(part) != 3 || part[0] != "run" {
			continue
		}
		pid, err := strconv.Atoi(part[1])
		info, infoErr := entry.Info()
		if err != nil || infoErr != nil || alive(pid) {
			continue
		}
		ended = append(ended, run{filepath.Join(parent, entry.Name()), info.ModTime().UnixNano()})
	}
	slices.SortFunc(ended, func(a, b run) int { return int(b.made/1e6 - a.made/1e6) })
	var failed error
	for _, old := range ended[min(keptRuns, len(ended)):] {
		failed = errors.Join(failed, os.RemoveAll(old.path))
	}
	return failed
}
