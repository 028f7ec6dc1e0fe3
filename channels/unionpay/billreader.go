package unionpay

import (
	"errors"
	"hash/maphash"
	"io"
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

// direction is which way a transaction's money goes.
type direction int

const (
	anyWay   direction = iota // as its sign says
	incoming                  // to the merchant
	outgoing                  // from the merchant
)

// txnType is what a type of transaction is in a bill.
type txnType struct {
	code string
	row  channels.BillRowType
	way  direction
	text string
}

// txnTypes are the types that move money of an order; others are BillOther.
func txnTypes() []txnType {
	return []txnType{
		{typeConsume, channels.BillPayment, incoming, "01 consumption"},
		{"03", channels.BillPayment, incoming, "03 completion of a pre-authorisation"},
		{typeRefund, channels.BillRefund, outgoing, "04 refund"},
		{typeUndo, channels.BillRefund, outgoing, "31 undo of a consumption"},
		{"33", channels.BillRefund, outgoing, "33 undo of a completion"},
	}
}

// sums is what transactions add up to, in fen. They cannot overflow: a member
// has at most seven million records of at most twelve digits.
type sums struct {
	count             int64
	in, out           int64 // amounts, by direction
	feeTaken, feeBack int64
	settled           int64 // what the merchant gets; negative: gives
}

// add counts a transaction whose money went some way; fee and settled are what
// the merchant got, negative what it gave.
func (s *sums) add(way direction, amount, fee, settled int64) {
	s.count++
	if way == outgoing {
		s.out += amount
	} else {
		s.in += amount
	}
	if fee < 0 {
		s.feeTaken -= fee
	} else {
		s.feeBack += fee
	}
	s.settled += settled
}

// recordReader reads the records of a day's members.
type recordReader struct {
	merID string
	day   channels.Day
	each  func(channels.BillRow) error

	// sums are of all transactions, totals of payments and refunds.
	sums   sums
	totals channels.BillTotals
	types  []txnType
	seen   *lately
}

func newRecordReader(merID string, day channels.Day, each func(channels.BillRow) error) *recordReader {
	return &recordReader{
		merID: merID, day: day, each: each, totals: channels.BillTotals{Currency: money.CNY}, types: txnTypes(), seen: newLately(),
	}
}

// readDetail reads the transactions.
func (r *recordReader) readDetail(in io.Reader) error {
	l := detailLayout()
	return r.records(&l, in, func(record []byte) (channels.BillRow, error) {
		if r.seen.again(record) {
			return channels.BillRow{}, errors.New("the record stands in the file twice")
		}
		return r.transaction(&fields{layout: &l, record: record})
	})
}

// readErrors reads the errors and adjustments, whose layout is known from
// UnionPay's description only.
func (r *recordReader) readErrors(in io.Reader) error {
	l := errorLayout()
	return r.records(&l, in, func(record []byte) (channels.BillRow, error) {
		return r.adjustment(&fields{layout: &l, record: record})
	})
}

// records calls read for each record, without its line end, to the end of the
// member. What read says is wrong is told with the record's number.
func (r *recordReader) records(l *layout, in io.Reader, read func(record []byte) (channels.BillRow, error)) error {
	lines := billfile.NewLines(in)
	for lines.Next() {
		record := lines.Bytes()
		row, err := channels.BillRow{}, l.check(record)
		if err == nil {
			row, err = read(record)
		}
		if err != nil {
			return broken(lines.Number(), "%s: %s", l.name, err.Error())
		}
		row.Line = lines.Number()
		r.totals.Rows++
		if err := r.each(row); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return broken(lines.Number(), "%s: %s", l.name, billfile.Reason(err))
	}
	return nil
}

// transaction reads a record of ZM. Its direction is said twice, by its type
// and by the sign of what is settled: both must agree.
func (r *recordReader) transaction(f *fields) (channels.BillRow, error) {
	if string(f.column(f.record, colMerID)) != r.merID {
		return channels.BillRow{}, errors.New("the record is another merchant's")
	}
	kind := r.typeOf(f.column(f.record, colTxnType))
	row := channels.BillRow{Type: kind.row, Text: kind.text, At: f.time(colTime, r.day)}
	own, ownNo := f.name(colOrderID), f.name(colQueryID)
	switch row.Type {
	case channels.BillPayment:
		row.AttemptID, row.ChannelTradeNo = own, ownNo
	case channels.BillRefund:
		row.RefundID, row.ChannelRefundNo = own, ownNo
		row.AttemptID, row.ChannelTradeNo = f.name(colOrigOrderID), f.name(colOrigQueryID)
	case channels.BillOther:
		row.ChannelTradeNo = ownNo
	}
	amount, fee, settled := f.digits(colAmount), f.signed(colFee), f.signed(colSettled)
	if f.err != nil {
		return row, f.err
	}
	if ownNo == "" {
		return row, errors.New("the record has no queryId")
	}
	way := kind.way
	if way == anyWay {
		way = wayOf(settled)
	}
	if err := f.agree(way, amount, fee, settled); err != nil {
		return row, err
	}
	r.sums.add(way, amount, fee, settled)
	row.FeeMinor = -fee
	return row, r.count(&row, amount)
}

// agree compares a record's own amounts: what is settled is the amount less the
// fee, where nothing else takes part in it.
func (f *fields) agree(way direction, amount, fee, settled int64) error {
	moved := amount
	if way == outgoing {
		moved = -amount
	}
	plain := f.unused(colShare) && f.unused(colDiscount) && f.unused(colInstalment)
	switch {
	case settled == moved+fee:
		return nil
	case wayOf(settled) != way:
		return errors.New("the type of the transaction (column 20) and the sign of what is settled (column 17) disagree")
	case plain:
		return errors.New("what is settled (column 17) is not the amount less the fee (columns 7 and 16)")
	}
	return nil
}

// adjustment reads a record of ZME.
func (r *recordReader) adjustment(f *fields) (channels.BillRow, error) {
	if string(f.column(f.record, colErrorMerID)) != r.merID {
		return channels.BillRow{}, errors.New("the record is another merchant's")
	}
	row := channels.BillRow{
		Type: channels.BillOther, At: f.time(colTime, r.day), FeeMinor: -f.signed(colErrorFee), Text: "ZME " + f.name(colCode),
	}
	amount := f.digits(colAmount)
	if f.err != nil {
		return row, f.err
	}
	return row, r.count(&row, amount)
}

// count gives the row its amount and adds it to the totals.
func (r *recordReader) count(row *channels.BillRow, amount int64) (err error) {
	if row.Amount, err = money.New(amount, money.CNY); err != nil {
		return err
	}
	switch row.Type {
	case channels.BillPayment:
		r.totals.Payments++
		r.totals.PaymentMinor += amount
	case channels.BillRefund:
		r.totals.Refunds++
		r.totals.RefundMinor += amount
	case channels.BillOther:
		return nil
	}
	r.totals.FeeMinor += row.FeeMinor
	return nil
}

func (r *recordReader) typeOf(code []byte) txnType {
	for _, t := range r.types {
		if t.code == string(code) {
			return t
		}
	}
	return txnType{text: "txnType " + texts.Clip(strings.ToValidUTF8(string(code), "?"), maxCode)}
}

func wayOf(settled int64) direction {
	if settled < 0 {
		return outgoing
	}
	return incoming
}

// lately remembers the last records, to notice one that comes again. A copy
// that stands further away shows in the summary's count, or is found when rows
// are matched by number: memory does not grow with the file.
type lately struct {
	seed  maphash.Seed
	known map[uint64]struct{}
	order []uint64
	next  int
}

// remembered is how many records are.
const remembered = 1 << 16

func newLately() *lately {
	return &lately{seed: maphash.MakeSeed(), known: make(map[uint64]struct{})}
}

// again remembers a record and tells whether it was there.
func (l *lately) again(record []byte) bool {
	h := maphash.Bytes(l.seed, record)
	if _, there := l.known[h]; there {
		return true
	}
	if len(l.order) < remembered {
		l.order = append(l.order, h)
	} else {
		delete(l.known, l.order[l.next])
		l.order[l.next] = h
		l.next = (l.next + 1) % remembered
	}
	l.known[h] = struct{}{}
	return false
}
