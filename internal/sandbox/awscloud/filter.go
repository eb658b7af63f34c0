package awscloud

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// filter is one of EC2's Filter.N parameters: any of values, with the wildcards * and ?.
type filter struct {
	name   string
	values []string
}

func filters(r *awsapi.Request) []filter {
	var out []filter
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("Filter.%d", i)
		name := r.Form.Get(prefix + ".Name")
		if name == "" {
			return out
		}
		out = append(out, filter{name, r.List(prefix + ".Value")})
	}
}

// subject is an object as filters see it: its attributes by filter name, and its tags.
// An attribute that exists but is empty has no values.
type subject struct {
	attributes map[string][]string
	tags       map[string]string
}

// matches reports whether the object passes all filters. A filter name that the API does not
// know is the error that EC2 gives.
func (s subject) matches(filters []filter) (bool, *awsapi.Error) {
	result := true
	for _, f := range filters {
		values, known := s.attributes[f.name]
		switch key, isTag := strings.CutPrefix(f.name, "tag:"); {
		case isTag:
			if v, ok := s.tags[key]; ok {
				values = []string{v}
			}
		case f.name == "tag-key":
			for key := range s.tags {
				values = append(values, key)
			}
		case !known:
			return false, awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValue", "The filter '%s' is invalid", f.name)
		}
		if !slices.ContainsFunc(values, f.accepts) {
			result = false
		}
	}
	return result, nil
}

func (f filter) accepts(value string) bool {
	return slices.ContainsFunc(f.values, func(pattern string) bool {
		// path.Match has EC2's * and ?, once its own bracket and slash rules are out of the way.
		hide := strings.NewReplacer("/", "\x00", "[", "\x01")
		ok, err := path.Match(hide.Replace(pattern), hide.Replace(value))
		return err == nil && ok
	})
}

// page cuts one page out of all; the token is the index at which the next one starts.
// MaxResults outside low..high is refused.
func page[T any](r *awsapi.Request, all []T, low, high int) (items []T, next string, _ *awsapi.Error) {
	start, size := 0, high
	if token := r.Form.Get("NextToken"); token != "" {
		n, err := strconv.Atoi(token)
		if err != nil || n < 0 || n > len(all) {
			return nil, "", awsapi.Errorf(http.StatusBadRequest, "InvalidNextToken", "The token '%s' is invalid", token)
		}
		start = n
	}
	if limit := r.Form.Get("MaxResults"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < low || n > high {
			return nil, "", awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValue",
				"Value ( %s ) for parameter maxResults is invalid. Expecting a value between %d and %d.", limit, low, high)
		}
		size = n
	}
	end := min(start+size, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}
