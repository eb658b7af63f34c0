// Package iprange holds what an Azure account's firewall accepts as an ip rule:
// public IPv4 addresses and network-aligned ranges of them, in one canonical spelling.
package iprange

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Range is a public IPv4 address or CIDR range. The zero value is no range.
type Range struct{ prefix netip.Prefix }

// special lists the IPv4 blocks that are not public (IANA's special-purpose address
// registry), with what somebody who wrote one of them probably wants.
var special = []struct {
	prefix  netip.Prefix
	kind    string
	instead string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\" addresses", publicInstead},
	{netip.MustParsePrefix("10.0.0.0/8"), "private addresses (RFC 1918)", natInstead},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT addresses (RFC 6598)", natInstead},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback addresses", publicInstead},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local addresses", publicInstead},
	{netip.MustParsePrefix("172.16.0.0/12"), "private addresses (RFC 1918)", natInstead},
	{netip.MustParsePrefix("192.0.0.0/24"), "IETF protocol assignments", publicInstead},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation addresses (RFC 5737)", exampleInstead},
	{netip.MustParsePrefix("192.168.0.0/16"), "private addresses (RFC 1918)", natInstead},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking addresses (RFC 2544)", publicInstead},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation addresses (RFC 5737)", exampleInstead},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation addresses (RFC 5737)", exampleInstead},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast addresses", publicInstead},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved addresses", publicInstead},
}

const (
	publicInstead  = "Write the public IPv4 address that Azure sees as the source, such as 52.1.2.3, or an aligned public range such as 52.1.2.0/24"
	natInstead     = "Azure sees the public address behind it: write the Elastic IP or NAT gateway address, such as 52.1.2.3"
	exampleInstead = "Examples in documents use them; write the real public address in its place"
)

// Parse reads an ip rule as a user writes it: "a.b.c.d" or an aligned "a.b.c.d/n".
// The error says what is wrong and what to write instead.
func Parse(s string) (Range, error) {
	if s == "" {
		return Range{}, fmt.Errorf("the entry is empty. %s", publicInstead)
	}
	if trimmed := strings.TrimSpace(s); trimmed != s {
		return Range{}, fmt.Errorf("%q has white space around it. Write %q", s, trimmed)
	}
	prefix, err := parsePrefix(s)
	if err != nil {
		return Range{}, err
	}
	if prefix.Bits() == 0 {
		return Range{}, fmt.Errorf("%s admits the whole internet. %s. To open the account on purpose, set default_action = \"Allow\"", s, publicInstead)
	}
	if prefix != prefix.Masked() {
		return Range{}, fmt.Errorf("%s has bits set below its mask, which Azure refuses. Write %s for the whole range, or %s for the one address",
			s, prefix.Masked(), prefix.Addr())
	}
	for _, block := range special {
		if block.prefix.Contains(prefix.Addr()) {
			return Range{}, fmt.Errorf("%s lies in %s, %s, which Azure's firewall never sees. %s", s, block.prefix, block.kind, block.instead)
		}
		if prefix.Overlaps(block.prefix) {
			return Range{}, fmt.Errorf("%s contains %s, %s, which Azure's firewall never sees. Write the public part of it as smaller ranges, such as 52.1.2.0/24",
				s, block.prefix, block.kind)
		}
	}
	return Range{prefix}, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	host, bits, isPrefix := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil && leadingZeros(host):
		return netip.Prefix{}, fmt.Errorf("%q has leading zeros, which some programs read as octal. Write each part as a plain decimal number, such as 52.1.2.3", s)
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not an IPv4 address or CIDR range. %s", s, publicInstead)
	case addr.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address in IPv6 notation. Write %s", s, addr.Unmap())
	case addr.Is6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv6, which the account's firewall does not take. Write the IPv4 address that the caller leaves from, such as 52.1.2.3", s)
	case !isPrefix:
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q has /%s where a prefix length from 1 to 32 belongs. Write %s for the one address, or a range such as 52.1.2.0/24", s, bits, addr)
	}
	return prefix, nil
}

// leadingZeros reports whether s is dotted decimal but for leading zeros.
func leadingZeros(s string) bool {
	parts := strings.Split(s, ".")
	for i, part := range parts {
		trimmed := strings.TrimLeft(part, "0")
		if trimmed == "" && part != "" {
			trimmed = "0"
		}
		parts[i] = trimmed
	}
	_, err := netip.ParseAddr(strings.Join(parts, "."))
	return err == nil
}

// Entries gives the range as Azure keeps it: a host as "a.b.c.d" and a /31 as its two
// hosts, since Azure refuses /31 and /32; any other range as "a.b.c.d/n".
func (r Range) Entries() []string {
	switch {
	case !r.prefix.IsValid():
		return nil
	case r.prefix.Bits() == 32:
		return []string{r.prefix.Addr().String()}
	case r.prefix.Bits() == 31:
		return []string{r.prefix.Addr().String(), r.prefix.Addr().Next().String()}
	default:
		return []string{r.prefix.String()}
	}
}

// Overlaps reports whether an address lies in both ranges.
func (r Range) Overlaps(other Range) bool { return r.prefix.Overlaps(other.prefix) }

// Entries gives any spelling of a rule, a foreign one read from Azure too, as Azure
// would keep it (see Range.Entries). What it cannot read it gives back as it is, so
// that it compares equal to nothing but itself.
func Entries(rule string) []string {
	prefix, err := parsePrefix(strings.TrimSpace(rule))
	if err != nil {
		return []string{rule}
	}
	return Range{prefix.Masked()}.Entries()
}

// AllEntries gives the entries of several rules, sorted and each once.
func AllEntries(rules []string) []string {
	var all []string
	for _, rule := range rules {
		all = append(all, Entries(rule)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// IsHost reports whether an entry names one address.
func IsHost(entry string) bool {
	addr, err := netip.ParseAddr(entry)
	return err == nil && addr.Is4()
}

// SameEntry reports whether two spellings mean the same entries: 1.2.3.4 and 1.2.3.4/32.
func SameEntry(a, b string) bool { return slices.Equal(Entries(a), Entries(b)) }
