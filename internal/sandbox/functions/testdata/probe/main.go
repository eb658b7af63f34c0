// Command probe is a Lambda function for tests: the event says what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

type event struct {
	// Detail is set in events of Auto Scaling.
	Detail struct {
		LifecycleActionToken, AutoScalingGroupName, LifecycleHookName, EC2InstanceID string
	} `json:"detail"`
	// The rest is for direct invocations.
	Getenv    string `json:"getenv"`
	Print     string `json:"print"`
	Fail      string `json:"fail"`
	Exit      bool   `json:"exit"`
	Hang      bool   `json:"hang"`
	Call      string `json:"call"`
	Argument  string `json:"argument"`
	Argument2 string `json:"argument2"`
}

func handle(ctx context.Context, e event) (string, error) {
	switch {
	case e.Detail.LifecycleActionToken != "":
		return complete(ctx, e)
	case e.Getenv != "":
		return os.Getenv(e.Getenv), nil
	case e.Print != "":
		fmt.Println(e.Print)
		return "printed", nil
	case e.Fail != "":
		return "", errors.New(e.Fail)
	case e.Exit:
		os.Exit(3)
	case e.Hang:
		select {}
	case e.Call != "":
		return call(ctx, e)
	}
	// Any other event is an append-only mark, so that a test can count deliveries.
	f, err := os.OpenFile(os.Getenv("MARKS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	_, err = f.WriteString("x")
	return "marked", err
}

func complete(ctx context.Context, e event) (string, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return "", err
	}
	_, err = autoscaling.NewFromConfig(cfg).CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName:  aws.String(e.Detail.AutoScalingGroupName),
		LifecycleHookName:     aws.String(e.Detail.LifecycleHookName),
		LifecycleActionToken:  aws.String(e.Detail.LifecycleActionToken),
		LifecycleActionResult: aws.String(os.Getenv("RESULT")),
	})
	return "completed", err
}

func call(ctx context.Context, e event) (string, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return "", err
	}
	client := ec2.NewFromConfig(cfg)
	switch e.Call {
	case "DescribeAddresses":
		_, err = client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	case "AssociateAddress":
		_, err = client.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: aws.String(e.Argument), NetworkInterfaceId: aws.String(e.Argument2)})
	default:
		err = fmt.Errorf("unknown call %q", e.Call)
	}
	return "called", err
}

func main() { lambda.Start(handle) }
