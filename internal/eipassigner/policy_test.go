package eipassigner

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// fullSpec is a spec with everything that adds to the policy.
func fullSpec(t *testing.T) spec {
	t.Helper()
	s := testSpec(t)
	s.tagKey = "my-pool"
	s.subnets, s.securityGroups = []string{"subnet-0a", "subnet-0b"}, []string{"sg-01"}
	s.kmsKey = "arn:aws:kms:us-east-1:123456789012:key/k"
	s.failureDestination = "arn:aws:sqs:us-east-1:123456789012:failed"
	return s
}

func documentOf(t *testing.T, s spec) policyDocument {
	t.Helper()
	var document policyDocument
	if err := json.Unmarshal([]byte(s.policy()), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// statements by their Sid; each Sid must be there once.
func statements(t *testing.T, s spec) map[string]policyStatement {
	t.Helper()
	all := map[string]policyStatement{}
	for _, statement := range documentOf(t, s).Statement {
		if _, twice := all[statement.Sid]; twice {
			t.Errorf("there are two statements %s", statement.Sid)
		}
		all[statement.Sid] = statement
	}
	return all
}

// Least privilege, read from the document: nothing that changes anything is allowed on every
// resource, and every move of an address is bound to the pool's tag at both ends.
func TestPolicyIsNarrow(t *testing.T) {
	for name, s := range map[string]spec{"plain": testSpec(t), "full": fullSpec(t)} {
		t.Run(name, func(t *testing.T) {
			for _, statement := range documentOf(t, s).Statement {
				if statement.Effect != "Allow" {
					continue
				}
				for _, action := range statement.Action {
					_, verb, _ := strings.Cut(action, ":")
					switch {
					case strings.Contains(action, "*"):
						t.Errorf("%s allows %s", statement.Sid, action)
					case slices.Contains(statement.Resource, "*") && !strings.HasPrefix(verb, "Describe"):
						t.Errorf("%s allows %s on everything", statement.Sid, action)
					case action == "ec2:AssociateAddress" || action == "ec2:DisassociateAddress":
						key := "aws:ResourceTag/crosscloudlink:eip-pool"
						if strings.Contains(statement.Resource[0], "elastic-ip") {
							key = "aws:ResourceTag/" + s.tagKey
						}
						if got := statement.Condition["StringEquals"][key]; len(got) != 1 || got[0] != testPool {
							t.Errorf("%s: condition %v", statement.Sid, statement.Condition)
						}
					case strings.HasPrefix(action, "autoscaling:Complete") && (len(statement.Resource) != 1 || statement.Resource[0] != testGroupARN):
						t.Errorf("%s: %v", statement.Sid, statement.Resource)
					}
				}
				for _, resource := range statement.Resource {
					if resource != "*" && resource != s.kmsKey && resource != s.failureDestination && !strings.Contains(resource, ":us-east-1:123456789012:") {
						t.Errorf("%s reaches beyond the account and Region: %s", statement.Sid, resource)
					}
				}
			}
		})
	}
}

func TestPolicyOfAFunctionInAVPC(t *testing.T) {
	s := fullSpec(t)
	all := statements(t, s)
	const ec2 = "arn:aws:ec2:us-east-1:123456789012:"
	if got, want := all["JoinTheVPC"].Resource, []string{ec2 + "network-interface/*", ec2 + "subnet/subnet-0a", ec2 + "subnet/subnet-0b", ec2 + "security-group/sg-01"}; !slices.Equal(got, want) {
		t.Errorf("interfaces may be made in %v, want %v", got, want)
	}
	if got, want := all["LeaveTheVPC"].Resource, []string{ec2 + "*/*"}; !slices.Equal(got, want) {
		t.Errorf("interfaces may be deleted in %v, want %v", got, want)
	}
	deny := all["DenyTheFunctionsOwnCode"]
	if deny.Effect != "Deny" || !slices.Equal(deny.Resource, []string{"*"}) || !slices.Equal(deny.Condition["ArnEquals"]["lambda:SourceFunctionArn"], []string{s.functionARN()}) {
		t.Errorf("the function's own code: %+v", deny)
	}
	for _, sid := range []string{"LookAtTheVPC", "JoinTheVPC", "LeaveTheVPC"} {
		if all[sid].Effect != "Allow" {
			t.Errorf("%s: %+v", sid, all[sid])
		}
		for _, action := range all[sid].Action {
			if !slices.Contains(deny.Action, action) {
				t.Errorf("the function's own code may %s", action)
			}
		}
	}
	if plain := statements(t, testSpec(t)); len(plain) != len(all)-6 {
		t.Errorf("a plain policy has %d statements, a full one %d", len(plain), len(all))
	}
}

func TestPolicyForTheFailureDestination(t *testing.T) {
	for arn, action := range map[string]string{
		"arn:aws:sqs:us-east-1:123456789012:failed":                        "sqs:SendMessage",
		"arn:aws:sns:us-east-1:123456789012:failed":                        "sns:Publish",
		"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:failed": "lambda:InvokeFunction",
		"arn:aws:events:us-east-1:123456789012:event-bus/failed":           "events:PutEvents",
	} {
		if !failureDestinationFormat.pattern.MatchString(arn) {
			t.Errorf("%s is refused", arn)
		}
		s := testSpec(t)
		s.failureDestination = arn
		got := statements(t, s)["ReportFailedEvents"]
		if !slices.Equal(got.Action, []string{action}) || !slices.Equal(got.Resource, []string{arn}) || len(got.Condition) != 0 {
			t.Errorf("%s: %+v", arn, got)
		}
	}
	for _, wrong := range []string{"failed", "arn:aws:sqs:us-east-1:123456789012:failed.fifo", "arn:aws:s3:::bucket", "arn:aws:events:us-east-1:123456789012:rule/r", "arn:aws:sqs:us-east-1:123456789012:*"} {
		if failureDestinationFormat.pattern.MatchString(wrong) {
			t.Errorf("%s is taken", wrong)
		}
	}
}
