package functions

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Defaults and bounds of a function's configuration, by the API reference of CreateFunction.
const (
	defaultTimeout = 3
	maxTimeout     = 900
	defaultMemory  = 128
	maxMemory      = 10240
	defaultStorage = 512
	runtimeName    = "provided.al2023"
	latestVersion  = "$LATEST"
)

// lambdaTime is how Lambda writes times.
const lambdaTime = "2006-01-02T15:04:05.000-0700"

// configuration is what CreateFunction and UpdateFunctionConfiguration set.
type configuration struct {
	Description   string
	Handler       string
	Role          string
	Runtime       string
	Timeout       int
	MemorySize    int
	Environment   environment
	KMSKeyArn     string
	TracingConfig tracing
	VpcConfig     vpcConfig
	LoggingConfig logging
	Ephemeral     storage `json:"EphemeralStorage"`
}

type environment struct{ Variables map[string]string }

type tracing struct{ Mode string }

type vpcConfig struct {
	SubnetIds               []string
	SecurityGroupIds        []string
	VpcID                   string `json:"VpcId,omitempty"`
	Ipv6AllowedForDualStack bool
}

type logging struct {
	LogFormat           string
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	LogGroup            string
}

type storage struct{ Size int }

// function is a Lambda function. Service.mu guards it.
type function struct {
	name, arn     string
	config        configuration
	code          code
	architectures []string
	tags          map[string]string
	modified      time.Time
	revision      string
	policy        []statement
	// signing is the ARN of the code signing configuration, "" for none.
	signing string
	// reserved is the reserved concurrency; nil is none.
	reserved *int
	// asynchronous is nil until PutFunctionEventInvokeConfig.
	asynchronous *eventInvokeConfig
	// environments are the processes of the current code and configuration.
	environments []*process
	running      int
}

var (
	functionNamePattern = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	roleARNPattern      = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	environmentName     = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
)

// reservedVariables are the names that Lambda sets itself.
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
	"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func invalidParameter(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValueException", format, args...)
}

func invalidInput(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, "ValidationException", "1 validation error detected: "+format, args...)
}

func lambdaNotImplemented(what string) *awsapi.Error {
	return awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement %s of Lambda functions", what)
}

// check refuses what Lambda refuses and what the sandbox does not know.
func (c *configuration) check(functionName string) *awsapi.Error {
	switch {
	case c.Runtime != runtimeName:
		return awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox runs functions of runtime %s only, not %q", runtimeName, c.Runtime)
	case c.Handler == "":
		return invalidParameter("Handler is required for zip functions")
	case !roleARNPattern.MatchString(c.Role):
		return invalidInput("Value '%s' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", c.Role, roleARNPattern)
	case c.Timeout < 1 || c.Timeout > maxTimeout:
		return invalidInput("Value '%d' at 'timeout' failed to satisfy constraint: Member must have value between 1 and %d", c.Timeout, maxTimeout)
	case c.MemorySize < defaultMemory || c.MemorySize > maxMemory:
		return invalidInput("Value '%d' at 'memorySize' failed to satisfy constraint: Member must have value between %d and %d", c.MemorySize, defaultMemory, maxMemory)
	}
	var reserved []string
	size := 0
	for name, value := range c.Environment.Variables {
		size += len(name) + len(value)
		if !environmentName.MatchString(name) {
			return invalidInput("Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [%s]; got '%s'", environmentName, name)
		}
		if slices.Contains(reservedVariables, name) {
			reserved = append(reserved, name)
		}
	}
	slices.Sort(reserved)
	switch {
	case len(reserved) > 0:
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	case size > 4096:
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	if c.TracingConfig.Mode == "" {
		c.TracingConfig.Mode = "PassThrough"
	}
	if c.LoggingConfig.LogFormat == "" {
		c.LoggingConfig.LogFormat = "Text"
	}
	if c.LoggingConfig.LogGroup == "" {
		c.LoggingConfig.LogGroup = "/aws/lambda/" + functionName
	}
	if c.LoggingConfig.LogFormat == "JSON" {
		if c.LoggingConfig.ApplicationLogLevel == "" {
			c.LoggingConfig.ApplicationLogLevel = "INFO"
		}
		if c.LoggingConfig.SystemLogLevel == "" {
			c.LoggingConfig.SystemLogLevel = "INFO"
		}
	}
	if c.Ephemeral.Size == 0 {
		c.Ephemeral.Size = defaultStorage
	}
	return nil
}

// changed marks a new revision and gives up the processes of the old one.
func (f *function) changed(now time.Time) {
	f.modified, f.revision = now, uuid.NewString()
	for _, p := range f.environments {
		p.retire()
	}
	f.environments = nil
}

// configurationJSON is a FunctionConfiguration. version is $LATEST; the sandbox publishes no others.
func (f *function) configurationJSON() map[string]any {
	c := f.config
	out := map[string]any{
		"FunctionName":     f.name,
		"FunctionArn":      f.arn,
		"Runtime":          c.Runtime,
		"Role":             c.Role,
		"Handler":          c.Handler,
		"CodeSize":         f.code.size,
		"CodeSha256":       f.code.sha256,
		"Description":      c.Description,
		"Timeout":          c.Timeout,
		"MemorySize":       c.MemorySize,
		"LastModified":     f.modified.UTC().Format(lambdaTime),
		"Version":          latestVersion,
		"TracingConfig":    c.TracingConfig,
		"RevisionId":       f.revision,
		"State":            "Active",
		"LastUpdateStatus": "Successful",
		"PackageType":      "Zip",
		"Architectures":    f.architectures,
		"EphemeralStorage": c.Ephemeral,
		"SnapStart":        map[string]string{"ApplyOn": "None", "OptimizationStatus": "Off"},
		"LoggingConfig":    c.LoggingConfig,
	}
	if len(c.Environment.Variables) > 0 {
		out["Environment"] = c.Environment
	}
	if c.KMSKeyArn != "" {
		out["KMSKeyArn"] = c.KMSKeyArn
	}
	if len(c.VpcConfig.SubnetIds) > 0 {
		out["VpcConfig"] = c.VpcConfig
	}
	return out
}

// createInput is CreateFunction's body. Pointers tell "absent" from "zero".
type createInput struct {
	FunctionName         string
	Code                 codeInput
	Architectures        []string
	Tags                 map[string]string
	PackageType          string
	Publish              bool
	CodeSigningConfigArn string
	configurationInput
	unsupported
}

// configurationInput is UpdateFunctionConfiguration's body, part of CreateFunction's.
type configurationInput struct {
	Description      *string
	Handler          *string
	Role             *string
	Runtime          *string
	Timeout          *int
	MemorySize       *int
	Environment      *environment
	KMSKeyArn        *string
	TracingConfig    *tracing
	VpcConfig        *vpcConfig
	LoggingConfig    *logging
	EphemeralStorage *storage
	RevisionID       string `json:"RevisionId"`
}

// unsupported are the parameters that mean something that the sandbox does not do.
type unsupported struct {
	Layers            []string
	FileSystemConfigs []json.RawMessage
	DeadLetterConfig  *struct{ TargetArn string }
	ImageConfig       *json.RawMessage
	SnapStart         *struct{ ApplyOn string }
}

func (u unsupported) check() *awsapi.Error {
	switch {
	case len(u.Layers) > 0:
		return lambdaNotImplemented("Layers")
	case len(u.FileSystemConfigs) > 0:
		return lambdaNotImplemented("FileSystemConfigs")
	case u.DeadLetterConfig != nil && u.DeadLetterConfig.TargetArn != "":
		return lambdaNotImplemented("DeadLetterConfig")
	case u.ImageConfig != nil:
		return lambdaNotImplemented("ImageConfig")
	case u.SnapStart != nil && u.SnapStart.ApplyOn != "None":
		return lambdaNotImplemented("SnapStart")
	}
	return nil
}

func (in configurationInput) applyTo(c *configuration) {
	set(&c.Description, in.Description)
	set(&c.Handler, in.Handler)
	set(&c.Role, in.Role)
	set(&c.Runtime, in.Runtime)
	set(&c.Timeout, in.Timeout)
	set(&c.MemorySize, in.MemorySize)
	set(&c.Environment, in.Environment)
	set(&c.KMSKeyArn, in.KMSKeyArn)
	set(&c.TracingConfig, in.TracingConfig)
	set(&c.VpcConfig, in.VpcConfig)
	set(&c.LoggingConfig, in.LoggingConfig)
	set(&c.Ephemeral, in.EphemeralStorage)
	c.Environment.Variables = maps.Clone(c.Environment.Variables)
}

func set[T any](at *T, value *T) {
	if value != nil {
		*at = *value
	}
}

// functionARN builds the ARN of a function of this account.
func (s *Service) functionARN(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.deps.Region, s.deps.AccountID, name)
}

// functionName reads a name, partial ARN or ARN, with or without a qualifier.
func functionName(reference string) (name, qualifier string) {
	part := strings.Split(reference, ":")
	if at := slices.Index(part, "function"); at >= 0 && at+1 < len(part) {
		part = part[at+1:]
	}
	if len(part) > 1 {
		return part[0], part[1]
	}
	return part[0], ""
}

func (s *Service) functionLocked(reference string) (*function, *awsapi.Error) {
	name, qualifier := functionName(reference)
	f, ok := s.functions[name]
	if !ok || (qualifier != "" && qualifier != latestVersion) {
		arn := s.functionARN(name)
		if qualifier != "" {
			arn += ":" + qualifier
		}
		return nil, awsapi.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s", arn)
	}
	return f, nil
}
