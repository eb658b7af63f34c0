package assignerbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// coldLimit bounds one cold run.
const coldLimit = time.Minute

// coldRuns measures rounds of one cold run of ours and one of theirs, after one that does not count: it finds neither
// program in the page cache, nor the emulator's own code loaded. bootstrap is the path of our program.
func coldRuns(ctx context.Context, buildDir, bootstrap string, rounds int) (ours, theirs []sample, _ error) {
	program, err := writeBlogFunction()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(program)) }()
	e, err := startEmulator(ctx, buildDir)
	if err != nil {
		return nil, nil, err
	}
	defer e.close()
	f, err := newFleet(ctx, e, 2*(rounds+1))
	if err != nil {
		return nil, nil, err
	}
	for range rounds + 1 {
		for _, contender := range []struct {
			samples *[]sample
			run     func(event []byte) (sample, error)
		}{
			{&ours, func(event []byte) (sample, error) { return runBootstrap(ctx, e, bootstrap, event) }},
			{&theirs, func(event []byte) (sample, error) { return runPython(ctx, e, program, event) }},
		} {
			taken, err := f.coldRun(ctx, contender.run)
			if err != nil {
				return nil, nil, err
			}
			*contender.samples = append(*contender.samples, taken)
		}
	}
	if stolen := e.aws.AddressCounts().Steals; stolen != 0 {
		return nil, nil, fmt.Errorf("%d addresses were taken from their holders in launches one by one", stolen)
	}
	return ours[1:], theirs[1:], nil
}

// coldRun launches one instance and has run serve it.
func (f *fleet) coldRun(ctx context.Context, run func(event []byte) (sample, error)) (sample, error) {
	waiting, err := f.launch(ctx, 1)
	if err != nil {
		return sample{}, err
	}
	event, err := waiting[0].payload()
	if err != nil {
		return sample{}, err
	}
	f.emulator.aws.Faults.ClearLog()
	taken, err := run(event)
	if err != nil {
		return sample{}, err
	}
	// A run that did not bring its instance into service measured something else.
	_, err = f.settled(ctx)
	return taken, err
}

// clock runs cmd until answered returns, takes its measure, and ends it.
func (e *emulator) clock(ctx context.Context, cmd *exec.Cmd, answered func() error) (sample, error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	failed := answered()
	took := time.Since(start)
	peak, err := peakMemory(cmd.Process.Pid)
	failed = errors.Join(failed, err)
	// Neither program ends by itself: both wait for the next event.
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if failed != nil {
		return sample{}, errors.Join(failed, ctx.Err())
	}
	taken := newSample(cmd.ProcessState, peak)
	taken.answer, taken.calls = took, e.calls(contenderKey)
	for _, entry := range e.aws.Faults.Log() {
		if entry.Caller == contenderKey && (taken.firstCall == 0 || entry.Time.Sub(start) < taken.firstCall) {
			taken.firstCall = entry.Time.Sub(start)
		}
	}
	return taken, nil
}

// runPython serves one event in a new process of the Python function.
func runPython(ctx context.Context, e *emulator, program string, event []byte) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, coldLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.python, program)
	cmd.Env = blogEnvironment(e)
	events, err := cmd.StdinPipe()
	if err != nil {
		return sample{}, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	return e.clock(ctx, cmd, func() error {
		if _, err := events.Write(append(event, '\n')); err != nil {
			return err
		}
		line, err := bufio.NewReader(answers).ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the function did not answer: %w", err)
		}
		if problem := blogError(line); problem != "" {
			return fmt.Errorf("the function failed: %s", problem)
		}
		return nil
	})
}
