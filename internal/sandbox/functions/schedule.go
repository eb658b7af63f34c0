package functions

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

var rateExpression = regexp.MustCompile(`^rate\((\d+) (minutes?|hours?|days?)\)$`)

// rate reads rate(1 minute), rate(5 minutes), …: the unit is singular for 1 only. It
// returns minutes.
func rate(expression string) (int, bool) {
	part := rateExpression.FindStringSubmatch(expression)
	if part == nil {
		return 0, false
	}
	n, err := strconv.Atoi(part[1])
	unit, plural := strings.CutSuffix(part[2], "s")
	if err != nil || n < 1 || plural == (n == 1) {
		return 0, false
	}
	return n * map[string]int{"minute": 1, "hour": 60, "day": 24 * 60}[unit], true
}

// period is how long a schedule's rounds take here: rate(1 minute) takes Deps.Minute.
func (s *Service) period(expression string) (time.Duration, *awsapi.Error) {
	if minutes, ok := rate(expression); ok {
		return time.Duration(minutes) * s.deps.Minute, nil
	}
	if fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(expression, "cron("), ")")); strings.HasPrefix(expression, "cron(") && len(fields) == 6 {
		return 0, awsapi.Errorf(http.StatusNotImplemented, "NotImplemented", "the sandbox does not implement cron schedules; use rate(…)")
	}
	return 0, eventsInvalid("Parameter ScheduleExpression is not valid.")
}

// startTickingLocked runs an enabled rule's schedule until stopTicking.
func (s *Service) startTickingLocked(rl *rule) {
	if rl.period == 0 || rl.state != "ENABLED" {
		return
	}
	stop := make(chan struct{})
	rl.stop = stop
	name, period := rl.name, rl.period
	s.backgroundLocked(func() {
		for {
			select {
			case <-s.deps.Clock.After(period):
				s.tick(name)
			case <-stop:
				return
			case <-s.ctx.Done():
				return
			}
		}
	})
}

func (s *Service) stopTicking(rl *rule) {
	if rl.stop != nil {
		close(rl.stop)
		rl.stop = nil
	}
}

// tick delivers a Scheduled Event to the rule's own targets.
func (s *Service) tick(name string) {
	s.mu.Lock()
	rl, ok := s.rules[name]
	if !ok {
		s.mu.Unlock()
		return
	}
	arn, targets := rl.arn, slices.Clone(rl.targets)
	s.mu.Unlock()
	text, err := json.Marshal(s.envelope("aws.events", "Scheduled Event", struct{}{}, []string{arn}))
	if err != nil {
		s.deps.Logger.Error(fmt.Sprintf("a scheduled event cannot be written: %s", err))
		return
	}
	s.deliver(arn, targets, text)
}
