package eipassigner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Kinds of rule and of hook.
const (
	kindLaunch    = "launch"
	kindTerminate = "terminate"
	kindSchedule  = "schedule"
)

// ruleKinds are the function's rules, in the order in which they are made.
var ruleKinds = []string{kindLaunch, kindTerminate, kindSchedule}

// spec is what one assigner consists of in AWS. Everything in it and derived from it is
// known in the plan once its inputs are.
type spec struct {
	name, owner  string
	group        groupARN
	pool, tagKey string
	architecture string
	// heartbeat is the launch hook's time-out in seconds.
	heartbeat int64
	schedule  string
	// retention of the log, in days.
	retention int64
	// roleARN is a role of the user's own; empty means that we make one.
	roleARN, rolePath, boundary string
	kmsKey, codeSigning         string
	// failureDestination is the ARN of where Lambda puts an event that it gives up; "" for nowhere.
	failureDestination      string
	subnets, securityGroups []string
	// tags of everything made, default tags and the owner's included.
	tags map[string]string
}

// suffix makes the names unique for this name, group and owner, and is the same on every
// run, so that a run after a killed one finds what that one made.
func (s spec) suffix() string {
	sum := sha256.Sum256([]byte(s.name + "\x00" + s.group.text + "\x00" + s.owner))
	return hex.EncodeToString(sum[:4])
}

func (s spec) functionName() string { return s.name + "-" + s.suffix() }

func (s spec) functionARN() string { return s.group.arn("lambda", "function:"+s.functionName()) }

func (s spec) logGroup() string { return "/aws/lambda/" + s.functionName() }

func (s spec) logGroupARN() string { return s.group.arn("logs", "log-group:"+s.logGroup()) }

func (s spec) ruleName(kind string) string { return s.functionName() + "-" + kind }

func (s spec) ruleARN(kind string) string { return s.group.arn("events", "rule/"+s.ruleName(kind)) }

func (s spec) hookName(kind string) string { return s.functionName() + "-" + kind }

// statementID names a rule's permission in the function's policy.
func (s spec) statementID(kind string) string { return "crosscloudlink-" + kind }

// ownRole reports whether the role is ours to make.
func (s spec) ownRole() bool { return s.roleARN == "" }

// roleName is the name of the role that the function runs as.
func (s spec) roleName() string {
	if s.ownRole() {
		return s.functionName()
	}
	return s.roleARN[strings.LastIndex(s.roleARN, "/")+1:]
}

func (s spec) effectiveRoleARN() string {
	if !s.ownRole() {
		return s.roleARN
	}
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", s.group.partition, s.group.account, s.rolePath, s.roleName())
}

// metadata marks a hook as ours; a hook without it is never changed or deleted.
func (s spec) metadata() string { return "crosscloudlink:" + s.owner + ":" + s.functionName() }

func (s spec) config() assigner.Config {
	return assigner.Config{
		PoolTagKey: s.tagKey, PoolName: s.pool, Group: s.group.name,
		LaunchHook: s.hookName(kindLaunch), TerminateHook: s.hookName(kindTerminate),
		HeartbeatTimeout: time.Duration(s.heartbeat) * time.Second,
	}
}

func (s spec) environment() map[string]string { return s.config().Environment() }

// allTags is tags with the owner's mark.
func allTags(defaults, own map[string]string, owner string) map[string]string {
	tags := maps.Clone(defaults)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, own)
	tags[eiptag.Owner] = owner
	return tags
}

// detailTypes and hooks of the events that a rule lets through.
var detailTypes = map[string]string{
	kindLaunch:    "EC2 Instance-launch Lifecycle Action",
	kindTerminate: "EC2 Instance-terminate Lifecycle Action",
}

// pattern is the event pattern of a rule; "" for the scheduled one.
func (s spec) pattern(kind string) string {
	detailType, ok := detailTypes[kind]
	if !ok {
		return ""
	}
	return mustJSON(map[string]any{
		"source":      []string{"aws.autoscaling"},
		"detail-type": []string{detailType},
		"detail": map[string]any{
			"AutoScalingGroupName": []string{s.group.name},
			"LifecycleHookName":    []string{s.hookName(kind)},
		},
	})
}

// scheduleOf is the schedule of a rule; "" for one with a pattern.
func (s spec) scheduleOf(kind string) string {
	if kind == kindSchedule {
		return s.schedule
	}
	return ""
}

// targetInput is what a rule hands to the function; "" means the event itself.
func (s spec) targetInput(kind string) string {
	if kind == kindSchedule {
		return `{"reconcile":true}`
	}
	return ""
}

// mustJSON encodes what cannot fail to encode: maps, slices and strings.
func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
