//go:build !linux

package datapathbench

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

const reloadSignal = syscall.SIGHUP

var errLinuxOnly = errors.New("the proxies are measured on Linux, and this is " + runtime.GOOS)

func processorTime(...int) (time.Duration, error) { return 0, errLinuxOnly }
func ownProcessorTime() (time.Duration, error)    { return 0, errLinuxOnly }
func residentBytes(...int) (int64, error)         { return 0, errLinuxOnly }
func children(int) ([]int, error)                 { return nil, errLinuxOnly }

type metronome struct{}

func newMetronome(time.Duration) (*metronome, error) { return nil, errLinuxOnly }
func (*metronome) wait() error                       { return errLinuxOnly }
func (*metronome) stop() error                       { return errLinuxOnly }
