package functions

import (
	"net/url"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

func policyRole(t *testing.T, boundary string, policies ...string) *role {
	t.Helper()
	r := &role{}
	for _, text := range policies {
		d, err := parseDocument(text)
		if err != nil {
			t.Fatal(err)
		}
		r.policies = append(r.policies, d)
	}
	if boundary != "" {
		d, err := parseDocument(boundary)
		if err != nil {
			t.Fatal(err)
		}
		r.boundary = &d
	}
	return r
}

func TestEvaluation(t *testing.T) {
	const address = "arn:aws:ec2:us-east-1:123456789012:elastic-ip/eipalloc-1"
	tagged := access{action: "ec2:AssociateAddress", resource: address, keys: map[string][]string{
		"aws:resourcetag/crosscloudlink:eip-pool": {"mine"}, "aws:tagkeys": {"a", "b"}, "aws:none": {}, "aws:principalaccount": {"123456789012"},
	}}
	statement := func(rest string) string {
		return `{"Statement":[{"Effect":"Allow","Action":"ec2:AssociateAddress","Resource":"` + address + `"` + rest + `}]}`
	}
	condition := func(text string) string { return statement(`,"Condition":` + text) }
	for _, c := range []struct {
		name     string
		boundary string
		policies []string
		want     decision
	}{
		{"no policy", "", nil, implicitlyDenied},
		{"exact", "", []string{statement("")}, allowed},
		{"one statement that is no list", "", []string{`{"Statement":{"Effect":"Allow","Action":"EC2:associate*","Resource":["*"]}}`}, allowed},
		{"url-encoded", "", []string{`%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D`}, allowed},
		{"other resource", "", []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:network-interface/*"}]}`}, implicitlyDenied},
		{"resources are compared with case", "", []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:ELASTIC-IP/*"}]}`}, implicitlyDenied},
		{"explicit deny wins", "", []string{statement(""), `{"Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`}, explicitlyDenied},
		{"not action", "", []string{`{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}`}, allowed},
		{"not resource", "", []string{`{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"` + address + `"}]}`}, implicitlyDenied},
		{"variable", "", []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:${aws:PrincipalAccount}:*"}]}`}, allowed},
		{"unknown variable", "", []string{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:${aws:Nothing}:*"}]}`}, implicitlyDenied},
		{"tag fits", "", []string{condition(`{"StringEquals":{"aws:ResourceTag/crosscloudlink:eip-pool":"mine"}}`)}, allowed},
		{"tag is another's", "", []string{condition(`{"StringEquals":{"aws:ResourceTag/crosscloudlink:eip-pool":["his","hers"]}}`)}, implicitlyDenied},
		{"tag is absent", "", []string{condition(`{"StringEquals":{"aws:ResourceTag/other":"mine"}}`)}, implicitlyDenied},
		{"absent, if it exists", "", []string{condition(`{"StringEqualsIfExists":{"aws:ResourceTag/other":"mine"}}`)}, allowed},
		{"absent, negated", "", []string{condition(`{"StringNotEquals":{"aws:ResourceTag/other":"mine"}}`)}, allowed},
		{"like", "", []string{condition(`{"StringLike":{"aws:ResourceTag/crosscloudlink:eip-pool":"m?n*"}}`)}, allowed},
		{"null", "", []string{condition(`{"Null":{"aws:ResourceTag/crosscloudlink:eip-pool":"false"}}`)}, allowed},
		{"null that is not", "", []string{condition(`{"Null":{"aws:ResourceTag/crosscloudlink:eip-pool":true}}`)}, implicitlyDenied},
		{"any value", "", []string{condition(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["b","c"]}}`)}, allowed},
		{"all values", "", []string{condition(`{"ForAllValues:StringEquals":{"aws:TagKeys":["b","c"]}}`)}, implicitlyDenied},
		{"all values of an absent key", "", []string{condition(`{"ForAllValues:StringEquals":{"aws:Other":["b"]}}`)}, allowed},
		{"all values, all of them named", "", []string{condition(`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}}`)}, allowed},
		{"all values of an empty set", "", []string{condition(`{"ForAllValues:StringEquals":{"aws:None":["b"]}}`)}, allowed},
		{"any value of an empty set", "", []string{condition(`{"ForAnyValue:StringEquals":{"aws:None":["b"]}}`)}, implicitlyDenied},
		{"all values of an absent key that must be there", "", []string{condition(`{"ForAllValues:StringEquals":{"aws:Other":["b"]},"Null":{"aws:Other":"false"}}`)}, implicitlyDenied},
		{"all values, none of them named", "", []string{condition(`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["c"]}}`)}, allowed},
		{"one value of several without a quantifier", "", []string{condition(`{"StringEquals":{"aws:TagKeys":"a"}}`)}, implicitlyDenied},
		{"two conditions, one of which holds", "", []string{condition(`{"StringEquals":{"aws:ResourceTag/crosscloudlink:eip-pool":"mine"},"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`)}, implicitlyDenied},
		{"unknown operator of an allow", "", []string{condition(`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}}`)}, implicitlyDenied},
		{"unknown operator of a deny", "", []string{statement(""), `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}}}]}`}, explicitlyDenied},
		{"boundary allows", `{"Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`, []string{statement("")}, allowed},
		{"boundary is narrower", `{"Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`, []string{statement("")}, boundaryDenied},
		{"boundary denies", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ec2:AssociateAddress","Resource":"*"}]}`, []string{statement("")}, explicitlyDeniedByBoundary},
		{"boundary denies what nothing allows", `{"Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`, nil, explicitlyDeniedByBoundary},
		{"boundary is bound to a tag", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/crosscloudlink:eip-pool":"his"}}}]}`, []string{statement("")}, boundaryDenied},
		{"boundary alone allows nothing", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, nil, implicitlyDenied},
	} {
		if got := policyRole(t, c.boundary, c.policies...).allows(tagged); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestTagsOfARequest(t *testing.T) {
	form, err := url.ParseQuery("Tag.1.Key=a&Tag.1.Value=1&Tag.2.Key=b&Tag.2.Value=&TagSpecification.2.ResourceType=instance&TagSpecification.2.Tag.3.Key=C&TagSpecification.2.Tag.3.Value=3&Filter.1.Key=no")
	if err != nil {
		t.Fatal(err)
	}
	keys := requestKeys(&awsapi.Request{Service: "ec2", Form: form})
	got := slices.Sorted(slices.Values(keys["aws:tagkeys"]))
	if !slices.Equal(got, []string{"C", "a", "b"}) || keys["aws:requesttag/a"][0] != "1" || keys["aws:requesttag/b"][0] != "" || keys["aws:requesttag/c"][0] != "3" {
		t.Errorf("%v", keys)
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"*", "", true}, {"", "", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a*b*c", "aXbYbZc", true},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"abc", "abcd", false}, {"*abc", "ababc", true},
	} {
		if got := wildcard(c.pattern, c.value, false); got != c.want {
			t.Errorf("%q on %q: %t", c.pattern, c.value, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	event := map[string]any{
		"source": "aws.autoscaling", "resources": []any{"arn:a", "arn:b"},
		"detail": map[string]any{"AutoScalingGroupName": "proxies", "n": 1.0, "ok": true},
	}
	for text, want := range map[string]bool{
		`{"source":["aws.autoscaling","aws.ec2"]}`:                              true,
		`{"source":["aws.ec2"]}`:                                                false,
		`{"detail":{"AutoScalingGroupName":["proxies"],"n":[1],"ok":[true]}}`:   true,
		`{"detail":{"AutoScalingGroupName":["proxies"],"n":["1"]}}`:             false,
		`{"detail":{"AutoScalingGroupName":[{"prefix":"pro"}]}}`:                true,
		`{"detail":{"AutoScalingGroupName":[{"anything-but":["proxies"]}]}}`:    false,
		`{"detail":{"AutoScalingGroupName":[{"anything-but":{"prefix":"x"}}]}}`: true,
		`{"detail":{"Origin":[{"exists":false}]}}`:                              true,
		`{"detail":{"n":[{"exists":false}]}}`:                                   false,
		`{"resources":["arn:b"]}`:                                               true,
		`{"detail":{"Origin":["EC2"]}}`:                                         false,
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatalf("%s: %s", text, err)
		}
		if got := p.matches(event); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for _, text := range []string{``, `{}`, `[]`, `{"source":"aws.ec2"}`, `{"source":[]}`, `{"detail":{"n":[{"numeric":["=",1]}]}}`, `{"$or":[{"source":["a"]}]}`} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestPermissions(t *testing.T) {
	const rule, account = "arn:aws:events:us-east-1:123456789012:rule/launch", "123456789012"
	for name, c := range map[string]struct {
		st   statement
		want bool
	}{
		"exact":           {statement{action: "lambda:InvokeFunction", principal: eventsService, sourceARN: rule}, true},
		"any source":      {statement{action: "lambda:InvokeFunction", principal: eventsService}, true},
		"source pattern":  {statement{action: "lambda:*", principal: eventsService, sourceARN: "arn:aws:events:*:*:rule/lau*"}, true},
		"other rule":      {statement{action: "lambda:InvokeFunction", principal: eventsService, sourceARN: rule + "2"}, false},
		"other principal": {statement{action: "lambda:InvokeFunction", principal: "sns.amazonaws.com", sourceARN: rule}, false},
		"other action":    {statement{action: "lambda:GetFunction", principal: eventsService, sourceARN: rule}, false},
		"other account":   {statement{action: "lambda:InvokeFunction", principal: eventsService, sourceAccount: "1"}, false},
	} {
		if got := admits([]statement{c.st}, eventsService, rule, account); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestRate(t *testing.T) {
	for expression, want := range map[string]int{"rate(1 minute)": 1, "rate(5 minutes)": 5, "rate(1 hour)": 60, "rate(2 days)": 2880, "rate(1 minutes)": 0, "rate(2 minute)": 0, "rate(0 minutes)": 0, "rate(1 second)": 0, "": 0} {
		if got, ok := rate(expression); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %t", expression, got, ok)
		}
	}
}
