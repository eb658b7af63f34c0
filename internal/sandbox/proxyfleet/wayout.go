package proxyfleet

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// wayOut is how an instance's own commands reach the emulated AWS: not at all while the
// instance has no address to leave from, as the API's public endpoints cannot be reached
// then.
type wayOut struct {
	url    string
	open   atomic.Bool
	server *http.Server
	served sync.WaitGroup
}

// startWayOut listens on a free port of address and passes calls on to endpoint.
func startWayOut(address netip.Addr, endpoint string, logger *slog.Logger) (*wayOut, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("the emulated AWS: %w", err)
	}
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
	if err != nil {
		return nil, err
	}
	w := &wayOut{url: "http://" + listener.Addr().String()}
	forward := httputil.NewSingleHostReverseProxy(target)
	w.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !w.open.Load() {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		forward.ServeHTTP(out, r)
	})}
	w.served.Go(func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("an instance's way to AWS stopped", "error", err)
		}
	})
	return w, nil
}

// setOpen tells whether the instance has an address to leave from.
func (w *wayOut) setOpen(open bool) {
	if w != nil {
		w.open.Store(open)
	}
}

// close ends it. Calls under way are cut.
func (w *wayOut) close() {
	if w == nil {
		return
	}
	_ = w.server.Close()
	w.served.Wait()
}
