package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/child"
)

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	arn      string
	payload  []byte
	deadline time.Time
}

// result is what an invocation came to. functionError is empty on success, "Unhandled"
// otherwise; then payload is {"errorMessage":…,"errorType":…}.
type result struct {
	payload       []byte
	functionError string
}

// failed is the result of an invocation that the function did not answer itself.
func failed(errorType, message string) result {
	payload, err := json.Marshal(struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}{message, errorType})
	if err != nil {
		payload = []byte(`{"errorType":"Sandbox.Internal"}`)
	}
	return result{payload: payload, functionError: "Unhandled"}
}

// process is an execution environment: a bootstrap and the Runtime API that feeds it, one
// invocation at a time.
type process struct {
	logs     *logStream
	server   *http.Server
	listener net.Listener
	// served ends when the Runtime API's server is gone.
	served sync.WaitGroup

	// next hands the invocation to the bootstrap; done takes its result back.
	next chan invocation
	done chan result
	// exited is closed once the bootstrap is gone.
	exited chan struct{}
	// kill ends the bootstrap.
	kill context.CancelFunc

	mu      sync.Mutex
	current string // request id of the running invocation
	busy    bool
	retired bool
}

// launch is what a process starts with.
type launch struct {
	dir         string
	environment []string
	logs        *logStream
}

// startProcess starts a bootstrap. It lives until kill, or ctx ends; exited tells.
func startProcess(ctx context.Context, l launch) (*process, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the Runtime API: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{
		logs: l.logs, listener: listener, kill: cancel,
		next: make(chan invocation), done: make(chan result, 1), exited: make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	p.served.Go(func() { _ = p.server.Serve(listener) })

	cmd := exec.CommandContext(ctx, filepath.Join(l.dir, "bootstrap"))
	cmd.Dir = l.dir
	cmd.Env = append(l.environment, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "LAMBDA_TASK_ROOT="+l.dir)
	cmd.SysProcAttr = child.Attributes()
	cmd.Cancel = func() error { child.Kill(cmd.Process); return nil }
	cmd.Stdout, cmd.Stderr = l.logs, l.logs
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the bootstrap and stays with it. The kernel ties a parent-death signal to the
// thread that started the child, so this goroutine keeps its thread.
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := cmd.Start()
	if err == nil {
		started <- nil
		err = cmd.Wait()
		p.logs.note("END of the process: " + exitText(err))
	} else {
		started <- fmt.Errorf("starting the bootstrap: %w", err)
	}
	p.kill()
	_ = p.server.Close()
	p.served.Wait()
	p.logs.flush()
}

func exitText(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.String()
	}
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// take claims the process for one invocation; false when it is busy or going.
func (p *process) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy || p.retired {
		return false
	}
	p.busy = true
	return true
}

// release makes the process free again, and ends it if it was retired meanwhile.
func (p *process) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	if p.retired {
		p.kill()
	}
}

// retire ends the process once it is idle.
func (p *process) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	if !p.busy {
		p.kill()
	}
}

// invoke runs one invocation. The process is dead afterwards if it ran out of time.
func (p *process) invoke(ctx context.Context, in invocation, timeout <-chan time.Time, timeoutText string) result {
	p.mu.Lock()
	p.current = in.id
	p.mu.Unlock()
	next := p.next
	for {
		select {
		case next <- in:
			next = nil
		case r := <-p.done:
			return r
		case <-timeout:
			p.logs.note(timeoutText)
			p.kill()
			<-p.exited
			return failed("Sandbox.Timedout", timeoutText)
		case <-p.exited:
			// An answer may have come just before the end.
			select {
			case r := <-p.done:
				return r
			default:
			}
			return failed("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited without providing a reason", in.id))
		case <-ctx.Done():
			p.kill()
			<-p.exited
			return failed("Sandbox.Stopped", "the sandbox stopped during the invocation")
		}
	}
}

// runtimeAPI serves version 2018-06-01 of the Lambda Runtime API.
func (p *process) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	const base = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+base+"/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case in := <-p.next:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", in.arn)
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
			_, _ = w.Write(in.payload)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+base+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, "") })
	mux.HandleFunc("POST "+base+"/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, "Unhandled") })
	mux.HandleFunc("POST "+base+"/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.finish(result{payload: body, functionError: "Unhandled"})
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

func (p *process) answer(w http.ResponseWriter, r *http.Request, functionError string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	fits := p.current == r.PathValue("id")
	if fits {
		p.current = ""
	}
	p.mu.Unlock()
	if !fits {
		http.Error(w, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	// A streaming runtime tells of a late error in trailers.
	if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		functionError = "Unhandled"
	}
	p.finish(result{payload: body, functionError: functionError})
	w.WriteHeader(http.StatusAccepted)
}

func (p *process) finish(r result) {
	select {
	case p.done <- r:
	default:
	}
}

// processEnvironment is what Lambda gives a bootstrap, and nothing of this machine's own.
func processEnvironment(f *function, region, stream, gatewayURL, accessKey string) []string {
	out := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"AWS_ENDPOINT_URL=" + gatewayURL,
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretOf(accessKey),
		"AWS_SESSION_TOKEN=" + tokenOf(accessKey),
		"AWS_LAMBDA_FUNCTION_NAME=" + f.name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + latestVersion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.config.MemorySize),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=" + f.config.LoggingConfig.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + stream,
		"AWS_EXECUTION_ENV=AWS_Lambda_" + strings.ReplaceAll(f.config.Runtime, ".", "_"),
		"_HANDLER=" + f.config.Handler,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
	}
	// The last of two equal names counts, and the user's come last as with Lambda: the
	// names that must not change were refused when the function was configured.
	for _, name := range sortedKeys(f.config.Environment.Variables) {
		out = append(out, name+"="+f.config.Environment.Variables[name])
	}
	return out
}
