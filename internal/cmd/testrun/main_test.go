package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const events = `{"Action":"run","Package":"` + modulePath + `/internal/a","Test":"TestGood"}
{"Action":"pass","Package":"` + modulePath + `/internal/a","Test":"TestGood","Elapsed":0.1}
{"Action":"run","Package":"` + modulePath + `/internal/a","Test":"TestTable"}
{"Action":"run","Package":"` + modulePath + `/internal/a","Test":"TestTable/one"}
{"Action":"pass","Package":"` + modulePath + `/internal/a","Test":"TestTable/one"}
{"Action":"pass","Package":"` + modulePath + `/internal/a","Test":"TestTable"}
{"Action":"run","Package":"` + modulePath + `/internal/a","Test":"TestBad"}
{"Action":"output","Package":"` + modulePath + `/internal/a","Test":"TestBad","Output":"boom\n"}
{"Action":"fail","Package":"` + modulePath + `/internal/a","Test":"TestBad"}
{"Action":"skip","Package":"` + modulePath + `/internal/a","Test":"TestSkipped"}
{"Action":"fail","Package":"` + modulePath + `/internal/a"}
{"Action":"build-output","ImportPath":"x","Output":"does not compile\n"}
{"Action":"fail","Package":"` + modulePath + `/internal/b","FailedBuild":"x"}
{"Action":"skip","Package":"` + modulePath + `/internal/c"}
`

func TestReadGoTests(t *testing.T) {
	var out strings.Builder
	var total tally
	if err := readGoTests(strings.NewReader(events), &out, &total); err != nil {
		t.Fatal(err)
	}
	if total.passed != 2 {
		t.Errorf("%d passed, want 2: a parent of subtests does not count", total.passed)
	}
	if want := []string{"internal/a.TestBad", "internal/b"}; !slices.Equal(total.failures, want) {
		t.Errorf("failures %v, want %v", total.failures, want)
	}
	if want := []string{"internal/a.TestSkipped"}; !slices.Equal(total.skips, want) {
		t.Errorf("skips %v, want %v", total.skips, want)
	}
	for _, want := range []string{"boom", "does not compile"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestSkipsMustBeListedWithAReason(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allowed")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# tests that may be skipped\n\ninternal/a.TestSkipped HAProxy cannot be had\n")
	allowed, err := readAllowedSkips(path)
	if err != nil {
		t.Fatal(err)
	}
	total := tally{skips: []string{"internal/a.TestSkipped", "internal/a.TestOther"}}
	if got := total.unlistedSkips(allowed, nil); !slices.Equal(got, []string{"internal/a.TestOther"}) {
		t.Errorf("unlisted skips %v, want only TestOther", got)
	}
	write("internal/a.TestSkipped\n")
	if _, err := readAllowedSkips(path); err == nil || !strings.Contains(err.Error(), "no reason") {
		t.Errorf("a skip without a reason is accepted: %v", err)
	}
}

func TestSkipForAProviderThatIsThereIsAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(path, []byte("internal/a.TestBoth needs hashicorp/azurerm databricks/databricks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	allowed, err := readAllowedSkips(path)
	if err != nil {
		t.Fatal(err)
	}
	total := tally{skips: []string{"internal/a.TestBoth"}}
	for _, test := range []struct {
		here, unlisted []string
	}{
		{nil, nil},
		{[]string{"hashicorp/azurerm"}, nil},
		{[]string{"hashicorp/azurerm", "databricks/databricks"}, []string{"internal/a.TestBoth"}},
	} {
		if got := total.unlistedSkips(allowed, func(provider string) bool { return slices.Contains(test.here, provider) }); !slices.Equal(got, test.unlisted) {
			t.Errorf("with %v in a mirror, unlisted are %v, want %v", test.here, got, test.unlisted)
		}
	}
}

const moduleEvents = `{"@level":"info","type":"version"}
{"@level":"info","@testfile":"tests/plan.tftest.hcl","@testrun":"defaults","type":"test_run","test_run":{"path":"tests/plan.tftest.hcl","run":"defaults","progress":"starting"}}
{"@level":"info","@testfile":"tests/plan.tftest.hcl","@testrun":"defaults","type":"test_run","test_run":{"path":"tests/plan.tftest.hcl","run":"defaults","progress":"complete","status":"pass"}}
{"@level":"error","@message":"Error: Test assertion failed","@testrun":"bad","type":"diagnostic","diagnostic":{"severity":"error","summary":"Test assertion failed","detail":"size is 0"}}
{"@level":"info","@testfile":"tests/plan.tftest.hcl","@testrun":"bad","type":"test_run","test_run":{"path":"tests/plan.tftest.hcl","run":"bad","progress":"complete","status":"fail"}}
`

func TestReadModuleTests(t *testing.T) {
	var out strings.Builder
	var total tally
	if err := readModuleTests(strings.NewReader(moduleEvents), &out, "modules/x", &total); err != nil {
		t.Fatal(err)
	}
	if total.passed != 1 || !slices.Equal(total.failures, []string{"modules/x/tests/plan.tftest.hcl.bad"}) {
		t.Errorf("passed %d, failures %v", total.passed, total.failures)
	}
	if !strings.Contains(out.String(), "size is 0") {
		t.Errorf("the failure's detail is not shown:\n%s", out.String())
	}
}
