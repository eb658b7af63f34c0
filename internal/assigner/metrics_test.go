package assigner

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// embedded is a line in CloudWatch's embedded metric format, as its specification has it.
type embedded struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// values checks that each line is one that CloudWatch understands, and returns its metrics.
func values(t *testing.T, text []byte) []map[string]float64 {
	t.Helper()
	var out []map[string]float64
	for _, line := range lines(t, text) {
		var e embedded
		raw, _ := json.Marshal(line)
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(time.UnixMilli(e.AWS.Timestamp)); len(e.AWS.CloudWatchMetrics) != 1 || age < 0 || age > 10*time.Second {
			t.Fatalf("line %s", raw)
		}
		d := e.AWS.CloudWatchMetrics[0]
		if d.Namespace != metricNamespace || len(d.Dimensions) != 1 || len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			t.Errorf("directive %+v", d)
		}
		for _, dimension := range d.Dimensions[0] {
			if _, ok := line[dimension].(string); !ok {
				t.Errorf("dimension %s is %v", dimension, line[dimension])
			}
		}
		got := map[string]float64{}
		for _, m := range d.Metrics {
			value, ok := line[m.Name].(float64)
			if !ok || m.Unit != unitCount && m.Unit != unitMilliseconds {
				t.Errorf("metric %+v is %v", m, line[m.Name])
			}
			got[m.Name] = value
		}
		out = append(out, got)
	}
	return out
}

func TestMetricsOfALaunch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2, 1)
		i := f.instances["i-00"]
		f.before = func(op string, n int) error {
			if op == "AssociateAddress" && n == 1 {
				return apiError("Resource.AlreadyAssociated", "resource eipalloc-00 is already associated with associate-id eipassoc-1")
			}
			return nil
		}
		payload := launchEvent(i)
		<-time.After(5 * time.Second)
		var out bytes.Buffer
		a := newAssigner(f, 1)
		a.Metrics = &out
		if _, err := invoke(t, a, payload); err != nil {
			t.Fatal(err)
		}
		got := values(t, out.Bytes())
		if len(got) != 1 || got[0]["Claims"] != 1 || got[0]["ClaimConflicts"] != 1 || got[0]["ClaimDuration"] < 5000 || got[0]["ClaimDuration"] > 8000 || len(got[0]) != 3 {
			t.Errorf("metrics %v", got)
		}
	})
}

func TestMetricsOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(7, 0)
		f.addInstance("i-00", stateInService)
		f.giveTo("eipalloc-00", "i-00")
		f.addInstance("i-01", stateInService) // without
		i := f.addInstance("i-02", stateInService)
		f.giveTo("eipalloc-01", "i-02")
		f.give("eipalloc-02", i.id, i.eni, "10.0.9.9") // a double
		f.addInstance("i-03", "")
		f.giveTo("eipalloc-03", "i-03") // a stray
		f.give("eipalloc-04", "", "eni-else", "10.9.9.9")
		f.addInstance("i-04", stateTerminatingWait)
		<-time.After(stuckAfter + time.Minute)
		var out bytes.Buffer
		a := newAssigner(f, 2)
		a.Metrics = &out
		if _, err := a.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := values(t, out.Bytes())
		want := map[string]float64{
			"MembersWithoutAddress": 1, "DoubleAddresses": 1, "StrayAddresses": 1, "ForeignHolders": 1, "StuckLaunches": 0, "StuckTerminations": 1,
			"AddressesFree": 2, "AddressesInUse": 5, "AddressesTotal": 7, "Repairs": 4, "ReconcilerRuns": 1,
		}
		last := got[len(got)-1]
		for name, value := range want {
			if v, ok := last[name]; !ok || v != value {
				t.Errorf("%s is %v, want %v", name, v, value)
			}
		}
		if len(last) != len(want) {
			t.Errorf("metrics %v", last)
		}
	})
}

// An instance that has its address and still waits for another hook boots; it is not stuck.
func TestStuckLaunchesLackAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 0)
		boots := f.addInstance("i-00", statePendingWait)
		boots.hook, boots.held = "", true
		f.giveTo("eipalloc-00", "i-00")
		f.addInstance("i-01", statePendingWait).expires = time.Now().Add(time.Hour)
		<-time.After(stuckAfter + time.Minute)
		var out bytes.Buffer
		a := newAssigner(f, 2)
		a.Metrics = &out
		if _, err := a.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := values(t, out.Bytes())
		if last := got[len(got)-1]; last["StuckLaunches"] != 1 {
			t.Errorf("metrics %v", last)
		}
	})
}

func TestDeniedCallsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		f.before = func(op string, n int) error {
			if op == "DescribeAddresses" && n <= 2 {
				return apiError("UnauthorizedOperation", "You are not authorized to perform this operation.")
			}
			return nil
		}
		var out bytes.Buffer
		a := newAssigner(f, 3)
		a.Metrics = &out
		if _, err := invoke(t, a, launchEvent(f.instances["i-00"])); err != nil {
			t.Fatal(err)
		}
		if got := values(t, out.Bytes()); len(got) != 1 || got[0]["Denied"] != 2 {
			t.Errorf("metrics %v", got)
		}
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestMetricsThatCannotBeWrittenChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 1)
		a := newAssigner(f, 4)
		a.Metrics = brokenWriter{}
		if got, err := invoke(t, a, launchEvent(f.instances["i-00"])); err != nil || got.Outcome != OutcomeContinue {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
