package dashboardpicture

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Sizes in pixels of the picture's own scale.
const (
	unitX, unitY = 42, 27
	// gap is half of the space between two cards.
	gap = 4
	// titleSize and textSize are of fonts; step is from one line of a legend to the next.
	titleSize, textSize, step = 13, 11, 15
	// advance is what a character takes of its font's size, wide ones included.
	advance = 0.56
)

// palette are the colours that CloudWatch gives to lines, in order.
var palette = []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"}

// style follows the reader's light or dark scheme; cards have a ground of their own, so that both
// are readable on a page of either colour.
const style = `
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #16191f }
.card { fill: #ffffff; stroke: #aab7b8 }
.bar { fill: #eaeded }
.kind, .small { fill: #545b64 }
.axis { stroke: #aab7b8; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e9ebed }
  .card { fill: #192534; stroke: #414d5c }
  .bar { fill: #232f3e }
  .kind, .small { fill: #b6bec9 }
  .axis { stroke: #687078 }
}
`

// SVG draws the dashboard's layout. The same dashboard gives the same bytes.
func (d Dashboard) SVG() []byte {
	rows := 0
	for _, w := range d.Widgets {
		rows = max(rows, w.Y+w.Height)
	}
	var p picture
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">`, Columns*unitX, rows*unitY)
	p.printf(`<title>Layout of the dashboard</title>`)
	p.printf(`<style>%s</style>`, style)
	for _, w := range d.Widgets {
		p.widget(w)
	}
	p.printf(`</svg>`)
	return []byte(p.out.String())
}

type picture struct{ out strings.Builder }

func (p *picture) printf(format string, args ...any) {
	fmt.Fprintf(&p.out, format+"\n", args...)
}

// text writes one line, cut to a width in pixels.
func (p *picture) text(x, y, width, size int, class, text string) {
	p.printf(`<text class="%s" x="%d" y="%d" font-size="%d">%s</text>`, class, x, y, size, html.EscapeString(fit(text, width, size)))
}

func (p *picture) widget(w Widget) {
	x, y := w.X*unitX+gap, w.Y*unitY+gap
	width, height := w.Width*unitX-2*gap, w.Height*unitY-2*gap
	if w.Type == "text" {
		p.heading(x, y, width, height, w.Text)
		return
	}
	p.printf(`<rect class="card" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, x, y, width, height)
	kind := w.kind()
	kindWidth := int(float64(utf8.RuneCountInString(kind))*advance*textSize) + 1
	p.text(x+10, y+19, width-30-kindWidth, titleSize, "title", w.Title)
	p.printf(`<text class="kind" x="%d" y="%d" font-size="%d" text-anchor="end">%s</text>`, x+width-10, y+19, textSize, kind)
	switch w.Type {
	case "metric":
		drawn := p.legend(x+10, y+40, width-20, (height-46)/step+1, w)
		if top := y + 40 + drawn*step; w.View == "timeSeries" && y+height-top > 2*step {
			p.printf(`<path class="axis" d="M%d %dV%dH%d"/>`, x+10, top, y+height-10, x+width-10)
		}
	case "alarm":
		p.alarms(x+10, y+40, width-20, (height-46)/step+1, w.Alarms)
	case "log":
		p.query(x+10, y+40, width-20, (height-46)/step+1, w.Query)
	}
}

// kind is what a widget is, in a word.
func (w Widget) kind() string {
	switch {
	case w.Type == "alarm":
		return "alarm states"
	case w.Type == "log":
		return "log query"
	case w.View == "singleValue":
		return "number"
	}
	return "graph"
}

var markdownLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// heading writes a text widget: Markdown of headings, paragraphs and links.
func (p *picture) heading(x, y, width, height int, markdown string) {
	p.printf(`<rect class="bar" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, x, y, width, height)
	lines := strings.Split(markdownLink.ReplaceAllString(markdown, "$1"), "\n")
	base := y + (height-(len(lines)-1)*20)/2 + 5
	for i, line := range lines {
		words := strings.TrimLeft(line, "#")
		size := textSize + 1
		if level := len(line) - len(words); level > 0 {
			size = titleSize + 5 - 2*level
		}
		p.text(x+10, base+i*20, width-20, size, "title", strings.TrimSpace(words))
	}
}

// legend lists what a metric widget draws, in at most so many lines. It returns their number.
func (p *picture) legend(x, y, width, most int, w Widget) int {
	var drawn []Line
	for _, l := range w.Lines {
		if !l.Hidden {
			drawn = append(drawn, l)
		}
	}
	for i, l := range drawn {
		if i == most-1 && len(drawn) > most {
			p.text(x, y+i*step, width, textSize, "small", fmt.Sprintf("and %d more", len(drawn)-i))
			return most
		}
		p.printf(`<rect x="%d" y="%d" width="14" height="3" fill="%s"/>`, x, y+i*step-5, palette[i%len(palette)])
		p.text(x+22, y+i*step, width-22, textSize, "label", l.Label)
	}
	return len(drawn)
}

// alarmColumns is how many names of alarms stand beside each other.
const alarmColumns = 3

func (p *picture) alarms(x, y, width, most int, arns []string) {
	column := width / alarmColumns
	for i, arn := range arns {
		if i == most*alarmColumns-1 && len(arns) > most*alarmColumns {
			p.text(x+i%alarmColumns*column, y+i/alarmColumns*step, column, textSize, "small", fmt.Sprintf("and %d more", len(arns)-i))
			return
		}
		name := arn[strings.LastIndex(arn, ":")+1:]
		left, line := x+i%alarmColumns*column, y+i/alarmColumns*step
		p.printf(`<circle class="axis" cx="%d" cy="%d" r="4"/>`, left+4, line-4)
		p.text(left+14, line, column-20, textSize, "label", name)
	}
}

// query writes a log query, one command a line.
func (p *picture) query(x, y, width, most int, query string) {
	for i, command := range strings.Split(query, " | ") {
		if i == most {
			return
		}
		if i > 0 {
			command = "| " + command
		}
		p.text(x, y+i*step, width, textSize, "small", command)
	}
}

// fit cuts a text that is wider than so many pixels.
func fit(text string, width, size int) string {
	most := int(float64(width) / (advance * float64(size)))
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:max(most-1, 0)])) + "…"
}
