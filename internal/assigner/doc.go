// Package assigner gives each instance of an Auto Scaling group one address of a
// pool of Elastic IPs before it may serve, and takes it back when it leaves. It is
// what the Lambda function runs; it knows nothing of Terraform.
//
// The only conditional write that EC2 has is AssociateAddress with
// AllowReassociation=false, so that is the arbiter between concurrent claimers:
// a loser takes the next address, nobody steals. EC2 documents no linearizable
// reads, so every claim is read back, and a scheduled reconciler repairs what a
// lost event or a killed function left.
//
// The contract is fail-closed: an instance without one verified, claimable address
// of the pool is never told to CONTINUE.
package assigner
