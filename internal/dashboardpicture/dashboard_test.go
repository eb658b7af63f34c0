package dashboardpicture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestParseReadsLines(t *testing.T) {
	d, err := Parse(`{"widgets": [{"type": "metric", "x": 0, "y": 0, "width": 8, "height": 6, "properties": {
		"title": "T", "view": "timeSeries", "metrics": [
			["AWS/Lambda", "Errors", "FunctionName", "f", {"id": "m0", "stat": "Sum", "visible": false}],
			[{"expression": "RATE(m0)", "label": "a second", "id": "e0"}]]}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	lines := d.Widgets[0].Lines
	if len(lines) != 2 {
		t.Fatalf("lines %+v", lines)
	}
	if l := lines[0]; l.Namespace != "AWS/Lambda" || l.Metric != "Errors" || l.Dimensions["FunctionName"] != "f" || len(l.Dimensions) != 1 || !l.Hidden || l.ID != "m0" || l.Stat != "Sum" {
		t.Errorf("metric %+v", l)
	}
	if l := lines[1]; l.Expression != "RATE(m0)" || l.Label != "a second" || l.Hidden || l.Metric != "" {
		t.Errorf("expression %+v", l)
	}
}

func TestParseRefuses(t *testing.T) {
	text := func(x, y, width, height string) string {
		return `{"type": "text", "x": ` + x + `, "y": ` + y + `, "width": ` + width + `, "height": ` + height + `, "properties": {"markdown": "#"}}`
	}
	metric := func(metrics string) string {
		return `{"type": "metric", "width": 8, "height": 6, "properties": {"title": "T", "metrics": ` + metrics + `}}`
	}
	for name, c := range map[string]struct{ widgets, want string }{
		"no JSON":             {`{`, "not JSON"},
		"beyond the grid":     {text("20", "0", "8", "1"), "outside of the grid"},
		"before the grid":     {text("-1", "0", "8", "1"), "outside of the grid"},
		"no height":           {text("0", "0", "8", "0"), "outside of the grid"},
		"on another":          {text("0", "0", "12", "3") + "," + text("11", "2", "12", "3"), "stands on another"},
		"no properties":       {`{"type": "text", "width": 1, "height": 1}`, "no properties"},
		"null properties":     {`{"type": "text", "width": 1, "height": 1, "properties": null}`, "no properties"},
		"empty text":          {`{"type": "text", "width": 1, "height": 1, "properties": {}}`, "text is empty"},
		"no metric":           {metric(`[]`), "shows no metric"},
		"empty line":          {metric(`[[]]`), "line is empty"},
		"half a dimension":    {metric(`[["AWS/Lambda", "Errors", "FunctionName"]]`), "pairs for its dimensions"},
		"options in between":  {metric(`[["AWS/Lambda", {"stat": "Sum"}, "Errors"]]`), "neither text nor the options"},
		"metric and formula":  {metric(`[["AWS/Lambda", "Errors", {"expression": "m1"}]]`), "has an expression"},
		"no title":            {`{"type": "metric", "width": 8, "height": 6, "properties": {"metrics": [["AWS/Lambda", "Errors"]]}}`, "no title"},
		"no alarm":            {`{"type": "alarm", "width": 8, "height": 6, "properties": {"title": "T"}}`, "shows no alarm"},
		"no query":            {`{"type": "log", "width": 8, "height": 6, "properties": {"title": "T"}}`, "no query"},
		"another kind":        {`{"type": "explorer", "width": 8, "height": 6, "properties": {"title": "T"}}`, "not known here"},
		"beside, not on each": {text("0", "0", "12", "3") + "," + text("12", "0", "12", "3") + "," + text("0", "3", "12", "3"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(`{"widgets": [` + c.widgets + `]}`)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestSVG(t *testing.T) {
	d := Dashboard{Widgets: []Widget{
		{Type: "text", Width: 24, Height: 1, Text: "## From [A & B](https://example.com)"},
		{Type: "metric", Y: 1, Width: 8, Height: 6, Title: "Errors <all>", View: "timeSeries", Lines: []Line{
			{Metric: "Errors", Label: "not drawn", Hidden: true}, {Expression: "RATE(m0)", Label: "a \"second\""},
		}},
		{Type: "metric", X: 8, Y: 1, Width: 8, Height: 3, Title: "Many", View: "timeSeries", Lines: []Line{{Label: "one"}, {Label: "two"}, {Label: "three"}, {Label: "four"}}},
		{Type: "alarm", X: 16, Y: 1, Width: 8, Height: 3, Title: "Alarms", Alarms: []string{"arn:aws:cloudwatch:us-east-1:123456789012:alarm:down"}},
		{Type: "log", X: 16, Y: 4, Width: 8, Height: 3, Title: "Log", Query: "fields x | limit 1"},
		{Type: "metric", X: 8, Y: 4, Width: 2, Height: 3, Title: "A title that is too long for two columns", View: "singleValue", Lines: []Line{{Label: "n"}}},
	}}
	svg := d.SVG()
	if !bytes.Equal(svg, d.SVG()) {
		t.Error("the same dashboard was drawn in two ways")
	}
	var texts []string
	for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" {
			texts = append(texts, string(data))
		}
	}
	all := strings.Join(texts, "\n") + "\n"
	for _, want := range []string{"From A & B\n", "Errors <all>\n", "a \"second\"\n", "graph\n", "number\n", "log query\n", "alarm states\n", "down\n", "| limit 1\n", "one\n", "and 3 more\n", "…\n", "prefers-color-scheme: dark"} {
		if !strings.Contains(all, want) {
			t.Errorf("the picture does not say %q:\n%s", want, all)
		}
	}
	for _, unwanted := range []string{"not drawn", "two", "arn:"} {
		if strings.Contains(all, unwanted) {
			t.Errorf("the picture says %q", unwanted)
		}
	}
}
