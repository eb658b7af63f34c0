package accountavailability

import (
	"context"
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// Rights that the questions need, as Azure's roles name them.
const (
	rightToCheckDomain = "Microsoft.CognitiveServices/checkDomainAvailability/action"
	rightToReadDeleted = "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/read"
)

// accounts is what is asked of Azure.
type accounts interface {
	Get(ctx context.Context, id azureaccount.ID) (*azureaccount.Account, error)
	CheckDomainAvailability(ctx context.Context, subscriptionID, subdomain string) (azureaccount.DomainAvailability, error)
	GetDeletedAccount(ctx context.Context, id azureaccount.ID, location string) (*azureaccount.DeletedAccount, error)
}

// question is what the configuration asks about.
type question struct {
	id                  azureaccount.ID
	location, subdomain string
}

// answer is what Azure says. A nil bool is what Azure would not tell us.
type answer struct {
	accountExists      bool
	subdomainAvailable *bool
	softDeleted        *bool
	deletedAccountID   string
	reason             string
	untold             []untold
}

// untold is a question that Azure refused to answer.
type untold struct {
	what, right string
	err         error
}

// failure is an error of one of the questions.
type failure struct {
	doing string
	err   error
}

func (f *failure) Error() string { return f.doing + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// ask finds out whether the account can be made. One that exists answers all with one call.
func ask(ctx context.Context, azure accounts, q question) (answer, error) {
	var out answer
	account, err := azure.Get(ctx, q.id)
	switch {
	case err == nil:
		out.accountExists = true
		out.softDeleted = ptr(false)
		if strings.EqualFold(account.CustomSubDomain, q.subdomain) {
			out.subdomainAvailable = ptr(true)
			return out, nil
		}
	case !clouderr.IsAzureNotFound(err):
		return out, &failure{"reading the account", err}
	}

	domain, err := azure.CheckDomainAvailability(ctx, q.id.SubscriptionID, q.subdomain)
	switch {
	case err == nil:
		out.subdomainAvailable, out.reason = ptr(domain.Available), domain.Reason
	case notToldToUs(err):
		out.untold = append(out.untold, untold{"whether the subdomain is free", rightToCheckDomain, err})
	default:
		return out, &failure{"asking whether the subdomain is free", err}
	}
	if out.accountExists {
		return out, nil
	}

	deleted, err := azure.GetDeletedAccount(ctx, q.id, q.location)
	switch {
	case err == nil:
		out.softDeleted, out.deletedAccountID = ptr(true), deleted.ID
	case clouderr.IsAzureNotFound(err):
		out.softDeleted = ptr(false)
	case notToldToUs(err):
		out.untold = append(out.untold, untold{"whether a deleted account still has the name", rightToReadDeleted, err})
	default:
		return out, &failure{"asking for a deleted account of the name", err}
	}
	return out, nil
}

// notToldToUs reports whether Azure refused an answer that another identity, or a later
// time, would get: not a reason to stop a plan.
func notToldToUs(err error) bool {
	status, code := clouderr.AzureCode(err)
	return status == http.StatusForbidden || code == codeNotRegistered
}

// codeNotRegistered is how Azure refuses calls to a resource provider that the
// subscription has not registered yet.
const codeNotRegistered = "MissingSubscriptionRegistration"

func ptr[T any](v T) *T { return &v }
