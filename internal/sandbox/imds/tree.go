package imds

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// credentialLifetime is how long after a call the credentials in its answer are said to
// last. AWS' last about six hours.
const credentialLifetime = 6 * time.Hour

// credentialsDir is where the role's credentials are, by the role's name.
const credentialsDir = "meta-data/iam/security-credentials/"

// tree are all facts by their paths below /latest/, but for the credentials.
func (s *Server) tree() map[string]string {
	f := s.facts
	tree := map[string]string{
		"meta-data/instance-id":                 f.InstanceID,
		"meta-data/local-ipv4":                  f.PrivateIP,
		"meta-data/placement/availability-zone": f.AvailabilityZone,
		"meta-data/placement/region":            f.Region,
		"meta-data/services/domain":             "amazonaws.com",
		"meta-data/services/partition":          "aws",
		"dynamic/instance-identity/document": document(
			member{"availabilityZone", f.AvailabilityZone}, member{"instanceId", f.InstanceID}, member{"privateIp", f.PrivateIP},
			member{"region", f.Region}, member{"version", "2017-09-30"},
		),
	}
	if len(f.UserData) > 0 {
		tree["user-data"] = string(f.UserData)
	}
	s.mu.Lock()
	if s.publicIP != "" {
		tree["meta-data/public-ipv4"] = s.publicIP
	}
	s.mu.Unlock()
	if f.InstanceProfileARN != "" {
		tree["meta-data/iam/info"] = document(
			member{"Code", "Success"}, member{"LastUpdated", s.now()}, member{"InstanceProfileArn", f.InstanceProfileARN},
		)
	}
	return tree
}

// credentials are the facts below credentialsDir. Whoever gives them is asked at each call.
func (s *Server) credentials(ctx context.Context) (map[string]string, error) {
	f := s.facts
	if f.InstanceProfileARN == "" || f.Credentials == nil {
		return nil, nil
	}
	c, err := f.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{credentialsDir + c.RoleName: document(
		member{"Code", "Success"}, member{"LastUpdated", s.now()}, member{"Type", "AWS-HMAC"},
		member{"AccessKeyId", c.AccessKeyID}, member{"SecretAccessKey", c.SecretAccessKey}, member{"Token", c.Token},
		member{"Expiration", f.Now().UTC().Add(credentialLifetime).Format(time.RFC3339)},
	)}, nil
}

func (s *Server) now() string { return s.facts.Now().UTC().Format(time.RFC3339) }

// member is one member of a JSON object: a name and a text.
type member struct{ name, value string }

// document is a JSON object in the service's own layout, one member a line in the order
// given, which shell scripts rely on.
func document(members ...member) string {
	lines := make([]string, len(members))
	for i, m := range members {
		lines[i] = "  " + strconv.Quote(m.name) + " : " + strconv.Quote(m.value)
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// namesUnder lists a folder, one level deep: folders end with a slash.
func namesUnder(tree map[string]string, folder string) []string {
	if folder != "" {
		folder += "/"
	}
	var names []string
	for path := range tree {
		rest, ok := strings.CutPrefix(path, folder)
		if !ok {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if deeper {
			name += "/"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
