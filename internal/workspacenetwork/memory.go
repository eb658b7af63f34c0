package workspacenetwork

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// memoryKey is where the private state holds the memory.
const memoryKey = "network"

// memory is what the state remembers beside its attributes, which a refresh overwrites
// with what it finds.
type memory struct {
	// Before is what the workspace had when each part was taken over.
	Before network `json:"before"`
	// Ours is what was last seen to be as the configuration wants it: a workspace that has
	// something else now was changed by somebody else.
	Ours network `json:"ours"`
}

// take notes before a change what the workspace has, as far as it is not ours yet, and
// forgets what is no longer wanted.
func (m *memory) take(seen, wanted network) {
	m.Before.NCC, m.Ours.NCC = takePart(m.Before.NCC, m.Ours.NCC, seen.NCC, wanted.NCC)
	m.Before.Policy, m.Ours.Policy = takePart(m.Before.Policy, m.Ours.Policy, seen.Policy, wanted.Policy)
}

func takePart(before, ours, seen, wanted string) (newBefore, newOurs string) {
	switch {
	case wanted == "":
		return "", ""
	case ours == "" && before != "" && seen == wanted:
		// Noted while the rules were awaited, and bound by an apply that was killed.
		return before, ""
	case ours == "":
		return seen, ""
	default:
		return before, ours
	}
}

// own notes what the workspace now has by this resource; an empty part says nothing.
func (m *memory) own(n network) {
	m.Ours.NCC = cmp.Or(n.NCC, m.Ours.NCC)
	m.Ours.Policy = cmp.Or(n.Policy, m.Ours.Policy)
}

// Private state, as the framework hands it out.
type (
	privateReader interface {
		GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	}
	privateWriter interface {
		SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
	}
)

// recall reads the memory; known is false if there is none.
func recall(ctx context.Context, private privateReader, diags *diag.Diagnostics) (m memory, known bool) {
	raw, more := private.GetKey(ctx, memoryKey)
	diags.Append(more...)
	if len(raw) == 0 || diags.HasError() {
		return m, false
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		diags.AddError("The resource's private state cannot be read",
			"It was written by another version of the provider: "+err.Error()+".\n\nRemove the resource from the state and import it again.")
		return m, false
	}
	return m, true
}

func (m memory) save(ctx context.Context, private privateWriter, diags *diag.Diagnostics) {
	raw, err := json.Marshal(m)
	if err != nil {
		diags.AddError("The resource's private state cannot be written", err.Error())
		return
	}
	diags.Append(private.SetKey(ctx, memoryKey, raw)...)
}
