package firewallbench

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// calls are what Resource Manager and its identity provider were asked, by operation.
type calls struct {
	// account are the calls about one account: on it or on anything under it, and the polls of the operations that its
	// writes began.
	account bench.CallCounts
	// aside are all others: tokens, metadata, the subscription, the group.
	aside bench.CallCounts
}

// pollOperation is the sandbox's name for a look at the operation that a write began. Its path names no account.
const pollOperation = "Operations_Get"

// countCalls sorts a log by whether a call is about the account with the ARM id. No other account may have been
// written to meanwhile: its polls would count.
func countCalls(log []fault.Entry, accountID string) calls {
	c := calls{account: bench.CallCounts{}, aside: bench.CallCounts{}}
	for _, entry := range log {
		name := entry.Operation
		if name == "" {
			name = entry.Method
		}
		if entry.Operation == pollOperation && entry.Method == http.MethodGet || isAbout(entry.Path, accountID) {
			c.account[name]++
		} else {
			c.aside[name]++
		}
	}
	return c
}

// isAbout reports whether a path is the account's or leads to something under it; as in ARM, case does not matter.
func isAbout(path, accountID string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(path), strings.ToLower(accountID))
	return ok && (rest == "" || strings.HasPrefix(rest, "/"))
}

func (c calls) String() string { return fmt.Sprintf("%s (aside: %s)", c.account, c.aside) }
