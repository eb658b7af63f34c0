package awscloud

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

func badRequest(code, format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, code, format, args...)
}

// refusal is an error of the rules of Elastic IPs as the API shows it; nil for nil.
func refusal(err error) *awsapi.Error {
	var refused *elasticip.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return badRequest(refused.Code, "%s", refused.Message)
	default:
		return awsapi.Errorf(http.StatusInternalServerError, "InternalError", "%s", err)
	}
}

// newID makes an id with 17 hexadecimal digits, as EC2's are: vpce-svc-0123456789abcdef0.
func newID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return prefix + "-0" + hex.EncodeToString(b[:])
}
