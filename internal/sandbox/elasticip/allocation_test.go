package elasticip

import (
	"net/netip"
	"slices"
	"testing"
)

func TestPoolGoesThroughItsRanges(t *testing.T) {
	from := &pool{ranges: []netip.Prefix{netip.MustParsePrefix("52.20.16.254/31"), netip.MustParsePrefix("52.20.17.0/31")}}
	var got []string
	for {
		ip, ok := from.take(func(netip.Addr) bool { return false })
		if !ok {
			break
		}
		got = append(got, ip.String())
	}
	if want := []string{"52.20.16.254", "52.20.17.1"}; !slices.Equal(got, want) {
		t.Errorf("gave %v, want %v", got, want)
	}
}
