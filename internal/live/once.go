package live

import "sync"

// Once is something that several questions share, made by the first that needs it. If it cannot be made,
// all of them fail for the same reason. The zero value is ready to use.
type Once[T any] struct {
	once  sync.Once
	value T
	err   error
}

// Get returns the value, made by create on the first call.
func (o *Once[T]) Get(create func() (T, error)) (T, error) {
	o.once.Do(func() { o.value, o.err = create() })
	return o.value, o.err
}
