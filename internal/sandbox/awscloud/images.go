package awscloud

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// withImage returns a RunInstances call with the image that it leaves to a parameter, itself or by its launch
// template: moto would take the parameter's name for an image.
func (c *Cloud) withImage(r *awsapi.Request) (*awsapi.Request, *awsapi.Error) {
	ctx := r.HTTP.Context()
	image := r.Form.Get("ImageId")
	if image == "" {
		var err *awsapi.Error
		if image, err = c.vpc.imageOfTemplate(ctx, r); err != nil {
			return nil, err
		}
	}
	parameter, ok := strings.CutPrefix(image, moto.ImageAlias)
	if !ok {
		return r, nil
	}
	found, err := c.client.Parameter(ctx, parameter)
	if refused, ok := errors.AsType[*awsapi.Error](err); ok {
		return nil, badRequest("InvalidParameterValue", "The parameter %s cannot be resolved: %s", parameter, refused)
	}
	if err != nil {
		return nil, awsapi.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "%s", err)
	}
	form := cloneForm(r.Form)
	form.Set("ImageId", found)
	return withForm(r, form), nil
}

// imageOfTemplate returns the image of the launch template that a RunInstances call names; "" is none. What is
// wrong with the template moto says itself.
func (v *vpc) imageOfTemplate(ctx context.Context, r *awsapi.Request) (string, *awsapi.Error) {
	params := map[string]string{"LaunchTemplateVersion.1": r.Form.Get("LaunchTemplate.Version")}
	if params["LaunchTemplateVersion.1"] == "" {
		params["LaunchTemplateVersion.1"] = "$Default"
	}
	for _, name := range []string{"LaunchTemplateId", "LaunchTemplateName"} {
		if value := r.Form.Get("LaunchTemplate." + name); value != "" {
			params[name] = value
		}
	}
	if len(params) == 1 {
		return "", nil
	}
	doc, err := v.ec2(ctx, "DescribeLaunchTemplateVersions", params)
	if err != nil {
		return "", err
	}
	for _, version := range doc.items("launchTemplateVersionSet") {
		return version.value("launchTemplateData/imageId"), nil
	}
	return "", nil
}
