// Package assigner gives each instance of an Auto Scaling group one address of a
// pool of Elastic IPs before it may serve, and takes it back when it leaves. It is
// what the Lambda function runs; it knows nothing of Terraform.
//
// # The contract
//
// It is fail-closed: an instance without one verified, claimable address of the pool, on the primary
// private address of its primary interface, is never told to CONTINUE. An address has one owner at a time, and changes
// owners only through a release. What is not the pool's or not the fleet's is never touched.
//
// # Who decides between two claimers
//
// The only conditional write that EC2 has is AssociateAddress with AllowReassociation=false, so that is the
// arbiter: a loser takes another address, nobody steals. EC2 documents no linearizable reads, so every claim is
// read back, and a scheduled run repairs what a lost event or a killed function left. There is no lock and no
// table: all that a run knows it has read from EC2 and Auto Scaling, so one that is killed between any two calls leaves
// nothing that the next does not see.
//
// # A launch
//
// A fresh launch event (younger than a minute) is taken at its word: the instance waits. Without a conflict that
// makes five calls: the instance, the pool, the association, the pool again, the completion. No tag is written. Nothing
// is taken from the instance on the strength of the event alone: a duplicate finds an instance in service with its
// address, and the completion says that there is nothing to complete. Everything else (a second attempt, a late event, a
// scheduled run) looks at the group's state first.
//
// The first address tried follows from the instance's own order, which needs no call: addresses that an instance of the
// same zone had last, then those that nobody had, then the rest, and within each by a rendezvous hash. So the
// successor of an instance tends to get its address, and concurrent claimers begin at different ones. After a
// conflict the claimer reads pool and group afresh and matches everybody who waits with everything that is free, by
// a pure function that gives every claimer the same pairs, and takes its own.
//
// While there is none, the wait is kept alive by heartbeats and handed over, as an error that has Lambda try again, before
// the function's deadline. It ends with ABANDON after an hour, at once for a foreign address on the
// interface, and after minutes for a role that is refused: with a reason in the log, in the metric Abandons and in the instance's
// tag eiptag.Abandoned.
//
// # A departure
//
// The terminate hook fires after the load balancer has drained the instance, so that is when the address is taken back: by
// association id, which cannot hit a newer owner. The address gets two tags, when and why it was released and in which
// zone. In the state Terminating connections still drain, so nothing is taken then. An instance can come
// back from a warm pool, so an event is checked against the group's state first.
//
// # Reads that lag
//
// What a read shows may be older than a write by some seconds; settle is the limit up to which nothing is done that a
// fresher read would forbid: nothing is taken back because of an absence, a member in service that seems to lack its address
// soon after its launch is looked at again after that time, a read-back that shows another holder is repeated, an address that looks foreign is looked at again, and
// an instance that seems to be a stray is marked and left alone for two minutes.
package assigner
