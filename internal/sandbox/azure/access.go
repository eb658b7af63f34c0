package azure

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Access is how clients reach a cloud, in whatever process: its URL, the file with the authority
// that its certificates are of, and the service principal to log in as.
type Access struct {
	URL, CAFile, TenantID, ClientID, ClientSecret string
}

// Access returns how the cloud is reached.
func (c *Cloud) Access() Access {
	return Access{URL: c.URL(), CAFile: c.CAFile(), TenantID: c.TenantID(), ClientID: c.ClientID(), ClientSecret: c.ClientSecret()}
}

// Pipeline returns that of a client of Resource Manager which logs in as the service principal. The
// transport in the options has to trust the cloud's authority; their Cloud is overwritten.
func (a Access) Pipeline(options policy.ClientOptions) (runtime.Pipeline, error) {
	options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: a.URL, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: a.URL, Audience: a.URL},
	}}
	credential, err := azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, a.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		return runtime.Pipeline{}, err
	}
	return armruntime.NewPipeline("test", "0", credential, runtime.PipelineOptions{}, &arm.ClientOptions{ClientOptions: options, DisableRPRegistration: true})
}
