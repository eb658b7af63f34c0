package functions

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// statement is one permission of a function's resource policy, as AddPermission makes it.
type statement struct {
	sid       string
	action    string
	principal string
	// sourceARN and sourceAccount are empty when the statement does not ask for them.
	sourceARN, sourceAccount string
}

// isService reports whether the principal is an AWS service (events.amazonaws.com).
func (st statement) isService() bool { return strings.HasSuffix(st.principal, ".amazonaws.com") }

// json is the statement in the policy language, with the spelling that Lambda uses.
func (st statement) json(functionARN string) map[string]any {
	out := map[string]any{"Sid": st.sid, "Effect": "Allow", "Action": st.action, "Resource": functionARN}
	switch {
	case st.principal == "*":
		out["Principal"] = "*"
	case st.isService():
		out["Principal"] = map[string]string{"Service": st.principal}
	case len(st.principal) == 12 && !strings.Contains(st.principal, ":"):
		out["Principal"] = map[string]string{"AWS": "arn:aws:iam::" + st.principal + ":root"}
	default:
		out["Principal"] = map[string]string{"AWS": st.principal}
	}
	condition := map[string]any{}
	if st.sourceARN != "" {
		condition["ArnLike"] = map[string]string{"AWS:SourceArn": st.sourceARN}
	}
	if st.sourceAccount != "" {
		condition["StringEquals"] = map[string]string{"AWS:SourceAccount": st.sourceAccount}
	}
	if len(condition) > 0 {
		out["Condition"] = condition
	}
	return out
}

// admits reports whether a service may invoke the function on behalf of a source.
func admits(policy []statement, service, sourceARN, sourceAccount string) bool {
	return slices.ContainsFunc(policy, func(st statement) bool {
		return (st.principal == service || st.principal == "*") &&
			wildcard(st.action, "lambda:InvokeFunction", false) &&
			(st.sourceARN == "" || arnLike(st.sourceARN, sourceARN)) &&
			(st.sourceAccount == "" || st.sourceAccount == sourceAccount)
	})
}

var statementIDPattern = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,100}$`)

func (s *Service) addPermission(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct {
		StatementID         string `json:"StatementId"`
		Action              string
		Principal           string
		SourceArn           string
		SourceAccount       string
		RevisionID          string `json:"RevisionId"`
		PrincipalOrgID      string
		EventSourceToken    string
		FunctionURLAuthType string `json:"FunctionUrlAuthType"`
	}
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	switch {
	case in.PrincipalOrgID != "" || in.EventSourceToken != "" || in.FunctionURLAuthType != "":
		return reply{}, lambdaNotImplemented("PrincipalOrgID, EventSourceToken and FunctionUrlAuthType in permissions")
	case !statementIDPattern.MatchString(in.StatementID):
		return reply{}, invalidInput("Value '%s' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", in.StatementID, statementIDPattern)
	case in.Action != "*" && !strings.HasPrefix(in.Action, "lambda:"):
		return reply{}, invalidInput("Value '%s' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])", in.Action)
	case in.Principal == "":
		return reply{}, invalidInput("Value null at 'principal' failed to satisfy constraint: Member must not be null")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	if err := checkRevision(f, in.RevisionID); err != nil {
		return reply{}, err
	}
	if slices.ContainsFunc(f.policy, func(st statement) bool { return st.sid == in.StatementID }) {
		return reply{}, awsapi.Errorf(http.StatusConflict, "ResourceConflictException",
			"The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", in.StatementID)
	}
	st := statement{sid: in.StatementID, action: in.Action, principal: in.Principal, sourceARN: in.SourceArn, sourceAccount: in.SourceAccount}
	f.policy = append(f.policy, st)
	f.revision = uuid.NewString()
	text, encodeErr := json.Marshal(st.json(f.arn))
	if encodeErr != nil {
		return reply{}, internalError(encodeErr)
	}
	return reply{http.StatusCreated, map[string]string{"Statement": string(text)}}, nil
}

func (s *Service) getPolicy(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	if len(f.policy) == 0 {
		return reply{}, awsapi.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
	statements := make([]map[string]any, len(f.policy))
	for i, st := range f.policy {
		statements[i] = st.json(f.arn)
	}
	text, encodeErr := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
	if encodeErr != nil {
		return reply{}, internalError(encodeErr)
	}
	return reply{http.StatusOK, map[string]string{"Policy": string(text), "RevisionId": f.revision}}, nil
}

func (s *Service) removePermission(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	if err := checkRevision(f, r.HTTP.URL.Query().Get("RevisionId")); err != nil {
		return reply{}, err
	}
	at := slices.IndexFunc(f.policy, func(st statement) bool { return st.sid == argument[1] })
	if at < 0 {
		return reply{}, awsapi.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Statement %s is not found in resource policy.", argument[1])
	}
	f.policy = slices.Delete(f.policy, at, at+1)
	f.revision = uuid.NewString()
	return reply{http.StatusNoContent, nil}, nil
}
