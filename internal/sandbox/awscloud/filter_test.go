package awscloud

import "testing"

func TestFilterPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"abc", "abc", true}, {"abc", "ABC", false}, {"a*", "abc", true}, {"a?c", "abc", true}, {"a?", "abc", false},
		{"*", "", true}, {"a/*", "a/b/c", true}, {"*/c", "a/b/c", true}, {"[ab]", "[ab]", true}, {"[ab]", "a", false}, {"a*", "[a", false},
	} {
		if got := (filter{values: []string{tc.pattern}}).accepts(tc.value); got != tc.want {
			t.Errorf("%q on %q: want %t, got %t", tc.pattern, tc.value, tc.want, got)
		}
	}
}
