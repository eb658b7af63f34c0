package assignertest

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// epoch is when every world begins. It lies beyond the machine's own time, so that a
// context with a timeout that a function derives is never cut short by the machine's clock.
var epoch = time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC)

// timeline is virtual time: what is due happens one thing after the other, on one goroutine
// at a time, in an order that follows from the instants alone. So a schedule replays exactly.
type timeline struct {
	now     time.Time
	due     dueHeap
	serial  uint64
	running map[*process]bool
}

func newTimeline() *timeline {
	return &timeline{now: epoch, running: map[*process]bool{}}
}

// at lets do happen at an instant, or now when that is past.
func (l *timeline) at(when time.Time, do func()) {
	if when.Before(l.now) {
		when = l.now
	}
	l.serial++
	heap.Push(&l.due, dueItem{when, l.serial, do})
}

func (l *timeline) after(d time.Duration, do func()) { l.at(l.now.Add(d), do) }

// next lets the next thing happen, unless it is due only after limit.
func (l *timeline) next(limit time.Time) bool {
	if len(l.due) == 0 || l.due[0].when.After(limit) {
		return false
	}
	item, _ := heap.Pop(&l.due).(dueItem)
	l.now = item.when
	item.do()
	return true
}

// runUntil lets everything happen that is due until an instant, which then is now.
func (l *timeline) runUntil(limit time.Time) {
	for l.next(limit) {
	}
	l.now = limit
}

// stop ends what still runs, wherever it stands.
func (l *timeline) stop() {
	for p := range l.running {
		p.dead = true
		p.stop()
	}
}

type dueItem struct {
	when   time.Time
	serial uint64
	do     func()
}

// dueHeap orders by time, then by who asked first.
type dueHeap []dueItem

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].when.Equal(h[j].when) {
		return h[i].serial < h[j].serial
	}
	return h[i].when.Before(h[j].when)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any) {
	item, _ := x.(dueItem)
	*h = append(*h, item)
}
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = dueItem{}
	*h = (*h)[:last]
	return item
}

// process is one run of a function. It stands still wherever it waits, until the timeline
// resumes it there.
type process struct {
	line *timeline
	// ordinal counts the runs of a world, from 1; rng is this run's own.
	ordinal  int
	rng      *rand.Rand
	deadline time.Time
	dead     bool
	yield    func(time.Time) bool
	stop     func()
	calls    int
}

// killed unwinds a process that has been ended from outside.
type killed struct{}

// crashError is a panic of the function.
type crashError struct{ text string }

func (e *crashError) Error() string { return "the function panicked: " + e.text }

// errKilled is the end of a process that was killed, or ran into its deadline.
var errKilled = fmt.Errorf("the function was killed or timed out")

// start runs body as a process from now on; ended learns what became of it.
func (l *timeline) start(p *process, body func(*process) error, ended func(error)) {
	var outcome error
	resume, stop := iter.Pull(func(yield func(time.Time) bool) {
		p.yield = yield
		defer func() {
			switch cause := recover().(type) {
			case nil:
				if p.dead {
					outcome = errKilled
				}
			case killed:
				outcome = errKilled
			default:
				outcome = &crashError{fmt.Sprintf("%v\n%s", cause, debug.Stack())}
			}
		}()
		outcome = body(p)
	})
	p.line, p.stop = l, stop
	l.running[p] = true
	var turn func()
	turn = func() {
		if until, more := resume(); more {
			l.at(until, turn)
			return
		}
		delete(l.running, p)
		ended(outcome)
	}
	turn()
}

// sleep lets virtual time pass for the process.
func (p *process) sleep(d time.Duration) {
	until := p.line.now.Add(max(d, 0))
	late := !until.Before(p.deadline)
	if late {
		until = p.deadline
	}
	if p.dead || !p.yield(until) || p.dead || late {
		p.die()
	}
}

// die ends the process here. Whatever it defers can do nothing any more.
func (p *process) die() {
	p.dead = true
	panic(killed{})
}

// Now returns the virtual time.
func (p *process) Now() time.Time { return p.line.now }

// After lets d pass before it returns: whoever asks waits for the channel next, and so the
// timeline need not know who waits for which channel.
func (p *process) After(d time.Duration) <-chan time.Time {
	p.sleep(d)
	fired := make(chan time.Time, 1)
	fired <- p.line.now
	return fired
}

// runContext carries a process's deadline in virtual time. It is never done: a process that
// reaches its deadline is killed, as Lambda does it.
type runContext struct {
	context.Context
	deadline time.Time
}

func (c runContext) Deadline() (time.Time, bool) { return c.deadline, true }
