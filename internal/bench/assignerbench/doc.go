// Package assignerbench measures the assigner and the pool of Elastic IPs.
//
// The assigner stands beside the Python function of package blog on the sandbox's AWS (real processes and real
// requests, whose loopback network stands in for AWS's), and in the model of package assignertest (virtual time) beside
// that function's behaviour and beside the manager of metaphor-cloud/aws-asg-eip-manager as its source describes it. The
// pool stands beside `aws_eip` with `count`, both run by Terraform on the sandbox's AWS.
//
// A race is N instances that launch at once on N addresses: every claimer is shown the same snapshot of the
// pool, in which all are free, because the answers to the first N DescribeAddresses are held until all of them are
// asked for. Its rows:
//
//   - associate_per_launch: AssociateAddress calls by launches; race_calls_per_launch: all calls by launches;
//   - steals: associations that took an address from its holder without a release;
//   - doubles: addresses that more than one launch was given;
//   - unassigned: launches whose instance has no address of the pool in the end;
//   - not_admitted: instances in service that do not have an address that the firewall admits: another one, which the
//     firewall refuses, or none.
//
// In the model, model_N_COUNT_blog and model_N_COUNT_manager are the same race; model_gated_ is one of 100 launches
// on 110 addresses of which the firewall does not yet admit ten, and model_empty_ ten launches on a pool without any
// address.
//
// A cold run is a new process for one launch without a conflict, from its start to its answer: ours is
// the bootstrap that the provider uploads, under a Lambda Runtime API; theirs is `python function.py`, without Lambda's
// own Python runtime, which would come on top. Both talk to the same AWS, whose own time is part of both;
// cold_first_call is the part before the first request. Memory is the highest resident set that the kernel
// saw.
//
// A pool of N is made, planned three times without a change (the median counts) and destroyed, each by one Terraform
// command. All its calls count, those by which a provider learns who it is included.
package assignerbench
