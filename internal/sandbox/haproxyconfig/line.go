package haproxyconfig

import "strings"

// line is one line of a configuration, cut so that single words can be exchanged.
type line struct {
	text    string
	words   []span
	changed map[int]string
	prefix  string
}

// span is the half-open range of bytes of a word.
type span struct{ from, to int }

// parseLine finds the words of a line as HAProxy does: separated by blanks that are
// neither quoted nor escaped, up to a comment.
func parseLine(text string) *line {
	l := &line{text: text, changed: map[int]string{}}
	start, quote := -1, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'
		switch {
		case quote == '\'' && c != '\'', quote == '"' && c != '"' && c != '\\':
			continue
		case quote != 0 && c == quote:
			quote = 0
			continue
		case c == '#' || blank:
			if start >= 0 {
				l.words = append(l.words, span{start, i})
				start = -1
			}
			if c == '#' {
				return l
			}
			continue
		}
		if start < 0 {
			start = i
		}
		switch c {
		case '"', '\'':
			quote = c
		case '\\':
			i++
		}
	}
	if start >= 0 {
		l.words = append(l.words, span{start, len(text)})
	}
	return l
}

// word returns word number i as it is written; "" if there is none.
func (l *line) word(i int) string {
	if i < 0 || i >= len(l.words) {
		return ""
	}
	return l.text[l.words[i].from:l.words[i].to]
}

// current returns word number i with its change.
func (l *line) current(i int) string {
	if word, ok := l.changed[i]; ok {
		return word
	}
	return l.word(i)
}

// replace exchanges word number i.
func (l *line) replace(i int, word string) { l.changed[i] = word }

// comment turns the line into a comment.
func (l *line) comment() { l.prefix = "# " }

// eachAddress maps each address of the comma-separated list that is word number i.
func (l *line) eachAddress(i int, f func(string) (string, error)) error {
	addresses := strings.Split(l.word(i), ",")
	for n, address := range addresses {
		mapped, err := f(address)
		if err != nil {
			return err
		}
		addresses[n] = mapped
	}
	l.replace(i, strings.Join(addresses, ","))
	return nil
}

// String returns the line with its changes.
func (l *line) String() string {
	var out strings.Builder
	out.WriteString(l.prefix)
	end := 0
	for i, w := range l.words {
		if word, ok := l.changed[i]; ok {
			out.WriteString(l.text[end:w.from])
			out.WriteString(word)
			end = w.to
		}
	}
	out.WriteString(l.text[end:])
	return out.String()
}
