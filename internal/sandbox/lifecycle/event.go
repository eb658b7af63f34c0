package lifecycle

// Detail types of the events that Auto Scaling sends to EventBridge.
const (
	EventLaunchHook    = "EC2 Instance-launch Lifecycle Action"
	EventTerminateHook = "EC2 Instance-terminate Lifecycle Action"
	EventLaunched      = "EC2 Instance Launch Successful"
	EventLaunchFailed  = "EC2 Instance Launch Unsuccessful"
	EventTerminated    = "EC2 Instance Terminate Successful"
)

// Event is a hook's event. Its JSON is the event's detail; DetailType goes beside it.
type Event struct {
	DetailType           string `json:"-"`
	LifecycleActionToken string
	AutoScalingGroupName string
	LifecycleHookName    string
	EC2InstanceID        string `json:"EC2InstanceId"`
	LifecycleTransition  Transition
	NotificationMetadata string `json:",omitempty"`
	// Origin and Destination are there for groups with a warm pool only.
	Origin      Place `json:",omitempty"`
	Destination Place `json:",omitempty"`
}

func (i *Instance) event(g Group, a *Action) Event {
	e := Event{
		DetailType: EventLaunchHook, LifecycleActionToken: a.Token, AutoScalingGroupName: g.Name, LifecycleHookName: a.Hook.Name,
		EC2InstanceID: i.id, LifecycleTransition: a.Hook.Transition, NotificationMetadata: a.Hook.NotificationMetadata,
	}
	if a.Hook.Transition == Termination {
		e.DetailType = EventTerminateHook
	}
	if g.Pool != nil {
		e.Origin, e.Destination = i.from, i.to
	}
	return e
}
