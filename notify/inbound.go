package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// Results of a callback, as Observe is told them; applied, ignored and
// quarantined are the core's verdicts.
const (
	ResultRejected       = "rejected"
	ResultUnavailable    = "unavailable"
	ResultUnknownAccount = "unknown_account"
	ResultTooLarge       = "too_large"
	ResultUnreadable     = "unreadable"
	// ResultSampleDropped counts samples that were not kept, beside the
	// rejected callbacks themselves.
	ResultSampleDropped = "sample_dropped"
)

// InboundDeps are what [Inbound] needs from outside.
type InboundDeps struct {
	Accounts Accounts
	Applier  Applier
	Samples  Samples
	Now      func() time.Time
	// NewID makes 26 letters and digits, ordered by time.
	NewID  func() string
	Logger *slog.Logger
	// Observe is told of every callback; it must not block. The channel is
	// empty where the account is not known. Optional.
	Observe func(channel, result string)
}

// Inbound takes the channels' callbacks.
type Inbound struct {
	cfg InboundConfig
	InboundDeps
	samples chan Rejected
}

// NewInbound makes the receiver; RunSamples writes what it rejects.
func NewInbound(cfg InboundConfig, deps InboundDeps) *Inbound {
	if deps.Observe == nil {
		deps.Observe = func(string, string) {}
	}
	return &Inbound{cfg: cfg, InboundDeps: deps, samples: make(chan Rejected, cfg.SampleQueue)}
}

// Handle verifies a callback, has it stored and applied, and gives the answer
// in the channel's words. Nothing is acknowledged before the commit; what
// cannot be stored, fails verification or disagrees is refused.
func (in *Inbound) Handle(ctx context.Context, channel, accountID string, header http.Header, body []byte) channels.Acknowledgement {
	ch, account, err := in.Accounts.Open(ctx, accountID)
	switch {
	case errors.Is(err, payment.ErrNotFound), err == nil && account.Channel != channel:
		in.Observe("", ResultUnknownAccount)
		return plain(http.StatusNotFound, "no such account")
	case err != nil:
		in.Observe("", ResultUnavailable)
		in.Logger.ErrorContext(ctx, "callback was not taken: open its account", "account_id", accountID, "error", err)
		return plain(http.StatusServiceUnavailable, "try again later")
	}
	n, err := parse(ch, header, body)
	if err != nil {
		return in.refuse(ctx, ch, account, header, body, err)
	}
	ctx, cancel := context.WithTimeout(ctx, in.cfg.ApplyTimeout)
	defer cancel()
	verdict, err := in.Applier.ApplyNotification(ctx, account, in.recordOf(account, header, body, n.AttemptID), n)
	if err != nil {
		return in.unavailable(ctx, ch, account, err)
	}
	in.Observe(account.Channel, string(verdict))
	switch verdict {
	case payment.VerdictApplied, payment.VerdictIgnored:
		return ch.Acknowledge(true)
	case payment.VerdictQuarantined:
		in.Logger.WarnContext(ctx, "callback disagrees with our row and is kept for inspection",
			"channel", account.Channel, "account_id", account.ID, "attempt_id", n.AttemptID)
		return ch.Acknowledge(false)
	default:
		return in.unavailable(ctx, ch, account, fmt.Errorf("the core's verdict is %q", verdict))
	}
}

// refuse answers what failed verification, or is verified but about somebody
// else. Only the latter is written down on the way.
func (in *Inbound) refuse(ctx context.Context, ch channels.Channel, account channels.Account, header http.Header, body []byte, cause error) channels.Acknowledgement {
	var mismatch *channels.MismatchError
	if !errors.As(cause, &mismatch) {
		in.Observe(account.Channel, ResultRejected)
		in.sample(account, header, body, cause)
		return ch.Acknowledge(false)
	}
	rec := in.recordOf(account, header, body, mismatch.AttemptID)
	rec.Verdict = payment.VerdictQuarantined
	rec.Detail = "its " + mismatch.Field + " is not this account's"
	ctx, cancel := context.WithTimeout(ctx, in.cfg.ApplyTimeout)
	defer cancel()
	if err := in.Applier.Quarantine(ctx, rec); err != nil {
		return in.unavailable(ctx, ch, account, err)
	}
	in.Observe(account.Channel, string(payment.VerdictQuarantined))
	in.Logger.WarnContext(ctx, "verified callback is not this account's and is kept for inspection",
		"channel", account.Channel, "account_id", account.ID, "field", mismatch.Field)
	return ch.Acknowledge(false)
}

// unavailable is the channel's refusal under a status that every channel takes
// for "send it again".
func (in *Inbound) unavailable(ctx context.Context, ch channels.Channel, account channels.Account, cause error) channels.Acknowledgement {
	in.Observe(account.Channel, ResultUnavailable)
	in.Logger.ErrorContext(ctx, "callback was not acknowledged: it could not be stored",
		"channel", account.Channel, "account_id", account.ID, "error", cause)
	refusal := ch.Acknowledge(false)
	refusal.Status = http.StatusServiceUnavailable
	return refusal
}

func (in *Inbound) recordOf(account channels.Account, header http.Header, body []byte, attemptID string) payment.NotificationRecord {
	digest := sha256.Sum256(body)
	return payment.NotificationRecord{
		ID: in.NewID(), Channel: account.Channel, AccountID: account.ID, Digest: hex.EncodeToString(digest[:]),
		Header: keptHeader(header), Body: body, AttemptID: attemptID, ReceivedAt: in.Now().UTC(),
	}
}

// parse verifies and reads a callback. An adapter that panics on hostile input
// refuses it: the panic's value could hold parts of the body and is left out.
func parse(ch channels.Channel, header http.Header, body []byte) (n channels.Notification, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = channels.Notification{}, fmt.Errorf("read %s notification: %w (%T)", ch.Name(), errPanicked, v)
		}
	}()
	return ch.ParseNotification(header, body)
}

var errPanicked = errors.New("the adapter panicked")

// Header fields that are never kept, and how much of the others is.
var secretFields = map[string]bool{"Authorization": true, "Cookie": true, "Proxy-Authorization": true}

const (
	maxHeaderKept = 8 << 10
	maxFieldKept  = 2 << 10
)

// keptHeader is the header as JSON: what a person needs to verify the callback
// again, bounded.
func keptHeader(header http.Header) []byte {
	kept := make(http.Header, len(header))
	size := 0
	for _, wanted := range []bool{true, false} {
		for name, values := range header {
			if secretFields[name] || signatureField(name) != wanted {
				continue
			}
			for _, v := range values {
				v = v[:min(len(v), maxFieldKept)]
				if size += len(name) + len(v); size > maxHeaderKept {
					break
				}
				kept[name] = append(kept[name], v)
			}
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return []byte("{}")
	}
	return text
}

// signatureField tells the fields that are kept first.
func signatureField(name string) bool {
	return name == "Content-Type" || strings.HasPrefix(name, "Wechatpay-")
}

func plain(status int, text string) channels.Acknowledgement {
	return channels.Acknowledgement{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text + "\n")}
}
