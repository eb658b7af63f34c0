package azure

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

var subdomainPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$`)

// subdomainTaken is what Azure says of a subdomain that the account of an id cannot have,
// or "". Subdomains are unique in all of Azure, deleted accounts included.
func (c *Cloud) subdomainTaken(subdomain, id string) string {
	taken := c.foreignSubdomains[strings.ToLower(subdomain)]
	for _, a := range c.accounts {
		taken = taken || !strings.EqualFold(a.id, id) && strings.EqualFold(a.subdomain(), subdomain)
	}
	for _, d := range c.deleted {
		taken = taken || strings.EqualFold(d.account.subdomain(), subdomain)
	}
	if !taken {
		return ""
	}
	return fmt.Sprintf("Please pick a different name. The subdomain name '%s' is not available as it's already used by a resource. If the resource using the name was deleted in the last 48 hours, you may need to purge the deleted resource. Learn more at \"https://go.microsoft.com/fwlink/?linkid=2215493\"", subdomain)
}

func subdomainInvalid(subdomain string) string {
	if subdomainPattern.MatchString(subdomain) {
		return ""
	}
	return fmt.Sprintf("The subdomain name '%s' is not valid: 2 to 64 lower-case letters, digits and hyphens.", subdomain)
}

// checkSubdomain refuses a subdomain that the account cannot have. The caller holds mu.
func (c *Cloud) checkSubdomain(subdomain, id string) *armError {
	if subdomain == "" {
		return nil
	}
	if text := subdomainInvalid(subdomain); text != "" {
		return badRequest("CustomSubDomainNameInvalid", "%s", text)
	}
	if text := c.subdomainTaken(subdomain, id); text != "" {
		return armErrorf(http.StatusConflict, "CustomDomainInUse", "%s", text)
	}
	return nil
}

// sameSubdomain refuses to change a subdomain that is set.
func sameSubdomain(old *account, subdomain string) *armError {
	if had := old.subdomain(); had != "" && !strings.EqualFold(had, subdomain) {
		return badRequest("CustomSubDomainCannotBeChanged", "The custom subdomain name '%s' of account '%s' cannot be changed once it is set.", had, old.name)
	}
	return nil
}

// checkDomainAvailability tells of a subdomain what making a new account would meet.
func checkDomainAvailability(call *armCall) (reply, *armError) {
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	subdomain, _ := body["subdomainName"].(string)
	kind, _ := body["type"].(string)
	switch {
	case subdomain == "":
		return reply{}, badRequest("InvalidRequestContent", "The property subdomainName is required.")
	case !strings.EqualFold(kind, accountType):
		return reply{}, badRequest("InvalidRequestContent", "The property type must be '%s', not '%s'.", accountType, kind)
	}
	reason := subdomainInvalid(subdomain)
	if reason == "" {
		reason = call.cloud.subdomainTaken(subdomain, "")
	}
	answer := map[string]any{"subdomainName": subdomain, "type": kind, "isSubdomainAvailable": reason == ""}
	if reason != "" {
		answer["reason"] = reason
	}
	return reply{http.StatusOK, answer}, nil
}
