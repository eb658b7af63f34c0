package live

import (
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// Refusal is the errors of diagnostics as one, or nil.
func Refusal(diags diag.Diagnostics) error {
	var failed error
	for _, d := range diags.Errors() {
		failed = errors.Join(failed, errors.New(d.Summary()+": "+d.Detail()))
	}
	return failed
}
