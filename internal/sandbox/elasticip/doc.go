// Package elasticip has EC2's rules for the Elastic IPs of one account in one Region: who may get,
// hold, take over and give back an address, what each refusal is called, what a stale read shows, and which
// public address an instance has besides. It knows neither HTTP nor an SDK, so that
// everything that plays EC2 can share it.
package elasticip
