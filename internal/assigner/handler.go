package assigner

import (
	"context"
	"encoding/json"
)

// Handle serves one invocation: a lifecycle event, a scheduled one, {"reconcile": true} or
// {"report": true}. It answers with a Result, a Reconciliation or a Report. An error means
// that a retry of the same payload is wanted; what never can be for this function is
// answered with OutcomeIgnored and a reason, and nothing is touched.
func (a *Assigner) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	e, err := decode(payload)
	if err != nil {
		return a.ignore(ctx, "", err.Error()), nil
	}
	kind, reason := a.Config.kindOf(e)
	switch kind {
	case kindReport:
		return a.Report(ctx)
	case kindReconcile:
		return a.Reconcile(ctx)
	case kindLaunch:
		return a.begin(ctx).launch(ctx, e.action())
	case kindTerminate:
		return a.begin(ctx).terminate(ctx, e.action())
	case kindForeign:
	}
	id := e.Detail.InstanceID
	if !instanceID.MatchString(id) {
		id = ""
	}
	return a.ignore(ctx, id, reason), nil
}

func (a *Assigner) ignore(ctx context.Context, instanceID, reason string) Result {
	result := Result{InstanceID: instanceID, Outcome: OutcomeIgnored, Reason: reason}
	a.begin(ctx).decided(ctx, result, a.now(), nil)
	return result
}
