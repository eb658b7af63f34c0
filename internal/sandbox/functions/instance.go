package functions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// InstanceCredentials are what an instance's metadata service hands out for the role of its
// instance profile. Calls made with them are judged by that role's policies.
type InstanceCredentials struct {
	// RoleName is the last part of iam/security-credentials/ROLE.
	RoleName        string
	AccessKeyID     string
	SecretAccessKey string
	Token           string
}

// ErrNotAssumable is in the error about an instance profile that gives an instance no credentials: it
// does not exist, it holds no role, or the role does not trust ec2.amazonaws.com.
var ErrNotAssumable = errors.New("EC2 cannot assume a role for the instance")

// InstanceCredentials returns the credentials of the role that an instance profile holds now, for
// one instance: the same ones as long as the role is the same. They end with EndInstance, and no call is
// allowed with them once the role is gone. An error that is not ErrNotAssumable is moto's.
func (s *Service) InstanceCredentials(ctx context.Context, profileARN, instanceID string) (InstanceCredentials, error) {
	roleARN, err := s.roleOfProfile(ctx, profileARN)
	if err != nil {
		return InstanceCredentials{}, err
	}
	role, err := s.roles.role(ctx, roleARN)
	if errorsIsNoRole(err) || (err == nil && !role.trusts("ec2.amazonaws.com")) {
		return InstanceCredentials{}, fmt.Errorf("role %s of %s does not trust ec2.amazonaws.com: %w", roleARN, profileARN, ErrNotAssumable)
	}
	if err != nil {
		return InstanceCredentials{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, known := range s.sessions {
		if known.instance == instanceID && known.role == roleARN {
			return credentialsOf(role.name, key), nil
		}
	}
	key := newAccessKey()
	s.sessions[key] = session{instance: instanceID, role: roleARN}
	return credentialsOf(role.name, key), nil
}

// EndInstance ends the credentials of an instance that is gone. An unknown id is no error.
func (s *Service) EndInstance(instanceID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.sessions, func(_ string, known session) bool { return instanceID != "" && known.instance == instanceID })
}

func (s *Service) roleOfProfile(ctx context.Context, profileARN string) (string, error) {
	name := profileARN[strings.LastIndex(profileARN, "/")+1:]
	out, err := s.roles.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
	if clouderr.IsAWS(err, "NoSuchEntity") || (err == nil && aws.ToString(out.InstanceProfile.Arn) != profileARN) {
		return "", fmt.Errorf("instance profile %s does not exist: %w", profileARN, ErrNotAssumable)
	}
	if err != nil {
		return "", fmt.Errorf("reading instance profile %s: %w", profileARN, err)
	}
	if len(out.InstanceProfile.Roles) == 0 {
		return "", fmt.Errorf("instance profile %s holds no role: %w", profileARN, ErrNotAssumable)
	}
	return aws.ToString(out.InstanceProfile.Roles[0].Arn), nil
}

func credentialsOf(roleName, accessKey string) InstanceCredentials {
	return InstanceCredentials{RoleName: roleName, AccessKeyID: accessKey, SecretAccessKey: secretOf(accessKey), Token: tokenOf(accessKey)}
}
