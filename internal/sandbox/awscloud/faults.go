package awscloud

import (
	"net/http"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// withFaults puts the fault script in front of the endpoint. All AWS calls look alike to
// it, so each is named first.
func (c *Cloud) withFaults() http.Handler {
	scripted := c.Faults.Wrap(c, func(w http.ResponseWriter, req *http.Request, status int, code, message string) {
		r, err := awsapi.Parse(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		awsapi.WriteError(w, r, &awsapi.Error{Status: status, Code: code, Message: message})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r, err := awsapi.Parse(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		scripted.ServeHTTP(w, fault.Named(req, r.Service+":"+operation(r), r.AccessKey))
	})
}
