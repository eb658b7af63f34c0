package assignerbench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench/assignerbench/blog"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// contender serves all events at once, in one process, and returns when the last one has ended. A launch that it
// could not serve is no error: what became of it shows in the account.
type contender func(ctx context.Context, e *emulator, events [][]byte) error

// serveOurs runs the assigner, with clients of its own for each launch, as the function's processes have.
func serveOurs(ctx context.Context, e *emulator, events [][]byte) error {
	cloud := e.config(contenderKey)
	var all sync.WaitGroup
	for _, event := range events {
		all.Go(func() {
			function := assigner.Assigner{
				Config: settings, EC2: ec2.NewFromConfig(cloud), AutoScaling: autoscaling.NewFromConfig(cloud),
				Waiter: waiter.Waiter{Min: time.Second, Max: 5 * time.Second}, Log: e.log,
			}
			if _, err := function.Handle(ctx, event); err != nil {
				e.log.ErrorContext(ctx, "a launch was not served", "error", err.Error())
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// serveBlogs runs the Python function, a thread for each launch.
func serveBlogs(ctx context.Context, e *emulator, events [][]byte) error {
	program, err := writeBlogFunction()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(program)) }()
	cmd := exec.CommandContext(ctx, e.python, program)
	cmd.Env = append(blogEnvironment(e), "CONNECTIONS="+strconv.Itoa(len(events)))
	var input bytes.Buffer
	for _, event := range events {
		input.Write(append(event, '\n'))
	}
	cmd.Stdin = &input
	var errors bytes.Buffer
	cmd.Stderr = &errors
	answers, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, lastLine(errors.String()))
	}
	if got := bytes.Count(answers, []byte("\n")); got != len(events) {
		return fmt.Errorf("%s answered %d of %d events", filepath.Base(program), got, len(events))
	}
	return nil
}

// blogEnvironment is what Lambda would give the function, with the bench's names.
func blogEnvironment(e *emulator) []string {
	return append(e.variables(contenderKey), "POOL_TAG_KEY="+eiptag.DefaultPoolKey, "PATH=/usr/local/bin:/usr/bin:/bin")
}

// writeBlogFunction writes the program into a folder of its own.
func writeBlogFunction() (path string, err error) {
	dir, err := os.MkdirTemp("", "crosscloudlink-bench-")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "function.py")
	return path, os.WriteFile(path, blog.Function, 0o600)
}

// blogError is why the function did not serve an event; "" when it did.
func blogError(answer []byte) string {
	var line struct{ Error string }
	if err := json.Unmarshal(bytes.TrimSpace(answer), &line); err != nil {
		return fmt.Sprintf("the answer %q is not understood", answer)
	}
	return line.Error
}

func lastLine(text string) string {
	last := ""
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			last = line
		}
	}
	return last
}
