package functions

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Policies of a code signing configuration towards code that no profile of it has signed.
const (
	signingWarn    = "Warn"
	signingEnforce = "Enforce"
)

// signingConfig is a code signing configuration. The sandbox verifies no signatures: all
// code counts as unsigned, which Warn lets pass and Enforce does not.
type signingConfig struct {
	id, arn     string
	description string
	profiles    []string
	policy      string
	modified    time.Time
}

func (c *signingConfig) json() map[string]any {
	return map[string]any{"CodeSigningConfig": map[string]any{
		"CodeSigningConfigId": c.id, "CodeSigningConfigArn": c.arn, "Description": c.description,
		"AllowedPublishers":   map[string][]string{"SigningProfileVersionArns": c.profiles},
		"CodeSigningPolicies": map[string]string{"UntrustedArtifactOnDeployment": c.policy},
		"LastModified":        c.modified.UTC().Format(lambdaTime),
	}}
}

// signingInput is the body of CreateCodeSigningConfig and UpdateCodeSigningConfig.
type signingInput struct {
	Description         *string
	AllowedPublishers   *struct{ SigningProfileVersionArns []string }
	CodeSigningPolicies *struct{ UntrustedArtifactOnDeployment string }
	Tags                map[string]string
}

var profileARN = regexp.MustCompile(`^arn:aws[a-zA-Z0-9-]*:signer:[a-z0-9-]+:\d{12}:.+$`)

// applyTo sets what the input names, and refuses what Lambda refuses.
func (in signingInput) applyTo(c *signingConfig) *awsapi.Error {
	set(&c.description, in.Description)
	if in.AllowedPublishers != nil {
		c.profiles = in.AllowedPublishers.SigningProfileVersionArns
	}
	if in.CodeSigningPolicies != nil && in.CodeSigningPolicies.UntrustedArtifactOnDeployment != "" {
		c.policy = in.CodeSigningPolicies.UntrustedArtifactOnDeployment
	}
	switch {
	case len(in.Tags) > 0:
		return lambdaNotImplemented("Tags of code signing configurations")
	case len(c.profiles) < 1 || len(c.profiles) > 20:
		return invalidInput("Value '%v' at 'allowedPublishers.signingProfileVersionArns' failed to satisfy constraint: Member must have length between 1 and 20", c.profiles)
	case c.policy != signingWarn && c.policy != signingEnforce:
		return invalidInput("Value '%s' at 'codeSigningPolicies.untrustedArtifactOnDeployment' failed to satisfy constraint: Member must satisfy enum value set: [Warn, Enforce]", c.policy)
	}
	for _, arn := range c.profiles {
		if !profileARN.MatchString(arn) {
			return invalidInput("Value '%s' at 'allowedPublishers.signingProfileVersionArns' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", arn, profileARN)
		}
	}
	return nil
}

func (s *Service) signingLocked(arn string) (*signingConfig, *awsapi.Error) {
	c, ok := s.signing[arn]
	if !ok {
		return nil, awsapi.Errorf(http.StatusNotFound, "CodeSigningConfigNotFoundException", "The code signing configuration cannot be found. Check that the provided configuration is not deleted: %s", arn)
	}
	return c, nil
}

// admitCodeLocked refuses a deployment that the function's code signing configuration forbids.
// arn is "" for a function without one.
func (s *Service) admitCodeLocked(arn, functionName string) *awsapi.Error {
	if arn == "" {
		return nil
	}
	c, err := s.signingLocked(arn)
	if err != nil {
		return err
	}
	if c.policy == signingEnforce {
		return awsapi.Errorf(http.StatusBadRequest, "CodeVerificationFailedException",
			"Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for %s.", functionName)
	}
	return nil
}

func (s *Service) createSigning(r *awsapi.Request, _ []string) (reply, *awsapi.Error) {
	var in signingInput
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	id := "csc-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:17]
	c := &signingConfig{
		id: id, arn: fmt.Sprintf("arn:aws:lambda:%s:%s:code-signing-config:%s", s.deps.Region, s.deps.AccountID, id),
		policy: signingWarn, modified: s.deps.Clock.Now(),
	}
	if err := in.applyTo(c); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing[c.arn] = c
	return reply{http.StatusCreated, c.json()}, nil
}

func (s *Service) updateSigning(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in signingInput
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.signingLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	next := *c
	if err := in.applyTo(&next); err != nil {
		return reply{}, err
	}
	next.modified = s.deps.Clock.Now()
	*c = next
	return reply{http.StatusOK, c.json()}, nil
}

func (s *Service) getSigning(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.signingLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.json()}, nil
}

func (s *Service) deleteSigning(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.signingLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	for _, name := range sortedKeys(s.functions) {
		if s.functions[name].signing == c.arn {
			return reply{}, awsapi.Errorf(http.StatusConflict, "ResourceConflictException", "The code signing configuration %s is in use by function %s.", c.arn, name)
		}
	}
	delete(s.signing, c.arn)
	return reply{http.StatusNoContent, nil}, nil
}

func (s *Service) putFunctionSigning(r *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	var in struct{ CodeSigningConfigArn string }
	if err := decode(r, &in); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	if _, err := s.signingLocked(in.CodeSigningConfigArn); err != nil {
		return reply{}, err
	}
	// "The code signing configuration … takes effect the next time you try to deploy a code
	// package to the function": what runs already is not looked at.
	f.signing = in.CodeSigningConfigArn
	return reply{http.StatusOK, f.signingJSON()}, nil
}

func (s *Service) getFunctionSigning(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, f.signingJSON()}, nil
}

func (s *Service) deleteFunctionSigning(_ *awsapi.Request, argument []string) (reply, *awsapi.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.functionLocked(argument[0])
	if err != nil {
		return reply{}, err
	}
	f.signing = ""
	return reply{http.StatusNoContent, nil}, nil
}

// signingJSON leaves the configuration out where there is none.
func (f *function) signingJSON() map[string]string {
	out := map[string]string{"FunctionName": f.name}
	if f.signing != "" {
		out["CodeSigningConfigArn"] = f.signing
	}
	return out
}
