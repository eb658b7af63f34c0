package endpointrule

import (
	"slices"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/settings"
)

func TestRoles(t *testing.T) {
	cases := map[string]struct {
		partition, region string
		want              []string
	}{
		"commercial": {"aws", "eu-west-1", []string{"arn:aws:iam::565502421330:role/private-connectivity-role-eu-west-1"}},
		"GovCloud": {"aws-us-gov", "us-gov-west-1", []string{
			"arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1",
			"arn:aws-us-gov:iam::347034940029:role/private-connectivity-role-us-gov-west-1",
		}},
		"China, where they are not known": {"aws-cn", "cn-north-1", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Roles(c.partition, c.region, Accounts(c.partition)); !slices.Equal(got, c.want) {
				t.Errorf("by partition %q, want %q", got, c.want)
			}
			if got := rolesFor("com.amazonaws.vpce." + c.region + ".vpce-svc-0a1b"); !slices.Equal(got, c.want) {
				t.Errorf("by the service's name %q, want %q", got, c.want)
			}
		})
	}
	if got := Roles("aws", "us-east-1", []string{"111122223333"}); !slices.Equal(got, []string{"arn:aws:iam::111122223333:role/private-connectivity-role-us-east-1"}) {
		t.Errorf("of another account %q", got)
	}
}

func TestTheAccountsAreNotTheCallers(t *testing.T) {
	Accounts("aws")[0] = "111122223333"
	if got := Accounts("aws"); !slices.Equal(got, []string{"565502421330"}) {
		t.Errorf("a caller changed them to %q", got)
	}
}

func TestFixFailedNamesTheRole(t *testing.T) {
	for service, want := range map[string]string{
		"com.amazonaws.vpce.us-west-2.vpce-svc-0a1b":     "arn:aws:iam::565502421330:role/private-connectivity-role-us-west-2",
		"com.amazonaws.vpce.us-gov-east-1.vpce-svc-0a1b": "arn:aws-us-gov:iam::347034940029:role/private-connectivity-role-us-gov-east-1",
		"com.amazonaws.vpce.cn-north-1.vpce-svc-0a1b":    "the principal by which Databricks connects in this region, not",
	} {
		if got := FixFailed(settings.NccPrivateEndpointRule{EndpointService: service}); !strings.Contains(got, want) || !strings.Contains(got, "-replace") {
			t.Errorf("%s: %s", service, got)
		}
	}
}
