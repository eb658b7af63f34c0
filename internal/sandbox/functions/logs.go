package functions

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	logsapi "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// logTimeout bounds one call to CloudWatch Logs.
const logTimeout = 10 * time.Second

// logDelay is how long a line waits for others before it goes to CloudWatch Logs. A line can
// come through the pipe after the end of the invocation that wrote it.
const logDelay = 100 * time.Millisecond

// logSink takes functions' output to a file each under Dir and to CloudWatch Logs.
type logSink struct {
	client *logsapi.Client
	dir    string
	logger *slog.Logger
}

func newLogSink(cfg aws.Config, dir string, logger *slog.Logger) *logSink {
	return &logSink{client: logsapi.NewFromConfig(cfg), dir: dir, logger: logger}
}

// permission answers whether the function's role allows an action on a resource.
type permission func(action, resource string) bool

// logStream is the output of one process. Lines go to the file at once and to CloudWatch
// Logs at flush, if the role allows: as with Lambda, logging needs rights of the function's role.
type logStream struct {
	sink          *logSink
	group, stream string
	groupARN      string
	may           permission

	// sending serialises flushes.
	sending sync.Mutex
	created bool

	mu      sync.Mutex
	file    *os.File
	partial []byte
	pending []types.InputLogEvent
	later   *time.Timer // flushes what is pending; nil when nothing is, or all is closed
	recent  []byte
}

func (l *logSink) open(function, group, stream string, may permission, region, account string) (*logStream, error) {
	file, err := os.OpenFile(filepath.Join(l.dir, function+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &logStream{
		sink: l, group: group, stream: stream, may: may, file: file,
		groupARN: fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s", region, account, group),
	}, nil
}

// Write takes the process's output.
func (s *logStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, p...)
	for {
		line, rest, found := bytes.Cut(s.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		s.addLocked(string(line))
		s.partial = bytes.Clone(rest)
	}
}

// note adds a line of the platform's own.
func (s *logStream) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.addLocked(string(s.partial))
		s.partial = nil
	}
	s.addLocked(line)
}

func (s *logStream) addLocked(line string) {
	if s.file != nil {
		_, _ = s.file.WriteString(line + "\n")
	}
	s.recent = append(append(s.recent, line...), '\n')
	if over := len(s.recent) - logTail; over > 0 {
		s.recent = s.recent[over:]
	}
	if strings.TrimSpace(line) == "" {
		return
	}
	s.pending = append(s.pending, types.InputLogEvent{Message: aws.String(line), Timestamp: aws.Int64(time.Now().UnixMilli())})
	if s.later == nil && s.file != nil {
		s.later = time.AfterFunc(logDelay, s.flush)
	}
}

func (s *logStream) tail(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.recent[max(0, len(s.recent)-n):])
}

func (s *logStream) close() {
	s.flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.file.Close()
	s.file = nil
}

// flush sends what is pending. What cannot be sent is in the file alone.
func (s *logStream) flush() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	events := s.pending
	s.pending = nil
	if s.later != nil {
		s.later.Stop()
		s.later = nil
	}
	s.mu.Unlock()
	if len(events) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
	defer cancel()
	if err := s.send(ctx, events); err != nil {
		s.sink.logger.Warn("a function's log was not delivered", "group", s.group, "error", err)
	}
}

func (s *logStream) send(ctx context.Context, events []types.InputLogEvent) error {
	streamARN := s.groupARN + ":log-stream:" + s.stream
	if !s.created {
		if err := s.create(ctx, streamARN); err != nil {
			return err
		}
		s.created = true
	}
	if !s.may("logs:PutLogEvents", streamARN) {
		return fmt.Errorf("the function's role does not allow logs:PutLogEvents on %s", streamARN)
	}
	_, err := s.sink.client.PutLogEvents(ctx, &logsapi.PutLogEventsInput{
		LogGroupName: aws.String(s.group), LogStreamName: aws.String(s.stream), LogEvents: events,
	})
	return err
}

// create makes the stream and, where the role allows it, a missing group: Lambda does so
// too, which is how a group comes back that was deleted before its function.
func (s *logStream) create(ctx context.Context, streamARN string) error {
	if !s.may("logs:CreateLogStream", streamARN) {
		return fmt.Errorf("the function's role does not allow logs:CreateLogStream on %s", streamARN)
	}
	in := &logsapi.CreateLogStreamInput{LogGroupName: aws.String(s.group), LogStreamName: aws.String(s.stream)}
	_, err := s.sink.client.CreateLogStream(ctx, in)
	if !clouderr.IsAWS(err, "ResourceNotFoundException") {
		return err
	}
	if !s.may("logs:CreateLogGroup", s.groupARN+":log-stream:") {
		return fmt.Errorf("log group %s does not exist and the function's role does not allow logs:CreateLogGroup", s.group)
	}
	if _, err := s.sink.client.CreateLogGroup(ctx, &logsapi.CreateLogGroupInput{LogGroupName: aws.String(s.group)}); err != nil &&
		// Another process of the function was faster.
		!clouderr.IsAWS(err, "ResourceAlreadyExistsException") {
		return err
	}
	_, err = s.sink.client.CreateLogStream(ctx, in)
	return err
}
