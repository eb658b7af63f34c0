package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Environment is what a bench may use.
type Environment struct {
	// BuildDir is the absolute path of the folder for everything that is built or run.
	BuildDir string
	// Quick asks for every row, from samples too short to mean anything: to see that a bench works.
	Quick bool
	// Steps says what is being done.
	Steps *Steps
}

// Bench is a set of measurements that belong together.
type Bench struct {
	// Name is what it is called by, and its file of results is named after.
	Name string
	// Aims are what some of its rows have to reach.
	Aims []Aim
	// Measure returns the rows that could be measured, and what went wrong with the others.
	Measure func(ctx context.Context, env Environment) ([]Row, error)
}

// MissedError is an aim that was missed. Got is the number that its bound is about; nil when it was not measured.
type MissedError struct {
	Aim
	Got *float64
}

func (e *MissedError) Error() string {
	if e.Got == nil {
		return fmt.Sprintf("%s was not measured; %s must be %s: %s", e.Row, e.Bound.figure(), e.Bound.limit(), e.Because)
	}
	return fmt.Sprintf("%s: %s is %s and must be %s: %s", e.Row, e.Bound.figure(), number(e.Got), e.Bound.limit(), e.Because)
}

// missed are the aims that the rows miss.
func missed(aims []Aim, rows []Row) error {
	var all []error
	for _, aim := range aims {
		miss := &MissedError{Aim: aim}
		for _, r := range rows {
			if r.Name == aim.Row {
				miss.Got = aim.Bound.of(r)
			}
		}
		if miss.Got == nil || !aim.Bound.holds(*miss.Got) {
			all = append(all, miss)
		}
	}
	return errors.Join(all...)
}

// Run measures, prints the table to out, and writes the rows to bench/NAME.json in buildDir. The error tells what
// could not be measured and which aims were missed. A quick run writes no file and has no aims.
func (b Bench) Run(ctx context.Context, out io.Writer, buildDir string, quick bool) error {
	buildDir, err := filepath.Abs(buildDir)
	if err != nil {
		return err
	}
	rows, err := b.Measure(ctx, Environment{BuildDir: buildDir, Quick: quick, Steps: NewSteps(out)})
	fmt.Fprintln(out)
	printTable(out, rows)
	if quick {
		fmt.Fprintf(out, "\n%d rows of a quick run, which mean nothing\n", len(rows))
		return err
	}
	path := filepath.Join(buildDir, "bench", b.Name+".json")
	err = errors.Join(err, writeJSON(path, rows), missed(b.Aims, rows))
	fmt.Fprintf(out, "\n%d rows in %s\n", len(rows), path)
	if err == nil {
		fmt.Fprintf(out, "%d aims reached: %s\n", len(b.Aims), aimed(b.Aims))
	}
	return err
}

func aimed(aims []Aim) string {
	var texts []string
	for _, aim := range aims {
		texts = append(texts, fmt.Sprintf("%s (%s) %s", aim.Row, aim.Bound.figure(), aim.Bound.limit()))
	}
	return strings.Join(texts, ", ")
}
