// Package eipassigner is the resource crosscloudlink_lifecycle_eip_assigner: everything
// that gives each instance of an existing Auto Scaling group an address of a pool.
//
// The files go from the plan to the clouds: schema and model (what a user writes), spec
// (what that means: names, policies, patterns; pure), parts (one file a kind of AWS object:
// look, put, remove), group (the fleet's size and state), plan and resource (Terraform's side).
package eipassigner
