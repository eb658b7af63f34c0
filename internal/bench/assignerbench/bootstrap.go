package assignerbench

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// archives is the folder of the zips that the provider embeds, from the repository's root.
var archives = filepath.Join("internal", "eipassigner", "lambda")

// unpackBootstrap unpacks the function for this machine's architecture into dir.
func unpackBootstrap(dir string) (path string, err error) {
	source := filepath.Join(archives, "eip-assigner-"+sandbox.Architecture()+".zip")
	archive, err := zip.OpenReader(source)
	if err != nil {
		return "", fmt.Errorf("opening the function (`make zips` builds it): %w", err)
	}
	defer func() { _ = archive.Close() }()
	packed, err := archive.Open("bootstrap")
	if err != nil {
		return "", fmt.Errorf("%s: %w", source, err)
	}
	defer func() { _ = packed.Close() }()
	content, err := io.ReadAll(packed)
	if err != nil {
		return "", fmt.Errorf("%s: %w", source, err)
	}
	path = filepath.Join(dir, "bootstrap")
	return path, os.WriteFile(path, content, 0o700) //nolint:gosec // a program
}

// functionTimeout is the function's time for one event.
const functionTimeout = 5 * time.Minute

// runtimeAPI is as much of the Lambda Runtime API (2018-06-01) as one invocation needs.
type runtimeAPI struct {
	server   *http.Server
	listener net.Listener
	// answered gets the body of the response, failed that of an error.
	answered, failed chan []byte
}

func startRuntimeAPI(ctx context.Context, event []byte) (*runtimeAPI, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the Runtime API: %w", err)
	}
	api := &runtimeAPI{listener: listener, answered: make(chan []byte, 1), failed: make(chan []byte, 1)}
	next := make(chan []byte, 1)
	next <- event
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-next:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", uuid.NewString())
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(functionTimeout).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", sandbox.Region, sandbox.AccountID, fleetName))
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})
	take := func(to chan []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				body = []byte(err.Error())
			}
			select {
			case to <- body:
			default:
			}
			w.WriteHeader(http.StatusAccepted)
		}
	}
	mux.HandleFunc("POST "+base+"invocation/{id}/response", take(api.answered))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", take(api.failed))
	mux.HandleFunc("POST "+base+"init/error", take(api.failed))
	api.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = api.server.Serve(listener) }()
	return api, nil
}

func (a *runtimeAPI) close() { _ = a.server.Close() }

// runBootstrap serves one event in a new process of the function.
func runBootstrap(ctx context.Context, e *emulator, bootstrap string, event []byte) (sample, error) {
	api, err := startRuntimeAPI(ctx, event)
	if err != nil {
		return sample{}, err
	}
	defer api.close()
	ctx, cancel := context.WithTimeout(ctx, coldLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bootstrap)
	cmd.Dir = filepath.Dir(bootstrap)
	cmd.Env = append(e.variables(contenderKey), "PATH=/usr/local/bin:/usr/bin:/bin", "AWS_LAMBDA_RUNTIME_API="+api.listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME="+fleetName, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "_HANDLER=bootstrap")
	for _, name := range sortedKeys(settings.Environment()) {
		cmd.Env = append(cmd.Env, name+"="+settings.Environment()[name])
	}
	return e.clock(ctx, cmd, func() error {
		select {
		case <-api.answered:
			return nil
		case body := <-api.failed:
			return fmt.Errorf("the function failed: %s", body)
		case <-ctx.Done():
			return errors.Join(errors.New("the function did not answer"), context.Cause(ctx))
		}
	})
}
