package eipadmission

import (
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
		"retired, nobody's, in use":      {tags: tags(gate, "required", life, "retired"), used: true, effective: true, held: true},
		"admitted, an entry of nobody's": {tags: tags(gate, "admitted"), effective: true, withdraw: true, pending: true},
		"retired, the user's own":        {tags: tags(gate, "required", life, "retired", eiptag.Existing, "true")},
	} {
		t.Run(name, func(t *testing.T) {
			a := eippool.Address{AllocationID: "eipalloc-1", PublicIP: ip, Tags: c.tags}
			if c.used {
				a.AssociationID = "eipassoc-1"
			}
			listed := map[string]bool{"52.9.9.9": true}
			if c.listed {
				listed[ip] = true
			}
			effective := map[string]bool{"52.9.9.9": true}
			if c.effective {
				effective[ip] = true
			}
			v := judge([]eippool.Address{a}, listed, effective)
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

func TestHost(t *testing.T) {
	for entry, want := range map[string]string{"52.1.2.3": "52.1.2.3", "52.1.2.3/32": "52.1.2.3", "52.1.2.0/24": "", "2001:db8::1": "", "2001:db8::1/128": "", "": "", "a": "", "52.1.2.3 ": ""} {
		got, err := host(entry)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("host(%q) = %q, %v; want %q", entry, got, err, want)
		}
	}
}
