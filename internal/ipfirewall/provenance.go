package ipfirewall

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

// provenanceKey is where the private state holds a provenance.
const provenanceKey = "provenance"

// provenance tells of own entries, in canonical form, whether the account listed them
// before this resource first wrote them. An entry of neither list is one of which that
// is not known. It serves warnings alone: what is ours stands in the configuration,
// which a killed apply cannot lose.
type provenance struct {
	Adopted []string `json:"adopted,omitempty"`
	Written []string `json:"written,omitempty"`
}

// after gives what is known once the resource has the own entries, having had the former
// ones. found is the account as it was ahead of the write, or nil if it was not seen.
func (p provenance) after(own, former []string, found *azureaccount.Account) provenance {
	next := provenance{Adopted: both(p.Adopted, own), Written: both(p.Written, own)}
	if found == nil {
		return next
	}
	listed := listedIn(found)
	for _, entry := range without(own, slices.Concat(former, next.Adopted, next.Written)) {
		if listed[entry] {
			next.Adopted = append(next.Adopted, entry)
		} else {
			next.Written = append(next.Written, entry)
		}
	}
	return next
}

// privateState is what Terraform keeps for a resource beside its attributes.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// recall reads a provenance. One that is missing or cannot be read is empty: nothing but
// warnings depends on it.
func recall(ctx context.Context, private privateState) provenance {
	var p provenance
	raw, diags := private.GetKey(ctx, provenanceKey)
	if diags.HasError() || len(raw) == 0 {
		return p
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		tflog.Warn(ctx, "the private state cannot be read: which entries were adopted is not known any more", map[string]any{"error": err.Error()})
		return provenance{}
	}
	return p
}

// keep writes the provenance.
func (p provenance) keep(ctx context.Context, private privateState) diag.Diagnostics {
	raw, err := json.Marshal(p)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot write the private state", err.Error())}
	}
	return private.SetKey(ctx, provenanceKey, raw)
}

// both gives the entries of a that are in b too.
func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(entry string) bool { return !slices.Contains(b, entry) })
}
