package awscloud

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// States of a NAT gateway, as EC2 writes them.
const (
	natPending   = "pending"
	natFailed    = "failed"
	natAvailable = "available"
	natDeleting  = "deleting"
	natDeleted   = "deleted"
)

const (
	// natMemory is how long EC2 still shows a NAT gateway that is deleted.
	natMemory = time.Hour
	// natQuota is how many NAT gateways an account may have in an availability zone (L-FE5A380F).
	natQuota = 5
)

// natGateway is a NAT gateway. Moto keeps one of the same id, for its routes.
type natGateway struct {
	id           string
	subnetID     string
	vpcID        string
	zone         string
	connectivity string // public or private
	allocationID string // "" for a private one
	interfaceID  string
	privateIP    string
	clientToken  string
	tags         map[string]string

	state   string
	settles time.Time // when a passing state (pending, deleting) is over
	created time.Time
	deleted time.Time
	// failure is why the state is failed.
	failure natFailure
}

// natFailure is what EC2 shows of a gateway that it could not make, instead of refusing the call.
type natFailure struct{ code, message string }

// natGateways holds the account's NAT gateways, oldest first.
type natGateways struct {
	tempo time.Duration
	now   func() time.Time

	mu  sync.Mutex
	all []*natGateway
}

// add keeps a new gateway in state pending, or failed if it has a failure.
func (n *natGateways) add(g natGateway) natGateway {
	n.mu.Lock()
	defer n.mu.Unlock()
	g.created = n.now()
	g.state, g.settles = natPending, g.created.Add(n.tempo)
	if g.failure.code != "" {
		g.state = natFailed
	}
	n.all = append(n.all, &g)
	return g
}

// ofToken returns the gateway that a call with this client token has made.
func (n *natGateways) ofToken(token string) (natGateway, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, g := range n.all {
		if token != "" && g.clientToken == token {
			return *g, true
		}
	}
	return natGateway{}, false
}

// list returns the gateways, those that are deleted included.
func (n *natGateways) list() []natGateway {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]natGateway, 0, len(n.all))
	for _, g := range n.all {
		c := *g
		c.tags = maps.Clone(g.tags)
		out = append(out, c)
	}
	return out
}

// inZone counts the gateways that count against the quota of a zone.
func (n *natGateways) inZone(zone string) int {
	count := 0
	for _, g := range n.list() {
		if g.zone == zone && (g.state == natPending || g.state == natAvailable || g.state == natDeleting) {
			count++
		}
	}
	return count
}

// delete begins to delete a gateway; what it has stays with it until it is gone. Repeating that changes nothing.
func (n *natGateways) delete(id string) *awsapi.Error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, g := range n.all {
		if g.id != id || g.state == natDeleted {
			continue
		}
		if g.state != natDeleting {
			g.state, g.deleted = natDeleting, n.now()
			g.settles = g.deleted.Add(n.tempo)
		}
		return nil
	}
	return noNATGateway(id)
}

// settle ends the passing states whose time is over. It returns the gateways that are gone by that, which
// lose their interface and their address now, and whether any state has changed.
func (n *natGateways) settle() (gone []natGateway, changed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for _, g := range n.all {
		if now.Before(g.settles) {
			continue
		}
		switch g.state {
		case natPending:
			g.state, changed = natAvailable, true
		case natDeleting:
			g.state, changed = natDeleted, true
			gone = append(gone, *g)
		}
	}
	n.all = slices.DeleteFunc(n.all, func(g *natGateway) bool { return g.state == natDeleted && now.Sub(g.deleted) > natMemory })
	return gone, changed
}

// busy reports whether a gateway keeps a subnet from being deleted.
func (n *natGateways) busy(subnetID string) bool {
	return slices.ContainsFunc(n.list(), func(g natGateway) bool {
		return g.subnetID == subnetID && g.interfaceID != "" && g.state != natDeleted
	})
}

// has reports whether an interface belongs to a gateway.
func (n *natGateways) has(interfaceID string) bool {
	return slices.ContainsFunc(n.list(), func(g natGateway) bool { return g.interfaceID == interfaceID && g.state != natDeleted })
}

func (n *natGateways) owns(id string) bool { return strings.HasPrefix(id, "nat-") }

func (n *natGateways) retag(ids []string, change func(map[string]string)) *awsapi.Error {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := make([]*natGateway, len(ids))
	for i, id := range ids {
		at := slices.IndexFunc(n.all, func(g *natGateway) bool { return g.id == id })
		if at < 0 {
			return badRequest("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id)
		}
		found[i] = n.all[at]
		tags := maps.Clone(found[i].tags)
		change(tags)
		if len(tags) > maxTags {
			return badRequest("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
		}
	}
	for _, g := range found {
		change(g.tags)
	}
	return nil
}

func (n *natGateways) tagged() (string, map[string]map[string]string) {
	out := map[string]map[string]string{}
	for _, g := range n.list() {
		out[g.id] = g.tags
	}
	return "natgateway", out
}

func noNATGateway(id string) *awsapi.Error {
	return badRequest("NatGatewayNotFound", "The Nat Gateway %s was not found", id)
}

// natSubject is a gateway as filters see it.
func natSubject(g natGateway) subject {
	return subject{tags: g.tags, attributes: map[string][]string{
		"nat-gateway-id": {g.id}, "state": {g.state}, "subnet-id": {g.subnetID}, "vpc-id": {g.vpcID},
	}}
}
