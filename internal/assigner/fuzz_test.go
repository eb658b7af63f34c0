package assigner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

// ours reports whether a payload may have the function change something: it is an event of our group
// and one of our hooks, or asks for a reconciliation.
func ours(payload []byte) bool {
	var e struct {
		Source     string
		DetailType string `json:"detail-type"`
		Reconcile  bool
		Report     bool
		Detail     struct{ AutoScalingGroupName, LifecycleHookName, LifecycleTransition, EC2InstanceID string }
	}
	if json.Unmarshal(payload, &e) != nil {
		return false
	}
	hooks := map[string]string{
		assignertest.LaunchHook: "autoscaling:EC2_INSTANCE_LAUNCHING", assignertest.TerminateHook: "autoscaling:EC2_INSTANCE_TERMINATING",
	}
	d := e.Detail
	lifecycle := e.Source == "aws.autoscaling" && d.AutoScalingGroupName == assignertest.GroupName && d.EC2InstanceID != "" && d.LifecycleTransition != "" && hooks[d.LifecycleHookName] == d.LifecycleTransition
	return !e.Report && (lifecycle || e.Reconcile || e.DetailType == "Scheduled Event")
}

// FuzzEvent feeds the function arbitrary bytes beside a group with an instance that launches, one that serves and
// one that leaves. It never panics, breaks no promise, and changes nothing unless the payload is its business.
func FuzzEvent(f *testing.F) {
	w := threeInstances(f)
	waiting, leaving := w.In("Pending:Wait")[0].ID, w.In("Terminating:Wait")[0].ID
	launch, terminate := w.EventOf(assignertest.LaunchHook, waiting), w.EventOf(assignertest.TerminateHook, leaving)
	w.Close()
	seeds := [][]byte{
		launch, terminate,
		bytes.ReplaceAll(launch, []byte(waiting), []byte(leaving)),
		bytes.ReplaceAll(launch, []byte(assignertest.GroupName), []byte("others")),
		bytes.ReplaceAll(launch, []byte(assignertest.LaunchHook), []byte("drain")),
		bytes.ReplaceAll(launch, []byte(assignertest.LaunchHook), []byte(assignertest.TerminateHook)),
		bytes.ReplaceAll(launch, []byte(waiting), []byte("i-0")),
		bytes.ReplaceAll(launch, []byte(waiting), nil),
		bytes.ReplaceAll(launch, []byte(`"detail":{`), []byte(`"detail":{"Origin":"EC2","Destination":"WarmPool",`)),
		bytes.ReplaceAll(launch, []byte(`"detail":{`), []byte(`"detail":{"LifecycleActionToken":7,`)),
		bytes.ReplaceAll(launch, []byte("2100"), []byte("0000")),
		launch[:len(launch)/2], bytes.ToUpper(launch), append(bytes.Clone(launch), '}'),
		[]byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`),
		[]byte(`{"reconcile":true}`), []byte(`{"report":true}`), []byte(`{"report":true,"reconcile":true}`), []byte(`{"reconcile":"yes"}`),
		[]byte(`{"Service":"AWS Auto Scaling","AutoScalingGroupName":"proxies","Event":"autoscaling:TEST_NOTIFICATION"}`),
		[]byte(`{"source":"aws.autoscaling","detail":null}`), []byte(`{"source":"aws.autoscaling","detail":[]}`), []byte(`{"detail":"text"}`),
		nil, []byte(`null`), []byte(`[]`), []byte(`"text"`), []byte(`0`), []byte(`{`), []byte("\xff\xfe"), []byte(`{"time":"yesterday"}`),
		[]byte(strings.Repeat("[", 500)), bytes.ReplaceAll(launch, []byte(waiting), bytes.Repeat([]byte("i"), 500)),
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(tryPayload)
}

// Payloads larger than Lambda takes, which would only slow a fuzzer down.
func TestHugePayloads(t *testing.T) {
	for name, payload := range map[string]string{
		"a long id":        fmt.Sprintf(`{"source":"aws.autoscaling","detail":{"AutoScalingGroupName":"proxies","EC2InstanceId":%q}}`, strings.Repeat("i", 1<<20)),
		"a long text":      fmt.Sprintf("%q", strings.Repeat("x", 1<<20)),
		"deep":             strings.Repeat("[", 1<<20),
		"deep in a detail": `{"detail":` + strings.Repeat(`{"detail":`, 1<<17),
		"many keys":        "{" + strings.Repeat(`"detail":{"EC2InstanceId":"i-0"},`, 1<<15) + `"source":"x"}`,
	} {
		t.Run(name, func(t *testing.T) { tryPayload(t, []byte(payload)) })
	}
}

func tryPayload(t *testing.T, payload []byte) {
	w := threeInstances(t)
	defer w.Close()
	before := maps.Clone(w.Calls())
	err := w.Invoke(payload, 5*time.Minute)
	if ops := touched(before, w.Calls()); len(ops) > 0 && !ours(payload) {
		t.Errorf("%.1000s: %v was called, and the payload is not the function's business", payload, ops)
	}
	if err != nil && !ours(payload) {
		t.Errorf("%.1000s: %v: Lambda would try again what can never succeed", payload, err)
	}
	for _, violation := range w.Violations {
		t.Errorf("%.1000s: %s", payload, violation)
	}
}

// threeInstances is a world with an instance in Pending:Wait, one in service and one in
// Terminating:Wait, and an address for each. Nothing else happens in it.
func threeInstances(t testing.TB) *assignertest.World {
	t.Helper()
	w := assignertest.NewWorld(assignertest.Schedule{Seed: 5, Addresses: 4, Desired: 2, Active: time.Hour}, handle, nil)
	if !w.RunUntil(10*time.Minute, func() bool { return len(w.In("InService")) == 2 }) {
		t.Fatalf("%+v", w.Instances())
	}
	w.Silence()
	w.SendAway(w.In("InService")[0].ID)
	w.Do("desired", 2)
	ready := func() bool {
		launching := w.In("Pending:Wait")
		return len(launching) == 1 && launching[0].State == "running" && len(w.In("Terminating:Wait")) == 1
	}
	if !w.RunUntil(5*time.Minute, ready) {
		t.Fatalf("%+v", w.Instances())
	}
	return w
}
