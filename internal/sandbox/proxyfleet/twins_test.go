package proxyfleet

import (
	"net/netip"
	"testing"
)

func TestTwins(t *testing.T) {
	t.Parallel()
	twins := NewTwins()
	seen := map[netip.Addr]bool{NoAddress: true}
	public := netip.MustParseAddr("52.1.0.0")
	for range 1000 {
		public = public.Next()
		twin := twins.Of(public)
		if seen[twin] || !twinBlock.Contains(twin) || netip.MustParsePrefix("127.0.0.0/16").Contains(twin) {
			t.Fatalf("%v got twin %v, which is taken or in the wrong block", public, twin)
		}
		seen[twin] = true
		if back, ok := twins.PublicIP(twin); !ok || back != public {
			t.Fatalf("%v stands for %v, %t", twin, back, ok)
		}
		if again := twins.Of(public); again != twin {
			t.Fatalf("%v got %v, and then %v", public, twin, again)
		}
	}
	if public, ok := twins.PublicIP(NoAddress); ok {
		t.Errorf("no address is the twin of %v", public)
	}
}
