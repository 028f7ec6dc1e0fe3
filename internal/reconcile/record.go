package reconcile

import (
	"encoding/binary"
	"errors"
	"strings"
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

// key is what both sides know a row by.
type key struct {
	refund bool
	id     string
}

func (r *record) key() key { return key{r.refund, r.id} }

// kept is the record without the memory that it shares with others.
func (r record) kept() record {
	for _, s := range []*string{&r.id, &r.order, &r.trade, &r.number, &r.status} {
		*s = strings.Clone(*s)
	}
	r.currency = money.Currency(strings.Clone(string(r.currency)))
	return r
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
		trade: b.ChannelTradeNo, number: b.ChannelTradeNo, status: short(b.Text),
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

// short cuts a bill's own word for a state to what people need of it.
func short(text string) string {
	const most = 64
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

const (
	flagRefund = 1 << iota
	flagPending
	flagFailed
	flagOwn
	flagCarried
	// A payment's row has its numbers twice: they are written once.
	flagOrderIsID
	flagNumberIsTrade
)

// appendTo writes the record behind b.
func (r *record) appendTo(b []byte) []byte {
	order, number := r.order, r.number
	var flags byte
	for _, f := range [...]struct {
		set bool
		bit byte
	}{
		{r.refund, flagRefund},
		{r.pending, flagPending},
		{r.failed, flagFailed},
		{r.own, flagOwn},
		{r.carried, flagCarried},
		{order == r.id, flagOrderIsID},
		{number == r.trade, flagNumberIsTrade},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	if flags&flagOrderIsID != 0 {
		order = ""
	}
	if flags&flagNumberIsTrade != 0 {
		number = ""
	}
	b = append(b, flags)
	for _, s := range [...]string{r.id, order, r.trade, number, r.status, string(r.currency)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, n := range [...]int64{r.minor, r.fee, r.orderMinor, r.beforeMinor, r.at, r.line} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

var errSpill = errors.New("a row that was put aside cannot be read back; the disk may be damaged")

// read reads a record from the beginning of b and gives the rest. Its texts are
// parts of b.
func (r *record) read(b string) (rest string, err error) {
	if b == "" {
		return "", errSpill
	}
	flags := b[0]
	b = b[1:]
	*r = record{
		refund: flags&flagRefund != 0, pending: flags&flagPending != 0, failed: flags&flagFailed != 0,
		own: flags&flagOwn != 0, carried: flags&flagCarried != 0,
	}
	var currency string
	for _, into := range [...]*string{&r.id, &r.order, &r.trade, &r.number, &r.status, &currency} {
		n, used := uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) { //nolint:gosec // used is not above len(b)
			return "", errSpill
		}
		end := used + int(n) //nolint:gosec // not above len(b)
		*into, b = b[used:end], b[end:]
	}
	if flags&flagOrderIsID != 0 {
		r.order = r.id
	}
	if flags&flagNumberIsTrade != 0 {
		r.number = r.trade
	}
	if r.currency = money.Currency(currency); r.currency == money.CNY {
		r.currency = money.CNY // without b
	}
	for _, into := range [...]*int64{&r.minor, &r.fee, &r.orderMinor, &r.beforeMinor, &r.at, &r.line} {
		n, used := uvarint(b)
		if used <= 0 {
			return "", errSpill
		}
		*into, b = int64(n>>1)^-int64(n&1), b[used:] // zigzag, as AppendVarint writes it
	}
	return b, nil
}

// uvarint is [binary.Uvarint] of a text.
func uvarint(b string) (n uint64, used int) {
	for i := 0; i < len(b) && i < binary.MaxVarintLen64; i++ {
		if b[i] < 0x80 {
			return n | uint64(b[i])<<(7*i), i + 1
		}
		n |= uint64(b[i]&0x7f) << (7 * i)
	}
	return 0, 0
}
