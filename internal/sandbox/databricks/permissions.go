package databricks

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Permission levels of a serving endpoint, weakest first.
const (
	levelView   = "CAN_VIEW"
	levelQuery  = "CAN_QUERY"
	levelManage = "CAN_MANAGE"
)

var rank = map[string]int{levelView: 1, levelQuery: 2, levelManage: 3}

// permissionNames are the levels' names in refusals.
var permissionNames = map[string]string{levelView: "View", levelQuery: "Query", levelManage: "Manage"}

// grantee is who holds a permission; exactly one field is set.
type grantee struct {
	ServicePrincipal string `json:"service_principal_name,omitempty"`
	Group            string `json:"group_name,omitempty"`
}

func (g grantee) includes(p *principal) bool {
	return g.ServicePrincipal == p.id || g.Group != "" && p.in(g.Group)
}

// level is the strongest level that p holds; administrators and the creator manage.
func (e *endpoint) level(p *principal) string {
	if p.admin || p.id == e.creator {
		return levelManage
	}
	best := ""
	for g, level := range e.acl {
		if g.includes(p) && rank[level] > rank[best] {
			best = level
		}
	}
	return best
}

// accessControl is an entry of a permissions request.
type accessControl struct {
	grantee
	UserName string `json:"user_name"`
	Level    string `json:"permission_level"`
}

func (call *call) permissionTarget(need string) (*endpoint, *apiError) {
	for _, e := range call.workspace.endpoints {
		if e.id == call.params["endpoint"] {
			_, _, err := call.serving(e.name, need)
			return e, err
		}
	}
	return nil, notFound("Serving endpoint with id %s does not exist.", call.params["endpoint"])
}

func (call *call) permissionsBody(e *endpoint) any {
	entry := func(g grantee, level string, inherited bool) any {
		permission := map[string]any{"permission_level": level}
		if inherited {
			permission["inherited"] = true
			permission["inherited_from_object"] = []string{"/serving-endpoints/"}
		}
		body := map[string]any{"all_permissions": []any{permission}}
		if g.Group != "" {
			body["group_name"] = g.Group
		} else {
			body["service_principal_name"] = g.ServicePrincipal
			body["display_name"] = g.ServicePrincipal
		}
		return body
	}
	entries := []any{
		entry(grantee{ServicePrincipal: e.creator}, levelManage, false),
		entry(grantee{Group: "admins"}, levelManage, true),
	}
	byName := func(a, b grantee) int {
		return strings.Compare(a.ServicePrincipal+a.Group, b.ServicePrincipal+b.Group)
	}
	for _, g := range slices.SortedFunc(maps.Keys(e.acl), byName) {
		if g.ServicePrincipal != e.creator {
			entries = append(entries, entry(g, e.acl[g], false))
		}
	}
	return map[string]any{
		"object_id":           "/serving-endpoints/" + e.id,
		"object_type":         "serving-endpoint",
		"access_control_list": entries,
	}
}

func getPermissions(call *call) (any, *apiError) {
	e, err := call.permissionTarget(levelView)
	if err != nil {
		return nil, err
	}
	return call.permissionsBody(e), nil
}

func setPermissions(call *call) (any, *apiError)    { return changePermissions(call, true) }
func updatePermissions(call *call) (any, *apiError) { return changePermissions(call, false) }

func changePermissions(call *call, replace bool) (any, *apiError) {
	e, err := call.permissionTarget(levelManage)
	if err != nil {
		return nil, err
	}
	var body struct {
		Entries []accessControl `json:"access_control_list"`
	}
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	acl := map[grantee]string{}
	if !replace {
		maps.Copy(acl, e.acl)
	}
	for _, entry := range body.Entries {
		if err := call.cloud.checkGrant(entry); err != nil {
			return nil, err
		}
		acl[entry.grantee] = entry.Level
	}
	e.acl = acl
	return call.permissionsBody(e), nil
}

// checkGrant refuses unknown levels and principals. The caller holds mu.
func (c *Cloud) checkGrant(entry accessControl) *apiError {
	if rank[entry.Level] == 0 {
		return invalid("The permission level %q is not one of CAN_VIEW, CAN_QUERY, CAN_MANAGE.", entry.Level)
	}
	switch {
	case entry.UserName != "":
		return errorf(http.StatusNotFound, codeNotFound, "Principal: UserName(%s) does not exist", entry.UserName)
	case entry.Group != "":
		if entry.Group != "admins" && entry.Group != "users" {
			return notFound("Principal: GroupName(%s) does not exist", entry.Group)
		}
	case c.principals[entry.ServicePrincipal] == nil:
		return notFound("Principal: ServicePrincipalName(%s) does not exist", entry.ServicePrincipal)
	}
	return nil
}
