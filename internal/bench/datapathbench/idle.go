package datapathbench

import (
	"context"
	"errors"
)

// idleConnections are as many as memory is measured with.
const idleConnections = 1000

// memory is how many bytes of resident memory a proxy takes for idleConnections that have each carried a question
// and an answer. One connection before warms it up.
func memory(ctx context.Context, p proxy, c client) (_ float64, err error) {
	workers, err := p.workers()
	if err != nil {
		return 0, err
	}
	var conns []*connection
	defer func() { err = errors.Join(err, closeAll(conns)) }()
	var before int64
	for range 1 + idleConnections {
		conn, err := c.open(ctx)
		if err != nil {
			return 0, err
		}
		conns = append(conns, conn)
		conn.want(smallAnswer)
		if err := conn.askWithin(patience); err != nil {
			return 0, err
		}
		if len(conns) == 1 {
			if before, err = residentBytes(workers...); err != nil {
				return 0, err
			}
		}
	}
	after, err := residentBytes(workers...)
	return float64(after - before), err
}
