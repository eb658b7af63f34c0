package assigner

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Environment variables of the function.
const (
	envPoolTagKey    = "POOL_TAG_KEY"
	envPoolName      = "POOL_NAME"
	envGroup         = "AUTO_SCALING_GROUP_NAME"
	envLaunchHook    = "LAUNCH_HOOK"
	envTerminateHook = "TERMINATE_HOOK"
	envHeartbeat     = "HEARTBEAT_TIMEOUT_SECONDS"
)

// maxClaimBudget bounds how long an instance may wait for an address, however long its
// hook could be kept alive: a waiting instance costs money and serves nobody.
const maxClaimBudget = time.Hour

// Config is what one function serves: one pool, one group, its two hooks.
type Config struct {
	// PoolTagKey and PoolName are the tag that marks the pool's addresses.
	PoolTagKey, PoolName string
	// Group is the Auto Scaling group's name.
	Group string
	// LaunchHook and TerminateHook are the names of our hooks on the group.
	LaunchHook, TerminateHook string
	// HeartbeatTimeout is the launch hook's; heartbeats are sent three times as often.
	HeartbeatTimeout time.Duration
}

// Environment is the function's environment for this configuration.
func (c Config) Environment() map[string]string {
	return map[string]string{
		envPoolTagKey:    c.PoolTagKey,
		envPoolName:      c.PoolName,
		envGroup:         c.Group,
		envLaunchHook:    c.LaunchHook,
		envTerminateHook: c.TerminateHook,
		envHeartbeat:     strconv.Itoa(int(c.HeartbeatTimeout / time.Second)),
	}
}

// ConfigFromEnvironment reads the configuration that Environment wrote. The error
// names every variable that is missing or malformed.
func ConfigFromEnvironment(getenv func(string) string) (Config, error) {
	var errs []error
	get := func(name string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("environment variable %s is not set", name))
		}
		return v
	}
	c := Config{
		PoolTagKey: get(envPoolTagKey), PoolName: get(envPoolName), Group: get(envGroup),
		LaunchHook: get(envLaunchHook), TerminateHook: get(envTerminateHook),
	}
	if text := get(envHeartbeat); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds <= 0 {
			errs = append(errs, fmt.Errorf("environment variable %s is %q, not a positive number of seconds", envHeartbeat, text))
		}
		c.HeartbeatTimeout = time.Duration(seconds) * time.Second
	}
	return c, errors.Join(errs...)
}

// heartbeatEvery is the pause between two heartbeats.
func (c Config) heartbeatEvery() time.Duration { return c.HeartbeatTimeout / 3 }

// claimBudget is how long after its launch an instance may still wait for an address
// before it is abandoned. Auto Scaling keeps a hook alive for at most 100 heartbeat
// time-outs; we end a little earlier, to abandon with a reason of our own.
func (c Config) claimBudget() time.Duration { return min(90*c.HeartbeatTimeout, maxClaimBudget) }
