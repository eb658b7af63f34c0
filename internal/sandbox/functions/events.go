package functions

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// eventsService is the principal that must be allowed to invoke a target.
const eventsService = "events.amazonaws.com"

// maxTargets is the number of targets of a rule, by EventBridge's quotas.
const maxTargets = 5

// rule is an EventBridge rule on the default bus. Service.mu guards it.
type rule struct {
	name, arn   string
	description string
	state       string
	patternText string
	pattern     pattern
	schedule    string
	// period is zero for a rule without a schedule.
	period  time.Duration
	tags    map[string]string
	targets []target
	// stop ends the schedule's ticking.
	stop chan struct{}
}

// target is a function that a rule invokes.
type target struct {
	ID          string `json:"Id"`
	Arn         string
	Input       string       `json:",omitempty"`
	RetryPolicy *retryPolicy `json:",omitempty"`
}

// retryPolicy is stored and shown; delivery to a queue that is always there needs no retries.
type retryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
}

var ruleNamePattern = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

type eventAction func(s *Service, r *awsapi.Request) (any, *awsapi.Error)

var eventActions = map[string]eventAction{
	"PutRule":               (*Service).putRule,
	"DescribeRule":          (*Service).describeRule,
	"ListRules":             (*Service).listRules,
	"DeleteRule":            (*Service).deleteRule,
	"EnableRule":            (*Service).enableRule,
	"DisableRule":           (*Service).disableRule,
	"PutTargets":            (*Service).putTargets,
	"RemoveTargets":         (*Service).removeTargets,
	"ListTargetsByRule":     (*Service).listTargets,
	"ListRuleNamesByTarget": (*Service).listRuleNamesByTarget,
	"TagResource":           (*Service).tagRule,
	"UntagResource":         (*Service).untagRule,
	"ListTagsForResource":   (*Service).listRuleTags,
	"PutEvents":             (*Service).putEvents,
}

func (s *Service) serveEvents(w http.ResponseWriter, r *awsapi.Request) {
	act, ok := eventActions[r.Action]
	if !ok {
		awsapi.WriteError(w, r, awsapi.NotImplemented(r))
		return
	}
	out, err := act(s, r)
	if err != nil {
		awsapi.WriteError(w, r, err)
		return
	}
	if out == nil {
		out = struct{}{}
	}
	w.Header().Set("X-Amzn-Requestid", awsapi.RequestID())
	awsapi.WriteJSON(w, r, http.StatusOK, out)
}

func eventsInvalid(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, "ValidationException", format, args...)
}

func eventsNotImplemented(what string) *awsapi.Error {
	return awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of EventBridge", what)
}

// ruleName is the part of most requests that names a rule.
type ruleName struct {
	Name         string
	Rule         string
	EventBusName string
}

func (n ruleName) check() *awsapi.Error {
	if bus := n.EventBusName[strings.LastIndex(n.EventBusName, "/")+1:]; bus != "" && bus != "default" {
		return eventsNotImplemented("event buses other than default")
	}
	return nil
}

func (s *Service) ruleLocked(n ruleName) (*rule, *awsapi.Error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	name := n.Name + n.Rule
	rl, ok := s.rules[name]
	if !ok {
		return nil, awsapi.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "Rule %s does not exist on EventBus default.", name)
	}
	return rl, nil
}

// onRule decodes the request and runs f on its rule.
func (s *Service) onRule(r *awsapi.Request, f func(*rule) (any, *awsapi.Error)) (any, *awsapi.Error) {
	var n ruleName
	if err := decode(r, &n); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rl, err := s.ruleLocked(n)
	if err != nil {
		return nil, err
	}
	return f(rl)
}

type awsTag struct{ Key, Value string }

func (s *Service) putRule(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		ruleName
		Description, EventPattern, ScheduleExpression, State, RoleArn string
		Tags                                                          []awsTag
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.State == "" {
		in.State = "ENABLED"
	}
	next := rule{
		name: in.Name, arn: fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", s.deps.Region, s.deps.AccountID, in.Name),
		description: in.Description, state: in.State, patternText: in.EventPattern, schedule: in.ScheduleExpression,
	}
	switch {
	case !ruleNamePattern.MatchString(in.Name):
		return nil, eventsInvalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", in.Name, ruleNamePattern)
	case in.RoleArn != "":
		return nil, eventsNotImplemented("RoleArn of rules")
	case in.EventPattern == "" && in.ScheduleExpression == "":
		return nil, eventsInvalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.State != "ENABLED" && in.State != "DISABLED":
		return nil, eventsNotImplemented("rules of state " + in.State)
	}
	if in.EventPattern != "" {
		var err error
		if next.pattern, err = parsePattern(in.EventPattern); err != nil {
			return nil, awsapi.Errorf(http.StatusBadRequest, "InvalidEventPatternException", "Event pattern is not valid. Reason: %s", err)
		}
	}
	if in.ScheduleExpression != "" {
		var err *awsapi.Error
		if next.period, err = s.period(in.ScheduleExpression); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rl, exists := s.rules[in.Name]
	if exists {
		if len(in.Tags) > 0 {
			return nil, eventsInvalid("You can't use PutRule to update tags of an existing rule; use TagResource")
		}
		s.stopTicking(rl)
		next.tags, next.targets = rl.tags, rl.targets
		*rl = next
	} else {
		rl = &next
		rl.tags = map[string]string{}
		for _, t := range in.Tags {
			rl.tags[t.Key] = t.Value
		}
		s.rules[in.Name] = rl
	}
	s.startTickingLocked(rl)
	return map[string]string{"RuleArn": rl.arn}, nil
}

func (rl *rule) json() map[string]any {
	out := map[string]any{"Name": rl.name, "Arn": rl.arn, "State": rl.state, "EventBusName": "default"}
	for key, value := range map[string]string{"Description": rl.description, "EventPattern": rl.patternText, "ScheduleExpression": rl.schedule} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}

func (s *Service) describeRule(r *awsapi.Request) (any, *awsapi.Error) {
	return s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		out := rl.json()
		out["CreatedBy"] = s.deps.AccountID
		return out, nil
	})
}

func (s *Service) listRules(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		ruleName
		NamePrefix string
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]any{}
	for _, name := range sortedKeys(s.rules) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out = append(out, s.rules[name].json())
		}
	}
	return map[string]any{"Rules": out}, nil
}

func (s *Service) deleteRule(r *awsapi.Request) (any, *awsapi.Error) {
	out, err := s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		if len(rl.targets) > 0 {
			return nil, eventsInvalid("Rule can't be deleted since it has targets.")
		}
		s.stopTicking(rl)
		delete(s.rules, rl.name)
		return nil, nil
	})
	if err != nil && err.Code == "ResourceNotFoundException" {
		// "If you call DeleteRule … for a rule that doesn't exist, EventBridge does not return an error."
		return nil, nil
	}
	return out, err
}

func (s *Service) enableRule(r *awsapi.Request) (any, *awsapi.Error) {
	return s.setState(r, "ENABLED")
}

func (s *Service) disableRule(r *awsapi.Request) (any, *awsapi.Error) {
	return s.setState(r, "DISABLED")
}

func (s *Service) setState(r *awsapi.Request, state string) (any, *awsapi.Error) {
	return s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		s.stopTicking(rl)
		rl.state = state
		s.startTickingLocked(rl)
		return nil, nil
	})
}

// failedEntry is how PutTargets, RemoveTargets and PutEvents answer for one entry.
type failedEntry struct {
	TargetID     string `json:"TargetId,omitempty"`
	ErrorCode    string
	ErrorMessage string
}

func (s *Service) putTargets(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct{ Targets []map[string]json.RawMessage }
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	targets := make([]target, 0, len(in.Targets))
	for _, raw := range in.Targets {
		t, err := readTarget(raw)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		next := slices.Clone(rl.targets)
		for _, t := range targets {
			if at := slices.IndexFunc(next, func(other target) bool { return other.ID == t.ID }); at >= 0 {
				next[at] = t
			} else {
				next = append(next, t)
			}
		}
		if len(next) > maxTargets {
			return nil, awsapi.Errorf(http.StatusBadRequest, "LimitExceededException", "The requested resource exceeds the maximum number allowed: a rule has at most %d targets.", maxTargets)
		}
		rl.targets = next
		return map[string]any{"FailedEntryCount": 0, "FailedEntries": []failedEntry{}}, nil
	})
}

// readTarget reads a target and refuses what the sandbox cannot do.
func readTarget(raw map[string]json.RawMessage) (target, *awsapi.Error) {
	for _, key := range sortedKeys(raw) {
		if !slices.Contains([]string{"Id", "Arn", "Input", "RetryPolicy"}, key) && string(raw[key]) != "null" {
			return target{}, eventsNotImplemented(key + " of targets")
		}
	}
	var t target
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	switch {
	case err != nil:
		return t, eventsInvalid("a target cannot be read: %s", err)
	case t.ID == "":
		return t, eventsInvalid("1 validation error detected: Value null at 'targets.1.member.id' failed to satisfy constraint: Member must not be null")
	case !strings.HasPrefix(t.Arn, "arn:aws:lambda:"):
		return t, eventsNotImplemented("targets that are not Lambda functions")
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return t, eventsInvalid("JSON syntax error in input for target %s", t.ID)
	}
	return t, nil
}

func (s *Service) removeTargets(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct{ Ids []string }
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	return s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		missing := []failedEntry{}
		for _, id := range in.Ids {
			at := slices.IndexFunc(rl.targets, func(t target) bool { return t.ID == id })
			if at < 0 {
				missing = append(missing, failedEntry{id, "ResourceNotFoundException", fmt.Sprintf("Rule %s does not have a target with the Id %s.", rl.name, id)})
				continue
			}
			rl.targets = slices.Delete(rl.targets, at, at+1)
		}
		return map[string]any{"FailedEntryCount": len(missing), "FailedEntries": missing}, nil
	})
}

func (s *Service) listTargets(r *awsapi.Request) (any, *awsapi.Error) {
	return s.onRule(r, func(rl *rule) (any, *awsapi.Error) {
		return map[string]any{"Targets": append([]target{}, rl.targets...)}, nil
	})
}

func (s *Service) listRuleNamesByTarget(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		ruleName
		TargetArn string
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, name := range sortedKeys(s.rules) {
		if slices.ContainsFunc(s.rules[name].targets, func(t target) bool { return t.Arn == in.TargetArn }) {
			out = append(out, name)
		}
	}
	return map[string]any{"RuleNames": out}, nil
}

// onTagged runs f on the rule of a ResourceARN.
func (s *Service) onTagged(r *awsapi.Request, in any, arn *string, f func(*rule) any) (any, *awsapi.Error) {
	if err := decode(r, in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rl := range s.rules {
		if rl.arn == *arn {
			return f(rl), nil
		}
	}
	return nil, awsapi.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "Rule %s does not exist on EventBus default.", (*arn)[strings.LastIndex(*arn, "/")+1:])
}

func (s *Service) tagRule(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		ResourceARN string
		Tags        []awsTag
	}
	return s.onTagged(r, &in, &in.ResourceARN, func(rl *rule) any {
		for _, t := range in.Tags {
			rl.tags[t.Key] = t.Value
		}
		return nil
	})
}

func (s *Service) untagRule(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		ResourceARN string
		TagKeys     []string
	}
	return s.onTagged(r, &in, &in.ResourceARN, func(rl *rule) any {
		for _, k := range in.TagKeys {
			delete(rl.tags, k)
		}
		return nil
	})
}

func (s *Service) listRuleTags(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct{ ResourceARN string }
	return s.onTagged(r, &in, &in.ResourceARN, func(rl *rule) any {
		tags := []awsTag{}
		for _, k := range sortedKeys(rl.tags) {
			tags = append(tags, awsTag{k, rl.tags[k]})
		}
		return map[string]any{"Tags": tags}
	})
}

func (s *Service) putEvents(r *awsapi.Request) (any, *awsapi.Error) {
	var in struct {
		Entries []struct {
			Source, DetailType, Detail, EventBusName string
			Resources                                []string
		}
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	type entry struct {
		EventID      string `json:"EventId,omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
	entries := []entry{}
	failures := 0
	for _, e := range in.Entries {
		if err := (ruleName{EventBusName: e.EventBusName}).check(); err != nil {
			return nil, err
		}
		refused := entry{}
		switch {
		case e.Source == "":
			refused = entry{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source is not valid. Reason: Source is a required argument."}
		case strings.HasPrefix(e.Source, "aws."):
			refused = entry{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
		case e.DetailType == "":
			refused = entry{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is not valid. Reason: DetailType is a required argument."}
		case !json.Valid([]byte(e.Detail)):
			refused = entry{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
		}
		if refused.ErrorCode != "" {
			failures++
			entries = append(entries, refused)
			continue
		}
		entries = append(entries, entry{EventID: s.PutEvent(e.Source, e.DetailType, json.RawMessage(e.Detail), e.Resources...)})
	}
	return map[string]any{"FailedEntryCount": failures, "Entries": entries}, nil
}

// event is EventBridge's envelope.
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     any      `json:"detail"`
}

// PutEvent puts an event on the default bus and returns its id; every enabled rule whose
// pattern fits gets it. detail must be a JSON object. It does not wait for functions.
func (s *Service) PutEvent(source, detailType string, detail any, resources ...string) string {
	e := s.envelope(source, detailType, detail, resources)
	text, err := json.Marshal(e)
	if err != nil {
		s.deps.Logger.Error("an event cannot be written as JSON", "source", source, "detail_type", detailType, "error", err)
		return e.ID
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		s.deps.Logger.Error("an event cannot be read as JSON", "source", source, "detail_type", detailType, "error", err)
		return e.ID
	}
	s.mu.Lock()
	type delivery struct {
		arn     string
		targets []target
	}
	var deliveries []delivery
	for _, name := range sortedKeys(s.rules) {
		if rl := s.rules[name]; rl.state == "ENABLED" && rl.pattern != nil && rl.pattern.matches(fields) {
			deliveries = append(deliveries, delivery{rl.arn, slices.Clone(rl.targets)})
		}
	}
	s.mu.Unlock()
	for _, d := range deliveries {
		s.deliver(d.arn, d.targets, text)
	}
	return e.ID
}

func (s *Service) envelope(source, detailType string, detail any, resources []string) event {
	if resources == nil {
		resources = []string{}
	}
	return event{
		Version: "0", ID: uuid.NewString(), DetailType: detailType, Source: source, Account: s.deps.AccountID,
		Time: s.deps.Clock.Now().UTC().Format("2006-01-02T15:04:05Z"), Region: s.deps.Region, Resources: resources, Detail: detail,
	}
}

// deliver queues an event for each target whose policy admits the rule. One that does
// not is a failed invocation, which EventBridge does not retry.
func (s *Service) deliver(ruleARN string, targets []target, text []byte) {
	for _, t := range targets {
		s.mu.Lock()
		f, err := s.functionLocked(t.Arn)
		admitted := err == nil && admits(f.policy, eventsService, ruleARN, s.deps.AccountID)
		name := ""
		if err == nil {
			name = f.name
		}
		s.mu.Unlock()
		switch {
		case err != nil:
			s.deps.Logger.Warn("an event was not delivered: its target does not exist", "rule", ruleARN, "target", t.Arn)
			continue
		case !admitted:
			s.deps.Logger.Warn("an event was not delivered: the function's policy does not allow the rule to invoke it", "rule", ruleARN, "target", t.Arn)
			continue
		}
		payload := text
		if t.Input != "" {
			payload = []byte(t.Input)
		}
		s.invokeAsync(name, payload)
	}
}
