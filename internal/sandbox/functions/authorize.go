package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// servicePrefixes are the IAM prefixes that differ from the signing name.
var servicePrefixes = map[string]string{"monitoring": "cloudwatch", "email": "ses"}

// Authorize decides on a call that a function or an instance makes: nil if its role allows
// it, the service's own refusal if not. Calls with a key that neither got are the
// administrator's and pass.
func (s *Service) Authorize(r *awsapi.Request) *awsapi.Error {
	s.mu.Lock()
	who, ours := s.sessions[r.AccessKey]
	s.mu.Unlock()
	if !ours {
		if strings.HasPrefix(r.AccessKey, "ASIA") && strings.Contains(r.HTTP.Header.Get("X-Amz-Security-Token"), tokenPrefix+"ASIA") {
			// A session that was, of a function or an instance that is gone.
			return expired(r)
		}
		return nil
	}
	role, err := s.roles.role(r.HTTP.Context(), who.role)
	if errorsIsNoRole(err) {
		return expired(r)
	}
	if err != nil {
		return awsapi.Errorf(http.StatusInternalServerError, "InternalFailure", "%s", err)
	}
	// The identity of the caller needs no permission.
	if r.Service == "sts" && r.Action == "GetCallerIdentity" {
		return nil
	}
	for _, question := range s.questions(r) {
		maps.Copy(question.keys, s.callerKeys(who, r.Region))
		question.keys["aws:securetransport"] = []string{"false"}
		maps.Copy(question.keys, s.codeKeys(who))
		if verdict := role.allows(question); verdict != allowed {
			return refusal(r, s.notAuthorized(who, role, question, verdict))
		}
	}
	return nil
}

// callerKeys are the condition keys that the role gives every call made with it. The key
// lambda:SourceFunctionArn is not among them: only calls of the function's own code have it.
func (s *Service) callerKeys(who session, region string) map[string][]string {
	return map[string][]string{
		"aws:principalarn":     {who.role},
		"aws:principalaccount": {s.deps.AccountID},
		"aws:principaltype":    {"AssumedRole"},
		"aws:requestedregion":  {region},
	}
}

// codeKeys are the condition keys of the calls that a function's or an instance's own code makes.
func (s *Service) codeKeys(who session) map[string][]string {
	if who.instance != "" {
		return map[string][]string{"ec2:sourceinstancearn": {s.ec2Resource("instance", who.instance)}}
	}
	return map[string][]string{"lambda:sourcefunctionarn": {s.functionARN(who.function)}}
}

// judge asks whether a function's role allows what Lambda itself does as that role, with the
// condition keys of that call, and says what IAM would say if it does not.
func (s *Service) judge(ctx context.Context, who session, action, resource string, keys map[string][]string) (decision, string, error) {
	role, err := s.roles.role(ctx, who.role)
	if err != nil {
		return implicitlyDenied, "", err
	}
	question := access{action: action, resource: resource, keys: s.callerKeys(who, s.deps.Region)}
	maps.Copy(question.keys, keys)
	verdict := role.allows(question)
	return verdict, s.notAuthorized(who, role, question, verdict), nil
}

func expired(r *awsapi.Request) *awsapi.Error {
	code := "InvalidClientTokenId"
	switch {
	case r.Service == "ec2":
		code = "AuthFailure"
	case r.Form == nil:
		code = "UnrecognizedClientException"
	}
	return awsapi.Errorf(http.StatusForbidden, code, "The security token included in the request is invalid.")
}

// notAuthorized is IAM's sentence about a call that it denies.
func (s *Service) notAuthorized(who session, role *role, a access, verdict decision) string {
	reason := fmt.Sprintf("because no identity-based policy allows the %s action", a.action)
	switch verdict {
	case explicitlyDenied:
		reason = "with an explicit deny in an identity-based policy"
	case explicitlyDeniedByBoundary:
		reason = "with an explicit deny in a permissions boundary"
	case boundaryDenied:
		reason = fmt.Sprintf("because no permissions boundary allows the %s action", a.action)
	default:
	}
	return fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: %s on resource: %s %s",
		s.deps.AccountID, role.name, who.name(), a.action, a.resource, reason)
}

// refusal is a denial in the words of the service that was called.
func refusal(r *awsapi.Request, text string) *awsapi.Error {
	switch {
	case r.Service == "ec2":
		return awsapi.Errorf(http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. %s", text)
	case r.Form != nil:
		return awsapi.Errorf(http.StatusForbidden, "AccessDenied", "%s", text)
	case r.Action == "":
		return awsapi.Errorf(http.StatusForbidden, "AccessDeniedException", "%s", text)
	default:
		return awsapi.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s", text)
	}
}

// questions are what must all be allowed for a call: one per resource that it touches,
// by the service authorization reference. An action that is not known here is asked for
// resource "*", so only a policy for all resources allows it.
func (s *Service) questions(r *awsapi.Request) []access {
	prefix := r.Service
	if p, ok := servicePrefixes[prefix]; ok {
		prefix = p
	}
	name := r.Action
	if name == "" {
		name = lambdaAction(r)
	}
	action := prefix + ":" + name
	arns := s.resources(r)
	if len(arns) == 0 {
		arns = []string{"*"}
	}
	common := requestKeys(r)
	var out []access
	for _, arn := range arns {
		keys := maps.Clone(common)
		if tags, ok := s.deps.ResourceTags(arn); ok {
			for k, v := range tags {
				keys["aws:resourcetag/"+strings.ToLower(k)] = []string{v}
				keys[prefix+":resourcetag/"+strings.ToLower(k)] = []string{v}
			}
		}
		out = append(out, access{action: action, resource: arn, keys: keys})
	}
	return out
}

// requestTag matches the parameters that carry a tag: of CreateTags, of what EC2 makes, and of
// Auto Scaling.
var requestTag = regexp.MustCompile(`^(Tag|TagSpecification\.\d+\.Tag|Tags\.member)\.\d+$`)

// requestKeys are the condition keys that the parameters give.
func requestKeys(r *awsapi.Request) map[string][]string {
	keys := map[string][]string{}
	for name, values := range r.Form {
		list, isKey := strings.CutSuffix(name, ".Key")
		if !isKey || !requestTag.MatchString(list) || len(values) == 0 {
			continue
		}
		keys["aws:tagkeys"] = append(keys["aws:tagkeys"], values[0])
		keys["aws:requesttag/"+strings.ToLower(values[0])] = []string{r.Form.Get(list + ".Value")}
	}
	if r.Service == "monitoring" {
		if namespace := r.Form.Get("Namespace"); namespace != "" {
			keys["cloudwatch:namespace"] = []string{namespace}
		} else if namespace := jsonField(r.Body, "Namespace"); namespace != "" {
			keys["cloudwatch:namespace"] = []string{namespace}
		}
	}
	if r.Service == "ec2" {
		keys["ec2:region"] = []string{r.Region}
	}
	return keys
}

func jsonField(body []byte, name string) string {
	var fields map[string]json.RawMessage
	var text string
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields[name], &text) != nil {
		return ""
	}
	return text
}

// resources are the ARNs that a call touches; none for those that know no resources
// (every Describe of EC2 and Auto Scaling, for example).
func (s *Service) resources(r *awsapi.Request) []string {
	switch r.Service {
	case "ec2":
		return s.ec2Resources(r)
	case "autoscaling":
		return s.groupResources(r)
	case "logs":
		return s.logResources(r)
	case "lambda":
		if argument, ok := arguments("/2015-03-31/functions/*/invocations", r.HTTP.URL.EscapedPath()); ok {
			name, _ := functionName(argument[0])
			return []string{s.functionARN(name)}
		}
	case "elasticloadbalancing":
		if strings.HasPrefix(r.Action, "Describe") {
			return nil
		}
		if arn := r.Form.Get("TargetGroupArn"); arn != "" {
			return []string{arn}
		}
	}
	return nil
}

// ec2Kinds are the resource types by their ids' prefixes.
var ec2Kinds = map[string]string{
	"eipalloc": "elastic-ip", "eni": "network-interface", "i": "instance", "subnet": "subnet", "sg": "security-group",
	"vpc": "vpc", "vol": "volume", "lt": "launch-template", "vpce": "vpc-endpoint", "rtb": "route-table",
}

func (s *Service) ec2ARN(id string) string {
	kind, _, _ := strings.Cut(id, "-")
	if ec2Kinds[kind] == "" {
		return "*"
	}
	return s.ec2Resource(ec2Kinds[kind], id)
}

func (s *Service) ec2Resource(kind, id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:%s/%s", s.deps.Region, s.deps.AccountID, kind, id)
}

func (s *Service) ec2Resources(r *awsapi.Request) []string {
	var out []string
	add := func(kind, id string) {
		if id != "" {
			out = append(out, s.ec2Resource(kind, id))
		}
	}
	switch r.Action {
	case "AssociateAddress":
		if r.Form.Get("AllocationId") == "" {
			// By public address: which allocation that is, only the wildcard knows.
			add("elastic-ip", "*")
		}
		add("elastic-ip", r.Form.Get("AllocationId"))
		add("network-interface", r.Form.Get("NetworkInterfaceId"))
		add("instance", r.Form.Get("InstanceId"))
	case "DisassociateAddress":
		allocation, eni, ok := s.deps.Association(r.Form.Get("AssociationId"))
		if !ok {
			allocation, eni = "*", "*"
		}
		add("elastic-ip", allocation)
		add("network-interface", eni)
	case "ReleaseAddress":
		add("elastic-ip", r.Form.Get("AllocationId"))
	case "AllocateAddress":
		add("elastic-ip", "*")
	case "CreateTags", "DeleteTags":
		for _, id := range r.List("ResourceId") {
			out = append(out, s.ec2ARN(id))
		}
	case "TerminateInstances", "StopInstances", "StartInstances", "RebootInstances":
		for _, id := range r.List("InstanceId") {
			add("instance", id)
		}
	}
	return out
}

// groupActions are the Auto Scaling actions that know groups as resources.
var groupActions = map[string]bool{
	"CompleteLifecycleAction": true, "RecordLifecycleActionHeartbeat": true, "SetDesiredCapacity": true,
	"UpdateAutoScalingGroup": true, "DeleteAutoScalingGroup": true, "PutLifecycleHook": true, "DeleteLifecycleHook": true,
	"TerminateInstanceInAutoScalingGroup": true, "SetInstanceHealth": true, "SuspendProcesses": true, "ResumeProcesses": true,
}

func (s *Service) groupResources(r *awsapi.Request) []string {
	if !groupActions[r.Action] {
		return nil
	}
	name := r.Form.Get("AutoScalingGroupName")
	if name == "" {
		name, _ = s.deps.GroupOfInstance(r.Form.Get("InstanceId"))
	}
	if name == "" {
		name = "*"
	}
	if arn, ok := s.deps.GroupARN(name); ok {
		return []string{arn}
	}
	return []string{fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:*:autoScalingGroupName/%s", s.deps.Region, s.deps.AccountID, name)}
}

func (s *Service) logResources(r *awsapi.Request) []string {
	group := jsonField(r.Body, "logGroupName")
	if group == "" {
		return nil
	}
	return []string{fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:%s", s.deps.Region, s.deps.AccountID, group, jsonField(r.Body, "logStreamName"))}
}

// lambdaAction names a REST call of Lambda. All but Invoke are named so that no role of a
// function is likely to allow them: functions have no business with them.
func lambdaAction(r *awsapi.Request) string {
	if _, ok := arguments("/2015-03-31/functions/*/invocations", r.HTTP.URL.EscapedPath()); ok {
		return "InvokeFunction"
	}
	return r.HTTP.Method + " " + r.HTTP.URL.Path
}
