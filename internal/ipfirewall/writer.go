package ipfirewall

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	// finishWithin bounds how long a write that was sent is followed after the apply was
	// cancelled or ran out of time. Terraform waits for the provider after one Ctrl-C.
	finishWithin = 2 * time.Minute
	// readBackWithin bounds the one read after a write whose end was not seen.
	readBackWithin = 30 * time.Second
)

// writer changes the firewall of accounts.
type writer struct {
	client *azureaccount.Client
	waiter waiter.Waiter
	locks  *keyedLocks
}

// outcome is what converge knows of an account when it ends, well or not.
type outcome struct {
	// found is the account as first read, ahead of any write, and account as last read; nil if
	// it never was.
	found, account *azureaccount.Account
	// sent is whether a write left that Azure may have taken, failed whether Azure said
	// that it has ended badly.
	sent, failed bool
}

// converge makes what is desired true of the account: under the account's lock it reads,
// merges, writes against the version read, waits, reads back, and begins again if the
// account is not as desired, since somebody else may write at the same time. It writes
// nothing if there is nothing to change. A change that is refused gives *refusal.
//
// Once a write is sent, cancelling ctx no longer interrupts the attempt: it is followed
// and read back within finishWithin.
func (w writer) converge(ctx context.Context, id azureaccount.ID, d desired, check bool) (outcome, error) {
	var out outcome
	release, err := w.locks.acquire(ctx, id.Key())
	if err != nil {
		return out, &waiter.Error{What: "the changes of other resources to account " + id.Name, Cause: err}
	}
	defer release()

	what := fmt.Sprintf("the firewall of account %s to be as planned", id.Name)
	err = w.waiter.Until(ctx, what, func(ctx context.Context) (string, bool, error) {
		account, err := w.client.Get(ctx, id)
		if err != nil {
			return "", false, w.again(ctx, err)
		}
		out.account = account
		if out.found == nil {
			out.found = account
		}
		switch {
		case !account.Settled():
			return account.ProvisioningState, false, nil
		case d.heldBy(account):
			return account.ProvisioningState, true, nil
		}
		if check {
			for _, refused := range d.refusals(account) {
				return "", false, refused
			}
		}
		if ctx.Err() != nil {
			return "", false, ctx.Err()
		}
		return w.write(ctx, id, d, &out)
	})
	return out, err
}

// write sends one PATCH and follows it to its end and a read back.
func (w writer) write(ctx context.Context, id azureaccount.ID, d desired, out *outcome) (state string, done bool, err error) {
	ctx, cancel := outliving(ctx, finishWithin)
	defer cancel()

	operation, err := w.client.PatchNetwork(ctx, id, out.account.ETag, d.mergeInto(out.account))
	if err != nil {
		switch status, answered := azureAnswer(err); {
		case !answered:
			// No answer: Azure may have taken the change. The next read tells.
			out.sent, out.failed = true, false
			return "no answer", false, waiter.Retry(err)
		case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
			// So it may have, though it says that it failed: a gateway does not know.
			out.sent, out.failed = true, true
		}
		return "", false, w.again(ctx, err)
	}
	out.sent, out.failed = true, false
	if !operation.Done() {
		w.pause(ctx, min(operation.RetryAfter(w.clock().Now()), waiter.DefaultMax))
	}
	err = w.waiter.Until(ctx, fmt.Sprintf("Azure to apply the change to account %s", id.Name), func(ctx context.Context) (string, bool, error) {
		if err := operation.Poll(ctx); err != nil {
			// An operation that ended badly is told with status 200: asking again is no use.
			status, answered := azureAnswer(err)
			out.failed = answered && status < http.StatusBadRequest
			if out.failed {
				return operation.State(), false, err
			}
			return operation.State(), false, w.again(ctx, err)
		}
		if !operation.Done() {
			return operation.State(), false, nil
		}
		account, err := w.client.Get(ctx, id)
		if err != nil {
			return operation.State(), false, w.again(ctx, err)
		}
		out.account = account
		return account.ProvisioningState, account.Settled(), nil
	})
	if err != nil {
		return "", false, w.again(ctx, err)
	}
	if !d.heldBy(out.account) {
		tflog.Warn(ctx, "the account is not as written: somebody else changes it too, beginning again", map[string]any{"account": id.String(), "etag": out.account.ETag})
		return "changed by somebody else", false, nil
	}
	return out.account.ProvisioningState, true, nil
}

// readBack reads the account once, even if ctx has ended.
func (w writer) readBack(ctx context.Context, id azureaccount.ID) (*azureaccount.Account, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackWithin)
	defer cancel()
	return w.client.Get(ctx, id)
}

// outliving returns a context that goes on for a grace after ctx has ended.
func outliving(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// again gives a failed call's error as one that the wait goes on from, if it passes, and
// first lets the time pass that Azure asks for in its answer.
func (w writer) again(ctx context.Context, err error) error {
	if !passing(err) {
		return err
	}
	w.pause(ctx, retryAfter(err, w.clock().Now()))
	return waiter.Retry(err)
}

// pause lets time pass that Azure asks for, unless ctx ends.
func (w writer) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-w.clock().After(d):
	}
}

func (w writer) clock() waiter.Clock {
	if w.waiter.Clock == nil {
		return waiter.SystemClock{}
	}
	return w.waiter.Clock
}

// azureAnswer tells an error that Azure answered from one of the way there.
func azureAnswer(err error) (status int, answered bool) {
	status, _ = clouderr.AzureCode(err)
	return status, status != 0
}
