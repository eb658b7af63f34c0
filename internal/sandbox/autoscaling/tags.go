package autoscaling

import (
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

type tagXML struct {
	ResourceID        string `xml:"ResourceId"`
	ResourceType      string
	Key               string
	Value             string
	PropagateAtLaunch bool
}

func (t tag) xml(groupName string) tagXML {
	return tagXML{ResourceID: groupName, ResourceType: "auto-scaling-group", Key: t.Key, Value: t.Value, PropagateAtLaunch: t.Propagate}
}

// readTags reads Tags for one group; a tag without ResourceId is that group's (CreateAutoScalingGroup).
func readTags(p *params, groupName string) []tag {
	var out []tag
	for _, prefix := range p.members("Tags") {
		if id := p.str(prefix + ".ResourceId"); id != "" && id != groupName {
			continue
		}
		t := tag{Key: p.str(prefix + ".Key"), Value: p.str(prefix + ".Value")}
		if propagate := p.boolean(prefix + ".PropagateAtLaunch"); propagate != nil {
			t.Propagate = *propagate
		}
		if strings.HasPrefix(t.Key, "aws:") && p.err == nil {
			p.err = invalid("aws: prefixed tag key names are not allowed for external use: %s", t.Key)
		}
		out = putTag(out, t)
	}
	return out
}

func putTag(tags []tag, t tag) []tag {
	at := slices.IndexFunc(tags, func(other tag) bool { return other.Key == t.Key })
	if at >= 0 {
		tags[at] = t
		return tags
	}
	return append(tags, t)
}

// taggedGroupsLocked names the groups of a Tags parameter; each must exist.
func (s *Service) taggedGroupsLocked(p *params) ([]*group, *awsapi.Error) {
	var out []*group
	for _, prefix := range p.members("Tags") {
		if kind := p.str(prefix + ".ResourceType"); kind != "auto-scaling-group" {
			return nil, invalid("Invalid ResourceType: %s", kind)
		}
		g, err := s.groupLocked(p.str(prefix + ".ResourceId"))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out, nil
}

func (s *Service) createTags(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	s.mu.Lock()
	defer s.mu.Unlock()
	groups, err := s.taggedGroupsLocked(p)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		tags := readTags(p, g.name)
		if p.err != nil {
			return nil, p.err
		}
		for _, t := range tags {
			g.tags = putTag(g.tags, t)
		}
	}
	return nil, nil
}

func (s *Service) deleteTags(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	s.mu.Lock()
	defer s.mu.Unlock()
	groups, err := s.taggedGroupsLocked(p)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		for _, gone := range readTags(p, g.name) {
			g.tags = slices.DeleteFunc(g.tags, func(t tag) bool { return t.Key == gone.Key })
		}
	}
	return nil, p.err
}

func (s *Service) describeTags(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	var filters []filter
	for _, prefix := range p.members("Filters") {
		f := filter{name: p.str(prefix + ".Name"), values: r.List(prefix + ".Values")}
		if !slices.Contains([]string{"auto-scaling-group", "key", "value", "propagate-at-launch"}, f.name) {
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group, key, value, propagate-at-launch", f.name)
		}
		filters = append(filters, f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out struct{ Tags list[tagXML] }
	for _, g := range s.sortedGroupsLocked() {
		for _, t := range g.tags {
			if tagMatches(g.name, t, filters) {
				out.Tags.Members = append(out.Tags.Members, t.xml(g.name))
			}
		}
	}
	return out, nil
}

func tagMatches(groupName string, t tag, filters []filter) bool {
	propagate := "false"
	if t.Propagate {
		propagate = "true"
	}
	of := map[string]string{"auto-scaling-group": groupName, "key": t.Key, "value": t.Value, "propagate-at-launch": propagate}
	for _, f := range filters {
		if !slices.Contains(f.values, of[f.name]) {
			return false
		}
	}
	return true
}
