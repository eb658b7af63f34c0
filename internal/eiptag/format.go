package eiptag

import "regexp"

// What every AWS service takes as the key and the value of a tag (Tagging AWS Resources, "Tag
// naming and usage conventions"), and so as the name of a pool and of an owner. None of these
// characters means anything in a filter of EC2 or in an IAM policy.
var (
	KeyPattern   = regexp.MustCompile(`^[\p{L}\p{N} +\-=._:/@]{1,128}$`)
	ValuePattern = regexp.MustCompile(`^[\p{L}\p{N} +\-=._:/@]{1,256}$`)
)

// KeyRule and ValueRule complete the sentence "the value …" for what the patterns refuse.
const (
	KeyRule   = "must have 1 to 128 letters, digits, spaces and + - = . _ : / @"
	ValueRule = "must have 1 to 256 letters, digits, spaces and + - = . _ : / @"
)
