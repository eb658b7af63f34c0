package accountavailability

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

// fake answers by its closures and counts the calls; a closure that is nil must not be called.
type fake struct {
	t       *testing.T
	get     func() (*azureaccount.Account, error)
	domain  func() (azureaccount.DomainAvailability, error)
	deleted func() (*azureaccount.DeletedAccount, error)
	calls   []string
}

func (f *fake) Get(_ context.Context, id azureaccount.ID) (*azureaccount.Account, error) {
	f.called("get", f.get == nil || id != asked.id)
	return f.get()
}

func (f *fake) CheckDomainAvailability(_ context.Context, subscriptionID, subdomain string) (azureaccount.DomainAvailability, error) {
	f.called("domain", f.domain == nil || subscriptionID != asked.id.SubscriptionID || subdomain != asked.subdomain)
	return f.domain()
}

func (f *fake) GetDeletedAccount(_ context.Context, id azureaccount.ID, location string) (*azureaccount.DeletedAccount, error) {
	f.called("deleted", f.deleted == nil || id != asked.id || location != asked.location)
	return f.deleted()
}

func (f *fake) called(name string, wrong bool) {
	f.t.Helper()
	if wrong {
		f.t.Fatalf("unexpected call of %s", name)
	}
	f.calls = append(f.calls, name)
}

var asked = question{id: azureaccount.ID{SubscriptionID: "s", ResourceGroup: "g", Name: "a"}, location: "East US", subdomain: "Acme"}

func azureError(status int, code string) error {
	return runtime.NewResponseError(&http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{},
		Body:    io.NopCloser(strings.NewReader(`{"error":{"code":"` + code + `","message":"no"}}`)),
		Request: &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "management.azure.com"}},
	})
}

func TestAsk(t *testing.T) {
	notFound := azureError(http.StatusNotFound, "ResourceNotFound")
	noGroup := azureError(http.StatusNotFound, "ResourceGroupNotFound")
	forbidden := azureError(http.StatusForbidden, "AuthorizationFailed")
	unregistered := azureError(http.StatusConflict, codeNotRegistered)
	account := func(subdomain string, err error) func() (*azureaccount.Account, error) {
		return func() (*azureaccount.Account, error) {
			return &azureaccount.Account{CustomSubDomain: subdomain}, err
		}
	}
	domain := func(available bool, reason string, err error) func() (azureaccount.DomainAvailability, error) {
		return func() (azureaccount.DomainAvailability, error) {
			return azureaccount.DomainAvailability{Available: available, Reason: reason}, err
		}
	}
	deleted := func(id string, err error) func() (*azureaccount.DeletedAccount, error) {
		return func() (*azureaccount.DeletedAccount, error) { return &azureaccount.DeletedAccount{ID: id}, err }
	}
	for name, test := range map[string]struct {
		fake  fake
		want  answer
		calls string
	}{
		"exists": {
			fake{get: account("acme", nil)},
			answer{accountExists: true, subdomainAvailable: ptr(true), softDeleted: ptr(false)}, "get",
		},
		"exists with another subdomain": {
			fake{get: account("other", nil), domain: domain(false, "taken", nil)},
			answer{accountExists: true, subdomainAvailable: ptr(false), softDeleted: ptr(false), reason: "taken"}, "get domain",
		},
		"all free": {
			fake{get: account("", noGroup), domain: domain(true, "", nil), deleted: deleted("", notFound)},
			answer{subdomainAvailable: ptr(true), softDeleted: ptr(false)}, "get domain deleted",
		},
		"deleted": {
			fake{get: account("", notFound), domain: domain(false, "taken", nil), deleted: deleted("/deleted", nil)},
			answer{subdomainAvailable: ptr(false), softDeleted: ptr(true), deletedAccountID: "/deleted", reason: "taken"}, "get domain deleted",
		},
		"no rights": {
			fake{get: account("", notFound), domain: domain(false, "", forbidden), deleted: deleted("", forbidden)},
			answer{untold: []untold{{"whether the subdomain is free", rightToCheckDomain, forbidden}, {"whether a deleted account still has the name", rightToReadDeleted, forbidden}}}, "get domain deleted",
		},
		"not registered": {
			fake{get: account("", notFound), domain: domain(false, "", unregistered), deleted: deleted("", notFound)},
			answer{softDeleted: ptr(false), untold: []untold{{"whether the subdomain is free", rightToCheckDomain, unregistered}}}, "get domain deleted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.fake.t = t
			got, err := ask(t.Context(), &test.fake, asked)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if calls := strings.Join(test.fake.calls, " "); calls != test.calls {
				t.Errorf("called %s, want %s", calls, test.calls)
			}
		})
	}
}

func TestAskGivesErrors(t *testing.T) {
	broken := errors.New("broken")
	fine := fake{
		get: func() (*azureaccount.Account, error) {
			return nil, azureError(http.StatusNotFound, "ResourceNotFound")
		},
		domain:  func() (azureaccount.DomainAvailability, error) { return azureaccount.DomainAvailability{}, nil },
		deleted: func() (*azureaccount.DeletedAccount, error) { return &azureaccount.DeletedAccount{}, nil },
	}
	for doing, change := range map[string]func(*fake){
		"reading the account": func(f *fake) {
			f.get = func() (*azureaccount.Account, error) {
				return nil, azureError(http.StatusForbidden, "AuthorizationFailed")
			}
		},
		"asking whether the subdomain is free": func(f *fake) {
			f.domain = func() (azureaccount.DomainAvailability, error) { return azureaccount.DomainAvailability{}, broken }
		},
		"asking for a deleted account of the name": func(f *fake) {
			f.deleted = func() (*azureaccount.DeletedAccount, error) { return nil, broken }
		},
	} {
		t.Run(doing, func(t *testing.T) {
			f := fine
			f.t = t
			change(&f)
			_, err := ask(t.Context(), &f, asked)
			var failed *failure
			if !errors.As(err, &failed) || failed.doing != doing {
				t.Errorf("got %v", err)
			}
		})
	}
}
