// Command eip-assigner is the Lambda function that gives each instance of an Auto Scaling
// group its address. It runs on provided.al2023 as `bootstrap`.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
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
	cloud, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &assigner.Assigner{
		Config:      settings,
		EC2:         ec2.NewFromConfig(cloud),
		AutoScaling: autoscaling.NewFromConfig(cloud),
		Waiter:      waiter.Waiter{Min: time.Second, Max: 5 * time.Second},
		Log:         log,
	}, nil
}
