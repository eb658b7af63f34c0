package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// journal is a file that lists, one a line, what exists in a cloud now.
type journal struct {
	path string

	mu    sync.Mutex
	lines []string
}

// openJournal reads what an earlier run left in the file; it need not exist. An empty path keeps no journal.
func openJournal(path string) (*journal, error) {
	j := &journal{path: path}
	if path == "" {
		return j, nil
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading what an earlier run left: %w", err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line != "" {
			j.lines = append(j.lines, line)
		}
	}
	return j, nil
}

func (j *journal) add(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	return j.write()
}

func (j *journal) remove(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if at := slices.Index(j.lines, line); at >= 0 {
		j.lines = slices.Delete(j.lines, at, at+1)
	}
	return j.write()
}

// write replaces the file, or removes it once nothing is left. The caller holds mu.
func (j *journal) write() error {
	if j.path == "" {
		return nil
	}
	if len(j.lines) == 0 {
		if err := os.Remove(j.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("writing what is there: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o755); err != nil {
		return fmt.Errorf("writing what is there: %w", err)
	}
	return replaceFile(j.path, []byte(strings.Join(j.lines, "\n")+"\n"))
}

// replaceFile writes a file in one step, so that whoever reads it sees the old or the new whole.
func replaceFile(path string, content []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}
