package elasticip

import "fmt"

// Error is a refusal with EC2's code; over HTTP its status is 400.
type Error struct{ Code, Message string }

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func noAllocation(id string) *Error {
	return refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", id)
}

func noAddress(publicIP string) *Error {
	return refuse("InvalidAddress.NotFound", "Address '%s' not found.", publicIP)
}
