package awslive

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// rounds is how often a question about timing is asked.
const rounds = 20

// Bounds that the provider sets itself for reading back: of the function, and of an apply.
const (
	functionBound = 30 * time.Second
	applyBound    = 2 * time.Minute
)

// addressQuestions are about Elastic IPs and network interfaces that belong to no instance.
func (s *suite) addressQuestions() []live.Question {
	return []live.Question{
		{
			ID: "aws-reassociation-race", Text: "Does an address have one taker, however many ask for it at once with AllowReassociation = false?",
			Calls:   []string{fmt.Sprintf("AssociateAddress of one address to %d network interfaces at once, %d times", interfaceCount, rounds), "DescribeAddresses"},
			Assumed: []string{"one taker"}, Reliance: live.Guarded, Ask: s.askRace,
		},
		{
			ID: "aws-reassociation-target", Text: "Does AllowReassociation = false refuse a target that holds another Elastic IP?",
			Calls:   []string{"AssociateAddress A to an interface", "AssociateAddress B to the same with AllowReassociation = false", "DescribeAddresses"},
			Assumed: []string{"refused"}, Reliance: live.Guarded, Ask: s.askTarget,
		},
		{
			ID: "aws-describe-lag", Text: "How long does DescribeAddresses lag behind AssociateAddress?",
			Calls:   []string{fmt.Sprintf("AssociateAddress, then DescribeAddresses until it shows the association, %d times", rounds)},
			Assumed: []string{"within " + functionBound.String(), "within " + applyBound.String()}, Reliance: live.Guarded, Ask: s.askLag,
		},
		{
			ID: "aws-recover-address", Text: "Can an address be had back once it was released, and with which code is it refused?",
			Calls:    []string{"AllocateAddress", "ReleaseAddress", "AllocateAddress with Address"},
			Reliance: live.Guarded, Ask: s.askRecover,
		},
	}
}

// holding is two free addresses and the interfaces.
func (s *suite) holding(ctx context.Context, session *live.Session) ([]address, []string, error) {
	interfaces, err := s.networkInterfaces(ctx, session)
	if err != nil {
		return nil, nil, err
	}
	addresses, err := s.elasticIPs(ctx, session)
	return addresses, interfaces, err
}

func (s *suite) askRace(ctx context.Context, session *live.Session) (live.Answer, error) {
	addresses, interfaces, err := s.holding(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	id := addresses[0].allocationID
	worst, refusals := 1, map[string]int{}
	for round := range rounds {
		if err := s.disassociate(ctx, session, id); err != nil {
			return live.Answer{}, err
		}
		winners, err := s.race(ctx, id, interfaces, refusals)
		if err != nil {
			return live.Answer{}, err
		}
		now, err := s.look(ctx, id)
		if err != nil {
			return live.Answer{}, err
		}
		if worst = max(worst, len(winners)); len(winners) != 1 || now.NetworkInterfaceId != nil && aws.ToString(now.NetworkInterfaceId) != winners[0] {
			session.Log("round %d: taken by %v, shown at %s", round+1, winners, aws.ToString(now.NetworkInterfaceId))
			worst = max(worst, 2)
		}
	}
	if worst > 1 {
		return live.Answered("more than one taker", "in %d rounds of %d callers; refusals %v", rounds, len(interfaces), refusals)
	}
	return live.Answered("one taker", "in each of %d rounds of %d callers; refusals %v", rounds, len(interfaces), refusals)
}

// race has all interfaces ask for one address at once, and returns those that got it.
func (s *suite) race(ctx context.Context, allocationID string, interfaces []string, refusals map[string]int) ([]string, error) {
	start, answers := make(chan struct{}), make([]error, len(interfaces))
	var callers sync.WaitGroup
	for i, interfaceID := range interfaces {
		callers.Go(func() {
			<-start
			answers[i] = s.associate(ctx, allocationID, interfaceID)
		})
	}
	close(start)
	callers.Wait()
	var winners []string
	for i, err := range answers {
		switch code := clouderr.AWSCode(err); {
		case err == nil:
			winners = append(winners, interfaces[i])
		case code == "":
			return nil, err
		default:
			refusals[code]++
		}
	}
	return winners, nil
}

func (s *suite) askTarget(ctx context.Context, session *live.Session) (live.Answer, error) {
	addresses, interfaces, err := s.holding(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if err := s.associate(ctx, addresses[0].allocationID, interfaces[0]); err != nil {
		return live.Answer{}, err
	}
	err = s.associate(ctx, addresses[1].allocationID, interfaces[0])
	if code := clouderr.AWSCode(err); code != "" {
		return live.Answered("refused", "%s: %s", code, clouderr.AWSMessage(err))
	}
	if err != nil {
		return live.Answer{}, err
	}
	first, err := s.look(ctx, addresses[0].allocationID)
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answered("taken", "the second address was associated; the first is now at %q", aws.ToString(first.NetworkInterfaceId))
}

func (s *suite) askLag(ctx context.Context, session *live.Session) (live.Answer, error) {
	addresses, interfaces, err := s.holding(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	id, worst := addresses[0].allocationID, time.Duration(0)
	for round := range rounds {
		if err := s.disassociate(ctx, session, id); err != nil {
			return live.Answer{}, err
		}
		wanted := interfaces[round%len(interfaces)]
		if err := s.associate(ctx, id, wanted); err != nil {
			return live.Answer{}, err
		}
		start := time.Now()
		err := session.Waiter.Until(ctx, "the association to show", func(ctx context.Context) (string, bool, error) {
			now, err := s.look(ctx, id)
			return aws.ToString(now.NetworkInterfaceId), aws.ToString(now.NetworkInterfaceId) == wanted, err
		})
		if err != nil {
			return live.Answer{}, err
		}
		worst = max(worst, time.Since(start))
	}
	is := "later than " + applyBound.String()
	switch {
	case worst <= functionBound:
		is = "within " + functionBound.String()
	case worst <= applyBound:
		is = "within " + applyBound.String()
	}
	return live.Answered(is, "at most %s in %d rounds", worst.Round(time.Millisecond), rounds)
}

func (s *suite) askRecover(ctx context.Context, session *live.Session) (live.Answer, error) {
	// So that all addresses of the session are noted.
	if _, err := s.elasticIPs(ctx, session); err != nil {
		return live.Answer{}, err
	}
	cloud, err := s.cloud(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	third, err := allocate(ctx, cloud, session, "")
	if err != nil {
		return live.Answer{}, err
	}
	release := func(id string) error {
		_, err := cloud.EC2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &id})
		return err
	}
	if err := release(third.allocationID); err != nil {
		return live.Answer{}, err
	}
	again, err := allocate(ctx, cloud, session, third.publicIP)
	if code := clouderr.AWSCode(err); code != "" {
		return live.Answered("refused: "+code, "%s", clouderr.AWSMessage(err))
	}
	if err != nil {
		return live.Answer{}, err
	}
	return live.Answer{Is: "had back", Seen: fmt.Sprintf("asked for at once, %s was %s again", third.publicIP, again.publicIP)}, release(again.allocationID)
}
