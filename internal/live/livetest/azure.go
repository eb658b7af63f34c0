package livetest

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// Azure is the provider's client of an emulated Azure whose certificates nobody else trusts.
func Azure(c *azure.Cloud) (*clients.Azure, error) {
	pipeline, err := c.Access().Pipeline(policy.ClientOptions{
		Transport: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.CAPool(), MinVersion: tls.VersionTLS12}}},
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	})
	return &clients.Azure{SubscriptionID: c.SubscriptionID(), Endpoint: c.URL(), Pipeline: pipeline}, err
}
