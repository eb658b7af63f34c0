package iprange

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseRefuses(t *testing.T) {
	// Each case names what the sentence must tell: the kind of mistake, and what to write.
	tests := map[string][]string{
		"":                    {"empty", "52.1.2.3"},
		" 52.1.2.3":           {"white space", `Write "52.1.2.3"`},
		"proxy.example.com":   {"not an IPv4 address", "52.1.2.3"},
		"52.1.2":              {"not an IPv4 address"},
		"52.01.2.3":           {"leading zeros"},
		"52.1.2.3/33":         {"/33", "Write 52.1.2.3 for"},
		"52.1.2.3/x":          {"/x", "prefix length"},
		"52.1.2.3/24":         {"below its mask", "52.1.2.0/24", "52.1.2.3 for"},
		"52.1.2.3/31":         {"below its mask", "52.1.2.2/31"},
		"2001:db8::1":         {"IPv6", "IPv4"},
		"2001:db8::/32":       {"IPv6", "IPv4"},
		"::ffff:52.1.2.3":     {"IPv6 notation", "Write 52.1.2.3"},
		"0.0.0.0/0":           {"whole internet", `default_action = "Allow"`},
		"0.0.0.0":             {"0.0.0.0/8"},
		"10.1.2.3":            {"private", "Elastic IP"},
		"172.31.0.0/16":       {"private", "Elastic IP"},
		"192.168.1.1/32":      {"private", "Elastic IP"},
		"100.100.0.1":         {"carrier-grade", "Elastic IP"},
		"127.0.0.1":           {"loopback"},
		"169.254.169.254":     {"link-local"},
		"203.0.113.7":         {"documentation", "real public address"},
		"198.51.100.0/24":     {"documentation"},
		"192.0.2.1":           {"documentation"},
		"198.19.0.1":          {"benchmarking"},
		"224.0.0.1":           {"multicast"},
		"255.255.255.255":     {"reserved"},
		"8.0.0.0/5":           {"contains 10.0.0.0/8", "smaller ranges"},
		"128.0.0.0/1":         {"contains"},
		"52.1.2.3,52.1.2.4":   {"not an IPv4 address"},
		"52.1.2.3 - 52.1.2.9": {"not an IPv4 address"},
	}
	for input, wants := range tests {
		t.Run(input, func(t *testing.T) {
			_, err := Parse(input)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("lacks %q: %s", want, err)
				}
			}
			if strings.Contains(err.Error(), "..") || strings.HasSuffix(err.Error(), ".") {
				t.Errorf("stops: %s", err)
			}
		})
	}
}

func TestEntries(t *testing.T) {
	tests := map[string][]string{
		"52.1.2.3":           {"52.1.2.3"},
		"52.1.2.3/32":        {"52.1.2.3"},
		"52.1.2.2/31":        {"52.1.2.2", "52.1.2.3"},
		"52.1.2.0/30":        {"52.1.2.0/30"},
		"52.0.0.0/8":         {"52.0.0.0/8"},
		"255.255.255.254/31": {"255.255.255.254", "255.255.255.255"},
		"52.1.2.3/24":        {"52.1.2.0/24"}, // a foreign one, read tolerantly
		"whatever":           {"whatever"},
		"2001:db8::1":        {"2001:db8::1"},
	}
	for rule, want := range tests {
		if got := Entries(rule); !slices.Equal(got, want) {
			t.Errorf("Entries(%q) = %q, want %q", rule, got, want)
		}
	}
	if got, want := AllEntries([]string{"52.1.2.3", "52.1.2.2/31", "9.9.9.0/24"}), []string{"52.1.2.2", "52.1.2.3", "9.9.9.0/24"}; !slices.Equal(got, want) {
		t.Errorf("AllEntries = %q, want %q", got, want)
	}
}

// Any public host or aligned range parses, its entries parse, cover the same addresses,
// and have themselves as entries.
func TestEntriesAreCanonical(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		addr := netip.AddrFrom4([4]byte{byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
		prefix := netip.PrefixFrom(addr, 8+random.IntN(25)).Masked()
		parsed, err := Parse(prefix.String())
		if err != nil {
			continue
		}
		size := 0
		for _, entry := range parsed.Entries() {
			again, err := Parse(entry)
			if err != nil {
				t.Fatalf("%s has the entry %s, which is refused: %v", prefix, entry, err)
			}
			if got := again.Entries(); !slices.Equal(got, []string{entry}) {
				t.Fatalf("%s is not canonical: %q", entry, got)
			}
			if strings.HasSuffix(entry, "/31") || strings.HasSuffix(entry, "/32") {
				t.Fatalf("%s has the entry %s, which Azure refuses", prefix, entry)
			}
			if !prefix.Contains(again.prefix.Addr()) {
				t.Fatalf("%s has the entry %s outside of it", prefix, entry)
			}
			size += 1 << (32 - again.prefix.Bits())
		}
		if size != 1<<(32-prefix.Bits()) {
			t.Fatalf("the entries of %s cover %d addresses", prefix, size)
		}
	}
}
