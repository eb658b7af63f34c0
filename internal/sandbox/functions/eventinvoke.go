package functions

import (
	"net/http"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// eventInvokeConfig bounds asynchronous invocations; nil fields have Lambda's defaults.
type eventInvokeConfig struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	// onFailure is the ARN of the destination of events that are given up, "" for none.
	onFailure string
	modified  time.Time
}

// eventInvokeInput is the body of PutFunctionEventInvokeConfig and UpdateFunctionEventInvokeConfig.
type eventInvokeInput struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	DestinationConfig        struct{ OnSuccess, OnFailure *destination }
}

type destination struct {
	Destination string `json:",omitempty"`
}

func (in eventInvokeInput) check() *awsapi.Error {
	if d := in.DestinationConfig.OnSuccess; d != nil && d.Destination != "" {
		return lambdaNotImplemented("OnSuccess destinations")
	}
	switch n, age := in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds; {
	case n != nil && (*n < 0 || *n > 2):
		return invalidInput("Value '%d' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value between 0 and 2", *n)
	case age != nil && (*age < 60 || *age > 21600):
		return invalidInput("Value '%d' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value between 60 and 21600", *age)
	}
	return nil
}

func (s *Service) putEventInvoke(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in eventInvokeInput
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	if err := in.check(); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	f, err := s.functionLocked(argument[0])
	var who session
	if err == nil {
		who = session{function: f.name, role: f.config.Role}
	}
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	if d := in.DestinationConfig.OnFailure; d != nil && d.Destination != "" {
		if err := s.checkDestination(r.HTTP.Context(), who, d.Destination); err != nil {
			return reply{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, err = s.functionLocked(argument[0]); err != nil {
		return reply{}, err
	}
	// POST (UpdateFunctionEventInvokeConfig) keeps what it does not name; PUT replaces.
	if f.asynchronous == nil || r.HTTP.Method == http.MethodPut {
		f.asynchronous = &eventInvokeConfig{}
	}
	if in.MaximumRetryAttempts != nil {
		f.asynchronous.MaximumRetryAttempts = in.MaximumRetryAttempts
	}
	if in.MaximumEventAgeInSeconds != nil {
		f.asynchronous.MaximumEventAgeInSeconds = in.MaximumEventAgeInSeconds
	}
	if in.DestinationConfig.OnFailure != nil {
		f.asynchronous.onFailure = in.DestinationConfig.OnFailure.Destination
	}
	f.asynchronous.modified = s.deps.Clock.Now()
	return reply{http.StatusOK, f.eventInvokeJSON()}, nil
}

func (f *function) eventInvokeJSON() map[string]any {
	out := map[string]any{
		"FunctionArn":       f.arn + ":" + latestVersion,
		"LastModified":      float64(f.asynchronous.modified.UnixNano()) / float64(time.Second),
		"DestinationConfig": map[string]destination{"OnSuccess": {}, "OnFailure": {f.asynchronous.onFailure}},
	}
	if f.asynchronous.MaximumRetryAttempts != nil {
		out["MaximumRetryAttempts"] = *f.asynchronous.MaximumRetryAttempts
	}
	if f.asynchronous.MaximumEventAgeInSeconds != nil {
		out["MaximumEventAgeInSeconds"] = *f.asynchronous.MaximumEventAgeInSeconds
	}
	return out
}

func (s *Service) eventInvokeLocked(reference string) (*function, *awsapi.Error) {
	f, err := s.functionLocked(reference)
	if err != nil {
		return nil, err
	}
	if f.asynchronous == nil {
		return nil, awsapi.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The function %s:%s doesn't have an EventInvokeConfig", f.arn, latestVersion)
	}
	return f, nil
}

func (s *Service) getEventInvoke(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.eventInvokeLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, f.eventInvokeJSON()}, nil
}

func (s *Service) deleteEventInvoke(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.eventInvokeLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	f.asynchronous = nil
	return reply{http.StatusNoContent, nil}, nil
}
