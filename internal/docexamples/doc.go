// Package docexamples tests what the documentation says: that every example is a
// configuration that Terraform accepts, that every attribute is described and every page
// complete, that links lead somewhere, and that the modules' tables say what their
// variables and outputs are. It has tests only.
package docexamples
