package firewallbench

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
)

// The overhead is what is left without the clouds' own delays and the administrator's.
func TestTheOverheadHasNoDelayOfTheClouds(t *testing.T) {
	for _, d := range []delays{
		{},
		{Delays: approvaltest.Delays{Available: 5 * time.Minute, Established: 5 * time.Minute}},
		{rule: 5 * time.Minute, Delays: approvaltest.Delays{Endpoint: 5 * time.Minute}},
	} {
		overhead, err := approve(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if overhead < 0 || overhead > time.Minute {
			t.Errorf("%+v: %s", d, overhead)
		}
	}
	// The acceptance, and one look after the first pause.
	if overhead, err := approve(t.Context(), delays{}); err != nil || overhead > 2*time.Second {
		t.Errorf("without any delay: %s, %v", overhead, err)
	}
}

func TestALongWaitIsCountedToItsEnd(t *testing.T) {
	for name, d := range map[string]delays{
		"rule":        {rule: time.Hour},
		"endpoint":    {Delays: approvaltest.Delays{Endpoint: time.Hour}},
		"AWS":         {Delays: approvaltest.Delays{Available: time.Hour}},
		"ESTABLISHED": {Delays: approvaltest.Delays{Established: time.Hour}},
	} {
		// Pauses are at least 0.75 s and at most a minute.
		if n, err := callsOf(t.Context(), d); err != nil || n < 10 || n > 800 {
			t.Errorf("waiting for %s: %d calls, %v", name, n, err)
		}
	}
	if n, err := callsOf(t.Context(), delays{}); err == nil {
		t.Errorf("a wait that has an end counts %d calls", n)
	}
}

func TestScriptLooksEveryTenSeconds(t *testing.T) {
	for want, d := range map[time.Duration]delays{
		0:                {},
		9 * time.Second:  {Delays: approvaltest.Delays{Endpoint: 31 * time.Second}},
		5 * time.Second:  {rule: 5 * time.Second, Delays: approvaltest.Delays{Endpoint: 10 * time.Second, Available: 15 * time.Second, Established: 25 * time.Second}},
		13 * time.Second: {rule: 5 * time.Second, Delays: approvaltest.Delays{Endpoint: 10 * time.Second, Available: 15 * time.Second, Established: 17 * time.Second}},
	} {
		if got := scriptOverhead(d); got != want {
			t.Errorf("%+v: %s, want %s", d, got, want)
		}
	}
}

func TestSpansAreDrawnFromEndToEnd(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, seed))
	s := span{2 * time.Second, 200 * time.Second}
	short := 0
	const draws = 10000
	for range draws {
		d := s.draw(r)
		if d < s.least || d > s.most {
			t.Fatalf("seed %d drew %s", seed, d)
		}
		if d < 20*time.Second {
			short++
		}
	}
	if short < draws*45/100 || short > draws*55/100 {
		t.Errorf("seed %d: %d of %d are under the span's middle", seed, short, draws)
	}
	if d := (span{}).draw(r); d != 0 {
		t.Errorf("no delay is %s", d)
	}
}
