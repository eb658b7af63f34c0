package autoscaling

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// invalid is AWS's ValidationError.
func invalid(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

// internal is a failure of the sandbox's own machinery.
func internal(err error) *awsapi.Error {
	return awsapi.Errorf(http.StatusInternalServerError, "InternalFailure", "%s", err)
}

// params reads typed query parameters and remembers the first one that is malformed.
type params struct {
	r   *awsapi.Request
	err *awsapi.Error
}

func (p *params) has(name string) bool { _, ok := p.r.Form[name]; return ok }

func (p *params) str(name string) string { return p.r.Form.Get(name) }

// integer returns the parameter, or nil when it is not given.
func (p *params) integer(name string) *int {
	if !p.has(name) {
		return nil
	}
	n, err := strconv.Atoi(p.str(name))
	if err != nil && p.err == nil {
		p.err = invalid("Value '%s' at '%s' is not an integer", p.str(name), name)
	}
	return &n
}

// boolean returns the parameter, or nil when it is not given.
func (p *params) boolean(name string) *bool {
	if !p.has(name) {
		return nil
	}
	b, err := strconv.ParseBool(p.str(name))
	if err != nil && p.err == nil {
		p.err = invalid("Value '%s' at '%s' is not a boolean", p.str(name), name)
	}
	return &b
}

// required returns the parameter and remembers when it is missing.
func (p *params) required(name string) string {
	v := p.str(name)
	if v == "" && p.err == nil {
		p.err = invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", lowerFirst(name))
	}
	return v
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// hasBelow reports whether a parameter begins with prefix.
func (p *params) hasBelow(prefix string) bool {
	for key := range p.r.Form {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// members returns the common prefixes of a list of structures: Tags.member.1,
// Tags.member.2 and so on.
func (p *params) members(name string) []string {
	var out []string
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("%s.member.%d", name, i)
		if !p.hasBelow(prefix + ".") {
			return out
		}
		out = append(out, prefix)
	}
}
