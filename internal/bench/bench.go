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
	// Steps says what is being done.
	Steps *Steps
}

// Bench is a set of measurements that belong together.
type Bench struct {
	// Name is what it is called by, and its file of results is named after.
	Name string
	// Aims are what its counts and virtual times have to reach.
	Aims []Aim
	// Measure returns the rows that could be measured, and what went wrong with the others.
	Measure func(ctx context.Context, env Environment) ([]Row, error)
}

// Aim is the most that a number of ours may come to.
type Aim struct {
	Row     string
	AtMost  float64
	Because string
}

// MissedError is an aim that was missed. Got is nil when the row was not measured.
type MissedError struct {
	Aim
	Got *float64
}

func (e *MissedError) Error() string {
	if e.Got == nil {
		return fmt.Sprintf("%s was not measured; it must be at most %s: %s", e.Row, number(&e.AtMost), e.Because)
	}
	return fmt.Sprintf("%s is %s and must be at most %s: %s", e.Row, number(e.Got), number(&e.AtMost), e.Because)
}

// missed are the aims that the rows miss.
func missed(aims []Aim, rows []Row) error {
	var all []error
	for _, aim := range aims {
		miss := &MissedError{Aim: aim}
		for _, r := range rows {
			if r.Name == aim.Row {
				miss.Got = &r.Ours
			}
		}
		if miss.Got == nil || *miss.Got > aim.AtMost {
			all = append(all, miss)
		}
	}
	return errors.Join(all...)
}

// Run measures, prints the table to out, and writes the rows to bench/NAME.json in buildDir. The error tells what
// could not be measured and which aims were missed.
func (b Bench) Run(ctx context.Context, out io.Writer, buildDir string) error {
	buildDir, err := filepath.Abs(buildDir)
	if err != nil {
		return err
	}
	rows, err := b.Measure(ctx, Environment{BuildDir: buildDir, Steps: NewSteps(out)})
	fmt.Fprintln(out)
	printTable(out, rows)
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
		texts = append(texts, fmt.Sprintf("%s ≤ %s", aim.Row, number(&aim.AtMost)))
	}
	return strings.Join(texts, ", ")
}
