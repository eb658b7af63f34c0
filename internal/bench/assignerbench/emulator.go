package assignerbench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// Access keys tell the callers of the emulator apart.
const (
	adminKey     = "AKIABENCHADMIN000000"
	contenderKey = "AKIABENCHCONTENDER00"
	secretKey    = "secret-access-key-of-no-account"
)

// addressQuota leaves room for every bench: what is measured is not the quota.
const addressQuota = 1000

// emulator is the sandbox's AWS without what no bench here needs: the other clouds, proxies, Lambda.
type emulator struct {
	aws *awscloud.Cloud
	// python is the interpreter that has boto3: the one that moto runs on.
	python string
	// events are the lifecycle actions of launches.
	events chan launchEvent
	record *record
	// log is for what goes wrong on the way.
	log *slog.Logger

	logFile *os.File
	moto    *moto.Server
	groups  *autoscaling.Service
	http    *http.Client
}

// startEmulator starts an empty AWS; the caller closes it.
func startEmulator(ctx context.Context, buildDir string) (_ *emulator, err error) {
	e := &emulator{events: make(chan launchEvent, addressQuota), record: &record{}, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	command, err := tools.Moto(ctx, buildDir)
	if err != nil {
		return nil, err
	}
	e.python = command[0]
	logs := filepath.Join(buildDir, "bench")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	if e.logFile, err = os.OpenFile(filepath.Join(logs, "assigner.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	e.log = slog.New(slog.NewTextHandler(e.logFile, nil))
	if e.moto, err = moto.Start(ctx, moto.Options{Command: command, LogFile: filepath.Join(logs, "moto.log")}); err != nil {
		return nil, err
	}
	e.groups = autoscaling.New(autoscaling.Deps{
		MotoURL: e.moto.URL, Region: sandbox.Region, AccountID: sandbox.AccountID, Events: e.event,
		Terminated: func(id string) { e.aws.InstanceTerminated(id) }, Logger: e.log,
	})
	e.aws, err = awscloud.New(ctx, awscloud.Options{
		MotoURL: e.moto.URL, Region: sandbox.Region, AccountID: sandbox.AccountID, AddressQuota: addressQuota,
		Handlers: []awsapi.Handler{e.groups}, Middleware: e.record.wrap, Logger: e.log,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the emulated AWS: %w", err)
	}
	return e, nil
}

func (e *emulator) close() {
	if e.groups != nil {
		e.groups.Close()
	}
	if e.aws != nil {
		e.aws.Close()
	}
	if e.moto != nil {
		e.moto.Close()
	}
	e.http.CloseIdleConnections()
	if e.logFile != nil {
		_ = e.logFile.Close()
	}
}

// event keeps what EventBridge would hand to a function.
func (e *emulator) event(detailType string, detail any, resources []string) {
	if detailType == launchDetailType {
		e.events <- launchEvent{detail: detail, resources: resources}
	}
}

// config is for SDK clients of a caller.
func (e *emulator) config(accessKey string) aws.Config {
	return aws.Config{
		Region: sandbox.Region, BaseEndpoint: aws.String(e.aws.URL), HTTPClient: e.http,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}
}

// variables are by what a process finds the emulator, and nothing else.
func (e *emulator) variables(accessKey string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + e.aws.URL,
		"AWS_REGION=" + sandbox.Region,
		"AWS_DEFAULT_REGION=" + sandbox.Region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// environ is the process's own environment with no way to any cloud but the emulator.
func (e *emulator) environ() []string {
	return append(slices.DeleteFunc(os.Environ(), sandbox.ToUnset), e.variables(adminKey)...)
}

// calls are what a caller has asked for since the log was cleared, by operation.
func (e *emulator) calls(accessKey string) bench.CallCounts {
	counts := bench.CallCounts{}
	for _, entry := range e.aws.Faults.Log() {
		if entry.Caller == accessKey {
			counts[entry.Operation]++
		}
	}
	return counts
}
