package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS is the account as anybody with the right to read sees it: all its methods ask the
// public API.
type AWS struct {
	// Config is a configuration for AWS SDK clients of one's own.
	Config aws.Config

	listers []lister
	before  map[string]map[string]bool // kind → ids that a fresh account has
}

// lister lists the ids of all resources of one kind.
type lister struct {
	kind string
	ids  func(ctx context.Context) ([]string, error)
}

// newAWS takes note of what a fresh account holds.
func newAWS(ctx context.Context, url string) (*AWS, error) {
	a := &AWS{Config: aws.Config{
		Region: Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, ""),
		// One for all clients: each would keep idle connections of its own otherwise.
		HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}}
	a.listers = listers(a.Config)
	fresh, err := a.list(ctx)
	if err != nil {
		return nil, err
	}
	a.before = map[string]map[string]bool{}
	for kind, ids := range fresh {
		a.before[kind] = map[string]bool{}
		for _, id := range ids {
			a.before[kind][id] = true
		}
	}
	return a, nil
}

// LeftOvers returns the ids of what is in the account and was not at the sandbox's start,
// by kind; a kind of which nothing is left is not in the map. Terminated instances do not
// count: AWS shows them for an hour.
func (a *AWS) LeftOvers(ctx context.Context) (map[string][]string, error) {
	now, err := a.list(ctx)
	if err != nil {
		return nil, err
	}
	for kind, ids := range now {
		ids = slices.DeleteFunc(ids, func(id string) bool { return a.before[kind][id] })
		if now[kind] = ids; len(ids) == 0 {
			delete(now, kind)
		}
	}
	return now, nil
}

// Kinds are the kinds of resources that LeftOvers looks for, sorted.
func (a *AWS) Kinds() []string {
	var kinds []string
	for _, l := range a.listers {
		kinds = append(kinds, l.kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (a *AWS) list(ctx context.Context) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found := map[string][]string{}
	for _, l := range a.listers {
		ids, err := l.ids(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the account's %s: %w", l.kind, err)
		}
		slices.Sort(ids)
		found[l.kind] = ids
	}
	return found, nil
}
