package functions

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Bounds of an invocation.
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
	// logTail is how much of the log an Invoke with LogType Tail returns, in bytes.
	logTail = 4 << 10
)

// session is the identity of a running function, or of an instance with an instance profile.
type session struct {
	function string
	instance string
	role     string // ARN
}

// name is the session's in the role's ARN: Lambda takes the function's name, EC2 the instance's id.
func (s session) name() string {
	if s.instance != "" {
		return s.instance
	}
	return s.function
}

// serveInvoke is the Invoke operation.
func (s *Service) serveInvoke(w http.ResponseWriter, r *awsapi.Request, reference string) {
	if qualifier := r.HTTP.URL.Query().Get("Qualifier"); qualifier != "" {
		reference += ":" + qualifier
	}
	payload := r.Body
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	s.mu.Lock()
	f, err := s.functionLocked(reference)
	s.mu.Unlock()
	if err != nil {
		awsapi.WriteError(w, r, err)
		return
	}
	kind, limit := r.HTTP.Header.Get("X-Amz-Invocation-Type"), maxSyncPayload
	if kind == "Event" {
		limit = maxAsyncPayload
	}
	if len(payload) > limit {
		awsapi.WriteError(w, r, awsapi.Errorf(http.StatusRequestEntityTooLarge, "RequestTooLargeException", "Request must be smaller than %d bytes for the InvokeFunction operation", limit))
		return
	}
	w.Header().Set("X-Amz-Executed-Version", latestVersion)
	w.Header().Set("X-Amzn-Requestid", awsapi.RequestID())
	switch kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "Event":
		s.invokeAsync(f.name, payload)
		w.WriteHeader(http.StatusAccepted)
	default:
		out, tail, err := s.invokeOnce(r.HTTP.Context(), f.name, uuid.NewString(), payload)
		if err != nil {
			awsapi.WriteError(w, r, err)
			return
		}
		if out.functionError != "" {
			w.Header().Set("X-Amz-Function-Error", out.functionError)
		}
		if r.HTTP.Header.Get("X-Amz-Log-Type") == "Tail" {
			w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(tail))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out.payload)
	}
}

// invokeOnce runs one invocation in an idle process or a new one. An error means that the
// function was not run.
func (s *Service) invokeOnce(ctx context.Context, name, requestID string, payload []byte) (result, []byte, *awsapi.Error) {
	p, err := s.acquire(ctx, name)
	if err != nil {
		return result{}, nil, err
	}
	s.mu.Lock()
	f, ok := s.functions[name]
	timeout := time.Duration(defaultTimeout) * time.Second
	arn := s.functionARN(name)
	if ok {
		timeout = time.Duration(f.config.Timeout) * time.Second
	}
	s.mu.Unlock()
	// A process that runs one function's code answers within its timeout in real time,
	// whatever the sandbox's clock does: the process has no other.
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	p.logs.note("START RequestId: " + requestID + " Version: " + latestVersion)
	began := time.Now()
	// The caller's context only bounds waiting for a process: Lambda finishes what it began.
	out := p.invoke(s.ctx, invocation{id: requestID, arn: arn, payload: payload, deadline: began.Add(timeout)}, timer.C,
		fmt.Sprintf("%s %s Task timed out after %.2f seconds", began.UTC().Format("2006-01-02T15:04:05.000Z"), requestID, timeout.Seconds()))
	p.logs.note("END RequestId: " + requestID)
	p.logs.note(fmt.Sprintf("REPORT RequestId: %s Duration: %.2f ms", requestID, float64(time.Since(began).Microseconds())/1000))
	p.logs.flush()
	tail := p.logs.tail(logTail)
	s.giveBack(name, p)
	return out, tail, nil
}

// acquire takes an idle process of the function or starts one.
func (s *Service) acquire(ctx context.Context, name string) (*process, *awsapi.Error) {
	s.mu.Lock()
	f, err := s.functionLocked(name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	if f.reserved != nil && f.running >= *f.reserved {
		s.mu.Unlock()
		return nil, awsapi.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
	}
	for _, p := range f.environments {
		select {
		case <-p.exited:
			continue
		default:
		}
		if p.take() {
			f.running++
			s.mu.Unlock()
			return p, nil
		}
	}
	started := *f
	f.running++
	s.mu.Unlock()

	p, err := s.start(ctx, &started)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		f.running--
		return nil, err
	}
	// A function that changed while the process started keeps none of the old code.
	if f.revision == started.revision && s.functions[name] == f {
		f.environments = append(f.environments, p)
	} else {
		p.retire()
	}
	return p, nil
}

// start checks that the function can run here and starts a process that is taken already.
func (s *Service) start(ctx context.Context, f *function) (*process, *awsapi.Error) {
	if kind, why := f.code.runnable(f.architectures[0]); kind != "" {
		if kind == "Sandbox.ArchitectureUnavailable" {
			return nil, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "function %s cannot run in the sandbox: %s", f.name, why)
		}
		return nil, awsapi.Errorf(http.StatusBadGateway, "InvalidRuntimeException", "%s: %s", kind, why)
	}
	role, err := s.roles.role(ctx, f.config.Role)
	if errorsIsNoRole(err) || (err == nil && !role.trusts("lambda.amazonaws.com")) {
		return nil, awsapi.Errorf(http.StatusForbidden, "AccessDeniedException", "The role defined for the function cannot be assumed by Lambda.")
	}
	if err != nil {
		return nil, internalError(err)
	}
	if err := s.decrypt(ctx, f); err != nil {
		return nil, err
	}
	stream := time.Now().UTC().Format("2006/01/02") + "/[" + latestVersion + "]" + uuid.NewString()[:8] + uuid.NewString()[:8]
	logs, err := s.logs.open(f.name, f.config.LoggingConfig.LogGroup, stream, func(action, resource string) bool {
		verdict, _, err := s.judge(s.ctx, session{function: f.name, role: f.config.Role}, action, resource, nil)
		return err == nil && verdict == allowed
	}, s.deps.Region, s.deps.AccountID)
	if err != nil {
		return nil, internalError(err)
	}
	accessKey := newAccessKey()
	p, err := startProcess(s.ctx, launch{
		dir: f.code.dir, logs: logs,
		environment: processEnvironment(f, s.deps.Region, stream, s.deps.GatewayURL(), accessKey),
	})
	if err != nil {
		return nil, awsapi.Errorf(http.StatusBadGateway, "InvalidRuntimeException", "%s", err)
	}
	p.busy = true
	s.mu.Lock()
	s.sessions[accessKey] = session{function: f.name, role: f.config.Role}
	tracked := s.backgroundLocked(func() {
		<-p.exited
		s.mu.Lock()
		delete(s.sessions, accessKey)
		if f, ok := s.functions[f.name]; ok {
			f.environments = slices.DeleteFunc(f.environments, func(other *process) bool { return other == p })
		}
		s.mu.Unlock()
		logs.close()
	})
	s.mu.Unlock()
	if !tracked {
		p.kill()
		<-p.exited
		logs.close()
		return nil, awsapi.Errorf(http.StatusServiceUnavailable, "ServiceException", "the sandbox is stopping")
	}
	return p, nil
}

func (s *Service) giveBack(name string, p *process) {
	p.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.functions[name]; ok && f.running > 0 {
		f.running--
	}
}

// newAccessKey makes the key of a role session: 20 characters that begin with ASIA.
func newAccessKey() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "ASIA" + base32.StdEncoding.EncodeToString(b[:])
}

// tokenPrefix begins every session token of the sandbox.
const tokenPrefix = "session-of-"

func tokenOf(accessKey string) string  { return tokenPrefix + accessKey }
func secretOf(accessKey string) string { return "secret-of-" + accessKey }
