// Command eip-assigner is the Lambda function that gives each instance of an Auto Scaling
// group its address. It runs on provided.al2023 as `bootstrap`.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// One call, with all that these allow it, ends within assigner.HandOverMargin: so a call that begins just before a
// wait ends does not run into the function's deadline. What takes longer than this to mend is waited for
// by the assigner, with heartbeats.
const (
	// attemptTimeout bounds one attempt of a call, for one that is never answered.
	attemptTimeout = 4 * time.Second
	// maxAttempts and maxBackoff bound the SDK's own retries: of throttled calls, server errors and lost
	// answers, after a random pause that grows.
	maxAttempts = 3
	maxBackoff  = time.Second
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	handler, err := newHandler(context.Background(), log)
	if err != nil {
		// The runtime reports the exit; the line says why.
		log.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(handler.Handle)
}

func newHandler(ctx context.Context, log *slog.Logger) (*assigner.Assigner, error) {
	settings, err := assigner.ConfigFromEnvironment(os.Getenv)
	if err != nil {
		return nil, err
	}
	cloud, err := config.LoadDefaultConfig(ctx,
		// Lambda gives region and credentials in the environment. There are no files to look for.
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)),
		config.WithRetryer(newRetryer),
	)
	if err != nil {
		return nil, err
	}
	return &assigner.Assigner{
		Config:      settings,
		EC2:         ec2.NewFromConfig(cloud),
		AutoScaling: autoscaling.NewFromConfig(cloud),
		Waiter:      waiter.Waiter{Min: time.Second, Max: 5 * time.Second},
		Log:         log,
		Metrics:     os.Stdout,
	}, nil
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff
	})
}
