package functions

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// reply is a REST answer: its status and JSON body (nil for none).
type reply struct {
	status int
	body   any
}

// route is one operation: a method, a path whose "*" stand for arguments, and its handler.
type route struct {
	method, path string
	serve        func(s *Service, r *awsapi.Request, argument []string) (reply, *awsapi.Error)
}

var routes = []route{
	{http.MethodPost, "/2015-03-31/functions", (*Service).createFunction},
	{http.MethodGet, "/2015-03-31/functions", (*Service).listFunctions},
	{http.MethodGet, "/2015-03-31/functions/*", (*Service).getFunction},
	{http.MethodDelete, "/2015-03-31/functions/*", (*Service).deleteFunction},
	{http.MethodGet, "/2015-03-31/functions/*/configuration", (*Service).getConfiguration},
	{http.MethodPut, "/2015-03-31/functions/*/configuration", (*Service).updateConfiguration},
	{http.MethodPut, "/2015-03-31/functions/*/code", (*Service).updateCode},
	{http.MethodGet, "/2015-03-31/functions/*/versions", (*Service).listVersions},
	{http.MethodPost, "/2015-03-31/functions/*/policy", (*Service).addPermission},
	{http.MethodGet, "/2015-03-31/functions/*/policy", (*Service).getPolicy},
	{http.MethodDelete, "/2015-03-31/functions/*/policy/*", (*Service).removePermission},
	{http.MethodPut, "/2017-10-31/functions/*/concurrency", (*Service).putConcurrency},
	{http.MethodDelete, "/2017-10-31/functions/*/concurrency", (*Service).deleteConcurrency},
	{http.MethodGet, "/2019-09-30/functions/*/concurrency", (*Service).getConcurrency},
	{http.MethodPut, "/2019-09-25/functions/*/event-invoke-config", (*Service).putEventInvoke},
	{http.MethodPost, "/2019-09-25/functions/*/event-invoke-config", (*Service).putEventInvoke},
	{http.MethodGet, "/2019-09-25/functions/*/event-invoke-config", (*Service).getEventInvoke},
	{http.MethodDelete, "/2019-09-25/functions/*/event-invoke-config", (*Service).deleteEventInvoke},
	{http.MethodGet, "/2020-06-30/functions/*/code-signing-config", (*Service).getFunctionSigning},
	{http.MethodPut, "/2020-06-30/functions/*/code-signing-config", (*Service).putFunctionSigning},
	{http.MethodDelete, "/2020-06-30/functions/*/code-signing-config", (*Service).deleteFunctionSigning},
	{http.MethodPost, "/2020-04-22/code-signing-configs", (*Service).createSigning},
	{http.MethodGet, "/2020-04-22/code-signing-configs/*", (*Service).getSigning},
	{http.MethodPut, "/2020-04-22/code-signing-configs/*", (*Service).updateSigning},
	{http.MethodDelete, "/2020-04-22/code-signing-configs/*", (*Service).deleteSigning},
	{http.MethodGet, "/2017-03-31/tags/*", (*Service).listFunctionTags},
	{http.MethodPost, "/2017-03-31/tags/*", (*Service).tagFunction},
	{http.MethodDelete, "/2017-03-31/tags/*", (*Service).untagFunction},
}

// arguments matches a path; "*" stands for one segment, still escaped in escapedPath.
func arguments(pattern, escapedPath string) ([]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(strings.TrimSuffix(escapedPath, "/"), "/")
	if len(want) != len(got) {
		return nil, false
	}
	var out []string
	for i := range want {
		if want[i] != "*" {
			if want[i] != got[i] {
				return nil, false
			}
			continue
		}
		argument, err := url.PathUnescape(got[i])
		if err != nil {
			return nil, false
		}
		out = append(out, argument)
	}
	return out, true
}

func (s *Service) serveLambda(w http.ResponseWriter, r *awsapi.Request) {
	path := r.HTTP.URL.EscapedPath()
	if argument, ok := arguments("/2015-03-31/functions/*/invocations", path); ok && r.HTTP.Method == http.MethodPost {
		s.serveInvoke(w, r, argument[0])
		return
	}
	for _, route := range routes {
		argument, ok := arguments(route.path, path)
		if !ok || route.method != r.HTTP.Method {
			continue
		}
		out, err := route.serve(s, r, argument)
		switch {
		case err != nil:
			awsapi.WriteError(w, r, err)
		case out.body == nil:
			w.WriteHeader(out.status)
		default:
			awsapi.WriteJSON(w, r, out.status, out.body)
		}
		return
	}
	awsapi.WriteError(w, r, awsapi.NotImplemented(r))
}

func decode(r *awsapi.Request, into any) *awsapi.Error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		return awsapi.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: %s", err)
	}
	return nil
}

func (s *Service) createFunction(r *awsapi.Request, _ []string) (reply, *awsapi.Error) {
	in := createInput{}
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	name, _ := functionName(in.FunctionName)
	if err := in.unsupported.check(); err != nil {
		return reply{}, err
	}
	switch {
	case !functionNamePattern.MatchString(name):
		return reply{}, invalidInput("Value '%s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", in.FunctionName, functionNamePattern)
	case in.PackageType != "" && in.PackageType != "Zip":
		return reply{}, lambdaNotImplemented("PackageType " + in.PackageType)
	case in.Publish:
		return reply{}, lambdaNotImplemented("Publish")
	}
	architectures, err := checkArchitectures(in.Architectures)
	if err != nil {
		return reply{}, err
	}
	f := &function{
		name: name, arn: s.functionARN(name), architectures: architectures, tags: in.Tags, signing: in.CodeSigningConfigArn,
		config: configuration{Timeout: defaultTimeout, MemorySize: defaultMemory}, modified: s.deps.Clock.Now(), revision: uuid.NewString(),
	}
	in.applyTo(&f.config)
	if err := s.checkConfiguration(r, &f.config, name); err != nil {
		return reply{}, err
	}
	if f.code, err = in.Code.unpack(s.deps.Dir); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.functions[name]; exists {
		return reply{}, awsapi.Errorf(http.StatusConflict, "ResourceConflictException", "Function already exist: %s", name)
	}
	if err := s.admitCodeLocked(f.signing, name); err != nil {
		return reply{}, err
	}
	s.functions[name] = f
	return reply{http.StatusCreated, f.configurationJSON()}, nil
}

func checkArchitectures(in []string) ([]string, *awsapi.Error) {
	switch {
	case len(in) == 0:
		return []string{"x86_64"}, nil
	case len(in) == 1 && (in[0] == "x86_64" || in[0] == "arm64"):
		return in, nil
	}
	return nil, invalidInput("Value '[%s]' at 'architectures' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]", strings.Join(in, ", "))
}

// checkConfiguration is check plus what other services know: the role must be assumable, the
// key exist, and the VPC be one that the role may make interfaces in.
func (s *Service) checkConfiguration(r *awsapi.Request, c *configuration, functionName string) *awsapi.Error {
	if err := c.check(functionName); err != nil {
		return err
	}
	role, err := s.roles.role(r.HTTP.Context(), c.Role)
	switch {
	case errorsIsNoRole(err):
		return roleNotAssumable()
	case err != nil:
		return internalError(err)
	case !role.trusts("lambda.amazonaws.com") || s.deps.Clock.Now().Sub(role.created) < s.deps.PropagationDelay:
		return roleNotAssumable()
	}
	if err := s.checkKey(r.HTTP.Context(), c.KMSKeyArn); err != nil {
		return err
	}
	return s.checkVPC(r.HTTP.Context(), session{function: functionName, role: c.Role}, &c.VpcConfig)
}

func roleNotAssumable() *awsapi.Error {
	return invalidParameter("The role defined for the function cannot be assumed by Lambda.")
}

func (s *Service) listFunctions(_ *awsapi.Request, _ []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]any{}
	for _, name := range sortedKeys(s.functions) {
		out = append(out, s.functions[name].configurationJSON())
	}
	return reply{http.StatusOK, map[string]any{"Functions": out}}, nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s *Service) getFunction(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	out := map[string]any{
		"Configuration": f.configurationJSON(),
		"Code":          map[string]string{"RepositoryType": "S3", "Location": "file://" + f.code.zip},
	}
	if len(f.tags) > 0 {
		out["Tags"] = f.tags
	}
	if f.reserved != nil {
		out["Concurrency"] = map[string]int{"ReservedConcurrentExecutions": *f.reserved}
	}
	return reply{http.StatusOK, out}, nil
}

func (s *Service) getConfiguration(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, f.configurationJSON()}, nil
}

func (s *Service) deleteFunction(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	f.changed(s.deps.Clock.Now())
	delete(s.functions, f.name)
	for key, session := range s.sessions {
		if session.function == f.name {
			delete(s.sessions, key)
		}
	}
	return reply{http.StatusNoContent, nil}, nil
}

// checkRevision is the optimistic lock of the update calls.
func checkRevision(f *function, wanted string) *awsapi.Error {
	if wanted != "" && wanted != f.revision {
		return awsapi.Errorf(http.StatusPreconditionFailed, "PreconditionFailedException",
			"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	}
	return nil
}

func (s *Service) updateConfiguration(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct {
		configurationInput
		unsupported
	}
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	if err := in.unsupported.check(); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	f, err := s.functionLocked(argument[0])
	var next configuration
	if err == nil {
		next = f.config
		err = checkRevision(f, in.RevisionID)
	}
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	in.applyTo(&next)
	if err := s.checkConfiguration(r, &next, f.name); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.config = next
	f.changed(s.deps.Clock.Now())
	return reply{http.StatusOK, f.configurationJSON()}, nil
}

func (s *Service) updateCode(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct {
		codeInput
		Architectures []string
		DryRun        bool
		Publish       bool
		RevisionID    string `json:"RevisionId"`
	}
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	if in.Publish {
		return reply{}, lambdaNotImplemented("Publish")
	}
	unpacked, err := in.unpack(s.deps.Dir)
	if err != nil {
		return reply{}, err
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
	if err := s.admitCodeLocked(f.signing, f.name); err != nil {
		return reply{}, err
	}
	architectures := f.architectures
	if len(in.Architectures) > 0 {
		if architectures, err = checkArchitectures(in.Architectures); err != nil {
			return reply{}, err
		}
	}
	if !in.DryRun {
		f.code, f.architectures = unpacked, architectures
		f.changed(s.deps.Clock.Now())
	}
	return reply{http.StatusOK, f.configurationJSON()}, nil
}

func (s *Service) listVersions(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	latest := f.configurationJSON()
	latest["FunctionArn"] = f.arn + ":" + latestVersion
	return reply{http.StatusOK, map[string]any{"Versions": []any{latest}}}, nil
}

func (s *Service) putConcurrency(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct{ ReservedConcurrentExecutions *int }
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	if in.ReservedConcurrentExecutions == nil || *in.ReservedConcurrentExecutions < 0 {
		return reply{}, invalidInput("Value null at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	f.reserved = in.ReservedConcurrentExecutions
	return reply{http.StatusOK, in}, nil
}

func (s *Service) deleteConcurrency(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	f.reserved = nil
	return reply{http.StatusNoContent, nil}, nil
}

func (s *Service) getConcurrency(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	out := map[string]int{}
	if f.reserved != nil {
		out["ReservedConcurrentExecutions"] = *f.reserved
	}
	return reply{http.StatusOK, out}, nil
}

func (s *Service) listFunctionTags(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	tags := f.tags
	if tags == nil {
		tags = map[string]string{}
	}
	return reply{http.StatusOK, map[string]any{"Tags": tags}}, nil
}

func (s *Service) tagFunction(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct{ Tags map[string]string }
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	if f.tags == nil {
		f.tags = map[string]string{}
	}
	for k, v := range in.Tags {
		f.tags[k] = v
	}
	return reply{http.StatusNoContent, nil}, nil
}

func (s *Service) untagFunction(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	for _, k := range r.HTTP.URL.Query()["tagKeys"] {
		delete(f.tags, k)
	}
	return reply{http.StatusNoContent, nil}, nil
}
