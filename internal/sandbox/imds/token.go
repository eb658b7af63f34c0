package imds

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	tokenHeader = "X-aws-ec2-metadata-token"
	ttlHeader   = "X-aws-ec2-metadata-token-ttl-seconds"
	// maxTTL is the longest life of a token: six hours.
	maxTTL = 21600
)

// tokens are the session tokens that were given out, with their ends.
type tokens struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
}

func newTokens(now func() time.Time) *tokens {
	return &tokens{now: now, until: map[string]time.Time{}}
}

// serve answers PUT /latest/api/token.
func (t *tokens) serve(w http.ResponseWriter, r *http.Request) {
	// A request that was forwarded is not the instance's own.
	if r.Header.Get("X-Forwarded-For") != "" {
		refuse(w, http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		refuse(w, http.StatusBadRequest)
		return
	}
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails
	token := base64.URLEncoding.EncodeToString(random[:])
	t.mu.Lock()
	t.until[token] = t.now().Add(time.Duration(ttl) * time.Second)
	t.forget()
	t.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set(ttlHeader, strconv.Itoa(ttl))
	_, _ = w.Write([]byte(token))
}

// forget drops the tokens that have ended. The caller holds mu.
func (t *tokens) forget() {
	now := t.now()
	maps.DeleteFunc(t.until, func(_ string, until time.Time) bool { return !now.Before(until) })
}

// holds reports whether a token was given out and lives.
func (t *tokens) holds(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.until[token]
	return ok && t.now().Before(until)
}
