package elasticip

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultQuota is how many addresses a new account may hold in a Region.
const DefaultQuota = 5

// DefaultBorderGroup is the network border group of a Book that is not told others.
const DefaultBorderGroup = "us-east-1"

// amazonRanges and automaticRanges are parts of what Amazon really has in us-east-1: public-looking, so
// that no validator needs an exception for an emulator.
var (
	amazonRanges    = []netip.Prefix{netip.MustParsePrefix("52.20.16.0/22"), netip.MustParsePrefix("3.215.64.0/22"), netip.MustParsePrefix("54.160.32.0/22")}
	automaticRanges = []netip.Prefix{netip.MustParsePrefix("34.200.0.0/16")}
)

// Options configure a Book; zero values take the defaults that each field names.
type Options struct {
	// Quota is how many of Amazon's addresses the account may hold in each border group; DefaultQuota.
	// Brought addresses do not count.
	Quota int
	// BorderGroups are the network border groups, the Region's own first; DefaultBorderGroup alone.
	BorderGroups []string
	// Pools are the address ranges by pool id. AmazonPool has ranges of its own unless it is among them.
	Pools map[string][]netip.Prefix
	// Remember is how far back ListAsOf can look; zero remembers nothing.
	Remember time.Duration
	// Lenient has an association without reassociation to a target that has another address already swap the
	// two. AWS does not say whether it does; the default refuses.
	Lenient bool
	// Now is the clock; time.Now.
	Now func() time.Time
	// NewID makes an id from its prefix (eipalloc, eipassoc); random ones of EC2's length.
	NewID func(prefix string) string
	// Moved is called after each change of an instance's public address, in the order of the changes; an empty
	// publicIP is none. It must not call the Book.
	Moved func(instanceID, publicIP string)
}

// Book holds the Elastic IPs of an account in a Region. It is safe for concurrent use. All errors are *Error.
type Book struct {
	options   Options
	pools     map[string]*pool
	automatic *pool

	mu       sync.Mutex
	entries  []*entry // oldest first; with a history, also some that were released
	byID     map[string]*entry
	byIP     map[netip.Addr]*entry
	byAssoc  map[string]*entry
	bySocket map[socket]*entry
	released map[netip.Addr]bool // once ours, may be asked back
	taken    map[netip.Addr]bool // of the Region, but another account's
	past     map[string]bool     // association ids that are no more
	cards    map[string]*card    // interfaces with automatic public addresses, by id
	counts   Counts
}

// entry is an address with its past.
type entry struct {
	now      Address
	mapped   bool // was associated before
	versions []version
}

// Counts are what a Book has seen happen since it was made.
type Counts struct {
	// Remaps are the associations that AWS may charge as remaps: all but an address's first,
	// those that repeat the present one included.
	Remaps int
	// Steals are the associations that took an address from one holder for another without a release between.
	Steals int
	// Swaps are the associations that pushed another address off their target.
	Swaps int
}

// New returns an empty book.
func New(options Options) *Book {
	if options.Quota == 0 {
		options.Quota = DefaultQuota
	}
	if len(options.BorderGroups) == 0 {
		options.BorderGroups = []string{DefaultBorderGroup}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.NewID == nil {
		options.NewID = randomID
	}
	if options.Moved == nil {
		options.Moved = func(string, string) {}
	}
	b := &Book{
		options: options, pools: map[string]*pool{AmazonPool: {name: AmazonPool, ranges: amazonRanges}},
		automatic: &pool{name: AmazonPool, ranges: automaticRanges},
		byID:      map[string]*entry{}, byIP: map[netip.Addr]*entry{}, byAssoc: map[string]*entry{}, bySocket: map[socket]*entry{},
		released: map[netip.Addr]bool{}, taken: map[netip.Addr]bool{}, past: map[string]bool{}, cards: map[string]*card{},
	}
	for name, ranges := range options.Pools {
		b.pools[name] = &pool{name: name, ranges: ranges}
	}
	return b
}

// randomID makes an id with 17 hexadecimal digits, as EC2's are: eipalloc-0123456789abcdef0.
func randomID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return prefix + "-0" + hex.EncodeToString(b[:])
}

// SetQuota changes how many of Amazon's addresses the account may hold in each border group. Those beyond it stay.
func (b *Book) SetQuota(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.options.Quota = n
}

// Counts returns what has happened so far.
func (b *Book) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// Steals is Counts().Steals.
func (b *Book) Steals() int { return b.Counts().Steals }

// Remaps is Counts().Remaps.
func (b *Book) Remaps() int { return b.Counts().Remaps }

// List returns the addresses, oldest first.
func (b *Book) List() []Address {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Address, 0, len(b.byID))
	for _, e := range b.entries {
		if b.byID[e.now.AllocationID] == e {
			out = append(out, e.now)
		}
	}
	return out
}

// Select returns those of a listing that have the allocation ids and the public addresses asked for (none
// asked: all), in the listing's order. As for EC2, one that is not in the listing fails the whole.
func Select(listing []Address, allocationIDs, publicIPs []string) ([]Address, error) {
	var missing []string
	for _, id := range allocationIDs {
		if !slices.ContainsFunc(listing, func(a Address) bool { return a.AllocationID == id }) {
			missing = append(missing, id)
		}
	}
	switch {
	case len(missing) == 1:
		return nil, noAllocation(missing[0])
	case len(missing) > 1:
		return nil, refuse("InvalidAllocationID.NotFound", "The allocation IDs '%s' do not exist", strings.Join(missing, ", "))
	}
	for _, ip := range publicIPs {
		if !slices.ContainsFunc(listing, func(a Address) bool { return a.PublicIP.String() == ip }) {
			return nil, noAddress(ip)
		}
	}
	var out []Address
	for _, a := range listing {
		if (len(allocationIDs) == 0 || slices.Contains(allocationIDs, a.AllocationID)) && (len(publicIPs) == 0 || slices.Contains(publicIPs, a.PublicIP.String())) {
			out = append(out, a)
		}
	}
	return out, nil
}

// Retag changes the tags of addresses: of all of them, or, if one does not exist or would get too many, of none.
func (b *Book) Retag(ids []string, change func(tags map[string]string)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := map[string]map[string]string{}
	for _, id := range ids {
		e := b.byID[id]
		if e == nil {
			return refuse("InvalidElasticIpID.NotFound", "The elasticIp ID '%s' does not exist", id)
		}
		tags := maps.Clone(e.now.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		if len(tags) > MaxTags {
			return tooManyTags()
		}
		changed[id] = tags
	}
	for id, tags := range changed {
		e := b.byID[id]
		e.now.Tags = tags
		b.remember(e)
	}
	return nil
}

// Manage has a service of AWS keep an address for itself, or, if service is empty, give it up.
func (b *Book) Manage(allocationID, service string) error {
	return b.Alter(allocationID, func(a *Address) { a.Managed = service })
}

// Alter changes an address as no call of the account could, behind its back. What change does to the public
// address or the association is not taken over, and tags must be replaced as a whole.
func (b *Book) Alter(allocationID string, change func(*Address)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.byID[allocationID]
	if e == nil {
		return noAllocation(allocationID)
	}
	altered := e.now
	change(&altered)
	altered.PublicIP, altered.Association = e.now.PublicIP, e.now.Association
	delete(b.byID, allocationID)
	b.byID[altered.AllocationID] = e
	e.now = altered
	b.remember(e)
	return nil
}
