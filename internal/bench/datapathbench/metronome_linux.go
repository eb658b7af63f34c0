package datapathbench

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// metronome beats at a fixed interval. It is a timer of the kernel, since Go rounds a wait of an idle
// process up to the next millisecond.
type metronome struct{ timer *os.File }

func newMetronome(interval time.Duration) (*metronome, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a timer: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timer")
	beat := unix.NsecToTimespec(interval.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: beat, Value: beat}, nil); err != nil {
		return nil, fmt.Errorf("setting a timer: %w", err)
	}
	return &metronome{timer}, nil
}

// wait returns after the next beat, or at once if there was one since the last call.
func (m *metronome) wait() error {
	var beats [8]byte
	if _, err := io.ReadFull(m.timer, beats[:]); err != nil {
		return fmt.Errorf("reading a timer: %w", err)
	}
	if binary.NativeEndian.Uint64(beats[:]) == 0 {
		return fmt.Errorf("a timer did not expire")
	}
	return nil
}

func (m *metronome) stop() error { return m.timer.Close() }
