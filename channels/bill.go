package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/internal/money"
)

// BillSource is a channel that publishes bills of its account's business days.
// Fetching and reading are apart: what was fetched is kept as it came, and can
// be read again at any time, without the channel.
type BillSource interface {
	// BillCalendar says which bill a moment belongs to and when bills are due.
	BillCalendar() BillCalendar
	// FetchBill streams the original of a day's bill to w and says what it is.
	// [ErrBillNotReady]: ask again later; [ErrNoBusiness]: there is none, and
	// will be none, because nothing was done that day; any other error is an
	// *Error of [OpBill]. The channel is asked whatever the clock says: the clock
	// only helps to understand that it has none. What was written to w before an
	// error is worthless.
	FetchBill(ctx context.Context, kind BillKind, day Day, w io.Writer) (BillFile, error)
	// ReadBill reads an original and calls each for every row, in the file's
	// order, holding no more than a bounded part of it in memory. Every control
	// total of the file is recomputed and compared. *BrokenBillError: the file
	// is damaged, or it is not this account's or not of this day: then what each
	// was told is worthless. An error of each ends the reading and is returned
	// as it is.
	ReadBill(kind BillKind, day Day, original io.ReaderAt, size int64, each func(BillRow) error) (BillTotals, error)
}

// BillKind says which of a day's files is meant.
type BillKind string

// The kinds of bills.
const (
	// BillTrades lists payments and refunds.
	BillTrades BillKind = "trades"
	// BillFunds lists movements of the account's balance: Alipay's account
	// statement (signcustomer), WeChat Pay's fund-flow bill.
	BillFunds BillKind = "funds"
)

// BillCalendar is how a channel cuts business days. All times of day are those
// of Asia/Shanghai, which has no daylight saving.
type BillCalendar struct {
	// Kinds lists the bills of a day; [BillTrades] is always the first.
	Kinds []BillKind
	// CutOff is how long before midnight a business day ends: what happens after
	// it stands in the next day's bill. Zero: at midnight.
	CutOff time.Duration
	// Due is how long after midnight at the end of the day its bill is there by
	// the channel's documentation.
	Due time.Duration
	// RefundOnAcceptance: a refund stands in the bill of the day on which the
	// channel accepted it, not of that on which it succeeded.
	RefundOnAcceptance bool
	// NoFees: the trade bill does not state fees.
	NoFees bool
	// RefundsReturnFees: the fee of what is refunded is given back (rows of
	// refunds have negative fees).
	RefundsReturnFees bool
	// FeeOfRow computes the fee of one amount from a contracted rate the way
	// this channel rounds; nil: half up to the minor unit.
	FeeOfRow func(amountMinor, ratePPM int64) int64
}

// DayOf is the business day to which a moment belongs.
func (c BillCalendar) DayOf(at time.Time) Day { return DayAt(at.Add(c.CutOff)) }

// Window is the business day as moments: from is included, to is not.
func (c BillCalendar) Window(day Day) (from, to time.Time) {
	return day.Start().Add(-c.CutOff), day.Next().Start().Add(-c.CutOff)
}

// DueAt is when the bill of a day is there by the channel's documentation.
func (c BillCalendar) DueAt(day Day) time.Time { return day.Next().Start().Add(c.Due) }

// BillFile describes an original bill.
type BillFile struct {
	// Name is the file's name as the channel gives it, for people; it is never
	// used as a path.
	Name string
	// ContentType is that of the original.
	ContentType string
}

// ErrBillNotReady says that the channel has no bill of the day yet, or does not
// say whether it will have one. ErrNoBusiness says that it has none because
// nothing was done on that day. No error is both.
//
// ErrBillAbsent is an ErrBillNotReady (errors.Is) of a channel that answered
// "no bill" and means by it either of the two (UnionPay's 98): who has no
// business on that day in his own books may take it for ErrNoBusiness, who has
// some must ask again.
var (
	ErrBillNotReady = errors.New("the bill is not there yet")
	ErrBillAbsent   = fmt.Errorf("%w: the channel has none and does not say whether one will come", ErrBillNotReady)
	ErrNoBusiness   = errors.New("the channel has no bill: nothing was done on that day")
)

// BrokenBillError is a bill that cannot be trusted.
type BrokenBillError struct {
	// Line is where it was noticed, from 1; 0: the file as a whole.
	Line int64
	// Detail says what is wrong, for people, without the payers' data.
	Detail string
}

// Error names the line and what is wrong there.
func (e *BrokenBillError) Error() string {
	if e.Line == 0 {
		return "the bill is broken: " + e.Detail
	}
	return fmt.Sprintf("the bill is broken at line %d: %s", e.Line, e.Detail)
}

// BillRowType says what a row is about.
type BillRowType int

// The types of rows.
const (
	// BillOther: neither a payment nor a refund of an order (a fee, a transfer,
	// a movement of the balance). It takes no part in matching.
	BillOther BillRowType = iota
	// BillPayment: money that was taken for an order.
	BillPayment
	// BillRefund: money that was given back.
	BillRefund
)

// BillRow is one row of a bill.
type BillRow struct {
	// Line is the row's line in the file, or its number where there are no
	// lines, from 1.
	Line int64
	Type BillRowType
	// AttemptID is our order number, RefundID our refund number, as the file has
	// them; either may be empty or foreign. A channel that gives refunds no
	// number of their own in the file leaves RefundID empty.
	AttemptID, RefundID string
	// ChannelTradeNo and ChannelRefundNo are the channel's numbers.
	ChannelTradeNo, ChannelRefundNo string
	// Amount is what moved: never negative, whatever sign the file uses.
	Amount money.Amount
	// FeeMinor is what the channel took for it, in minor units of Amount's
	// currency: positive; given back: negative.
	FeeMinor int64
	// Pending: the channel accepted the refund but its money is not back yet.
	// Failed: the row says that the refund did not happen; it moves no money.
	Pending, Failed bool
	// At is the row's time, UTC; zero where the file has none.
	At time.Time
	// Text is the row's own word for its type or status, for people.
	Text string
}

// BillTotals is what a file says of itself and what its rows add up to: the
// two were found equal, wherever the file states a total.
type BillTotals struct {
	Currency                  money.Currency
	Rows                      int64
	Payments, Refunds         int64 // number of rows
	PaymentMinor, RefundMinor int64 // sums, minor units, never negative
	// FeeMinor is fees taken less fees given back of payments and refunds.
	FeeMinor int64
	// Stated tells whether the file states totals of its own.
	Stated bool
}
