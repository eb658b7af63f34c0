package nginxconfig

import (
	"errors"
	"fmt"
	"strings"
)

// directive is one directive of a configuration: its words, as they are written, and
// where it is in the text.
type directive struct {
	words []span
	// from is where the first word begins, to where the final semicolon or brace ends.
	from, to int
	// opens is true for a directive that ends with "{"; parent is the index of the block's
	// directive that this one is in, -1 at the top.
	opens  bool
	parent int
}

// span is a half-open range of bytes.
type span struct{ from, to int }

// document is a parsed configuration.
type document struct {
	text       string
	directives []directive
}

// parse finds the directives of a configuration as nginx does: words separated by blanks,
// quoted or not, up to a semicolon or a brace; "#" begins a comment where a word may begin.
func parse(text string) (*document, error) {
	d := &document{text: text}
	var open []int
	current := directive{from: -1, parent: -1}
	begin := func() { current = directive{from: -1, parent: top(open)} }
	for at := 0; at < len(text); {
		switch c := text[at]; c {
		case ' ', '\t', '\r', '\n':
			at++
		case '#':
			if end := strings.IndexByte(text[at:], '\n'); end >= 0 {
				at += end
			} else {
				at = len(text)
			}
		case '}':
			if len(open) == 0 || len(current.words) > 0 {
				return nil, fmt.Errorf("line %d: unexpected \"}\"", d.line(at))
			}
			open = open[:len(open)-1]
			at++
			begin()
		case ';', '{':
			if len(current.words) == 0 {
				return nil, fmt.Errorf("line %d: unexpected %q", d.line(at), c)
			}
			at++
			current.to, current.opens = at, c == '{'
			d.directives = append(d.directives, current)
			if c == '{' {
				open = append(open, len(d.directives)-1)
			}
			begin()
		default:
			end, err := wordEnd(text, at)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", d.line(at), err)
			}
			if current.from < 0 {
				current.from = at
			}
			current.words = append(current.words, span{at, end})
			at = end
		}
	}
	if len(open) > 0 || len(current.words) > 0 {
		return nil, errors.New("the configuration ends inside a directive or block")
	}
	return d, nil
}

func top(open []int) int {
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}

// wordEnd is where the word that begins at at ends.
func wordEnd(text string, at int) (int, error) {
	if quote := text[at]; quote == '"' || quote == '\'' {
		for i := at + 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case quote:
				return i + 1, nil
			}
		}
		return 0, errors.New("a quoted word has no end")
	}
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ' ', '\t', '\r', '\n', ';':
			return i, nil
		case '{':
			if i > at && text[i-1] == '$' { // ${variable}
				continue
			}
			return i, nil
		}
	}
	return len(text), nil
}

// line is the number of the line of a byte.
func (d *document) line(at int) int { return 1 + strings.Count(d.text[:at], "\n") }

// word returns word number n of a directive without its quotes; "" if there is none.
func (d *document) word(x directive, n int) string {
	if n >= len(x.words) {
		return ""
	}
	text := d.text[x.words[n].from:x.words[n].to]
	if text[0] == '"' || text[0] == '\'' {
		return text[1 : len(text)-1]
	}
	return text
}
