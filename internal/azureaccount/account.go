package azureaccount

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Provisioning states in which no operation is in flight.
var terminalStates = []string{"", "Succeeded", "Failed", "Canceled"}

// Values of an account's network settings, as Azure spells them.
const (
	ActionAllow = "Allow"
	ActionDeny  = "Deny"

	BypassAzureServices = "AzureServices"
	BypassNone          = "None"

	AccessEnabled  = "Enabled"
	AccessDisabled = "Disabled"
	// AccessSecuredByPerimeter leaves it to the account's network security perimeter.
	AccessSecuredByPerimeter = "SecuredByPerimeter"
)

// Account is the part of an account that its firewall depends on.
type Account struct {
	ID   string
	Name string
	Kind string
	// ETag is the opaque version of the whole account, quotes included.
	ETag string
	// ProvisioningState is "Succeeded" at rest; see Settled.
	ProvisioningState string
	// CustomSubDomain is the first label of the account's own endpoint, or "" while it
	// has none; without it Azure applies no network rules.
	CustomSubDomain string
	// PublicNetworkAccess is "Enabled", "Disabled" or "SecuredByPerimeter", or ""
	// where Azure does not say, which means enabled.
	PublicNetworkAccess string
	// ACLs is never nil in what Get returns; its fields are empty where Azure has none.
	ACLs *NetworkACLs
	// ApprovedPrivateEndpoints counts the private endpoints that may use the account.
	ApprovedPrivateEndpoints int
}

// Settled reports whether no operation on the account is in flight.
func (a *Account) Settled() bool { return slices.Contains(terminalStates, a.ProvisioningState) }

// DefaultAction is what happens to a caller that no rule names: "Allow" also where the
// account has no network rules yet.
func (a *Account) DefaultAction() string { return cmp.Or(a.ACLs.DefaultAction, ActionAllow) }

// PublicAccess is PublicNetworkAccess, "Enabled" also where Azure does not say.
func (a *Account) PublicAccess() string { return cmp.Or(a.PublicNetworkAccess, AccessEnabled) }

// NetworkACLs is networkAcls with all four of its fields.
type NetworkACLs struct {
	// Bypass is "AzureServices" or "None", or "" where the account has no value.
	Bypass string `json:"bypass,omitempty"`
	// DefaultAction is "Allow" or "Deny", or "" where the account has no value, which
	// means Allow.
	DefaultAction string `json:"defaultAction,omitempty"`
	// IPRules is sent as [] when empty, since a missing list would leave the last entry.
	IPRules []IPRule `json:"ipRules"`
	// VirtualNetworkRules is carried verbatim: it is never ours.
	VirtualNetworkRules []json.RawMessage `json:"virtualNetworkRules"`
}

// IPRule is an entry of ipRules. One that was read is written back byte for byte.
type IPRule struct {
	Value string
	raw   json.RawMessage
}

// UnmarshalJSON reads an entry and keeps the whole of it.
func (r *IPRule) UnmarshalJSON(data []byte) error {
	var entry struct {
		Value string `json:"value"`
	}
	if err := json.Unmarshal(data, &entry); err != nil {
		return err
	}
	*r = IPRule{Value: entry.Value, raw: slices.Clone(data)}
	return nil
}

// MarshalJSON writes an entry as it was read, or a new one by its value.
func (r IPRule) MarshalJSON() ([]byte, error) {
	if r.raw != nil {
		return r.raw, nil
	}
	return json.Marshal(map[string]string{"value": r.Value})
}

// Values lists the entries in Azure's spelling and order.
func (n *NetworkACLs) Values() []string {
	values := make([]string, len(n.IPRules))
	for i, rule := range n.IPRules {
		values[i] = rule.Value
	}
	return values
}

// wireAccount is the part of ARM's JSON that is read (api-version 2025-06-01).
type wireAccount struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	ETag       string `json:"etag"`
	Properties struct {
		ProvisioningState          string       `json:"provisioningState"`
		CustomSubDomainName        string       `json:"customSubDomainName"`
		PublicNetworkAccess        string       `json:"publicNetworkAccess"`
		NetworkACLs                *NetworkACLs `json:"networkAcls"`
		PrivateEndpointConnections []struct {
			Properties struct {
				State struct {
					Status string `json:"status"`
				} `json:"privateLinkServiceConnectionState"`
			} `json:"properties"`
		} `json:"privateEndpointConnections"`
	} `json:"properties"`
}

func (w *wireAccount) account(headerETag string) *Account {
	account := &Account{
		ID: w.ID, Name: w.Name, Kind: w.Kind, ETag: w.ETag,
		ProvisioningState:   w.Properties.ProvisioningState,
		CustomSubDomain:     w.Properties.CustomSubDomainName,
		PublicNetworkAccess: w.Properties.PublicNetworkAccess,
		ACLs:                w.Properties.NetworkACLs,
	}
	if account.ETag == "" {
		account.ETag = headerETag
	}
	if account.ACLs == nil {
		account.ACLs = &NetworkACLs{}
	}
	for _, connection := range w.Properties.PrivateEndpointConnections {
		if connection.Properties.State.Status == "Approved" {
			account.ApprovedPrivateEndpoints++
		}
	}
	return account
}
