package eipassigner

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

func testSpec(t *testing.T) spec {
	t.Helper()
	s, diags := planned().toSpec(t.Context(), "default", map[string]string{"team": "ml"})
	must(t, diags)
	return s
}

func TestNamesAreStableAndUnique(t *testing.T) {
	s := testSpec(t)
	if s.functionName() != testSpec(t).functionName() {
		t.Error("two runs give different names")
	}
	names := map[string]bool{s.functionName(): true}
	other := s
	other.owner = "staging"
	names[other.functionName()] = true
	other = s
	other.group.text = strings.Replace(other.group.text, "0123", "9999", 1)
	names[other.functionName()] = true
	if len(names) != 3 {
		t.Errorf("owner and group do not make names unique: %v", names)
	}
	s.name = strings.Repeat("x", 32)
	for _, kind := range ruleKinds {
		if n := len(s.ruleName(kind)); n > 64 {
			t.Errorf("rule name %q has %d characters", s.ruleName(kind), n)
		}
	}
}

func TestParseGroupARN(t *testing.T) {
	g, err := parseGroupARN(testGroupARN)
	if err != nil || g.name != testGroup || g.account != "123456789012" || g.region != "us-east-1" || g.partition != "aws" {
		t.Errorf("got %+v, %v", g, err)
	}
	if g, err := parseGroupARN("arn:aws-us-gov:autoscaling:us-gov-west-1:123456789012:autoScalingGroup:01234567-89ab-cdef-0123-456789abcdef:autoScalingGroupName/a/b c"); err != nil || g.name != "a/b c" {
		t.Errorf("got %+v, %v", g, err)
	}
	for _, wrong := range []string{"", "proxies", "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/proxies", "arn:aws:ec2:us-east-1:123456789012:instance/i-1"} {
		if _, err := parseGroupARN(wrong); err == nil || !strings.Contains(err.Error(), "aws_autoscaling_group.NAME.arn") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestSameJSON(t *testing.T) {
	for _, test := range []struct {
		want, got string
		same      bool
	}{
		{`{"a":[1,2],"b":"x y"}`, `{ "b": "x y", "a": [1, 2] }`, true},
		{`{"a":"x y"}`, `%7B%22a%22%3A%22x%20y%22%7D`, true},
		{`{"a":"x+y"}`, `%7B%22a%22%3A%22x%2By%22%7D`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":1}`, ``, false},
		{``, ``, true},
		{``, `{"a":1}`, false},
	} {
		if sameJSON(test.want, test.got) != test.same {
			t.Errorf("sameJSON(%q, %q) is not %t", test.want, test.got, test.same)
		}
	}
}

func TestReadArchive(t *testing.T) {
	files := fstest.MapFS{"lambda/eip-assigner-arm64.zip": {Data: []byte("zip")}}
	got, err := readArchive(files, archARM)
	if err != nil || got.hash != "S9k1vLA7qsmkzIthbuvbUgZoSeonQtACRxQTOvCyoDI=" && len(got.hash) != 44 {
		t.Errorf("got %q, %v", got.hash, err)
	}
	if _, err := readArchive(files, archX86); !errors.Is(err, errNoArchive) {
		t.Errorf("got %v", err)
	}
}

func TestFleetStatus(t *testing.T) {
	serving := func(ids ...string) []member {
		var all []member
		for _, id := range ids {
			all = append(all, member{id: id, state: stateInService, address: "52.0.0.1"})
		}
		return all
	}
	tests := map[string]struct {
		fleet     fleet
		status    string
		inService int64
		says      string
	}{
		"gone":             {fleet{}, statusGroupNotFound, 0, "does not exist"},
		"all serve":        {fleet{found: true, size: size{2, 3, 2}, members: serving("i-1", "i-2")}, statusInService, 2, ""},
		"empty by intent":  {fleet{found: true, size: size{0, 3, 0}}, statusInService, 0, ""},
		"one is missing":   {fleet{found: true, size: size{2, 3, 2}, members: serving("i-1")}, statusWaitingForInstances, 1, "1 of 2"},
		"one starts":       {fleet{found: true, size: size{2, 3, 2}, members: append(serving("i-1"), member{id: "i-2", state: "Pending"})}, statusWaitingForInstances, 1, "i-2 (Pending)"},
		"one boots":        {fleet{found: true, size: size{2, 3, 2}, active: 2, members: append(serving("i-1"), member{id: "i-2", state: "Pending:Wait", address: "192.0.2.2"})}, statusWaitingForInstances, 1, "i-2 (Pending:Wait, with an address: another lifecycle hook holds it)"},
		"one waits":        {fleet{found: true, size: size{2, 3, 2}, active: 2, unadmitted: 1, members: append(serving("i-1"), member{id: "i-2", state: "Pending:Wait"})}, statusWaitingForAddresses, 1, "1 of them wait for the firewall's admission"},
		"one lost its own": {fleet{found: true, size: size{2, 3, 2}, members: append(serving("i-1"), member{id: "i-2", state: "InService"})}, statusWaitingForAddresses, 1, "i-2 (InService)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status, reason := test.fleet.status("proxies", "egress")
			if status != test.status || !strings.Contains(reason, test.says) || test.fleet.inService() != test.inService || (status == statusInService) != (reason == "") {
				t.Errorf("got %s, %q, %d in service", status, reason, test.fleet.inService())
			}
		})
	}
}

func TestResize(t *testing.T) {
	tests := map[string]struct {
		is     size
		want   size
		needed bool
	}{
		"from nothing":             {size{0, 0, 0}, size{2, 4, 3}, true},
		"as it should be":          {size{2, 4, 2}, size{2, 4, 2}, false},
		"scaled within the bounds": {size{2, 4, 4}, size{2, 4, 4}, false},
		"bounds were tightened":    {size{2, 9, 8}, size{2, 4, 4}, true},
		"bounds were widened":      {size{1, 3, 1}, size{2, 4, 2}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, needed := fleet{found: true, size: test.is}.resize(2, 4, 3)
			if got != test.want || needed != test.needed {
				t.Errorf("got %+v, %t", got, needed)
			}
		})
	}
}

func TestParseGrants(t *testing.T) {
	got, err := parseGrants(`{"Version":"2012-10-17","Statement":[
		{"Sid":"a","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"r","Condition":{"ArnLike":{"AWS:SourceArn":"arn:rule"}}},
		{"Sid":"b","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"r"}]}`)
	if err != nil || got["a"] != "arn:rule" || got["b"] != "" || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseGrants("no JSON"); err == nil {
		t.Error("no error")
	}
}
