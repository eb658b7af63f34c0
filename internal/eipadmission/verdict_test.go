package eipadmission

import (
	"fmt"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func TestJudge(t *testing.T) {
	const ip = "52.1.1.1"
	tags := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	const gate, life = eiptag.Admission, eiptag.Lifecycle
	for name, c := range map[string]struct {
		tags                                                         map[string]string
		used, listed, effective                                      bool
		admit, withdraw, release, held, lingering, pending, admitted bool
	}{
		"new, listed":                    {tags: tags(gate, "required"), listed: true, admit: true, admitted: true},
		"new, not listed":                {tags: tags(gate, "required"), pending: true},
		"admitted, listed":               {tags: tags(gate, "admitted"), listed: true, admitted: true},
		"admitted, not listed":           {tags: tags(gate, "admitted"), withdraw: true, pending: true},
		"admitted, not listed, in use":   {tags: tags(gate, "admitted"), used: true, withdraw: true, pending: true},
		"untagged, listed":               {tags: tags(), listed: true, admit: true, admitted: true},
		"untagged, not listed":           {tags: tags(), withdraw: true, pending: true},
		"odd, not listed":                {tags: tags(gate, "odd"), withdraw: true, pending: true},
		"draining, listed":               {tags: tags(gate, "admitted", life, "draining"), used: true, listed: true, admitted: true},
		"draining, not listed":           {tags: tags(gate, "admitted", life, "draining"), used: true, withdraw: true, pending: true},
		"retired, listed":                {tags: tags(gate, "admitted", life, "retired"), listed: true, admitted: true},
		"retired, not listed":            {tags: tags(gate, "required", life, "retired"), release: true},
		"retired, admitted, not listed":  {tags: tags(gate, "admitted", life, "retired"), withdraw: true, release: true},
		"retired, not listed, in use":    {tags: tags(gate, "required", life, "retired"), used: true, held: true},
		"retired, an entry of nobody's":  {tags: tags(gate, "required", life, "retired"), effective: true, lingering: true},
		"retired, nobody's, in use":      {tags: tags(gate, "required", life, "retired"), used: true, effective: true, lingering: true},
		"admitted, an entry of nobody's": {tags: tags(gate, "admitted"), effective: true, withdraw: true, pending: true},
		"retired, the user's own":        {tags: tags(gate, "required", life, "retired", eiptag.Existing, "true")},
	} {
		t.Run(name, func(t *testing.T) {
			a := eippool.Address{AllocationID: "eipalloc-1", PublicIP: ip, Tags: c.tags}
			if c.used {
				a.AssociationID = "eipassoc-1"
			}
			f := listing{"openai", map[string]bool{"52.9.9.9": true, ip: c.listed}, map[string]bool{"52.9.9.9": true, ip: c.effective}}
			if !c.listed {
				delete(f.admitted, ip)
			}
			v := judge([]eippool.Address{a}, []listing{f})
			for what, pair := range map[string]struct {
				got  []eippool.Address
				want bool
			}{
				"admit": {v.Admit, c.admit}, "withdraw": {v.Withdraw, c.withdraw}, "release": {v.Release, c.release},
				"held": {v.Held, c.held}, "lingering": {v.Lingering, c.lingering}, "pending": {v.Pending, c.pending}, "admitted": {v.Admitted, c.admitted},
			} {
				expect(t, what, len(pair.got) == 1, pair.want)
			}
			expect(t, "foreign", v.Foreign, []string{"52.9.9.9"})
		})
	}
}

// Two firewalls list an address in each of their ways: "own" as their owner's, "any" as anybody's, "" not at all.
func TestJudgeSeveral(t *testing.T) {
	const ip = "52.1.1.1"
	for _, c := range []struct {
		a, b               string
		active, retired    string
		unlisted, listedBy []string
	}{
		{a: "own", b: "own", active: "admitted", retired: "admitted", listedBy: []string{"a", "b"}},
		{a: "own", b: "any", active: "pending", retired: "awaited", unlisted: []string{"b"}, listedBy: []string{"a", "b"}},
		{a: "own", b: "", active: "pending", retired: "awaited", unlisted: []string{"b"}, listedBy: []string{"a"}},
		{a: "", b: "own", active: "pending", retired: "awaited", unlisted: []string{"a"}, listedBy: []string{"b"}},
		{a: "any", b: "any", active: "pending", retired: "lingering", unlisted: []string{"a", "b"}, listedBy: []string{"a", "b"}},
		{a: "", b: "any", active: "pending", retired: "lingering", unlisted: []string{"a", "b"}, listedBy: []string{"b"}},
		{a: "", b: "", active: "pending", retired: "release", unlisted: []string{"a", "b"}},
	} {
		t.Run(fmt.Sprintf("%q and %q", c.a, c.b), func(t *testing.T) {
			var firewalls []listing
			for _, f := range []struct{ name, how string }{{"a", c.a}, {"b", c.b}} {
				l := listing{name: f.name, admitted: map[string]bool{}, effective: map[string]bool{}}
				if f.how == "own" {
					l.admitted[ip] = true
				}
				if f.how != "" {
					l.effective[ip] = true
				}
				firewalls = append(firewalls, l)
			}
			for _, tag := range []string{eiptag.AdmissionRequired, eiptag.AdmissionAdmitted} {
				for _, retired := range []bool{false, true} {
					a := eippool.Address{AllocationID: "eipalloc-1", PublicIP: ip, Tags: map[string]string{eiptag.Admission: tag}}
					want := c.active
					if retired {
						a.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired
						want = c.retired
					}
					v := judge([]eippool.Address{a}, firewalls)
					for what, got := range map[string][]eippool.Address{"admitted": v.Admitted, "pending": v.Pending, "awaited": v.Awaited, "lingering": v.Lingering, "release": v.Release, "held": v.Held} {
						expect(t, what, len(got) == 1, what == want)
					}
					expect(t, "admit", len(v.Admit) == 1, want == "admitted" && tag != eiptag.AdmissionAdmitted)
					expect(t, "withdraw", len(v.Withdraw) == 1, want != "admitted" && tag == eiptag.AdmissionAdmitted)
					expect(t, "unsettled", len(v.unsettled()) == 1, len(v.Admit)+len(v.Withdraw)+len(v.Lingering)+len(v.Release) > 0)
					unlisted, lingering := map[string][]string{}, map[string][]string{}
					for _, name := range c.unlisted {
						unlisted[name] = []string{ip}
					}
					for _, name := range c.listedBy {
						lingering[name] = []string{ip}
					}
					if retired {
						unlisted = map[string][]string{}
					} else {
						lingering = map[string][]string{}
					}
					expect(t, "unlisted", v.unlisted(), unlisted)
					expect(t, "lingering", v.lingering([]eippool.Address{a}), lingering)
				}
			}
		})
	}
}

func TestNobodyAdmitsBehindNoFirewall(t *testing.T) {
	a := eippool.Address{AllocationID: "eipalloc-1", PublicIP: "52.1.1.1", Tags: map[string]string{eiptag.Admission: eiptag.AdmissionAdmitted}}
	v := judge([]eippool.Address{a}, nil)
	expect(t, "withdraw", len(v.Withdraw), 1)
	expect(t, "admitted", len(v.Admitted), 0)
}

func TestHost(t *testing.T) {
	for entry, want := range map[string]string{"52.1.2.3": "52.1.2.3", "52.1.2.3/32": "52.1.2.3", "52.1.2.0/24": "", "2001:db8::1": "", "2001:db8::1/128": "", "": "", "a": "", "52.1.2.3 ": ""} {
		got, err := host(entry)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("host(%q) = %q, %v; want %q", entry, got, err, want)
		}
	}
}
