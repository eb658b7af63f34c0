package datapathbench

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// kept is how many connections are kept for a load.
const kept = 32

// openers is how many clients open connections at a time.
const openers = 32

// openAll opens n connections that ask for size bytes each.
func openAll(ctx context.Context, c client, n, size int) (conns []*connection, err error) {
	for range n {
		conn, err := c.open(ctx)
		if err != nil {
			return nil, errors.Join(err, closeAll(conns))
		}
		conn.want(size)
		conns = append(conns, conn)
	}
	return conns, nil
}

func closeAll(conns []*connection) (err error) {
	for _, conn := range conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// saturate asks for size bytes on kept connections as fast as answers come.
func saturate(ctx context.Context, c client, processes []int, size int, length time.Duration) (s stretch, err error) {
	conns, err := openAll(ctx, c, kept, size)
	if err != nil {
		return stretch{}, err
	}
	defer func() { err = errors.Join(err, closeAll(conns)) }()
	workers := make([]worker, kept)
	for i, conn := range conns {
		if err := conn.SetDeadline(time.Now().Add(warmUp + length + patience)); err != nil {
			return stretch{}, err
		}
		workers[i] = func(done *atomic.Int64, stopped *atomic.Bool) error {
			for !stopped.Load() {
				if err := conn.ask(); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		}
	}
	return measure(ctx, processes, length, workers)
}

// connect opens and closes connections as fast as it can.
func connect(ctx context.Context, c client, processes []int, length time.Duration) (stretch, error) {
	workers := make([]worker, openers)
	for i := range workers {
		workers[i] = func(done *atomic.Int64, stopped *atomic.Bool) error {
			for !stopped.Load() {
				conn, err := c.open(ctx)
				if err != nil {
					return err
				}
				if err := conn.Close(); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		}
	}
	return measure(ctx, processes, length, workers)
}
