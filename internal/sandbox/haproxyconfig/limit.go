package haproxyconfig

import (
	"strconv"
	"strings"
)

// MaxConnections returns the maxconn of a configuration's global section; 0 if it has none.
// HAProxy does not start where it may not open about twice as many files.
func MaxConnections(config string) int {
	section := ""
	for text := range strings.SplitSeq(config, "\n") {
		l := parseLine(text)
		switch {
		case isSection(l.word(0)):
			section = l.word(0)
		case section == "global" && l.word(0) == "maxconn":
			if n, err := strconv.Atoi(l.word(1)); err == nil {
				return n
			}
		}
	}
	return 0
}
