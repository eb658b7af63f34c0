package bench

import (
	"fmt"
	"io"
	"time"
)

// Steps prints what a bench does, with times, while it does it.
type Steps struct {
	out   io.Writer
	start time.Time
}

// NewSteps starts the clock of a bench whose steps are printed to out.
func NewSteps(out io.Writer) *Steps { return &Steps{out: out, start: time.Now()} }

// Do runs one step. Its error names the step.
func (s *Steps) Do(what string, do func() error) error {
	begin := time.Now()
	s.print("%s …", what)
	if err := do(); err != nil {
		s.print("%s: FAILED after %.1fs", what, time.Since(begin).Seconds())
		return fmt.Errorf("%s: %w", what, err)
	}
	s.print("%s: done in %.1fs", what, time.Since(begin).Seconds())
	return nil
}

// Note prints something that a reader of the numbers should know.
func (s *Steps) Note(format string, args ...any) { s.print(format, args...) }

func (s *Steps) print(format string, args ...any) {
	fmt.Fprintf(s.out, "[%6.1fs] %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...))
}
