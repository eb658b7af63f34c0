package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

func TestTableCountsAndDecides(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	r.check("query-200", func() (string, error) { return "2 proxies", nil })
	r.check("drift-403", func() (string, error) { return "", fmt.Errorf("no proxy: %w", errSkipped) })
	if !r.table() {
		t.Error("a skip makes the demo fail")
	}
	r.check("plan-empty", func() (string, error) { return "", errors.New("2 changes\nand more") })
	r.proxy, r.example = "haproxy 2.6.12", "example: complete, as asked for"
	if r.table() {
		t.Error("a failed check does not make the demo fail")
	}
	for _, want := range []string{"demo: 1 passed, 0 failed, 1 skipped\n", "demo: 1 passed, 1 failed, 1 skipped\n", "example: none\nproxy: none\n", "example: complete, as asked for\nproxy: haproxy 2.6.12\n", "2 changes\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if newReport(&out).table() {
		t.Error("a demo without a check passes")
	}
}

func TestDriftMayChangeTheFirewallAndWhatFollowsFromItAlone(t *testing.T) {
	update := func(address string) tfrun.Change { return tfrun.Change{Address: address, Actions: []string{"update"}} }
	firewall, admission := update("crosscloudlink_aoai_ip_firewall.this"), update("module.egress.crosscloudlink_eip_admission.this")
	for name, test := range map[string]struct {
		changes []tfrun.Change
		ok      bool
	}{
		"firewall":               {[]tfrun.Change{firewall}, true},
		"firewall and admission": {[]tfrun.Change{firewall, admission}, true},
		"nothing":                {nil, false},
		"admission alone":        {[]tfrun.Change{admission}, false},
		"something else":         {[]tfrun.Change{firewall, update("module.egress.aws_lb.this")}, false},
		"a replacement":          {[]tfrun.Change{{Address: firewall.Address, Actions: []string{"delete", "create"}}}, false},
	} {
		if err := onlyFirewall(test.changes); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
