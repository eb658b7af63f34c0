package assignerbench

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// change is a call that moves an address or ends a lifecycle action, and was answered 200.
type change struct {
	action string
	form   url.Values
}

// record keeps the changes, in the order in which they were answered: the parameters that the fault
// script's log does not have.
type record struct {
	mu      sync.Mutex
	changes []change
}

// recorded are the actions that are kept.
var recorded = map[string]bool{"AssociateAddress": true, "CompleteLifecycleAction": true}

func (c *record) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r, err := awsapi.Parse(req)
		if err != nil || !recorded[r.Action] {
			next.ServeHTTP(w, req)
			return
		}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, req)
		if seen.status == http.StatusOK {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.changes = append(c.changes, change{r.Action, r.Form})
		}
	})
}

// of are the recorded calls of one action.
func (c *record) of(action string) []url.Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	var forms []url.Values
	for _, made := range c.changes {
		if made.action == action {
			forms = append(forms, made.form)
		}
	}
	return forms
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
