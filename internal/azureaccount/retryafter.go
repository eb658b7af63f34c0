package azureaccount

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter is how long an answer asks to wait before Azure is asked again, counted from now;
// 0 if it does not. ARM writes seconds or a date, and some services behind it milliseconds.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if milliseconds, err := strconv.Atoi(header.Get(name)); err == nil {
			return time.Duration(milliseconds) * time.Millisecond
		}
	}
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now)
	}
	return 0
}
