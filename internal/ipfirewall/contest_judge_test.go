package ipfirewall

import (
	"slices"
	"strings"
	"testing"

	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// foreigner is the name under which a contest's foreign writer writes.
const foreigner = "foreign"

// isForeign tells the foreign entries of a contest, by their first number, from the
// contestants' own ones, which begin with 52.
func isForeign(entry string) bool { return !strings.HasPrefix(entry, "52.") }

// contestantOf tells whose own an entry is, by its second number; "" for one that all share.
func contestantOf(entry string) string {
	parts := strings.SplitN(entry, ".", 3)
	if isForeign(entry) || len(parts) < 3 || parts[1] == sharedNumber {
		return ""
	}
	return "owner-" + parts[1]
}

// writerOf is the name that a contest's writer puts first in its User-Agent; the seed counts
// as the foreign writer's.
func writerOf(userAgent string) string {
	name, _, _ := strings.Cut(userAgent, " ")
	if name == "" {
		return foreigner
	}
	return name
}

// verdict is what became of an account's entries in a contest, by the account's own history.
type verdict struct {
	// Writes counts the writes that took effect, ForeignWrites those of the foreign writer
	// among them.
	Writes, ForeignWrites int
	// ForeignPut counts the foreign entries that seed and foreign writer put there, each time.
	ForeignPut int
	// ForeignLost counts those that another's write took away, ForeignBack those that another's
	// write brought back after the foreign writer had removed them.
	ForeignLost, ForeignBack int
	// ForeignMoved counts the writes by others that changed the order of foreign entries.
	ForeignMoved int
	// OthersLost and OthersBack count what contestants' writes did to each other's own entries:
	// took away, and brought back. What all share may come from anybody, and go by nobody.
	OthersLost, OthersBack int
	// OwnLost counts contestants' own entries that the foreign writer's writes took away.
	OwnLost int
}

// judge reads an account's history, and tells who added each entry last.
func judge(history []sandbox.RulesVersion) (v verdict, lastAdded map[string]string) {
	lastAdded = map[string]string{}
	var before []string
	for i, version := range history {
		writer := writerOf(version.By)
		if i > 0 {
			v.Writes++
		}
		if i > 0 && writer == foreigner {
			v.ForeignWrites++
		}
		for _, entry := range without(version.IPRules, before) {
			lastAdded[entry] = writer
			v.added(writer, entry)
		}
		for _, entry := range without(before, version.IPRules) {
			v.removed(writer, entry)
		}
		was, is := slices.DeleteFunc(slices.Clone(before), isOwn), slices.DeleteFunc(slices.Clone(version.IPRules), isOwn)
		if writer != foreigner && !slices.Equal(without(was, without(was, is)), without(is, without(is, was))) {
			v.ForeignMoved++
		}
		before = version.IPRules
	}
	return v, lastAdded
}

func isOwn(entry string) bool { return !isForeign(entry) }

func (v *verdict) added(writer, entry string) {
	owner := contestantOf(entry)
	switch {
	case isForeign(entry) && writer == foreigner:
		v.ForeignPut++
	case isForeign(entry):
		v.ForeignBack++
	case writer != foreigner && owner != writer && owner != "":
		v.OthersBack++
	}
}

func (v *verdict) removed(writer, entry string) {
	switch {
	case isForeign(entry) && writer != foreigner:
		v.ForeignLost++
	case isForeign(entry):
	case writer == foreigner:
		v.OwnLost++
	case contestantOf(entry) != writer:
		v.OthersLost++
	}
}

func TestJudge(t *testing.T) {
	versions := func(versions ...sandbox.RulesVersion) []sandbox.RulesVersion {
		return append([]sandbox.RulesVersion{{IPRules: []string{"9.9.9.9", "8.8.8.0/24"}}}, versions...)
	}
	version := func(by string, rules ...string) sandbox.RulesVersion {
		return sandbox.RulesVersion{By: by + " azsdk-go", IPRules: rules}
	}
	tests := map[string]struct {
		history []sandbox.RulesVersion
		want    verdict
	}{
		"all is well": {versions(
			version("owner-11", "9.9.9.9", "8.8.8.0/24", "52.11.0.1"),
			version(foreigner, "9.9.9.9", "52.11.0.1", "9.0.0.1"),
			version("owner-11", "9.9.9.9", "9.0.0.1"),
		), verdict{Writes: 3, ForeignWrites: 1, ForeignPut: 3}},
		"a foreign entry is lost and another comes back": {versions(
			version(foreigner, "9.9.9.9", "9.0.0.1"),
			version("owner-11", "9.9.9.9", "8.8.8.0/24", "52.11.0.1"),
		), verdict{Writes: 2, ForeignWrites: 1, ForeignPut: 3, ForeignLost: 1, ForeignBack: 1}},
		"foreign entries change places": {versions(
			version("owner-11", "8.8.8.0/24", "52.11.0.1", "9.9.9.9"),
		), verdict{Writes: 1, ForeignPut: 2, ForeignMoved: 1}},
		"a shared entry comes twice and is lost": {versions(
			version("owner-11", "9.9.9.9", "8.8.8.0/24", "52.1.0.1"),
			version(foreigner, "9.9.9.9", "8.8.8.0/24"),
			version("owner-12", "9.9.9.9", "8.8.8.0/24", "52.1.0.1"),
			version("owner-11", "9.9.9.9", "8.8.8.0/24"),
		), verdict{Writes: 4, ForeignWrites: 1, ForeignPut: 2, OthersLost: 1, OwnLost: 1}},
		"contestants and foreign writer against each other": {versions(
			version("owner-11", "9.9.9.9", "8.8.8.0/24", "52.11.0.1", "52.11.0.2"),
			version("owner-12", "9.9.9.9", "8.8.8.0/24", "52.11.0.2", "52.12.0.1"),
			version("owner-11", "9.9.9.9", "8.8.8.0/24", "52.12.0.1"),
			version("owner-12", "9.9.9.9", "8.8.8.0/24", "52.12.0.1", "52.11.0.2"),
			version(foreigner, "9.9.9.9", "8.8.8.0/24", "52.12.0.1"),
		), verdict{Writes: 5, ForeignWrites: 1, ForeignPut: 2, OthersLost: 1, OthersBack: 1, OwnLost: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := judge(test.history)
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}
