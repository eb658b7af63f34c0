package eipassigner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// functionPart is the Lambda function and how it is retried.
type functionPart struct {
	*cloud
	spec spec
	code archive
}

const (
	// functionTimeout is Lambda's longest, in seconds: a waiting claim keeps its hook alive
	// itself for that long before it hands over to the schedule.
	functionTimeout = 900
	// functionMemory in MB is Lambda's least; the function uses about a third of it.
	functionMemory = 128
	// functionHandler: provided runtimes start the archive's file of this name.
	functionHandler = "bootstrap"
	// functionRetries after an error, and how old an event may get, in seconds. A launch is
	// over by then, whatever the hook's time-out.
	functionRetries     = 2
	functionMaxEventAge = 6 * 60 * 60
	// rolePropagation is how long Lambda may take to see a new role.
	rolePropagation = 3 * time.Minute
)

func (p functionPart) name() *string { return aws.String(p.spec.functionName()) }

func (p functionPart) look(ctx context.Context) ([]finding, error) {
	function, retries := finding{name: "function"}, finding{name: "function_retries"}
	out, err := p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: p.name()})
	if clouderr.IsAWS(err, resourceNotFound) {
		return []finding{function, retries}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading function %s: %w", p.spec.functionName(), err)
	}
	function.exists = true
	function.foreign = foreignTo(p.spec.owner, "function", p.spec.functionName(), out.Tags)
	function.drifted = lacks(out.Tags, p.spec.tags) || p.codeDrifted(out.Configuration) || p.configDrifted(out.Configuration)
	if !function.drifted {
		signing, err := p.codeSigning(ctx)
		if err != nil {
			return nil, err
		}
		function.drifted = signing != p.spec.codeSigning
	}
	invoke, err := p.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: p.name()})
	if clouderr.IsAWS(err, resourceNotFound) {
		return []finding{function, retries}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the retries of function %s: %w", p.spec.functionName(), err)
	}
	retries.exists = true
	retries.drifted = aws.ToInt32(invoke.MaximumRetryAttempts) != functionRetries || aws.ToInt32(invoke.MaximumEventAgeInSeconds) != functionMaxEventAge ||
		failureDestination(invoke.DestinationConfig) != p.spec.failureDestination
	return []finding{function, retries}, nil
}

// codeSigning is the ARN of the function's code signing configuration, asked for only when
// there should be one: a function without is the rule, and the call one more.
func (p functionPart) codeSigning(ctx context.Context) (string, error) {
	if p.spec.codeSigning == "" {
		return "", nil
	}
	out, err := p.lambda.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: p.name()})
	if clouderr.IsAWS(err, resourceNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the code signing of function %s: %w", p.spec.functionName(), err)
	}
	return aws.ToString(out.CodeSigningConfigArn), nil
}

func (p functionPart) codeDrifted(is *types.FunctionConfiguration) bool {
	return aws.ToString(is.CodeSha256) != p.code.hash || len(is.Architectures) != 1 || string(is.Architectures[0]) != p.spec.architecture
}

func (p functionPart) configDrifted(is *types.FunctionConfiguration) bool {
	var subnets, securityGroups []string
	if is.VpcConfig != nil {
		subnets, securityGroups = is.VpcConfig.SubnetIds, is.VpcConfig.SecurityGroupIds
	}
	// An environment that this identity may not decrypt cannot be compared.
	environment := is.Environment == nil || is.Environment.Error == nil && !maps.Equal(is.Environment.Variables, p.spec.environment())
	return environment || is.Runtime != types.RuntimeProvidedal2023 || aws.ToString(is.Handler) != functionHandler ||
		aws.ToString(is.Role) != p.spec.effectiveRoleARN() || aws.ToInt32(is.Timeout) != functionTimeout || aws.ToInt32(is.MemorySize) != functionMemory ||
		aws.ToString(is.KMSKeyArn) != p.spec.kmsKey || !sameSet(subnets, p.spec.subnets) || !sameSet(securityGroups, p.spec.securityGroups)
}

func (p functionPart) put(ctx context.Context, found []finding, u *undo) error {
	function, retries := found[0], found[1]
	var err error
	switch {
	case !function.exists:
		err = p.create(ctx, u)
	case function.drifted:
		err = p.update(ctx)
	}
	if err != nil || retries.sound() {
		return err
	}
	in := &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: p.name(), MaximumRetryAttempts: aws.Int32(functionRetries), MaximumEventAgeInSeconds: aws.Int32(functionMaxEventAge),
	}
	if p.spec.failureDestination != "" {
		in.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(p.spec.failureDestination)}}
	}
	err = p.oncePropagated(ctx, func(ctx context.Context) error {
		_, err := p.lambda.PutFunctionEventInvokeConfig(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the retries of function %s: %w", p.spec.functionName(), err)
	}
	return nil
}

// failureDestination is the ARN of the destination of failed events, "" if there is none.
func failureDestination(config *types.DestinationConfig) string {
	if config == nil || config.OnFailure == nil {
		return ""
	}
	return aws.ToString(config.OnFailure.Destination)
}

func (p functionPart) create(ctx context.Context, u *undo) error {
	in := &lambda.CreateFunctionInput{
		FunctionName: p.name(), Role: aws.String(p.spec.effectiveRoleARN()), Runtime: types.RuntimeProvidedal2023, Handler: aws.String(functionHandler),
		Architectures: []types.Architecture{types.Architecture(p.spec.architecture)}, Code: &types.FunctionCode{ZipFile: p.code.content},
		Description: aws.String("Gives instances of " + p.spec.group.name + " their Elastic IPs"), Environment: &types.Environment{Variables: p.spec.environment()},
		Timeout: aws.Int32(functionTimeout), MemorySize: aws.Int32(functionMemory), Tags: p.spec.tags,
	}
	if p.spec.kmsKey != "" {
		in.KMSKeyArn = aws.String(p.spec.kmsKey)
	}
	if p.spec.codeSigning != "" {
		in.CodeSigningConfigArn = aws.String(p.spec.codeSigning)
	}
	if len(p.spec.subnets) > 0 {
		in.VpcConfig = p.vpcConfig()
	}
	err := p.oncePropagated(ctx, func(ctx context.Context) error {
		_, err := p.lambda.CreateFunction(ctx, in)
		// There was none a moment ago: an answer was lost, and the call repeated.
		return unless(err, "ResourceConflictException")
	})
	if err != nil {
		return fmt.Errorf("creating function %s: %w", p.spec.functionName(), err)
	}
	u.add(p.remove)
	return p.await(ctx)
}

// vpcConfig names no subnets as an empty list: one that is left out changes nothing.
func (p functionPart) vpcConfig() *types.VpcConfig {
	return &types.VpcConfig{SubnetIds: append([]string{}, p.spec.subnets...), SecurityGroupIds: append([]string{}, p.spec.securityGroups...)}
}

// oncePropagated repeats a change while Lambda does not see the role, or what the role may, yet.
func (p functionPart) oncePropagated(ctx context.Context, change func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, rolePropagation)
	defer cancel()
	var last error
	err := p.waiter.Until(limited, "role "+p.spec.roleName()+" to be seen by Lambda", func(ctx context.Context) (string, bool, error) {
		last = write(ctx, change)
		if notPropagated(last) || clouderr.IsAWS(last, "ResourceConflictException") {
			return "not seen yet", false, waiter.Retry(last)
		}
		return "seen", last == nil, last
	})
	if err != nil && ctx.Err() == nil && last != nil {
		// It is the refusal that ended this, not somebody's deadline.
		return last
	}
	return err
}

// notPropagated tells Lambda's refusal of a role that it does not see yet, or whose policy, from
// its other refusals: they share one code, so the text decides. For a role of the user's own
// the policy may be new too.
func notPropagated(err error) bool {
	if !clouderr.IsAWS(err, "InvalidParameterValueException") {
		return false
	}
	text := clouderr.AWSMessage(err)
	return strings.Contains(text, "cannot be assumed by Lambda") || strings.Contains(text, "does not have permissions to call")
}

func (p functionPart) update(ctx context.Context) error {
	out, err := p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: p.name()})
	if err != nil {
		return fmt.Errorf("reading function %s: %w", p.spec.functionName(), err)
	}
	if lacks(out.Tags, p.spec.tags) {
		err := write(ctx, func(ctx context.Context) error {
			_, err := p.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(p.spec.functionARN()), Tags: p.spec.tags})
			return err
		})
		if err != nil {
			return fmt.Errorf("tagging function %s: %w", p.spec.functionName(), err)
		}
	}
	if err := p.updateSigning(ctx); err != nil {
		return err
	}
	if p.configDrifted(out.Configuration) {
		err := p.oncePropagated(ctx, func(ctx context.Context) error {
			_, err := p.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
				FunctionName: p.name(), Role: aws.String(p.spec.effectiveRoleARN()), Runtime: types.RuntimeProvidedal2023, Handler: aws.String(functionHandler),
				Environment: &types.Environment{Variables: p.spec.environment()}, Timeout: aws.Int32(functionTimeout), MemorySize: aws.Int32(functionMemory),
				KMSKeyArn: aws.String(p.spec.kmsKey), VpcConfig: p.vpcConfig(),
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("updating function %s: %w", p.spec.functionName(), err)
		}
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	if !p.codeDrifted(out.Configuration) {
		return nil
	}
	err = p.oncePropagated(ctx, func(ctx context.Context) error {
		_, err := p.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: p.name(), ZipFile: p.code.content, Architectures: []types.Architecture{types.Architecture(p.spec.architecture)},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("updating the code of function %s: %w", p.spec.functionName(), err)
	}
	return p.await(ctx)
}

// updateSigning sets the code signing configuration that should be there. One that should not
// be is taken off only when the plan takes it off: see resource.Update.
func (p functionPart) updateSigning(ctx context.Context) error {
	signing, err := p.codeSigning(ctx)
	if err != nil || signing == p.spec.codeSigning {
		return err
	}
	err = write(ctx, func(ctx context.Context) error {
		_, err := p.lambda.PutFunctionCodeSigningConfig(ctx, &lambda.PutFunctionCodeSigningConfigInput{FunctionName: p.name(), CodeSigningConfigArn: aws.String(p.spec.codeSigning)})
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the code signing of function %s: %w", p.spec.functionName(), err)
	}
	return nil
}

// dropSigning takes the code signing configuration off.
func (p functionPart) dropSigning(ctx context.Context) error {
	_, err := p.lambda.DeleteFunctionCodeSigningConfig(ctx, &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: p.name()})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return fmt.Errorf("taking the code signing off function %s: %w", p.spec.functionName(), err)
	}
	return nil
}

// await waits until the function takes events and changes.
func (p functionPart) await(ctx context.Context) error {
	return p.waiter.Until(ctx, "function "+p.spec.functionName()+" to be active", func(ctx context.Context) (string, bool, error) {
		out, err := p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: p.name()})
		if clouderr.IsAWS(err, resourceNotFound) {
			return "not found", false, waiter.Retry(err)
		}
		if err != nil {
			return "", false, err
		}
		is := out.Configuration
		if is.State == types.StateFailed || is.LastUpdateStatus == types.LastUpdateStatusFailed {
			return "", false, errors.New(aws.ToString(is.StateReason) + aws.ToString(is.LastUpdateStatusReason))
		}
		// Functions outside of a VPC may be Inactive after long idleness; an event wakes them.
		ready := (is.State == "" || is.State == types.StateActive || is.State == types.StateInactive) && is.LastUpdateStatus != types.LastUpdateStatusInProgress
		return string(is.State) + "/" + string(is.LastUpdateStatus), ready, nil
	})
}

func (p functionPart) untag(ctx context.Context, keys []string) error {
	_, err := p.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: aws.String(p.spec.functionARN()), TagKeys: keys})
	return err
}

func (p functionPart) remove(ctx context.Context) error {
	out, err := p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: p.name()})
	if clouderr.IsAWS(err, resourceNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading function %s: %w", p.spec.functionName(), err)
	}
	if foreignTo(p.spec.owner, "function", p.spec.functionName(), out.Tags) != "" {
		return nil
	}
	_, err = p.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: p.name()})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return fmt.Errorf("deleting function %s: %w", p.spec.functionName(), err)
	}
	return nil
}
