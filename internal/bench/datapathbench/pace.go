package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"
)

// shortestBeat is the least time between two looks at what is due. Questions that are due within one leave together.
const shortestBeat = 100 * time.Microsecond

// mostUnanswered is how many questions of one connection may be without an answer: more than any pause of a proxy
// that keeps up.
const mostUnanswered = 1 << 14

// pace asks for size bytes perSecond times a second, on kept connections in turns, whether answers come or not, and
// returns how long after it was due each question was answered. So a pause of the proxy is felt by all the questions that
// fall into it.
func pace(ctx context.Context, c client, perSecond float64, size int, length time.Duration) (waits []time.Duration, err error) {
	conns, err := openAll(ctx, c, kept, size)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(conns)) }()
	start := time.Now()
	var readers sync.WaitGroup
	heard := make([]listener, kept)
	for i, conn := range conns {
		if err := conn.SetDeadline(start.Add(warmUp + length + patience)); err != nil {
			return nil, err
		}
		heard[i] = listener{conn: conn, due: make(chan time.Time, mostUnanswered)}
		readers.Go(heard[i].listen)
	}
	asked := askOnTime(ctx, start, perSecond, warmUp+length, heard)
	for i := range heard {
		close(heard[i].due)
	}
	readers.Wait()
	for i := range heard {
		asked = errors.Join(asked, heard[i].failed)
		waits = append(waits, heard[i].waits...)
	}
	return waits, asked
}

// askOnTime sends the questions.
func askOnTime(ctx context.Context, start time.Time, perSecond float64, length time.Duration, to []listener) error {
	interval := time.Duration(float64(time.Second) / perSecond)
	beats, err := newMetronome(max(interval, shortestBeat))
	if err != nil {
		return err
	}
	for i := 0; err == nil && ctx.Err() == nil; {
		due := start.Add(time.Duration(i) * interval)
		if due.Sub(start) > length {
			break
		}
		if time.Now().Before(due) {
			err = beats.wait()
			continue
		}
		err = to[i%len(to)].ask(due)
		i++
	}
	return errors.Join(err, ctx.Err(), beats.stop())
}

// listener reads the answers of one connection.
type listener struct {
	conn   *connection
	due    chan time.Time // of the questions asked, in order
	waits  []time.Duration
	failed error
}

func (l *listener) ask(due time.Time) error {
	select {
	case l.due <- due:
	default:
		return fmt.Errorf("%d questions have no answer", mostUnanswered)
	}
	_, err := l.conn.Write(l.conn.question)
	return err
}

// listen takes the time of each answer. Those of the warm-up do not count.
func (l *listener) listen() {
	var first time.Time
	for due := range l.due {
		if l.failed != nil {
			continue
		}
		if _, l.failed = io.ReadFull(l.conn, l.conn.answer); l.failed != nil {
			continue
		}
		if first.IsZero() {
			first = due
		}
		if due.Sub(first) >= warmUp {
			l.waits = append(l.waits, time.Since(due))
		}
	}
}

// quantile is the value below which a part of the waits lie, by the nearest rank. There is at least one.
func quantile(waits []time.Duration, part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(waits))
	return sorted[max(int(math.Ceil(part*float64(len(sorted)))), 1)-1]
}
