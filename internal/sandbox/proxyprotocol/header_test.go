package proxyprotocol

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// A health check of a real Network Load Balancer, as a packet dump in
// https://github.com/kubernetes/kubernetes/issues/57250 shows it.
const realLocal = "0d0a0d0a000d0a515549540a" + "20110054" + "030004bce5951f" + "04004a"

func TestLocalIsThatOfARealLoadBalancer(t *testing.T) {
	t.Parallel()
	want := realLocal + strings.Repeat("00", 0x4a)
	if got := hex.EncodeToString(Local()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A connection through an endpoint, as a real Network Load Balancer forwarded it: the sample of
// the compatibility test in https://github.com/aws/elastic-load-balancing-tools (proprot).
const realForwarded = "0d0a0d0a000d0a515549540a" + "21110054" + "ac1f0771" + "ac1f0a1f" + "c8f2" + "0050" + "030004e8d6892d" +
	"ea001701" + "767063652d3038643262663135666163353030316339" + "040024"

func TestHeaderIsThatOfARealLoadBalancer(t *testing.T) {
	t.Parallel()
	got := Header{
		Source:      netip.MustParseAddrPort("172.31.7.113:51442"),
		Destination: netip.MustParseAddrPort("172.31.10.31:80"),
		EndpointID:  "vpce-08d2bf15fac5001c9",
	}.Bytes()
	if want := realForwarded + strings.Repeat("00", 0x24); hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}
