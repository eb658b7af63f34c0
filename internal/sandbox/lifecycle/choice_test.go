package lifecycle

import (
	"slices"
	"testing"
)

func TestLeastUsedSubnet(t *testing.T) {
	zones := map[string]string{"s1": "a", "s2": "b", "s3": "b"}
	subnets := []string{"s1", "s2", "s3"}
	for _, c := range []struct {
		in   map[string]int
		want string
	}{
		{nil, "s1"},
		{map[string]int{"s1": 1}, "s2"},
		{map[string]int{"s1": 2, "s2": 1}, "s3"},
		{map[string]int{"s1": 1, "s2": 1, "s3": 1}, "s1"},
		{map[string]int{"s1": 2, "s2": 1, "s3": 1}, "s2"},
	} {
		if got := LeastUsedSubnet(subnets, zones, c.in); got != c.want {
			t.Errorf("%v: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestScaleInChoice(t *testing.T) {
	members := []Member{
		{ID: "a", Zone: "1", Launched: at(1)},
		{ID: "b", Zone: "1", Launched: at(2), Outdated: true},
		{ID: "c", Zone: "2", Launched: at(0)},
		{ID: "d", Zone: "1", Launched: at(0), Protected: true},
	}
	if got := ScaleInChoice(members, 2); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("got %v", got)
	}
	if got := ScaleInChoice(members, 9); !slices.Equal(got, []string{"b", "a", "c"}) {
		t.Errorf("got %v", got)
	}
}

func TestStartChoice(t *testing.T) {
	resting := []Member{{ID: "a", Zone: "1", Launched: at(1)}, {ID: "b", Zone: "1", Launched: at(0)}, {ID: "c", Zone: "2", Launched: at(5)}}
	in := map[string]int{"1": 2, "2": 1}
	if got := StartChoice(resting, in, 2); !slices.Equal(got, []string{"c", "b"}) || in["2"] != 1 {
		t.Errorf("got %v, %v", got, in)
	}
	if got := StartChoice(resting, nil, 9); !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("got %v", got)
	}
}
