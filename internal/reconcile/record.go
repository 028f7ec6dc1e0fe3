package reconcile

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// record is a row of either side while it is matched. What matching does not
// need is left out, so that millions of them fit on a disk's small part.
type record struct {
	refund bool
	// pending and failed are a bill row's; own and carried are ours: the channel
	// never saw id, and the row comes from the day before.
	pending, failed, own, carried bool
	// id is our number of it (attempt or refund), order is the attempt's.
	id, order string
	// trade and number are the channel's numbers of the payment and of the row
	// itself; for a payment they are the same.
	trade, number string
	status        string
	currency      money.Currency
	minor         int64
	fee           int64
	orderMinor    int64
	beforeMinor   int64
	at            int64 // milliseconds; 0: not known
	line          int64
}

func (r *record) when() time.Time {
	if r.at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(r.at).UTC()
}

func (r *record) amount() money.Amount {
	a, err := money.New(r.minor, r.currency)
	if err != nil {
		return money.Amount{}
	}
	return a
}

// key is what both sides know the row by.
func (r *record) key() string {
	if r.refund {
		return "r" + r.id
	}
	return "p" + r.id
}

func ofMovement(m Movement) record {
	r := record{
		refund: m.Refund, own: m.Own, id: m.ID, order: m.AttemptID, number: m.Number, status: m.Status,
		currency: m.Amount.Currency(), minor: m.Amount.Minor(), orderMinor: m.OrderMinor, beforeMinor: m.BeforeMinor,
	}
	if !m.Refund {
		r.trade = m.Number
	}
	if !m.At.IsZero() {
		r.at = m.At.UnixMilli()
	}
	return r
}

func ofBillRow(b channels.BillRow) record {
	r := record{
		refund: b.Type == channels.BillRefund, pending: b.Pending, failed: b.Failed, id: b.AttemptID, order: b.AttemptID,
		trade: b.ChannelTradeNo, number: b.ChannelTradeNo, status: b.Text,
		currency: b.Amount.Currency(), minor: b.Amount.Minor(), fee: b.FeeMinor, line: b.Line,
	}
	if r.refund {
		r.id, r.number = b.RefundID, b.ChannelRefundNo
	}
	if !b.At.IsZero() {
		r.at = b.At.UnixMilli()
	}
	return r
}

const (
	flagRefund = 1 << iota
	flagPending
	flagFailed
	flagOwn
	flagCarried
)

// appendTo writes the record behind b.
func (r *record) appendTo(b []byte) []byte {
	var flags byte
	for _, f := range []struct {
		set bool
		bit byte
	}{{r.refund, flagRefund}, {r.pending, flagPending}, {r.failed, flagFailed}, {r.own, flagOwn}, {r.carried, flagCarried}} {
		if f.set {
			flags |= f.bit
		}
	}
	b = append(b, flags)
	for _, s := range []string{r.id, r.order, r.trade, r.number, r.status, string(r.currency)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, n := range []int64{r.minor, r.fee, r.orderMinor, r.beforeMinor, r.at, r.line} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

var errSpill = errors.New("a row that was put aside cannot be read back; the disk may be damaged")

// read reads a record from the beginning of b and gives the rest.
func (r *record) read(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errSpill
	}
	flags := b[0]
	b = b[1:]
	*r = record{
		refund: flags&flagRefund != 0, pending: flags&flagPending != 0, failed: flags&flagFailed != 0,
		own: flags&flagOwn != 0, carried: flags&flagCarried != 0,
	}
	var currency string
	for i, into := range []*string{&r.id, &r.order, &r.trade, &r.number, &r.status, &currency} {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, errSpill
		}
		text := b[used : used+int(n)] //nolint:gosec // not above len(b)
		b = b[used+int(n):]           //nolint:gosec // the same
		// A payment's numbers are the same twice: they share their bytes.
		switch {
		case i == 1 && string(text) == r.id:
			r.order = r.id
		case i == 3 && string(text) == r.trade:
			r.number = r.trade
		case i == 5 && string(text) == string(money.CNY):
			currency = string(money.CNY)
		default:
			*into = string(text)
		}
	}
	r.currency = money.Currency(currency)
	for _, into := range []*int64{&r.minor, &r.fee, &r.orderMinor, &r.beforeMinor, &r.at, &r.line} {
		n, used := binary.Varint(b)
		if used <= 0 {
			return nil, errSpill
		}
		*into, b = n, b[used:]
	}
	return b, nil
}
