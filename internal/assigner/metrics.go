package assigner

import (
	"context"
	"encoding/json"
	"maps"
	"time"
)

// metricNamespace is where CloudWatch keeps the function's metrics, with the dimensions Pool and Group.
const metricNamespace = "crosscloudlink/eip-assigner"

// Units that CloudWatch knows.
const (
	unitCount        = "Count"
	unitMilliseconds = "Milliseconds"
)

// metric is one value of one metric.
type metric struct {
	name, unit string
	value      float64
}

func count(name string, n int) metric { return metric{name, unitCount, float64(n)} }

// tally is what a run counted since its last decision.
type tally struct {
	// conflicts are associations refused because address or interface had one already.
	conflicts int
	// releases are associations undone.
	releases int
	// denied are calls that IAM refused.
	denied int
}

// metrics are the counts that are worth a line.
func (t tally) metrics() []metric {
	var out []metric
	for _, m := range []metric{count("ClaimConflicts", t.conflicts), count("Releases", t.releases), count("Denied", t.denied)} {
		if m.value > 0 {
			out = append(out, m)
		}
	}
	return out
}

// decisionMetrics are those of one decision that took some time.
func decisionMetrics(outcome, allocationID string, took time.Duration) []metric {
	switch outcome {
	case OutcomeContinue:
		if allocationID == "" {
			return nil
		}
		return []metric{count("Claims", 1), {"ClaimDuration", unitMilliseconds, float64(max(took, 0).Milliseconds())}}
	case OutcomeAbandon:
		return []metric{count("Abandons", 1)}
	case OutcomeHandedOver:
		return []metric{count("HandOvers", 1)}
	}
	return nil
}

// emit writes metrics as one line in CloudWatch's embedded metric format, which CloudWatch Logs
// turns into metrics on arrival: no call, no permission, no wait.
func (a *Assigner) emit(ctx context.Context, metrics []metric) {
	if a.Metrics == nil || len(metrics) == 0 {
		return
	}
	type definition struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	var definitions []definition
	values := map[string]any{}
	for _, m := range metrics {
		definitions = append(definitions, definition{m.name, m.unit})
		values[m.name] = m.value
	}
	line := map[string]any{
		"Pool": a.Config.PoolName, "Group": a.Config.Group,
		"_aws": map[string]any{
			"Timestamp":         a.now().UnixMilli(),
			"CloudWatchMetrics": []directive{{Namespace: metricNamespace, Dimensions: [][]string{{"Pool", "Group"}}, Metrics: definitions}},
		},
	}
	maps.Copy(line, values)
	text, err := json.Marshal(line)
	if err == nil {
		// One write a line, so that it does not mix with the log's.
		_, err = a.Metrics.Write(append(text, '\n'))
	}
	if err != nil {
		a.Log.WarnContext(ctx, "metrics not written", "error", err.Error())
	}
}
