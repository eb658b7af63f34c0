package functions

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// keyState is the state of a KMS key ("Enabled", "Disabled", …), or "" when there is no such key.
func (s *Service) keyState(ctx context.Context, arn string) (string, error) {
	var out struct {
		KeyMetadata struct{ Arn, KeyState string }
	}
	err := s.moto.JSON(ctx, "kms", "1.1", "TrentService.DescribeKey", map[string]string{"KeyId": arn}, &out)
	if refusal, ok := errors.AsType[*awsapi.Error](err); ok && refusal.Code == "NotFoundException" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if out.KeyMetadata.Arn != arn {
		return "", nil
	}
	return out.KeyMetadata.KeyState, nil
}

const enabledKey = "Enabled"

// checkKey refuses a key for the environment that does not exist or is not enabled.
func (s *Service) checkKey(ctx context.Context, arn string) *awsapi.Error {
	if arn == "" {
		return nil
	}
	state, err := s.keyState(ctx, arn)
	const text = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: "
	switch {
	case err != nil:
		return internalError(err)
	case state == "":
		return invalidParameter("%sNotFoundException KMS Message: Key '%s' does not exist", text, arn)
	case state != enabledKey:
		return invalidParameter("%sDisabledException KMS Message: %s is %s.", text, arn, strings.ToLower(state))
	}
	return nil
}

// decrypt reads a function's environment as Lambda does when it starts a process: the key
// must be usable, and by the function's role.
func (s *Service) decrypt(ctx context.Context, f *function) *awsapi.Error {
	if f.config.KMSKeyArn == "" || len(f.config.Environment.Variables) == 0 {
		return nil
	}
	const settings = "Please check the function's KMS key settings. KMS Exception: "
	state, err := s.keyState(ctx, f.config.KMSKeyArn)
	switch {
	case err != nil:
		return internalError(err)
	case state == "":
		return awsapi.Errorf(http.StatusBadGateway, "KMSNotFoundException",
			"Lambda was unable to decrypt the environment variables because the KMS key was not found. %sNotFoundException KMS Message: Key '%s' does not exist", settings, f.config.KMSKeyArn)
	case state != enabledKey:
		return awsapi.Errorf(http.StatusBadGateway, "KMSDisabledException",
			"Lambda was unable to decrypt the environment variables because the KMS key used is disabled. %sDisabledException KMS Message: %s is %s.", settings, f.config.KMSKeyArn, strings.ToLower(state))
	}
	verdict, text, err := s.judge(ctx, session{function: f.name, role: f.config.Role}, "kms:Decrypt", f.config.KMSKeyArn, map[string][]string{
		"kms:viaservice": {"lambda." + s.deps.Region + ".amazonaws.com"},
		"kms:encryptioncontext:aws:lambda:functionarn": {f.arn},
	})
	switch {
	case err != nil:
		return internalError(err)
	case verdict != allowed:
		return awsapi.Errorf(http.StatusBadGateway, "KMSAccessDeniedException",
			"Lambda was unable to decrypt the environment variables because KMS access was denied. %sAccessDeniedException KMS Message: %s", settings, text)
	}
	return nil
}
