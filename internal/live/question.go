// Package live asks real clouds what their documentation leaves open and the provider assumes, and
// reports the answers beside the assumptions. The suites of questions are the packages below it,
// one a cloud; docs/guides/assumptions.md is the list of assumptions that they settle.
package live

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Prefix begins the name of everything that a suite makes; Tag is the key of the tag on all that can
// carry one, and the session's id its value.
const (
	Prefix = "ccl-live-"
	Tag    = "crosscloudlink-live"
)

// Guide is where the assumptions stand; a question's id is the fragment of its row.
const Guide = "docs/guides/assumptions.md"

// Reliance says what becomes of the provider if a cloud answers otherwise than assumed.
type Reliance string

// What the guide says of each assumption, in its words.
const (
	// Guarded: every answer is handled, and no configuration has to change.
	Guarded Reliance = "guarded"
	// ReliedOn: another answer is a defect of the provider, and fails the suite.
	ReliedOn Reliance = "relied on"
	// Unused: no code depends on the answer; people who read errors or plan an operation do.
	Unused Reliance = "nothing in the provider"
)

// Question is one that only a real account can answer.
type Question struct {
	// ID is stable: the guide's row, the report and `go test -run` name the question by it.
	ID string
	// Text is the question.
	Text string
	// Calls are the API calls that ask it, in order.
	Calls []string
	// Assumed are the answers (Answer.Is) that agree with the provider's assumption; none at all
	// where any answer will do.
	Assumed  []string
	Reliance Reliance
	// Needs are the variables without which the question is not asked.
	Needs []string
	// Timeout bounds the asking; zero means DefaultTimeout.
	Timeout time.Duration
	// Ask asks. An error that is an *UndecidedError tells that the cloud answered, and that the
	// answer settles nothing; any other, that the question could not be put.
	Ask func(context.Context, *Session) (Answer, error)
}

// DefaultTimeout is how long a question may take that names no Timeout.
const DefaultTimeout = 20 * time.Minute

// Answer is what a cloud answered.
type Answer struct {
	// Is is the answer in the words of Question.Assumed.
	Is string
	// Seen is what it was read from: codes, texts, times.
	Seen string
}

// Answered returns an answer; format and args make its Seen.
func Answered(is, format string, args ...any) (Answer, error) {
	return Answer{Is: is, Seen: fmt.Sprintf(format, args...)}, nil
}

// UndecidedError says why what a cloud answered settles nothing.
type UndecidedError struct{ Why string }

func (e *UndecidedError) Error() string { return e.Why }

// Undecided returns no answer, and an *UndecidedError.
func Undecided(format string, args ...any) (Answer, error) {
	return Answer{}, &UndecidedError{Why: fmt.Sprintf(format, args...)}
}

func undecided(err error) bool {
	var u *UndecidedError
	return errors.As(err, &u)
}

// Input is an environment variable that a suite reads.
type Input struct{ Name, Meaning string }

// Suite is the questions for one cloud. Its questions share what they make, so that a suite is for one
// session only.
type Suite struct {
	// Cloud is "aws", "azure" or "databricks": the name of the report.
	Cloud string
	// Switch is the variable that must be set for real accounts to be asked.
	Switch string
	// Inputs are all variables that questions need or take.
	Inputs    []Input
	Questions []Question
}
