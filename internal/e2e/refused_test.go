package e2e_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// said is an expression for an error with these parts in this order, however Terraform
// has wrapped its lines.
func said(parts ...string) *regexp.Regexp {
	var expressions []string
	for _, part := range parts {
		words := strings.Fields(part)
		for i, word := range words {
			words[i] = regexp.QuoteMeta(word)
		}
		expressions = append(expressions, strings.Join(words, `\s+`))
	}
	return regexp.MustCompile("(?s)" + strings.Join(expressions, ".*"))
}

// refusedByRule is whether a call had no effect because a test's own rule refused it.
func refusedByRule(e fault.Entry) bool { return e.Faulted && e.Status >= http.StatusBadRequest }

// changes are the calls in the clouds' logs that may have changed something.
func changes(t *testing.T) []string {
	t.Helper()
	sb := acctest.Sandbox(t)
	var made []string
	for _, e := range sb.AWSCloud().Faults.Log() {
		_, action, _ := strings.Cut(e.Operation, ":")
		if !refusedByRule(e) && !slices.ContainsFunc([]string{"Describe", "Get", "List"}, func(reading string) bool { return strings.HasPrefix(action, reading) }) {
			made = append(made, e.Operation)
		}
	}
	for _, script := range []*fault.Script{&sb.Azure().Faults, &sb.Databricks().Faults} {
		for _, e := range script.Log() {
			if !refusedByRule(e) && e.Method != http.MethodGet && !strings.HasSuffix(e.Path, "/token") {
				made = append(made, e.Method+" "+e.Path)
			}
		}
	}
	return made
}

// Bad input is an error of the plan, on the attribute (Terraform shows its line), and says
// what to write instead.
func TestRefusedAtPlan(t *testing.T) {
	sb := acctest.Sandbox(t)
	account := seedAccount(t, nil)
	noSubdomain := seedAccount(t, func(a *azure.Account) { a.Subdomain, a.IPRules, a.DefaultAction = "", nil, "" })
	elsewhere, err := sb.Databricks().SeedNCC(unique("elsewhere"), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	deleted := seedAccount(t, nil)
	if err := sb.Azure().DeleteAccount(deleted); err != nil {
		t.Fatal(err)
	}
	ncc, s, other := sharedNCC(t), offer(t), offer(t)
	ruleToOther := addedRule(t, other)
	ruleElsewhere, err := sb.Databricks().CreateRule(elsewhere, strings.Replace(other.name, "us-east-1", "eu-west-1", 1), modelHost)
	if err != nil {
		t.Fatal(err)
	}
	settings := func(block string) string { return "provider \"crosscloudlink\" {\n  " + block + "\n}\n" }
	pool := poolConfig(unique("refused"), "1")
	firewall := firewallConfig(account, `["52.1.2.3"]`)
	approval := approvalConfig(ncc, quoted(s.id))
	for _, bad := range []struct {
		name, config string
		env          map[string]string
		want         *regexp.Regexp
	}{
		{"private entry", firewallConfig(account, `["52.1.2.3", "10.1.2.3"]`), nil,
			said("Invalid ip rule", "ip_rules =", "10.1.2.3 lies in 10.0.0.0/8", "Elastic IP")},
		{"unaligned entry", firewallConfig(account, `["52.1.2.3/24"]`), nil,
			said("Invalid ip rule", "ip_rules =", "Write 52.1.2.0/24")},
		{"duplicate entry", firewallConfig(account, `["52.1.2.3", "52.1.2.3/32"]`), nil,
			said("Duplicate ip rule", "ip_rules =", "Keep one of them: remove")},
		{"IPv6 entry", firewallConfig(account, `["2001:db8::1"]`), nil,
			said("Invalid ip rule", "ip_rules =", "is IPv6", "Write the IPv4 address that the caller leaves from")},
		{"account without custom subdomain", firewallConfig(noSubdomain, `["52.1.2.3"]`), nil,
			said("The account has no custom subdomain", "account_id =", "Set custom_subdomain_name on the account")},
		{"account that does not exist", firewallConfig(account+"-not", `["52.1.2.3"]`), nil,
			said("The account does not exist", "account_id =", "Check its name, group and subscription")},
		{"account that was deleted", firewallConfig(deleted, `["52.1.2.3"]`), nil,
			said("The account does not exist", "account_id =", "It was deleted", "az cognitiveservices account recover", "az cognitiveservices account purge")},
		{"account of another subscription", firewallConfig(strings.Replace(account, sb.Azure().SubscriptionID(), "00000000-0000-0000-0000-000000000000", 1), `["52.1.2.3"]`), nil,
			said("The account does not exist", "account_id =", "Check its name, group and subscription")},
		{"deployment instead of an account", firewallConfig(account+"/deployments/chat", `["52.1.2.3"]`), nil,
			said("Invalid account id", "account_id =", "names a part of an account", account)},
		{"search service instead of an account", firewallConfig(strings.Replace(account, "Microsoft.CognitiveServices/accounts", "Microsoft.Search/searchServices", 1), `["52.1.2.3"]`), nil,
			said("Invalid account id", "account_id =", "ARM id of a Microsoft.Search/searchServices", "azurerm_cognitive_account")},
		{"endpoint instead of an account", firewallConfig("https://models.openai.azure.com/", `["52.1.2.3"]`), nil,
			said("Invalid account id", "account_id =", "is an endpoint", "azurerm_cognitive_account")},
		{"firewall that keeps a pool's addresses", poolConfig(unique("refused"), "1", "require_admission = true") +
			firewallConfig(account, "crosscloudlink_eip_pool.test.public_ips", `on_destroy = "keep"`) + `
resource "crosscloudlink_eip_admission" "test" {
  pool_name = crosscloudlink_eip_pool.test.name
  firewalls = { openai = crosscloudlink_aoai_ip_firewall.test }
}
`, nil,
			said("A firewall would keep addresses that go back to AWS", `firewalls["openai"]`, "Nothing was changed", `Set on_destroy = "remove_entries"`, "existing_allocation_ids")},

		{"pool of size 0", poolConfig(unique("refused"), "0"), nil,
			said("The pool has no room for an address", "size = 0", "at least 1", "Write the largest number of instances")},
		{"pool over the quota", poolConfig(unique("refused"), "21"), nil,
			said("The pool needs more Elastic IPs than the quota leaves", "size = 21", "L-0263D0A3", "Request an increase to at least 21")},

		{"service name instead of an id", approvalConfig(ncc, quoted(s.name)), nil,
			said("Not the id of a VPC endpoint service", "endpoint_service_id", "=", `Write "`+s.id+`"`)},
		{"service that does not exist", approvalConfig(ncc, `"vpce-svc-0123456789abcdef0"`), nil,
			said("The VPC endpoint service does not exist", "endpoint_service_id", "=", "us-east-1", "Check the id, the region and the account")},
		{"NCC of another region", approvalConfig(elsewhere, quoted(s.id)), nil,
			said("The network connectivity configuration is in another region", "network_connectivity_config_id =", "is in eu-west-1", "give the NCC of the workspaces in us-east-1")},
		{"NCC that does not exist", approvalConfig("00000000-0000-0000-0000-000000000000", quoted(s.id)), nil,
			said("The network connectivity configuration does not exist", "network_connectivity_config_id =", "Check the id")},
		{"rule that does not exist", approvalConfig(ncc, quoted(s.id), `private_endpoint_rule_id = "00000000-0000-0000-0000-000000000000"`), nil,
			said("The private endpoint rule does not exist", "private_endpoint_rule_id", "=", "has no rule", "leave private_endpoint_rule_id out")},
		{"rule of another NCC", approvalConfig(ncc, quoted(s.id), "private_endpoint_rule_id = "+quoted(ruleElsewhere)), nil,
			said("The private endpoint rule does not exist", "private_endpoint_rule_id", "=", ncc+" has no rule")},
		{"rule of another service", approvalConfig(ncc, quoted(s.id), "private_endpoint_rule_id = "+quoted(ruleToOther)), nil,
			said("The connection was not accepted", "private_endpoint_rule_id", "=", other.name, "not for "+s.id)},
		{"VPC endpoint of another form", approvalConfig(ncc, quoted(s.id), "vpc_endpoint_id = "+quoted(s.id)), nil,
			said("vpc_endpoint_id", "=", s.id)},

		{"empty account_id", settings(`databricks = { account = { account_id = "" } }`) + approval, nil,
			said("account_id", "Write the id that the Databricks account console shows beside your user name")},
		{"no account_id at all", approval, map[string]string{"DATABRICKS_ACCOUNT_ID": ""},
			said("No Databricks account id", "`databricks.account` block", "Write the id that the Databricks account console shows beside your user name")},

		{"no AWS credentials", pool, map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			said("No usable AWS credentials for the provider's `aws` block", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "Set one of these")},
		{"wrong AWS credentials", settings(`aws = { access_key = "AKIAIOSFODNN7EXAMPLE", secret_key = "wrong" }`) + pool, nil,
			said("No usable AWS credentials for the provider's `aws` block", "`access_key` and `secret_key` of the block", "InvalidClientTokenId", "Set one of these")},
		{"no Azure credentials", firewall, map[string]string{"ARM_CLIENT_SECRET": "", "ARM_USE_CLI": "false"},
			said("No usable Azure credentials for the provider's `azure` block", "Give a service principal by")},
		{"wrong Azure credentials", settings(`azure = { client_secret = "wrong" }`) + firewall, nil,
			said("No usable Azure credentials for the provider's `azure` block", "client secret of", "invalid_client", "Give a service principal by")},
		{"no Databricks credentials", approval, map[string]string{"DATABRICKS_CLIENT_ID": "", "DATABRICKS_CLIENT_SECRET": ""},
			said("No usable Databricks account credentials for the provider's `databricks.account` block", "give a service principal with the account admin role")},
		{"wrong Databricks credentials", settings(`databricks = { account = { client_secret = "wrong" } }`) + approval, nil,
			said("No usable Databricks account credentials for the provider's `databricks.account` block", "give a service principal with the account admin role")},
	} {
		t.Run(bad.name, func(t *testing.T) {
			for name, value := range bad.env {
				t.Setenv(name, value)
			}
			before := len(changes(t))
			tftest.UnitTest(t, tftest.TestCase{ProtoV6ProviderFactories: acctest.Providers(), Steps: []tftest.TestStep{
				{Config: bad.config, PlanOnly: true, ExpectError: bad.want},
			}})
			if made := changes(t)[before:]; len(made) > 0 {
				t.Errorf("the plan has made the changes %v", made)
			}
		})
	}
	if err := withdraw(t, s); err != nil {
		t.Error(err)
	}
}

// An endpoint service that does not let Databricks in is refused by the apply, before it waits for anything:
// the plan only warns, since the same apply may let it in.
func TestRefusedWithoutPrincipal(t *testing.T) {
	ncc, s := sharedNCC(t), offer(t)
	_, err := compute(t).ModifyVpcEndpointServicePermissions(t.Context(), &ec2.ModifyVpcEndpointServicePermissionsInput{
		ServiceId: &s.id, RemoveAllowedPrincipals: []string{databricksPrincipal}, AddAllowedPrincipals: []string{"arn:aws:iam::123456789012:root"},
	})
	if err != nil {
		t.Fatal(err)
	}
	stage := newStage(t, approvalConfig(ncc, quoted(s.id)))
	told := said("The endpoint service does not let Databricks connect", "endpoint_service_id", "=", "only arn:aws:iam::123456789012:root", "Add "+databricksPrincipal, "allowed_principals")
	if out := stage.do(t, planning()...); !told.MatchString(strings.ReplaceAll(out, "│", "")) {
		t.Errorf("the plan does not warn:\n%s", out)
	}
	before, began := len(changes(t)), time.Now()
	out, err := stage.tf.Do(t.Context(), arguments(apply)...)
	if err == nil || !told.MatchString(strings.ReplaceAll(out, "│", "")) {
		t.Errorf("the apply ended with %v:\n%s", err, out)
	}
	if waited := time.Since(began); waited > 30*time.Second {
		t.Errorf("the apply has waited %s", waited)
	}
	if made := changes(t)[before:]; len(made) > 0 {
		t.Errorf("the apply has made the changes %v", made)
	}
}
