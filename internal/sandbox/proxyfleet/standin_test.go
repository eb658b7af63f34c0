package proxyfleet

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// TestInstanceWithoutProxiesCompletesItsHook lets the script of TestInstanceCompletesItsHook find
// a stand-in.
func TestInstanceWithoutProxiesCompletesItsHook(t *testing.T) {
	t.Parallel()
	w, cloud := newWorldWithAWS(t, func(o *Options) { o.HAProxy = nil })
	err := w.Launch(t.Context(), Instance{
		ID: "i-1", UserData: withScript(readyScript, "/usr/local/sbin/ready"), InstanceProfileARN: "arn:aws:iam::123456789012:instance-profile/proxy",
	})
	if err != nil {
		t.Fatal(err)
	}
	i, _ := w.instance("i-1")
	answers := func(header []byte) bool {
		conn, err := w.DialInstance(t.Context(), "i-1", 8404)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if header != nil {
			conn = withHeader(conn, header)
		}
		return asksWell(t.Context(), conn, "localhost", "/healthz")
	}
	v1 := []byte("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")
	if answers(nil) || len(cloud.seen()) != 0 {
		t.Error("it is ready without an address")
	}
	w.SetPublicIP("i-1", "52.1.2.3")
	if !answers(nil) || !answers(v1) || !answers(proxyprotocol.Local()) {
		t.Error("it is not ready with an address")
	}
	w.awaitCommands(t, i)
	if err := w.Problem("i-1"); err != nil {
		t.Error(err)
	}
	if calls := cloud.seen(); len(calls) != 1 || calls[0].form.Get("Action") != "CompleteLifecycleAction" {
		t.Errorf("it called %v", calls)
	}
	w.SetPublicIP("i-1", "")
	if answers(nil) || !w.Healthy("i-1", 8404, "/healthz", true) {
		t.Error("it is ready without an address, or does not count as healthy")
	}
	w.Close()
	if w.Running() != 0 {
		t.Errorf("%d stand-ins run after Close", w.Running())
	}
}
