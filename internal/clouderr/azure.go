package clouderr

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// azureMessage reads the message of ARM's error format from the answer's body, and
// puts the body back.
func azureMessage(err *azcore.ResponseError) string {
	if err.RawResponse == nil || err.RawResponse.Body == nil {
		return ""
	}
	body, readErr := io.ReadAll(err.RawResponse.Body)
	if readErr != nil {
		return ""
	}
	err.RawResponse.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.Error.Message
}
