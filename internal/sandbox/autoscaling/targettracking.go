package autoscaling

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// targetTrackingType is the one PolicyType that is implemented.
const targetTrackingType = "TargetTrackingScaling"

// Bounds of a metric that is computed from others, by the reference of
// CustomizedMetricSpecification and TargetTrackingMetricDataQuery.
const maxQueries = 10

var (
	queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)
	// reference finds the ids in an expression: names of functions are capitals, and quoted text is no name.
	reference = regexp.MustCompile(`"[^"]*"|'[^']*'|\b[a-zA-Z][a-zA-Z0-9_]*`)
)

// targetTracking is a TargetTrackingConfiguration as it was put.
type targetTracking struct {
	PredefinedMetricSpecification *predefinedMetric
	CustomizedMetricSpecification *customizedMetric
	TargetValue                   float64
	DisableScaleIn                bool
}

type predefinedMetric struct {
	PredefinedMetricType string
	ResourceLabel        string `xml:",omitempty"`
}

// customizedMetric is one metric, or the result of Metrics.
type customizedMetric struct {
	MetricName string           `xml:",omitempty"`
	Namespace  string           `xml:",omitempty"`
	Dimensions *list[dimension] `xml:",omitempty"`
	Statistic  string           `xml:",omitempty"`
	Unit       string           `xml:",omitempty"`
	Period     *int             `xml:",omitempty"`
	Metrics    *list[query]     `xml:",omitempty"`
}

// query is a TargetTrackingMetricDataQuery: a metric, or an expression over the others.
type query struct {
	ID         string      `xml:"Id"`
	Expression string      `xml:",omitempty"`
	MetricStat *metricStat `xml:",omitempty"`
	Label      string      `xml:",omitempty"`
	ReturnData bool
	Period     *int `xml:",omitempty"`
}

type metricStat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            list[dimension]
	}
	Stat   string
	Unit   string `xml:",omitempty"`
	Period *int   `xml:",omitempty"`
}

type dimension struct{ Name, Value string }

// predefinedMetrics are the values of PredefinedMetricType.
var predefinedMetrics = []string{"ASGAverageCPUUtilization", "ASGAverageNetworkIn", "ASGAverageNetworkOut", "ALBRequestCountPerTarget"}

// readTargetTracking reads and checks TargetTrackingConfiguration.
func readTargetTracking(p *params) (targetTracking, *awsapi.Error) {
	const prefix = "TargetTrackingConfiguration."
	if err := awsapi.RefuseUnknownMembers(p.r, prefix, "PredefinedMetricSpecification.", "CustomizedMetricSpecification.", "TargetValue", "DisableScaleIn"); err != nil {
		return targetTracking{}, err
	}
	t := targetTracking{TargetValue: p.number(prefix + "TargetValue")}
	if v := p.boolean(prefix + "DisableScaleIn"); v != nil {
		t.DisableScaleIn = *v
	}
	predefined, customized := p.hasBelow(prefix+"PredefinedMetricSpecification."), p.hasBelow(prefix+"CustomizedMetricSpecification.")
	switch {
	case p.err != nil:
		return t, p.err
	case predefined == customized:
		return t, invalid("TargetTrackingConfiguration needs either a PredefinedMetricSpecification or a CustomizedMetricSpecification, and not both")
	case predefined:
		t.PredefinedMetricSpecification = &predefinedMetric{
			PredefinedMetricType: p.str(prefix + "PredefinedMetricSpecification.PredefinedMetricType"),
			ResourceLabel:        p.str(prefix + "PredefinedMetricSpecification.ResourceLabel"),
		}
		return t, t.PredefinedMetricSpecification.check()
	default:
		var err *awsapi.Error
		t.CustomizedMetricSpecification, err = readCustomizedMetric(p, prefix+"CustomizedMetricSpecification.")
		return t, err
	}
}

func (m predefinedMetric) check() *awsapi.Error {
	switch perTarget := m.PredefinedMetricType == "ALBRequestCountPerTarget"; {
	case !slices.Contains(predefinedMetrics, m.PredefinedMetricType):
		return invalid("Invalid PredefinedMetricType: %s", m.PredefinedMetricType)
	case perTarget && m.ResourceLabel == "":
		return invalid("ResourceLabel must be given for the predefined metric %s", m.PredefinedMetricType)
	case !perTarget && m.ResourceLabel != "":
		return invalid("ResourceLabel must not be given for the predefined metric %s", m.PredefinedMetricType)
	}
	return nil
}

func readCustomizedMetric(p *params, prefix string) (*customizedMetric, *awsapi.Error) {
	if err := awsapi.RefuseUnknownMembers(p.r, prefix, "MetricName", "Namespace", "Dimensions.", "Statistic", "Unit", "Period", "Metrics."); err != nil {
		return nil, err
	}
	m := &customizedMetric{
		MetricName: p.str(prefix + "MetricName"), Namespace: p.str(prefix + "Namespace"),
		Statistic: p.str(prefix + "Statistic"), Unit: p.str(prefix + "Unit"), Period: p.integer(prefix + "Period"),
	}
	if found := readDimensions(p, prefix+"Dimensions"); len(found) > 0 {
		m.Dimensions = &list[dimension]{found}
	}
	var queries []query
	for _, member := range p.members(prefix + "Metrics") {
		q, err := readQuery(p, member+".")
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	if len(queries) > 0 {
		m.Metrics = &list[query]{queries}
	}
	one := m.MetricName != "" || m.Namespace != "" || m.Statistic != ""
	switch {
	case p.err != nil:
		return nil, p.err
	case one == (len(queries) > 0):
		return nil, invalid("CustomizedMetricSpecification needs either MetricName, Namespace and Statistic, or Metrics, and not both")
	case one && (m.MetricName == "" || m.Namespace == "" || !slices.Contains([]string{"Average", "Minimum", "Maximum", "SampleCount", "Sum"}, m.Statistic)):
		return nil, invalid("CustomizedMetricSpecification needs MetricName, Namespace and Statistic (Average, Minimum, Maximum, SampleCount or Sum)")
	case !validPeriod(m.Period):
		return nil, invalid("Period must be 10, 30 or 60 seconds; it is %d", *m.Period)
	}
	return m, checkQueries(queries)
}

func readQuery(p *params, prefix string) (query, *awsapi.Error) {
	if err := awsapi.RefuseUnknownMembers(p.r, prefix, "Id", "Expression", "MetricStat.", "Label", "ReturnData", "Period"); err != nil {
		return query{}, err
	}
	q := query{ID: p.str(prefix + "Id"), Expression: p.str(prefix + "Expression"), Label: p.str(prefix + "Label"), ReturnData: true, Period: p.integer(prefix + "Period")}
	if v := p.boolean(prefix + "ReturnData"); v != nil {
		q.ReturnData = *v
	}
	const stat = "MetricStat."
	if p.hasBelow(prefix + stat) {
		if err := awsapi.RefuseUnknownMembers(p.r, prefix+stat, "Metric.", "Stat", "Unit", "Period"); err != nil {
			return query{}, err
		}
		q.MetricStat = &metricStat{Stat: p.str(prefix + stat + "Stat"), Unit: p.str(prefix + stat + "Unit"), Period: p.integer(prefix + stat + "Period")}
		q.MetricStat.Metric.Namespace = p.str(prefix + stat + "Metric.Namespace")
		q.MetricStat.Metric.MetricName = p.str(prefix + stat + "Metric.MetricName")
		q.MetricStat.Metric.Dimensions.Members = readDimensions(p, prefix+stat+"Metric.Dimensions")
	}
	return q, nil
}

func readDimensions(p *params, name string) []dimension {
	var out []dimension
	for _, member := range p.members(name) {
		out = append(out, dimension{p.str(member + ".Name"), p.str(member + ".Value")})
	}
	return out
}

// checkQueries checks what the queries of one metric must be together: exactly one returns data, each is
// either a metric or an expression, and expressions name only what is there.
func checkQueries(queries []query) *awsapi.Error {
	if len(queries) > maxQueries {
		return invalid("Metrics holds %d queries; at most %d are allowed", len(queries), maxQueries)
	}
	ids, returning := map[string]bool{}, 0
	for _, q := range queries {
		switch stat := q.MetricStat; {
		case !queryID.MatchString(q.ID):
			return invalid("The Id '%s' in Metrics must begin with a small letter and have letters, digits and underscores alone", q.ID)
		case ids[q.ID]:
			return invalid("The Id '%s' in Metrics is not unique", q.ID)
		case (q.Expression == "") == (stat == nil):
			return invalid("The query '%s' in Metrics needs either an Expression or a MetricStat, and not both", q.ID)
		case stat != nil && (stat.Stat == "" || stat.Metric.Namespace == "" || stat.Metric.MetricName == ""):
			return invalid("The MetricStat of query '%s' needs Stat and a Metric with Namespace and MetricName", q.ID)
		case !validPeriod(q.Period) || stat != nil && !validPeriod(stat.Period):
			return invalid("The Period of query '%s' must be 10, 30 or 60 seconds", q.ID)
		}
		ids[q.ID] = true
		if q.ReturnData {
			returning++
		}
	}
	if len(queries) > 0 && returning != 1 {
		return invalid("Exactly one query in Metrics must return data; %d do", returning)
	}
	for _, q := range queries {
		for _, name := range reference.FindAllString(q.Expression, -1) {
			if queryID.MatchString(name) && !ids[name] {
				return invalid("The expression of query '%s' names '%s', which is not in Metrics", q.ID, name)
			}
		}
	}
	return nil
}

func validPeriod(seconds *int) bool {
	return seconds == nil || slices.Contains([]int{10, 30, 60}, *seconds)
}

// number returns a required number.
func (p *params) number(name string) float64 {
	text := p.required(name)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && p.err == nil {
		p.err = invalid("Value '%s' at '%s' is not a number", text, name)
	}
	return v
}
