package livetest

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// Azure is the provider's client of an emulated Azure whose certificates nobody else trusts.
func Azure(c *azure.Cloud) (*clients.Azure, error) {
	options := policy.ClientOptions{
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: c.URL(), Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: c.URL(), Audience: c.URL()},
		}},
		Transport: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.CAPool(), MinVersion: tls.VersionTLS12}}},
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	}
	credential, err := azidentity.NewClientSecretCredential(c.TenantID(), c.ClientID(), c.ClientSecret(),
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		return nil, err
	}
	pipeline, err := armruntime.NewPipeline("test", "0", credential, runtime.PipelineOptions{}, &arm.ClientOptions{ClientOptions: options, DisableRPRegistration: true})
	return &clients.Azure{SubscriptionID: c.SubscriptionID(), Endpoint: c.URL(), Pipeline: pipeline}, err
}
