package awsapi

import (
	"net/http"
	"slices"
	"strings"
)

// RefuseUnknown answers 501 for a parameter of a query-protocol call that is not in known: whoever sends it
// expects an effect that the sandbox does not have. A known name covers its members.
func RefuseUnknown(r *Request, known ...string) *Error {
	return refuseParameters(r, func(key string) bool {
		head, _, _ := strings.Cut(key, ".")
		return key != "Action" && key != "Version" && !slices.Contains(known, head)
	})
}

// RefuseUnknownMembers answers 501 for a parameter below prefix that begins with none of known.
func RefuseUnknownMembers(r *Request, prefix string, known ...string) *Error {
	return refuseParameters(r, func(key string) bool {
		member, ok := strings.CutPrefix(key, prefix)
		return ok && !slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(member, k) })
	})
}

func refuseParameters(r *Request, unknown func(key string) bool) *Error {
	var found []string
	for key := range r.Form {
		if unknown(key) {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of %s", strings.Join(found, ", "), r.Action)
}
