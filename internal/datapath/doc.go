// Package datapath runs the data path on one machine: a HAProxy with the very configuration
// that modules/haproxy-config renders, between clients that speak as a Network Load Balancer
// does, TLS servers that play the upstreams, and a name server that can change its mind or
// fail. It is a kit for tests and measurements; everything is on loopback, Linux only.
package datapath
