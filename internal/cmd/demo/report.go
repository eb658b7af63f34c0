package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// errSkipped marks a check that could not be made here; the text behind it says why.
var errSkipped = errors.New("skipped")

// outcome is one line of the final table.
type outcome struct {
	name   string
	err    error
	took   time.Duration
	detail string
}

// report prints steps as they run and keeps the checks for the table.
type report struct {
	out    io.Writer
	start  time.Time
	checks []outcome
	// example is what was applied and why that; proxy is what carried the queries.
	example, proxy string
}

func newReport(out io.Writer) *report {
	return &report{out: out, start: time.Now(), example: "example: none", proxy: "none"}
}

// step runs a step that is no check by itself, and prints it with its time.
func (r *report) step(what string, do func() error) error {
	fmt.Fprintf(r.out, "[%6.1fs] %s …\n", time.Since(r.start).Seconds(), what)
	begin := time.Now()
	err := do()
	if err != nil {
		fmt.Fprintf(r.out, "[%6.1fs] %s: FAILED after %.1fs\n", time.Since(r.start).Seconds(), what, time.Since(begin).Seconds())
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Fprintf(r.out, "[%6.1fs] %s: done in %.1fs\n", time.Since(r.start).Seconds(), what, time.Since(begin).Seconds())
	return nil
}

// check runs a check and keeps its outcome; what it returns as detail stands in the table.
func (r *report) check(name string, do func() (detail string, err error)) {
	begin := time.Now()
	fmt.Fprintf(r.out, "[%6.1fs] check %s …\n", time.Since(r.start).Seconds(), name)
	detail, err := do()
	o := outcome{name: name, err: err, took: time.Since(begin), detail: detail}
	r.checks = append(r.checks, o)
	fmt.Fprintf(r.out, "[%6.1fs] check %s: %s in %.1fs\n", time.Since(r.start).Seconds(), name, o.verdict(), o.took.Seconds())
	if err != nil && !errors.Is(err, errSkipped) {
		fmt.Fprintln(r.out, indent(err.Error()))
	}
}

func (o outcome) verdict() string {
	switch {
	case o.err == nil:
		return "ok"
	case errors.Is(o.err, errSkipped):
		return "skipped"
	default:
		return "FAILED"
	}
}

// table prints the checks, what was applied and what carried the queries, and the closing
// line. It reports whether nothing failed.
func (r *report) table() bool {
	var passed, failed, skipped int
	fmt.Fprintln(r.out)
	for _, o := range r.checks {
		detail := o.detail
		switch o.verdict() {
		case "ok":
			passed++
		case "skipped":
			skipped++
			detail = o.err.Error()
		default:
			failed++
			detail, _, _ = strings.Cut(o.err.Error(), "\n")
		}
		fmt.Fprintf(r.out, "%-20s %-7s %6.1fs  %s\n", o.name, o.verdict(), o.took.Seconds(), detail)
	}
	fmt.Fprintln(r.out, r.example)
	fmt.Fprintf(r.out, "proxy: %s\n", r.proxy)
	fmt.Fprintf(r.out, "total: %.0fs\n", time.Since(r.start).Seconds())
	fmt.Fprintf(r.out, "demo: %d passed, %d failed, %d skipped\n", passed, failed, skipped)
	return failed == 0 && passed > 0
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
