package fault

import "sync"

// Gate holds requests until it is opened: as the Before of a Rule before they have an
// effect, as its Then with the effect and without an answer.
type Gate struct {
	held, open       chan struct{}
	holding, opening sync.Once
}

// NewGate returns a closed gate.
func NewGate() *Gate { return &Gate{held: make(chan struct{}), open: make(chan struct{})} }

// Hold returns once the gate is open.
func (g *Gate) Hold() {
	g.holding.Do(func() { close(g.held) })
	<-g.open
}

// Held is closed when the first request stands at the gate.
func (g *Gate) Held() <-chan struct{} { return g.held }

// Open lets all pass, now and later. It may be called more than once.
func (g *Gate) Open() { g.opening.Do(func() { close(g.open) }) }
