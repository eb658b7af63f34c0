// Package awslive asks AWS what its documentation leaves open about Elastic IPs, Auto Scaling and PrivateLink.
package awslive

import (
	"context"
	"errors"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Variables that the suite reads.
const (
	inputSubnet   = "CROSSCLOUDLINK_LIVE_AWS_SUBNET_ID"
	inputImage    = "CROSSCLOUDLINK_LIVE_AWS_AMI_ID"
	inputService  = "CROSSCLOUDLINK_LIVE_ENDPOINT_SERVICE_ID"
	inputEndpoint = "CROSSCLOUDLINK_LIVE_VPC_ENDPOINT_ID"
	inputEcho     = "CROSSCLOUDLINK_LIVE_ECHO_ADDRESS"
	inputSilences = "CROSSCLOUDLINK_LIVE_ECHO_SILENCES"
)

// poolTag marks what the role of askByTags may move; others of the session's things lack it.
const poolTag = live.Tag + "-pool"

// Options are how the suite reaches AWS.
type Options struct {
	Connect func(context.Context) (*clients.AWS, error)
	// Dial opens a connection to the echo service; nil means that of net.Dialer, without keepalives.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Live reaches the AWS that the environment leads to, as the provider does.
func Live(getenv func(string) string) Options {
	all := clients.New(clients.Config{Getenv: getenv})
	return Options{Connect: func(ctx context.Context) (*clients.AWS, error) {
		cloud, diags := all.AWS(ctx)
		return cloud, live.Refusal(diags)
	}}
}

// suite is what the questions share.
type suite struct {
	options Options

	connected  live.Once[*clients.AWS]
	network    live.Once[string]
	interfaces live.Once[[]string]
	addresses  live.Once[[]address]
	role       live.Once[*role]
	fleet      live.Once[*fleet]
	abandoned  live.Once[*abandonment]
}

// Suite returns the questions, in the order in which they are asked.
func Suite(options Options) live.Suite {
	s := &suite{options: options}
	questions := append(s.addressQuestions(), s.roleQuestions()...)
	questions = append(questions, s.groupQuestions()...)
	return live.Suite{
		Cloud: "aws", Switch: "TF_ACC_AWS",
		Inputs: []live.Input{
			{Name: inputSubnet, Meaning: "a subnet of a VPC with an internet gateway, for network interfaces and one instance; a VPC is made unless set"},
			{Name: inputImage, Meaning: "the image of the instance, which needs nothing but to boot; the newest Amazon Linux 2023 unless set"},
			{Name: inputService, Meaning: "the id (vpce-svc-…) of an endpoint service that Databricks is connected to; its connections are listed"},
			{Name: inputEndpoint, Meaning: "the id (vpce-…) of an endpoint whose connection to that service is accepted already; it is accepted once more"},
			{Name: inputEcho, Meaning: "host:port of a TCP echo service behind an interface endpoint, as this machine reaches it"},
			{Name: inputSilences, Meaning: "for how long connections to it are silent; " + defaultSilences + " unless set"},
		},
		Questions: append(questions, s.endpointQuestions()...),
	}
}

// cloud logs in, once.
func (s *suite) cloud(ctx context.Context) (*clients.AWS, error) {
	return s.connected.Get(func() (*clients.AWS, error) { return s.options.Connect(ctx) })
}

// tagged are the tags of a thing that the session makes, beside others by key and value.
func tagged(session *live.Session, kind ec2types.ResourceType, more ...string) []ec2types.TagSpecification {
	tags := []ec2types.Tag{{Key: aws.String(live.Tag), Value: &session.ID}, {Key: aws.String("Name"), Value: aws.String(session.Name(string(kind)))}}
	for i := 0; i+1 < len(more); i += 2 {
		tags = append(tags, ec2types.Tag{Key: &more[i], Value: &more[i+1]})
	}
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: tags}}
}

// ours selects what the session made.
func ours(session *live.Session) []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String("tag:" + live.Tag), Values: []string{session.ID}}}
}

// each does something for each id, and joins what went wrong.
func each(ids []string, do func(string) error) error {
	var failed error
	for _, id := range ids {
		failed = errors.Join(failed, do(id))
	}
	return failed
}

// insist removes until AWS refuses no more: what uses a thing is gone a while after it was deleted.
func insist(ctx context.Context, session *live.Session, what string, remove func(context.Context) error) error {
	return session.Waiter.Until(ctx, what, func(ctx context.Context) (string, bool, error) {
		err := remove(ctx)
		if clouderr.AWSCode(err) != "" {
			return "", false, waiter.Retry(err)
		}
		return "", err == nil, err
	})
}
