package ipfirewall

import (
	"context"
	"sync"
)

// accountLocks has one lock for each account of this process, since the resources of one
// apply may share an account. Other processes are kept out by If-Match and the read back.
var accountLocks keyedLocks

// keyedLocks is a set of locks that can be waited for with a context.
type keyedLocks struct {
	mu    sync.Mutex
	locks map[string]chan struct{}
}

// acquire waits for the key's lock and returns what gives it back.
func (k *keyedLocks) acquire(ctx context.Context, key string) (release func(), err error) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]chan struct{}{}
	}
	lock, ok := k.locks[key]
	if !ok {
		lock = make(chan struct{}, 1)
		k.locks[key] = lock
	}
	k.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
