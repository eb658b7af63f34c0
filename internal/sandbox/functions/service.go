package functions

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// Service is the emulated Lambda and EventBridge; it is an awsapi.Handler for both.
type Service struct {
	deps  Deps
	roles *roleReader
	logs  *logSink
	moto  moto.Client
	// network is moto's EC2.
	network *ec2.Client

	// ctx ends with Close; processes, queues and schedules hang on it.
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	functions map[string]*function
	sessions  map[string]session
	rules     map[string]*rule
	// signing are the code signing configurations by ARN.
	signing map[string]*signingConfig
}

// New starts the service. The caller ends it with Close.
func New(deps Deps) (*Service, error) {
	deps = deps.withDefaults()
	if err := os.MkdirAll(deps.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the functions' folder: %w", err)
	}
	s := &Service{
		deps:      deps,
		functions: map[string]*function{},
		sessions:  map[string]session{},
		rules:     map[string]*rule{},
		signing:   map[string]*signingConfig{},
		moto:      moto.NewClient(deps.MotoURL, deps.Region),
	}
	cfg := motoConfig(deps.MotoURL, deps.Region)
	s.roles = newRoleReader(cfg, deps.Clock)
	s.network = ec2.NewFromConfig(cfg)
	s.logs = newLogSink(cfg, deps.Dir, deps.Logger)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close ends every process, queue and schedule and returns when none is left.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Wait()
	s.moto.Close()
}

// background runs f until it returns; f must return soon after s.ctx ends. It reports
// whether f was started: not after Close.
func (s *Service) background(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backgroundLocked(f)
}

func (s *Service) backgroundLocked(f func()) bool {
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// Serve answers the calls of services lambda and events, the unknown ones with 501.
func (s *Service) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	switch r.Service {
	case "lambda":
		s.serveLambda(w, r)
	case "events":
		s.serveEvents(w, r)
	default:
		// A changed role must not be judged by a remembered copy.
		if r.Service == "iam" {
			s.roles.forget()
		}
		return false
	}
	return true
}
