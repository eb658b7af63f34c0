package endpointapproval

import (
	"fmt"
	"strings"
)

// Target names the one connection that a resource is about: by NCCID, and RuleID once it
// is known; or by EndpointID alone.
type Target struct {
	// ServiceID is the id of the endpoint service, vpce-svc-….
	ServiceID string
	// NCCID and RuleID are Databricks' ids; EndpointID is that of a VPC endpoint, vpce-….
	NCCID, RuleID, EndpointID string
}

func (t Target) asksDatabricks() bool { return t.NCCID != "" }

// id is the resource's id: it does not change while rule and endpoint appear.
func (t Target) id() string {
	if t.asksDatabricks() {
		return t.NCCID + "/" + t.ServiceID
	}
	return t.EndpointID + "/" + t.ServiceID
}

// leadsTo reports whether a service name ("com.amazonaws.vpce.us-east-1.vpce-svc-0a1b")
// is that of the service with the id.
func leadsTo(serviceName, serviceID string) bool {
	return serviceID != "" && strings.HasSuffix(serviceName, "."+serviceID)
}

// parseImportID reads `<ncc>/<rule>/<service>`, `<ncc>/<service>` or `<endpoint>/<service>`.
func parseImportID(id string) (Target, error) {
	parts := strings.Split(id, "/")
	for _, part := range parts {
		if part == "" || strings.TrimSpace(part) != part {
			return Target{}, importIDError(id)
		}
	}
	if serviceIDProblem(parts[len(parts)-1]) != "" {
		return Target{}, importIDError(id)
	}
	switch {
	case len(parts) == 3:
		return Target{NCCID: parts[0], RuleID: parts[1], ServiceID: parts[2]}, nil
	case len(parts) == 2 && endpointPattern.MatchString(parts[0]):
		return Target{EndpointID: parts[0], ServiceID: parts[1]}, nil
	case len(parts) == 2:
		return Target{NCCID: parts[0], ServiceID: parts[1]}, nil
	default:
		return Target{}, importIDError(id)
	}
}

func importIDError(id string) error {
	return fmt.Errorf("%q is not an id of an approval. Write <NCC id>/<rule id>/<endpoint service id>, or <NCC id>/<endpoint service id>, or <VPC endpoint id>/<endpoint service id>; "+
		"an endpoint service id looks like vpce-svc-0123456789abcdef0", id)
}
