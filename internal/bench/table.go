package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printTable writes the rows as aligned lines "name | ours | theirs | ratio" under a head. Rows of runs have
// a fifth column, their spread.
func printTable(out io.Writer, rows []Row) {
	cells := [][]string{{"name", "ours", "theirs", "ratio"}}
	for _, r := range rows {
		line := []string{r.Name, withUnit(&r.Ours, r.Unit), withUnit(r.Theirs, r.Unit), number(r.Ratio())}
		if spread := r.spread(); spread != nil {
			line = append(line, spread.String())
		}
		cells = append(cells, line)
	}
	if slices.ContainsFunc(cells, func(line []string) bool { return len(line) > len(cells[0]) }) {
		cells[0] = append(cells[0], "spread")
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range cells {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line[i] = cell + pad
			case i < 4:
				line[i] = pad + cell
			}
		}
		fmt.Fprintln(out, strings.Join(line, " | "))
	}
}

func withUnit(value *float64, unit string) string {
	if value == nil {
		return number(nil)
	}
	return number(value) + " " + unit
}

// number writes a count without decimals and anything else with as many as tell something.
func number(value *float64) string {
	switch {
	case value == nil:
		return "-"
	case *value == float64(int64(*value)):
		return strconv.FormatInt(int64(*value), 10)
	case *value >= 100:
		return strconv.FormatFloat(*value, 'f', 0, 64)
	default:
		return strconv.FormatFloat(*value, 'f', 3, 64)
	}
}

// writeJSON writes the rows to a file, in one step.
func writeJSON(path string, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
