//go:build !linux

package main

import "errors"

var errLinuxOnly = errors.New("the sandbox runs on Linux only: its proxies bind addresses of 127.0.0.0/8 and its children end with it by means that only Linux has; run it in a Linux machine or container")

func adoptOrphans() error { return errLinuxOnly }

func descendants() ([]string, error) { return nil, errLinuxOnly }
