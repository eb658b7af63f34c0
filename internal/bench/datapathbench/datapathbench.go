package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// New returns the bench.
func New() bench.Bench { return bench.Bench{Name: "datapath", Aims: aims(), Measure: run} }

// aims are what has to be reached.
func aims() []bench.Aim {
	const cheap = "names, log lines and keepalives must not cost what a plain proxy does not spend"
	return []bench.Aim{
		{Row: smallRow, Bound: bench.RatioAtLeast(0.95), Because: cheap},
		{Row: largeRow, Bound: bench.RatioAtLeast(0.95), Because: cheap},
		{Row: connectRow, Bound: bench.RatioAtLeast(0.95), Because: cheap},
		{Row: addedRow, Bound: bench.AtMost(1), Because: "at half load the proxy is no part of what a caller waits for"},
		{Row: reloadsRow, Because: "a changed configuration is nobody's outage"},
		{Row: movesRow, Because: "an address that Azure changes is nobody's outage"},
	}
}

// Answers, in bytes.
const smallAnswer, largeAnswer = 1 << 10, 100 << 10

// extent is how much is measured.
type extent struct {
	// rounds of speed, of length for each contender: short ones and many, so that the two of a pair see the same machine.
	rounds int
	length time.Duration
	// fresh are the rounds of memory.
	fresh          int
	reloads, moves int
}

func extentOf(env bench.Environment) extent {
	if env.Quick {
		return extent{rounds: 1, length: 300 * time.Millisecond, fresh: 1, reloads: 3, moves: 1}
	}
	return extent{rounds: 15, length: 600 * time.Millisecond, fresh: 5, reloads: 20, moves: 5}
}

// run starts what is needed and measures; what fails leaves its rows out and the rest to be measured.
func run(ctx context.Context, env bench.Environment) (_ []bench.Row, err error) {
	s := session{steps: env.Steps, extent: extentOf(env)}
	if s.with.haproxy, err = tools.HAProxy(ctx, env.BuildDir); err != nil {
		return nil, err
	}
	env.Steps.Note("HAProxy %s", s.with.haproxy.Version)
	if s.with.nginx, err = tools.Nginx(ctx, env.BuildDir); err != nil {
		env.Steps.Note("the rows of nginx have nobody to compare with: %v", err)
	} else {
		env.Steps.Note("nginx %s", s.with.nginx.Version)
	}
	if s.authority, err = datapath.NewAuthority(); err != nil {
		return nil, err
	}
	nameserver, err := datapath.StartNameServer()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, nameserver.Close()) }()
	s.with.nameserver = nameserver.Addr()
	if s.upstream, err = settle(ctx, s.authority, nameserver); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.upstream.now.leave()) }()
	if err := env.Steps.Do("render the configuration", func() (err error) {
		s.with.ours, err = render(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	return s.measure(ctx)
}

// session is one run of the bench.
type session struct {
	steps     *bench.Steps
	extent    extent
	with      surroundings
	authority *datapath.Authority
	upstream  *mover
}

func (s *session) measure(ctx context.Context) (rows []bench.Row, failed error) {
	for _, part := range []func(context.Context) ([]bench.Row, error){s.speed, s.idle, s.reloads, s.moves} {
		if err := ctx.Err(); err != nil {
			return rows, errors.Join(failed, err)
		}
		more, err := part(ctx)
		rows, failed = append(rows, more...), errors.Join(failed, err)
	}
	return rows, failed
}

// begin starts a contender, where the upstream is now, and returns it when it has led there. It is nil where the
// contender cannot be had.
func (s *session) begin(ctx context.Context, name string) (proxy, error) {
	with := s.with
	with.upstream = s.upstream.now.address()
	started, err := start(ctx, name, with)
	if err == nil && started != nil {
		err = reach(ctx, s.clientOf(started))
	}
	if err != nil {
		if started != nil {
			err = errors.Join(err, started.close(context.WithoutCancel(ctx)))
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return started, nil
}

// beginAll starts those contenders that can be had. What it returns with an error runs too.
func (s *session) beginAll(ctx context.Context, names ...string) (map[string]proxy, error) {
	proxies := map[string]proxy{}
	for _, name := range names {
		p, err := s.begin(ctx, name)
		if err != nil {
			return proxies, err
		}
		if p != nil {
			proxies[name] = p
		}
	}
	return proxies, nil
}

func closeProxies(ctx context.Context, proxies map[string]proxy) (err error) {
	for _, p := range proxies {
		err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
	}
	return err
}

// clientOf returns a client of a contender; of none, one that goes to the upstream itself.
func (s *session) clientOf(p proxy) client {
	if p == nil {
		return newClient(s.upstream.now.address(), nil, s.authority)
	}
	return newClient(p.address(), p.prefix(), s.authority)
}

// idle measures fresh proxies, since what a process has once taken it keeps.
func (s *session) idle(ctx context.Context) (rows []bench.Row, _ error) {
	err := s.steps.Do(fmt.Sprintf("memory for %d connections, %d rounds", idleConnections, s.extent.fresh), func() error {
		found, err := turns(s.extent.fresh, []string{ours, blog, nginx}, func(name string) (*float64, error) {
			return s.fresh(ctx, name)
		})
		megabytes := found.values(func(bytes float64) float64 { return bytes / 1e6 })
		rows = megabytes.rows(memoryRow, bench.Megabytes, versus{"", blog}, versus{"_nginx", nginx})
		return err
	})
	return rows, err
}

// fresh is the memory of a proxy that was just started; nil where it cannot be had.
func (s *session) fresh(ctx context.Context, name string) (_ *float64, err error) {
	p, err := s.begin(ctx, name)
	if p == nil || err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	bytes, err := memory(ctx, p, s.clientOf(p))
	return &bytes, err
}

// reloads disturbs one contender after the other.
func (s *session) reloads(ctx context.Context) (rows []bench.Row, failed error) {
	tolls := map[string]toll{}
	for _, name := range disturbed {
		failed = errors.Join(failed, s.steps.Do(fmt.Sprintf("%d reloads of %s", s.extent.reloads, name), func() (err error) {
			p, err := s.begin(ctx, name)
			if p == nil || err != nil {
				return err
			}
			defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
			paid, err := overReloads(ctx, p, s.clientOf(p), s.extent.reloads)
			if err == nil {
				tolls[name] = paid
				s.steps.Note("    %s", paid)
			}
			return err
		}))
	}
	return failures(reloadsRow, tolls), failed
}

// moves disturbs all contenders at once.
func (s *session) moves(ctx context.Context) (rows []bench.Row, _ error) {
	err := s.steps.Do(fmt.Sprintf("%d address changes", s.extent.moves), func() (err error) {
		proxies, err := s.beginAll(ctx, disturbed...)
		defer func() { err = errors.Join(err, closeProxies(ctx, proxies)) }()
		if err != nil {
			return err
		}
		tolls, err := overMoves(ctx, s.upstream, proxies, s.extent.moves)
		if err != nil {
			return err
		}
		for _, name := range disturbed {
			s.steps.Note("    %s: %s", name, tolls[name])
		}
		rows = failures(movesRow, tolls)
		return nil
	})
	return rows, err
}

// disturbed are the contenders of which failures are counted.
var disturbed = []string{ours, blog, graceful, nginx}
