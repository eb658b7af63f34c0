package ipfirewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// Values of on_destroy: what a destroy does with the own entries.
const (
	OnDestroyRemove = "remove_entries"
	OnDestroyKeep   = "keep"
)

type model struct {
	ID                  types.String   `tfsdk:"id"`
	AccountID           types.String   `tfsdk:"account_id"`
	Owner               types.String   `tfsdk:"owner"`
	IPRules             types.Set      `tfsdk:"ip_rules"`
	SharedIPRules       types.Set      `tfsdk:"shared_ip_rules"`
	DefaultAction       types.String   `tfsdk:"default_action"`
	Bypass              types.String   `tfsdk:"bypass"`
	PublicNetworkAccess types.String   `tfsdk:"public_network_access"`
	AllowLockout        types.Bool     `tfsdk:"allow_lockout"`
	OnDestroy           types.String   `tfsdk:"on_destroy"`
	AdmittedPublicIPs   types.Set      `tfsdk:"admitted_public_ips"`
	UnmanagedIPRules    types.Set      `tfsdk:"unmanaged_ip_rules"`
	EffectiveIPRules    types.Set      `tfsdk:"effective_ip_rules"`
	RuleCount           types.Int64    `tfsdk:"rule_count"`
	CustomSubdomain     types.String   `tfsdk:"custom_subdomain"`
	ProvisioningState   types.String   `tfsdk:"provisioning_state"`
	ETag                types.String   `tfsdk:"etag"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
}

// desired is what the model asks of the account. prior is the model in state, or nil:
// its entries that are no longer named are dropped, unless either calls them shared.
func (m model) desired(prior *model) desired {
	d := desired{
		list:                entriesOf(m.IPRules),
		defaultAction:       m.DefaultAction.ValueString(),
		bypass:              m.Bypass.ValueString(),
		publicNetworkAccess: m.PublicNetworkAccess.ValueString(),
		allowLockout:        m.AllowLockout.ValueBool(),
	}
	if prior != nil {
		d.drop = without(without(prior.removable(), d.list), entriesOf(m.SharedIPRules))
	}
	return d
}

// removable gives the entries that go when the resource goes, unless on_destroy keeps them.
func (m model) removable() []string {
	return without(entriesOf(m.IPRules), entriesOf(m.SharedIPRules))
}

// observe takes over what the account was seen to be. The own rules stay as they are;
// what Azure lists of them shows in admitted_public_ips.
func (m *model) observe(account *azureaccount.Account) {
	own, listed := entriesOf(m.IPRules), listedIn(account)
	var admitted, unmanaged []string
	for _, entry := range own {
		if listed[entry] && iprange.IsHost(entry) {
			admitted = append(admitted, entry)
		}
	}
	for _, value := range account.ACLs.Values() {
		if !containsAll(own, iprange.Entries(value)) {
			unmanaged = append(unmanaged, value)
		}
	}
	m.AdmittedPublicIPs = stringSet(admitted)
	m.UnmanagedIPRules = stringSet(unmanaged)
	m.EffectiveIPRules = stringSet(account.ACLs.Values())
	m.RuleCount = types.Int64Value(int64(len(account.ACLs.IPRules)))
	m.CustomSubdomain = types.StringValue(account.CustomSubDomain)
	m.ProvisioningState = types.StringValue(account.ProvisioningState)
	m.ETag = types.StringValue(account.ETag)
}

// refresh is observe for a read: of own rules that Azure does not list whole only what
// it lists is kept, and settings that the model names take the account's value, so that
// both show as drift.
func (m *model) refresh(account *azureaccount.Account) {
	listed := listedIn(account)
	var rules []string
	for _, rule := range rulesOf(m.IPRules) {
		if allIn(listed, rule) {
			rules = append(rules, rule)
			continue
		}
		for _, entry := range iprange.Entries(rule) {
			if listed[entry] {
				rules = append(rules, entry)
			}
		}
	}
	m.IPRules = ruleSet(rules)
	if !m.DefaultAction.IsNull() {
		m.DefaultAction = types.StringValue(account.DefaultAction())
	}
	if !m.PublicNetworkAccess.IsNull() {
		m.PublicNetworkAccess = types.StringValue(account.PublicAccess())
	}
	if !m.Bypass.IsNull() {
		m.Bypass = types.StringNull()
		if account.ACLs.Bypass != "" {
			m.Bypass = types.StringValue(account.ACLs.Bypass)
		}
	}
	m.observe(account)
}

// computedFrom copies all that Azure decides from another model.
func (m *model) computedFrom(other *model) {
	m.ID, m.Owner = other.ID, other.Owner
	m.AdmittedPublicIPs, m.UnmanagedIPRules, m.EffectiveIPRules = other.AdmittedPublicIPs, other.UnmanagedIPRules, other.EffectiveIPRules
	m.RuleCount, m.CustomSubdomain, m.ProvisioningState, m.ETag = other.RuleCount, other.CustomSubdomain, other.ProvisioningState, other.ETag
}

// asksAs reports whether both models ask the same of the same account; rules are compared
// by what they mean. What else a user sets, such as on_destroy, matters to later plans only.
func (m *model) asksAs(other *model) bool {
	return !m.replaces(other) && sameRules(m.IPRules, other.IPRules) &&
		m.DefaultAction.Equal(other.DefaultAction) && m.Bypass.Equal(other.Bypass) &&
		m.PublicNetworkAccess.Equal(other.PublicNetworkAccess)
}

// replaces reports whether the model takes another resource's place.
func (m *model) replaces(other *model) bool {
	return !m.AccountID.Equal(other.AccountID) || !m.Owner.Equal(other.Owner)
}

// sameRules reports whether two sets are known and name the same entries.
func sameRules(a, b types.Set) bool {
	if !fullyKnown(a) || !fullyKnown(b) || a.IsNull() != b.IsNull() {
		return false
	}
	return slices.Equal(entriesOf(a), entriesOf(b))
}

func fullyKnown(set types.Set) bool {
	return !set.IsUnknown() && !slices.ContainsFunc(set.Elements(), func(v attr.Value) bool { return v.IsUnknown() })
}

// rulesOf gives the known elements in their user's spelling.
func rulesOf(set types.Set) []string {
	var rules []string
	for _, element := range set.Elements() {
		if value, ok := element.(iprange.Value); ok && !value.IsNull() && !value.IsUnknown() {
			rules = append(rules, value.ValueString())
		}
	}
	return rules
}

// entriesOf gives the canonical entries of the known elements, sorted.
func entriesOf(set types.Set) []string { return iprange.AllEntries(rulesOf(set)) }

func ruleSet(rules []string) types.Set {
	elements := make([]attr.Value, len(rules))
	for i, rule := range rules {
		elements[i] = iprange.NewValue(rule)
	}
	return types.SetValueMust(iprange.Type{}, elements)
}

func stringSet(values []string) types.Set {
	return tfvalue.Set(slices.Compact(slices.Sorted(slices.Values(values))))
}

// packID joins the parts of a resource's id.
func packID(accountID, owner string) string { return accountID + "#" + owner }

// importedID is what an import names.
type importedID struct {
	accountID, owner string
	rules            []string
}

const importForms = "ACCOUNT_ID#OWNER, or ACCOUNT_ID#OWNER#52.1.2.3,52.1.2.4 to take the listed entries into state at once"

// parseImportID reads ACCOUNT_ID#OWNER, with the entries to take over as an optional
// third part.
func parseImportID(id string) (importedID, error) {
	parts := strings.Split(id, "#")
	if len(parts) < 2 || len(parts) > 3 || parts[1] == "" {
		return importedID{}, fmt.Errorf("%q is not of the form %s", id, importForms)
	}
	if _, err := azureaccount.ParseID(parts[0]); err != nil {
		return importedID{}, err
	}
	imported := importedID{accountID: parts[0], owner: parts[1]}
	if len(parts) == 2 {
		return imported, nil
	}
	for _, rule := range strings.Split(parts[2], ",") {
		if _, err := iprange.Parse(rule); err != nil {
			return importedID{}, err
		}
		imported.rules = append(imported.rules, rule)
	}
	return imported, nil
}
