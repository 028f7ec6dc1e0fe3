package reconcile

import (
	"math/bits"
	"time"

	"github.com/paymux/paymux/channels"
)

// terms is what an account's rows are judged by: its channel's calendar and its
// contracted fee.
type terms struct {
	channels.BillCalendar
	ratePPM int64
	margin  time.Duration
}

// knowsFees tells whether fees are compared: the bill states them and a rate is
// contracted.
func (t terms) knowsFees() bool { return !t.NoFees && t.ratePPM > 0 }

// feeOf is the contracted fee of a payment, in minor units.
func (t terms) feeOf(minor int64) int64 {
	switch {
	case !t.knowsFees():
		return 0
	case t.FeeOfRow != nil:
		return t.FeeOfRow(minor, t.ratePPM)
	default:
		return (minor*t.ratePPM + 500_000) / 1_000_000
	}
}

// fee is the contracted fee of a row: given back with a refund in proportion,
// counted from the order's beginning, so that all of it is back with all of the
// money.
func (t terms) fee(refund bool, minor, orderMinor, beforeMinor int64) int64 {
	if !refund {
		return t.feeOf(minor)
	}
	if !t.RefundsReturnFees || orderMinor <= 0 {
		return 0
	}
	paid := t.feeOf(orderMinor)
	return share(paid, min(beforeMinor, orderMinor), orderMinor) - share(paid, min(beforeMinor+minor, orderMinor), orderMinor)
}

// share is the part of whole that part is of it, of an amount, rounded half up.
// The product of two amounts may need more than 64 bits. All are not negative,
// part is not above whole.
func share(amount, part, whole int64) int64 {
	hi, lo := bits.Mul64(2*uint64(amount), uint64(part))     //nolint:gosec // not negative
	lo, carry := bits.Add64(lo, uint64(whole), 0)            //nolint:gosec // not negative
	quotient, _ := bits.Div64(hi+carry, lo, 2*uint64(whole)) //nolint:gosec // not negative
	return int64(quotient)                                   //nolint:gosec // not above amount
}

func (t terms) feeOfRecord(r *record) int64 {
	return t.fee(r.refund, r.minor, r.orderMinor, r.beforeMinor)
}

// nearEnd tells whether a moment of the day may stand in the next day's bill.
func (t terms) nearEnd(day channels.Day, at time.Time) bool {
	_, to := t.Window(day)
	return !at.Before(to.Add(-t.margin))
}

// nearStart tells whether a moment of the day may stand in the bill of the day
// before.
func (t terms) nearStart(day channels.Day, at time.Time) bool {
	from, _ := t.Window(day)
	return at.Before(from.Add(t.margin))
}
