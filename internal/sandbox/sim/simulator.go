package sim

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
)

// Simulator speaks one channel's protocol.
type Simulator interface {
	// Channel is the channel's name: alipay, wechatpay, unionpay.
	Channel() string

	// Handler serves the protocol and the payer's pages under paths relative to the channel's root. The framework mounts
	// it at the channel's own listener and under /{channel} of the sandbox.
	Handler() http.Handler

	// OpenAccount makes another account with keys of its own, stores it, and answers its identity at the channel.
	OpenAccount(ctx context.Context) (string, error)
	// Credentials answers what the merchant of an account has to configure.
	Credentials(account string) (Credentials, error)

	// CanShow says why calls of an operation can't show a kind of fault; nil: they can.
	CanShow(op faults.Operation, kind faults.Kind) error

	// Claims reports whether an action that a merchant was given leads to this channel.
	Claims(a Action) bool
	// Open does what the payer does before paying: scans the code, opens the link, hands the parameters to the wallet.
	// It answers the trade that this leads to. Errors: ErrBadAction, ErrNotFound, ErrNotPossible.
	Open(ctx context.Context, a Action) (books.Key, error)
	// Pay presses the payer's pay button once. Errors: ErrNotPossible.
	Pay(ctx context.Context, key books.Key) (books.Trade, error)
	// Cancel has the payer give up. Errors: ErrNotPossible.
	Cancel(ctx context.Context, key books.Key) (books.Trade, error)
	// Expire does what time brings: it closes a trade whose limit has come, if it is still open, and ends whatever else the
	// simulator has waited for until the trade's WakeAt.
	Expire(ctx context.Context, key books.Key) error
	// PayerURL is the page at which the payer of a trade can act; empty where there is none.
	PayerURL(t *books.Trade) string

	// HasBillRow reports whether a day's bill (2006-01-02) has a row of a trade, a payment's or a refund's.
	HasBillRow(t *books.Trade, date string) bool

	// LastEvent answers the callback that tells of a trade's latest event. Errors: ErrNotPossible.
	LastEvent(t *books.Trade) (books.Callback, error)
	// Message writes and signs a callback as it is sent now; forged: with a signature that isn't the channel's.
	Message(ctx context.Context, t *books.Trade, cb books.Callback, forged bool) (Message, error)
	// Acknowledged judges the merchant's answer to a callback.
	Acknowledged(httpStatus int, body []byte) bool
	// RetrySchedule is the channel's real waiting time before each further try.
	RetrySchedule() []time.Duration
}

// Message is one callback on its way, sent by POST.
type Message struct {
	Header http.Header
	Body   []byte
}

// Env is what the framework gives a simulator.
type Env struct {
	Books  *books.Store
	Faults *faults.Table
	Now    func() time.Time
	Logger *slog.Logger
	// PayerBase is the address of the channel's pages under the sandbox's own address, such as
	// http://127.0.0.1:7001/alipay, without a slash at the end.
	PayerBase string
	// ChannelBase is the address of the channel's own listener, without a slash at the end.
	ChannelBase string
	// Calendar is Now moved on by the control API: it decides which days are over, and nothing else.
	Calendar func() time.Time
	// Tampered answers how the channel's bill of a day (2006-01-02, Beijing's) is falsified, for all accounts.
	Tampered func(date string) ([]Tamper, error)
	// Stopping is closed when the sandbox stops: calls that hang must let go.
	Stopping <-chan struct{}
	// HangLimit bounds how long a call that never gets an answer is held.
	HangLimit time.Duration
}

// Errors that the control API turns into statuses; wrap them with the reason.
var (
	ErrBadAction   = errors.New("the action cannot be carried out")
	ErrNotPossible = errors.New("not possible now")
	ErrNotFound    = errors.New("unknown trade")
)
