package awscloud

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestAddressBookInvariants runs random schedules of calls by several clients at once, and checks that no
// interface ever has two addresses, that nothing exceeds the quota, and that what the hypervisor was told adds up.
func TestAddressBookInvariants(t *testing.T) {
	const quota, clients, steps = 5, 4, 400
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	book := newAddressBook(quota, []string{"r"}, map[string][]netip.Prefix{amazonPool: amazonRanges})
	told := map[string]string{} // guarded by the book, which calls one at a time
	book.moved = func(instanceID, publicIP string) { told[instanceID] = publicIP }
	var targets []target
	for i := range 4 {
		targets = append(targets, target{interfaceID: fmt.Sprint("eni-", i), instanceID: fmt.Sprint("i-", i), privateIP: "10.0.0.1", borderGroup: "r"})
	}

	check := func() {
		book.mu.Lock()
		defer book.mu.Unlock()
		if len(book.byID) > quota || len(book.byID) != len(book.order) {
			t.Errorf("%d addresses, %d in order, quota %d", len(book.byID), len(book.order), quota)
		}
		has := map[string]string{}
		for _, a := range book.byID {
			if a.assoc == nil {
				continue
			}
			if other := has[a.assoc.target.instanceID]; other != "" {
				t.Errorf("%s has %s and %s", a.assoc.target.instanceID, other, a.publicIP)
			}
			has[a.assoc.target.instanceID] = a.publicIP.String()
		}
		for _, to := range targets {
			if told[to.instanceID] != has[to.instanceID] {
				t.Errorf("%s has %q, but the hypervisor was told %q", to.instanceID, has[to.instanceID], told[to.instanceID])
			}
		}
	}
	var wg sync.WaitGroup
	for client := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			for range steps {
				all, err := book.find(nil, nil, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if len(all) == 0 || random.IntN(6) == 0 {
					_, _ = book.allocate(allocation{})
					continue
				}
				a := all[random.IntN(len(all))]
				switch random.IntN(5) {
				case 0:
					_ = book.release(a.allocationID, "")
				case 1:
					if a.assoc != nil {
						_ = book.disassociate(a.assoc.id, "")
					}
				case 2:
					book.forgetInstance(targets[random.IntN(len(targets))].instanceID)
				default:
					_, _ = book.associate(a.allocationID, "", targets[random.IntN(len(targets))], random.IntN(2) == 0)
				}
				check()
			}
		})
	}
	wg.Wait()
}

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

func TestXMLSurvivesReadingAndWriting(t *testing.T) {
	const doc = `<A xmlns="urn:x"><b>1 &lt; 2 &amp; &#34;q&#34;</b><c></c><set><item><k>v</k></item><item><k>w</k></item></set></A>`
	root, err := parseXML([]byte("<?xml version=\"1.0\"?>\n" + doc))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(root.bytes()); got != "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+doc {
		t.Errorf("wrote %s", got)
	}
	if root.value("b") != `1 < 2 & "q"` || root.value("set/item/k") != "v" || root.at("x/y") != nil || len(root.all("k")) != 2 {
		t.Errorf("read %+v", root)
	}
	for _, bad := range []string{"", "text", "<a><b></a>"} {
		if _, err := parseXML([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestAddressPoolGoesThroughItsRanges(t *testing.T) {
	pool := &addressPool{ranges: []netip.Prefix{netip.MustParsePrefix("52.20.16.254/31"), netip.MustParsePrefix("52.20.17.0/31")}}
	var got []string
	for {
		ip, ok := pool.take(func(netip.Addr) bool { return false })
		if !ok {
			break
		}
		got = append(got, ip.String())
	}
	if want := []string{"52.20.16.254", "52.20.17.1"}; !slices.Equal(got, want) {
		t.Errorf("gave %v, want %v", got, want)
	}
}
