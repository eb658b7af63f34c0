package datapathbench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// warmUp is how long a load runs before it counts.
const warmUp = 200 * time.Millisecond

// stretch is what happened while a load was measured.
type stretch struct {
	took time.Duration
	// done counts answers or connections.
	done int64
	// proxy and bench are the processor time of the proxy's processes, and of the clients and servers together.
	proxy, bench time.Duration
}

func (s stretch) perSecond() float64 { return float64(s.done) / s.took.Seconds() }

// share is the proxy's part of all the processor time that was spent.
func (s stretch) share() float64 { return s.proxy.Seconds() / (s.proxy + s.bench).Seconds() }

// busy is the part of the machine's processor time that went into it.
func (s stretch) busy() float64 {
	return (s.proxy + s.bench).Seconds() / s.took.Seconds() / float64(runtime.NumCPU())
}

// worker does one thing after the other until stopped is true, and adds each to done.
type worker func(done *atomic.Int64, stopped *atomic.Bool) error

// measure runs workers for a warm-up and then for length, and returns what they did in that.
func measure(ctx context.Context, processes []int, length time.Duration, workers []worker) (stretch, error) {
	var done atomic.Int64
	var stopped atomic.Bool
	var all sync.WaitGroup
	failed := make(chan error, len(workers))
	for _, work := range workers {
		all.Go(func() {
			if err := work(&done, &stopped); err != nil {
				failed <- err
			}
		})
	}
	result, err := between(ctx, processes, length, &done, failed)
	stopped.Store(true)
	all.Wait()
	close(failed)
	for other := range failed {
		err = errors.Join(err, other)
	}
	return result, err
}

// between looks at the counters after the warm-up and again after length.
func between(ctx context.Context, processes []int, length time.Duration, done *atomic.Int64, failed <-chan error) (stretch, error) {
	if err := pause(ctx, warmUp, failed); err != nil {
		return stretch{}, err
	}
	before, err := snapshot(processes, done)
	if err != nil {
		return stretch{}, err
	}
	if err := pause(ctx, length, failed); err != nil {
		return stretch{}, err
	}
	after, err := snapshot(processes, done)
	if err != nil {
		return stretch{}, err
	}
	return stretch{
		took: after.at.Sub(before.at), done: after.done - before.done,
		proxy: after.proxy - before.proxy, bench: after.bench - before.bench,
	}, nil
}

type counters struct {
	at           time.Time
	done         int64
	proxy, bench time.Duration
}

func snapshot(processes []int, done *atomic.Int64) (counters, error) {
	proxy, err := processorTime(processes...)
	if err != nil {
		return counters{}, err
	}
	bench, err := ownProcessorTime()
	return counters{at: time.Now(), done: done.Load(), proxy: proxy, bench: bench}, err
}

// pause waits for a time, or for what ends it early: the context, or a failure.
func pause(ctx context.Context, length time.Duration, failed <-chan error) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
