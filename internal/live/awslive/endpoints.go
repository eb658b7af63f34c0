package awslive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// databricksAccounts are the accounts in which Databricks makes endpoints: of the commercial regions, and of the two of GovCloud.
var databricksAccounts = []string{"565502421330", "347038500609", "347034940029"}

// defaultSilences are for how long connections to the echo service are silent, unless inputSilences says otherwise.
const defaultSilences = "1m,5m,6m,10m,20m"

// keepalive is how often the proxies send one.
const keepalive = time.Minute

// endpointQuestions are about PrivateLink.
func (s *suite) endpointQuestions() []live.Question {
	return []live.Question{
		{
			ID: "aws-connection-filter", Text: "Does DescribeVpcEndpointConnections know the filter vpc-endpoint-id?",
			Calls: []string{"DescribeVpcEndpointConnections with the filter"}, Reliance: live.Guarded, Ask: s.askFilter,
		},
		{
			ID: "aws-endpoint-owner", Text: "Which account is VpcEndpointOwner of Databricks' endpoint?",
			Calls: []string{"DescribeVpcEndpointConnections of " + inputService}, Assumed: []string{"Databricks' account"}, Reliance: live.Guarded,
			Needs: []string{inputService}, Ask: s.askOwner,
		},
		{
			ID: "aws-accept-twice", Text: "What does AcceptVpcEndpointConnections answer for a connection that is accepted already?",
			Calls:    []string{"DescribeVpcEndpointConnections of " + inputService, "AcceptVpcEndpointConnections of " + inputEndpoint + " if it is available"},
			Reliance: live.Guarded, Needs: []string{inputService, inputEndpoint}, Ask: s.askAcceptTwice,
		},
		{
			ID: "aws-privatelink-idle", Text: "After how long a silence does PrivateLink forget a connection?",
			Calls:   []string{"TCP connections to " + inputEcho + ": echo, silence without keepalives, echo"},
			Assumed: []string{"not before " + keepalive.String()}, Reliance: live.ReliedOn, Needs: []string{inputEcho}, Timeout: 2 * time.Hour, Ask: s.askIdle,
		},
	}
}

func (s *suite) connections(ctx context.Context, filter, value string) ([]ec2types.VpcEndpointConnection, error) {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return nil, err
	}
	var all []ec2types.VpcEndpointConnection
	pages := ec2.NewDescribeVpcEndpointConnectionsPaginator(cloud.EC2, &ec2.DescribeVpcEndpointConnectionsInput{Filters: []ec2types.Filter{{Name: &filter, Values: []string{value}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.VpcEndpointConnections...)
	}
	return all, nil
}

func (s *suite) askFilter(ctx context.Context, _ *live.Session) (live.Answer, error) {
	found, err := s.connections(ctx, "vpc-endpoint-id", "vpce-00000000000000000")
	switch code := clouderr.AWSCode(err); {
	case err == nil:
		return live.Answered("known", "%d connections of an endpoint that nobody has", len(found))
	case strings.HasPrefix(code, "Invalid"):
		return live.Answered("refused", "%s: %s", code, clouderr.AWSMessage(err))
	default:
		return live.Answer{}, err
	}
}

func (s *suite) askOwner(ctx context.Context, session *live.Session) (live.Answer, error) {
	found, err := s.connections(ctx, "service-id", session.Getenv(inputService))
	if err != nil {
		return live.Answer{}, err
	}
	if len(found) == 0 {
		return live.Undecided("nobody is connected to %s", session.Getenv(inputService))
	}
	var seen []string
	theirs := false
	for _, c := range found {
		owner := aws.ToString(c.VpcEndpointOwner)
		seen = append(seen, fmt.Sprintf("%s (%s) of account %s", aws.ToString(c.VpcEndpointId), c.VpcEndpointState, owner))
		for _, account := range databricksAccounts {
			theirs = theirs || owner == account
		}
	}
	if !theirs {
		return live.Answered("another account", "%s: one of these is Databricks', if it is connected", strings.Join(seen, "; "))
	}
	return live.Answered("Databricks' account", "%s", strings.Join(seen, "; "))
}

func (s *suite) askAcceptTwice(ctx context.Context, session *live.Session) (live.Answer, error) {
	serviceID, endpointID := session.Getenv(inputService), session.Getenv(inputEndpoint)
	found, err := s.connections(ctx, "service-id", serviceID)
	if err != nil {
		return live.Answer{}, err
	}
	state := ""
	for _, c := range found {
		if aws.ToString(c.VpcEndpointId) == endpointID {
			state = string(c.VpcEndpointState)
		}
	}
	// Accepting any other would change it.
	if !strings.EqualFold(state, string(ec2types.StateAvailable)) {
		return live.Undecided("the connection of %s to %s is %q, and not available", endpointID, serviceID, state)
	}
	cloud, err := s.cloud(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	out, err := cloud.EC2.AcceptVpcEndpointConnections(ctx, &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &serviceID, VpcEndpointIds: []string{endpointID}})
	switch {
	case clouderr.AWSCode(err) != "":
		return live.Answered("refused", "%s: %s", clouderr.AWSCode(err), clouderr.AWSMessage(err))
	case err != nil:
		return live.Answer{}, err
	case len(out.Unsuccessful) == 0:
		return live.Answered("taken", "no error")
	}
	item := out.Unsuccessful[0]
	if item.Error == nil {
		return live.Answered("unsuccessful", "without an error")
	}
	return live.Answered("unsuccessful", "%s: %s", aws.ToString(item.Error.Code), aws.ToString(item.Error.Message))
}

// silent is a connection that was silent for a while.
type silent struct {
	duration time.Duration
	err      error // why it does not carry anything any more
}

func (s *suite) askIdle(ctx context.Context, session *live.Session) (live.Answer, error) {
	durations, err := silences(cmp.Or(session.Getenv(inputSilences), defaultSilences))
	if err != nil {
		return live.Answer{}, err
	}
	results := make([]silent, len(durations))
	var all sync.WaitGroup
	for i, duration := range durations {
		all.Go(func() { results[i] = silent{duration, s.beSilent(ctx, session, duration)} })
	}
	all.Wait()
	if ctx.Err() != nil {
		return live.Answer{}, ctx.Err()
	}
	alive, dead := time.Duration(0), time.Duration(0)
	var seen []string
	for _, r := range results {
		var setup *setupError
		switch {
		case errors.As(r.err, &setup):
			return live.Answer{}, r.err
		case r.err == nil:
			alive = max(alive, r.duration)
			seen = append(seen, fmt.Sprintf("alive after %s", r.duration))
		default:
			if dead == 0 || r.duration < dead {
				dead = r.duration
			}
			seen = append(seen, fmt.Sprintf("dead after %s (%s)", r.duration, r.err))
		}
	}
	is := "not before " + keepalive.String()
	if dead != 0 && dead <= keepalive {
		is = "before " + keepalive.String()
	}
	return live.Answered(is, "the longest silence survived is %s, the shortest that was not %s: %s", alive, dead, strings.Join(seen, ", "))
}

func silences(text string) ([]time.Duration, error) {
	var all []time.Duration
	for part := range strings.SplitSeq(text, ",") {
		duration, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil || duration <= 0 {
			return nil, fmt.Errorf("%s is %q: write durations with commas between, for example %s", inputSilences, text, defaultSilences)
		}
		all = append(all, duration)
	}
	return all, nil
}

// setupError says that the echo service did not answer even before the silence.
type setupError struct{ err error }

func (e *setupError) Error() string { return "the echo service does not answer: " + e.err.Error() }
func (e *setupError) Unwrap() error { return e.err }

// echoTimeout bounds one exchange with the echo service.
const echoTimeout = 30 * time.Second

// beSilent speaks, is silent, and speaks again. A *setupError is about the first word.
func (s *suite) beSilent(ctx context.Context, session *live.Session, duration time.Duration) error {
	dial := s.options.Dial
	if dial == nil {
		dial = func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{Timeout: echoTimeout, KeepAlive: -1}).DialContext(ctx, "tcp", address)
		}
	}
	conn, err := dial(ctx, session.Getenv(inputEcho))
	if err != nil {
		return &setupError{err}
	}
	defer func() { _ = conn.Close() }()
	if err := echo(conn, "before\n"); err != nil {
		return &setupError{err}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
	}
	return echo(conn, "after\n")
}

func echo(conn net.Conn, word string) error {
	if err := conn.SetDeadline(time.Now().Add(echoTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return err
	}
	answer := make([]byte, len(word))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if string(answer) != word {
		return fmt.Errorf("it answered %q to %q", answer, word)
	}
	return nil
}
