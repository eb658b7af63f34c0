// Package haproxyversions holds the test that a HAProxy takes every form of the
// configuration that modules/haproxy-config renders, without a warning. The environment
// variable HAPROXY names the program to ask, so that one run covers one version.
package haproxyversions
