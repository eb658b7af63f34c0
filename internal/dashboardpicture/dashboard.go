// Package dashboardpicture draws the layout of a CloudWatch dashboard from its JSON: where
// which widget stands, of what kind it is, and what it shows. No value is drawn, since
// none is known.
package dashboardpicture

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Columns is the width of CloudWatch's grid, in units.
const Columns = 24

// Dashboard is what is read here of a dashboard's body.
type Dashboard struct {
	Widgets []Widget
}

// Widget is one part of a dashboard. Places and sizes are in units of the grid.
type Widget struct {
	Type                string
	X, Y, Width, Height int
	// Title is empty in a text.
	Title string
	// Text is a text widget's Markdown.
	Text string
	// View is how a metric widget shows its lines: timeSeries, singleValue.
	View string
	// Alarms are ARNs.
	Alarms []string
	// Query is a log widget's, in the language of CloudWatch Logs Insights.
	Query string
	// Lines are a metric widget's entries, hidden ones included.
	Lines []Line
}

// Line is one entry of a metric widget: a metric, or an expression over others.
type Line struct {
	// Namespace, Metric and Dimensions are empty for an expression.
	Namespace, Metric string
	Dimensions        map[string]string
	Expression        string
	// Label is what the legend says.
	Label string
	// ID is by what expressions name the line.
	ID string
	// Stat is a statistic of CloudWatch, such as Sum or p50.
	Stat string
	// Hidden lines feed expressions, and are not drawn.
	Hidden bool
}

// Parse reads a dashboard's body. The error names the widget that CloudWatch would not
// take, or that would not stand where it says: outside of the grid, or on another one.
func Parse(body string) (Dashboard, error) {
	var read struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          *struct {
				Title, Markdown, View, Query string
				Alarms                       []string
				Metrics                      [][]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &read); err != nil {
		return Dashboard{}, fmt.Errorf("the dashboard's body is not JSON as CloudWatch has it: %w", err)
	}
	var d Dashboard
	for i, r := range read.Widgets {
		if r.Properties == nil {
			return Dashboard{}, fmt.Errorf("widget %d (%s) has no properties", i, r.Type)
		}
		w := Widget{
			Type: r.Type, X: r.X, Y: r.Y, Width: r.Width, Height: r.Height,
			Title: r.Properties.Title, Text: r.Properties.Markdown, View: r.Properties.View,
			Alarms: r.Properties.Alarms, Query: r.Properties.Query,
		}
		for _, entry := range r.Properties.Metrics {
			l, err := toLine(entry)
			if err != nil {
				return Dashboard{}, fmt.Errorf("widget %d (%s): %w", i, w.Title, err)
			}
			w.Lines = append(w.Lines, l)
		}
		if err := w.check(); err != nil {
			return Dashboard{}, fmt.Errorf("widget %d (%s): %w", i, w.Title, err)
		}
		for _, other := range d.Widgets {
			if w.overlaps(other) {
				return Dashboard{}, fmt.Errorf("widget %d (%s) stands on another one (%s)", i, w.Title, other.Title)
			}
		}
		d.Widgets = append(d.Widgets, w)
	}
	return d, nil
}

// toLine reads an entry: namespace, metric, names and values of dimensions, and options last.
func toLine(entry []json.RawMessage) (Line, error) {
	if len(entry) == 0 {
		return Line{}, errors.New("a line is empty")
	}
	var options struct {
		ID, Label, Stat, Expression string
		Visible                     *bool
	}
	var words []string
	for i, part := range entry {
		var word string
		if err := json.Unmarshal(part, &word); err == nil {
			words = append(words, word)
			continue
		}
		if err := json.Unmarshal(part, &options); err != nil || i != len(entry)-1 {
			return Line{}, fmt.Errorf("%s is neither text nor the options at the end of a line", part)
		}
	}
	l := Line{
		ID: options.ID, Label: options.Label, Stat: options.Stat, Expression: options.Expression,
		Hidden: options.Visible != nil && !*options.Visible, Dimensions: map[string]string{},
	}
	if l.Expression != "" {
		if len(words) != 0 {
			return Line{}, fmt.Errorf("the line has an expression, %s, and a metric, %s", l.Expression, strings.Join(words, " "))
		}
		return l, nil
	}
	if len(words) < 2 || len(words)%2 != 0 {
		return Line{}, fmt.Errorf("a metric has a namespace, a name and pairs for its dimensions, not %q", words)
	}
	l.Namespace, l.Metric = words[0], words[1]
	for i := 2; i < len(words); i += 2 {
		l.Dimensions[words[i]] = words[i+1]
	}
	return l, nil
}

func (w Widget) check() error {
	if w.X < 0 || w.Y < 0 || w.Width < 1 || w.Height < 1 || w.X+w.Width > Columns {
		return fmt.Errorf("place %d,%d and size %d×%d are outside of the grid's %d columns", w.X, w.Y, w.Width, w.Height, Columns)
	}
	switch w.Type {
	case "text":
		if w.Text == "" {
			return errors.New("the text is empty")
		}
		return nil
	case "metric":
		if len(w.Lines) == 0 {
			return errors.New("it shows no metric")
		}
	case "alarm":
		if len(w.Alarms) == 0 {
			return errors.New("it shows no alarm")
		}
	case "log":
		if w.Query == "" {
			return errors.New("it has no query")
		}
	default:
		return fmt.Errorf("its type %q is not known here", w.Type)
	}
	if w.Title == "" {
		return errors.New("it has no title")
	}
	return nil
}

func (w Widget) overlaps(o Widget) bool {
	return w.X < o.X+o.Width && o.X < w.X+w.Width && w.Y < o.Y+o.Height && o.Y < w.Y+w.Height
}
