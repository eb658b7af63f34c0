package dashboardpicture

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrender"
)

const (
	repository = "../../"
	module     = repository + "modules/egress-dashboard"
)

// modes are the inputs of both modes of the fleet, all options on.
func modes() map[string]map[string]any {
	return map[string]map[string]any{"eip_pool": PoolInputs(), "nat_gateway": GatewayInputs()}
}

// alarm is one of the module's alarms.
type alarm struct {
	Name, Description, Severity, What, Anchor, Comparison, Missing string
	Metrics                                                        map[string]struct {
		Namespace, Metric, Stat string
		Dimensions              map[string]string
	}
	Expression *struct{ Formula, Label string }
	Threshold  *float64
	Period     int
	Periods    []int
}

// evaluated are the alarms and the dashboard that the module makes of inputs.
func evaluated(t *testing.T, inputs map[string]any) (map[string]alarm, Dashboard) {
	t.Helper()
	outputs, err := tfrender.Outputs(t.Context(), module, inputs)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(outputs["alarms"])
	if err != nil {
		t.Fatal(err)
	}
	var alarms map[string]alarm
	if err := json.Unmarshal(text, &alarms); err != nil || len(alarms) == 0 {
		t.Fatalf("alarms %s: %v", text, err)
	}
	body, err := Body(t.Context(), module, inputs)
	if err != nil {
		t.Fatal(err)
	}
	dashboard, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return alarms, dashboard
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(repository + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePictureIsCurrent(t *testing.T) {
	want, err := Render(t.Context(), module, PoolInputs())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(read(t, "modules/aws-egress-proxy/dashboard.svg"))) {
		t.Error("modules/aws-egress-proxy/dashboard.svg is not what the module makes; run go run ./internal/cmd/dashboardpicture")
	}
	if cut := bytes.Count(want, []byte("…")); cut > 0 {
		t.Errorf("%d texts do not fit their widgets", cut)
	}
}

// documented are the metrics that AWS documents, by namespace and the names of their dimensions, of those that the
// module may name. Sources: the user guides of Network Load Balancers, PrivateLink, NAT gateways, EC2, Lambda, and
// of the CloudWatch agent, each on its page about metrics.
var documented = map[string][]string{
	"AWS/NetworkELB LoadBalancer": {
		"ActiveFlowCount", "ActiveFlowCount_TCP", "NewFlowCount", "NewFlowCount_TCP", "PeakPacketsPerSecond", "PortAllocationErrorCount", "ProcessedBytes", "ProcessedPackets",
		"TCP_Client_Reset_Count", "TCP_ELB_Reset_Count", "TCP_Target_Reset_Count", "UnhealthyRoutingFlowCount",
	},
	"AWS/NetworkELB LoadBalancer TargetGroup":                  {"HealthyHostCount", "UnHealthyHostCount"},
	"AWS/NetworkELB AvailabilityZone LoadBalancer TargetGroup": {"HealthyHostCount", "UnHealthyHostCount"},
	"AWS/PrivateLinkServices Service Id":                       {"ActiveConnections", "BytesProcessed", "EndpointsCount", "NewConnections", "RstPacketsSent"},
	"AWS/NATGateway NatGatewayId": {
		"ActiveConnectionCount", "BytesInFromDestination", "BytesInFromSource", "BytesOutToDestination", "BytesOutToSource", "ConnectionAttemptCount", "ConnectionEstablishedCount",
		"ErrorPortAllocation", "IdleTimeoutCount", "PacketsDropCount", "PacketsInFromDestination", "PacketsInFromSource", "PacketsOutToDestination", "PacketsOutToSource",
	},
	"AWS/EC2 AutoScalingGroupName": {"CPUUtilization", "NetworkIn", "NetworkOut", "NetworkPacketsIn", "NetworkPacketsOut"},
	"AWS/Lambda FunctionName":      {"Duration", "Errors", "Invocations", "Throttles"},
	// The agent's names, under a dimension that its configuration in the fleet's module adds.
	"crosscloudlink/egress-proxy Fleet": {
		"ethtool_bw_in_allowance_exceeded", "ethtool_bw_out_allowance_exceeded", "ethtool_conntrack_allowance_exceeded", "ethtool_linklocal_allowance_exceeded",
		"ethtool_pps_allowance_exceeded", "mem_used_percent",
	},
}

// kind names a metric's family: its namespace and the names of its dimensions.
func kind(namespace string, dimensions map[string]string) string {
	return strings.Join(append([]string{namespace}, slices.Sorted(maps.Keys(dimensions))...), " ")
}

// known are all metrics that somebody writes.
func known(t *testing.T, inputs map[string]any) map[string][]string {
	t.Helper()
	all := maps.Clone(documented)
	namespace, dimensions, names := assignerMetrics(t)
	all[kind(namespace, dimensions)] = names
	outputs, err := tfrender.Outputs(t.Context(), module, inputs)
	if err != nil {
		t.Fatal(err)
	}
	filters, ok := outputs["log_filters"].(map[string]any)
	if !ok {
		t.Fatalf("log_filters %v", outputs["log_filters"])
	}
	all[outputs["log_metric_namespace"].(string)] = slices.Sorted(maps.Keys(filters))
	return all
}

// assignerMetrics reads from the function's own code what it writes.
func assignerMetrics(t *testing.T) (namespace string, dimensions map[string]string, names []string) {
	t.Helper()
	dimensions = map[string]string{}
	literal := func(e ast.Expr) string {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		return ""
	}
	for _, file := range []string{"metrics.go", "reconcile.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), repository+"internal/assigner/"+file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Names) == 1 && n.Names[0].Name == "metricNamespace" {
					namespace = literal(n.Values[0])
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "count" && literal(n.Args[0]) != "" {
					names = append(names, literal(n.Args[0]))
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Dimensions" {
					ast.Inspect(n.Value, func(n ast.Node) bool {
						if e, ok := n.(ast.Expr); ok && literal(e) != "" {
							dimensions[literal(e)] = ""
						}
						return true
					})
				}
			case *ast.CompositeLit:
				// metric{"Name", unit, value}
				if len(n.Elts) == 3 && literal(n.Elts[0]) != "" {
					names = append(names, literal(n.Elts[0]))
				}
			}
			return true
		})
	}
	if namespace == "" || len(dimensions) == 0 || len(names) < 10 {
		t.Fatalf("the function's metrics were not found in its code: %q %v %v", namespace, dimensions, names)
	}
	return namespace, dimensions, names
}

func TestEveryMetricIsWrittenBySomebody(t *testing.T) {
	for mode, inputs := range modes() {
		t.Run(mode, func(t *testing.T) {
			alarms, dashboard := evaluated(t, inputs)
			all := known(t, inputs)
			check := func(where, namespace, metric string, dimensions map[string]string) {
				if !slices.Contains(all[kind(namespace, dimensions)], metric) {
					t.Errorf("%s: nobody writes %s with the dimensions of %q", where, metric, kind(namespace, dimensions))
				}
			}
			for key, a := range alarms {
				for _, m := range a.Metrics {
					check("alarm "+key, m.Namespace, m.Metric, m.Dimensions)
				}
			}
			shown := 0
			for _, w := range dashboard.Widgets {
				for _, l := range w.Lines {
					if l.Expression == "" {
						check("widget "+w.Title, l.Namespace, l.Metric, l.Dimensions)
						shown++
					}
				}
			}
			if shown < 20 {
				t.Errorf("the dashboard shows %d metrics", shown)
			}
		})
	}
}

// tableRow is a row of the README's table: alarms, severity, when.
var tableRow = regexp.MustCompile("(?m)^\\| (`[a-z-]+`(?:, `[a-z-]+`)*) \\| (critical|warning) \\|")

var section = regexp.MustCompile(`(?m)^### (.+)\n\n(?:\*\*(Critical|Warning)\.\*\*)?`)

// TestTheRunbookKnowsEachAlarm compares alarms with the runbook's sections and the README's table, both ways, and the
// severity that all name.
func TestTheRunbookKnowsEachAlarm(t *testing.T) {
	severities := map[string]string{}
	for _, found := range section.FindAllStringSubmatch(read(t, "templates/guides/runbook.md"), -1) {
		if found[2] != "" {
			severities[strings.ReplaceAll(strings.ToLower(found[1]), " ", "-")] = strings.ToLower(found[2])
		}
	}
	listed := map[string]string{}
	for _, found := range tableRow.FindAllStringSubmatch(read(t, "modules/aws-egress-proxy/README.md"), -1) {
		for _, name := range strings.Split(found[1], ", ") {
			listed[strings.Trim(name, "`")] = found[2]
		}
	}
	if !maps.Equal(listed, severities) {
		t.Errorf("the README's table lists %v, the runbook %v", listed, severities)
	}
	met := map[string]bool{}
	for mode, inputs := range modes() {
		alarms, _ := evaluated(t, inputs)
		for key, a := range alarms {
			met[a.Anchor] = true
			if severities[a.Anchor] != a.Severity {
				t.Errorf("%s: alarm %s is %s, its section #%s of the runbook says %q", mode, key, a.Severity, a.Anchor, severities[a.Anchor])
			}
			if !strings.HasSuffix(a.Description, "runbook#"+a.Anchor) || len(a.Description) > 1024 || len(a.Name) > 255 {
				t.Errorf("%s: alarm %s: name %q, description %q", mode, key, a.Name, a.Description)
			}
		}
	}
	for anchor := range severities {
		if !met[anchor] {
			t.Errorf("the runbook's section #%s is about no alarm", anchor)
		}
	}
}

var (
	identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	// words of CloudWatch's metric math that the formulas use.
	words = []string{"AND", "DIFF", "IF", "MAX", "RATE"}
)

// TestAlarmsAreOnesThatCloudWatchTakes checks what PutMetricAlarm does, and what it does not and would be wrong.
func TestAlarmsAreOnesThatCloudWatchTakes(t *testing.T) {
	for mode, inputs := range modes() {
		alarms, _ := evaluated(t, inputs)
		for key, a := range alarms {
			if a.Threshold == nil || !slices.Contains([]string{"GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}, a.Comparison) {
				t.Errorf("%s: %s compares by %q with %v", mode, key, a.Comparison, a.Threshold)
			}
			if len(a.Periods) != 2 || a.Periods[0] < 1 || a.Periods[0] > a.Periods[1] || a.Period%60 != 0 || a.Period < 60 || a.Period*a.Periods[1] > 24*60*60 {
				t.Errorf("%s: %s looks at %v periods of %d seconds", mode, key, a.Periods, a.Period)
			}
			if !slices.Contains([]string{"breaching", "notBreaching"}, a.Missing) || !strings.HasSuffix(a.What, ".") {
				t.Errorf("%s: %s: missing %q, what %q", mode, key, a.Missing, a.What)
			}
			if a.Expression == nil {
				if len(a.Metrics) != 1 {
					t.Errorf("%s: %s compares one of %d metrics", mode, key, len(a.Metrics))
				}
				continue
			}
			used := map[string]bool{}
			for _, word := range identifier.FindAllString(a.Expression.Formula, -1) {
				if _, ok := a.Metrics[word]; !ok && !slices.Contains(words, word) {
					t.Errorf("%s: %s: %q of %s is neither a metric nor a function", mode, key, word, a.Expression.Formula)
				}
				used[word] = true
			}
			for id := range a.Metrics {
				if !used[id] || !regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`).MatchString(id) {
					t.Errorf("%s: %s: metric %s is not used in %s, or no id", mode, key, id, a.Expression.Formula)
				}
			}
		}
	}
}

var (
	filtered = regexp.MustCompile(`\$\.([a-z_]+)`)
	queried  = regexp.MustCompile(`(?:filter|by) ([a-z_]+)(?:, ([a-z_]+))?`)
	logged   = regexp.MustCompile(`"([a-z_]+)":`)
)

// TestTheLogHasWhatIsCounted compares the filters' and queries' fields with the lines that the proxies write.
func TestTheLogHasWhatIsCounted(t *testing.T) {
	rendered, err := tfrender.Outputs(t.Context(), repository+"modules/haproxy-config", map[string]any{"upstreams": map[string]any{"openai": map[string]any{"hostname": "acme.openai.azure.com"}}})
	if err != nil {
		t.Fatal(err)
	}
	config, ok := rendered["haproxy_cfg"].(string)
	if !ok {
		t.Fatalf("haproxy_cfg %v", rendered["haproxy_cfg"])
	}
	fields := map[string]bool{}
	for line := range strings.Lines(config) {
		if strings.HasPrefix(strings.TrimSpace(line), "log-format ") {
			for _, found := range logged.FindAllStringSubmatch(line, -1) {
				fields[found[1]] = true
			}
		}
	}
	outputs, err := tfrender.Outputs(t.Context(), module, PoolInputs())
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for metric, pattern := range outputs["log_filters"].(map[string]any) {
		for _, found := range filtered.FindAllStringSubmatch(pattern.(string), -1) {
			if checked++; !fields[found[1]] {
				t.Errorf("filter %s reads %s, which the log does not have: %v", metric, found[1], fields)
			}
		}
	}
	_, dashboard := evaluated(t, PoolInputs())
	for _, w := range dashboard.Widgets {
		for _, found := range queried.FindAllStringSubmatch(w.Query, -1) {
			for _, field := range found[1:] {
				if checked++; field != "" && !fields[field] {
					t.Errorf("widget %s reads %s, which the log does not have: %v", w.Title, field, fields)
				}
			}
		}
	}
	if checked < 8 {
		t.Errorf("only %d fields were found", checked)
	}
}
