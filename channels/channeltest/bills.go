package channeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// billed is what a test did on a day: a bill must have exactly its rows.
type billed struct {
	day channels.Day
	// refunded is an order of which a part went back, plain one of which none did.
	refunded, plain channels.AttemptRef
	part            channels.RefundRequest
	// before are orders of a try that a day's end cut through: they stand in some
	// bill or other.
	before []string
}

const refundedPart = 3000

// bill is one reading of an original.
type bill struct {
	rows   []channels.BillRow
	totals channels.BillTotals
}

// bills runs before all other cases, so that the account has no other rows.
func (s *suite) bills(t *testing.T) {
	source, ok := s.Channel.(channels.BillSource)
	if ok == s.NoBills {
		t.Fatalf("the channel is a BillSource: %t; the harness says NoBills: %t", ok, s.NoBills)
	}
	if s.NoBills {
		return
	}
	b := &billSuite{suite: s, source: source, cal: source.BillCalendar()}
	t.Run("Calendar", b.calendar)
	b.done = b.business(t)
	t.Run("NotOver", b.notOver)
	// 26 hours end every business day that has begun, wherever it is cut.
	s.Sandbox.AdvanceCalendar(t, 26*time.Hour)
	t.Run("NoBusiness", func(t *testing.T) { b.absent(t, b.done.day.Add(-3), channels.ErrNoBusiness) })
	for _, kind := range b.cal.Kinds {
		t.Run("Damaged/"+string(kind), func(t *testing.T) { b.damaged(t, kind) })
		t.Run("Callers/"+string(kind), func(t *testing.T) { b.callers(t, kind) })
	}
	t.Run("Rows", b.rows)
	t.Run("Tampered", b.tampered)
	t.Run("UnknownKind", func(t *testing.T) {
		_, err := source.FetchBill(s.ctx(t), "no such kind", b.done.day, &bytes.Buffer{})
		b.ofTheCall(t, err)
	})
	t.Run("Canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := source.FetchBill(ctx, channels.BillTrades, b.done.day, &bytes.Buffer{})
		b.ofTheCall(t, err)
	})
	for _, f := range faultCases() {
		t.Run("Faults/"+f.name(), func(t *testing.T) {
			_, err := source.FetchBill(s.strike(t, "bill", f), channels.BillTrades, b.done.day, &bytes.Buffer{})
			if err == nil && f.kind == "reset_after" {
				return // net/http asks again by itself: see wantOfQuestion
			}
			b.ofTheCall(t, err)
		})
	}
}

type billSuite struct {
	*suite
	source channels.BillSource
	cal    channels.BillCalendar
	done   billed
}

func (b *billSuite) calendar(t *testing.T) {
	if len(b.cal.Kinds) == 0 || b.cal.Kinds[0] != channels.BillTrades {
		t.Errorf("kinds %v, of which the first must be %s", b.cal.Kinds, channels.BillTrades)
	}
	if b.cal.CutOff < 0 || b.cal.CutOff >= 24*time.Hour || b.cal.Due <= 0 || b.cal.Due >= 24*time.Hour {
		t.Errorf("days end %v before midnight, bills are due %v after it", b.cal.CutOff, b.cal.Due)
	}
}

// business pays two orders and refunds a part of one, all on one business day.
func (b *billSuite) business(t *testing.T) billed {
	t.Helper()
	var done billed
	for {
		done.day = b.cal.DayOf(time.Now())
		done.refunded, done.plain = b.paidOrder(t, orderAmount), b.paidOrder(t, orderAmount+110)
		done.part = b.refundOf(t, done.refunded, refundedPart, 0)
		b.refundNow(t, done.part)
		if b.cal.DayOf(time.Now()) == done.day {
			return done
		}
		done.before = append(done.before, done.refunded.ID, done.plain.ID)
	}
}

// fetch gives an original with what it is called.
func (b *billSuite) fetch(t *testing.T, kind channels.BillKind, day channels.Day) []byte {
	t.Helper()
	var out bytes.Buffer
	f, err := b.source.FetchBill(b.ctx(t), kind, day, &out)
	if err != nil {
		t.Fatalf("fetch the bill of %s on %s: %v", kind, day, err)
	}
	if f.Name == "" || f.ContentType == "" {
		t.Errorf("the original is described as %+v", f)
	}
	return out.Bytes()
}

func (b *billSuite) read(kind channels.BillKind, day channels.Day, original []byte) (bill, error) {
	var got bill
	var err error
	got.totals, err = b.source.ReadBill(kind, day, bytes.NewReader(original), int64(len(original)), func(r channels.BillRow) error {
		got.rows = append(got.rows, r)
		return nil
	})
	return got, err
}

// trades fetches and reads the day's trades.
func (b *billSuite) trades(t *testing.T) bill {
	t.Helper()
	got, err := b.read(channels.BillTrades, b.done.day, b.fetch(t, channels.BillTrades, b.done.day))
	if err != nil {
		t.Fatalf("read the bill of %s: %v", b.done.day, err)
	}
	b.addsUp(t, got)
	return got
}

// addsUp holds the totals against the rows.
func (b *billSuite) addsUp(t *testing.T, got bill) {
	t.Helper()
	want := channels.BillTotals{Currency: b.caps.Currencies[0], Rows: int64(len(got.rows)), Stated: got.totals.Stated}
	line := int64(0)
	for _, r := range got.rows {
		if r.Line <= line {
			t.Errorf("line %d comes after line %d", r.Line, line)
		}
		line = r.Line
		switch r.Type {
		case channels.BillPayment:
			want.Payments++
			want.PaymentMinor += r.Amount.Minor()
		case channels.BillRefund:
			if r.Failed {
				continue
			}
			want.Refunds++
			want.RefundMinor += r.Amount.Minor()
		case channels.BillOther:
			continue
		}
		want.FeeMinor += r.FeeMinor
	}
	if got.totals != want {
		t.Errorf("totals %+v, but the rows add up to %+v", got.totals, want)
	}
}

// identity is by what a row is found again in another reading of the bill.
func identity(r channels.BillRow) string {
	return fmt.Sprint(r.Type, "/", r.AttemptID, "/", r.RefundID, "/", r.ChannelTradeNo, "/", r.ChannelRefundNo)
}

// byIdentity has the rows without their places.
func (b *billSuite) byIdentity(t *testing.T, got bill) map[string]channels.BillRow {
	t.Helper()
	all := make(map[string]channels.BillRow)
	for _, r := range got.rows {
		r.Line = 0
		if r.Type == channels.BillOther || slices.Contains(b.done.before, r.AttemptID) {
			continue
		}
		if _, twice := all[identity(r)]; twice {
			t.Errorf("the bill has %s twice", identity(r))
		}
		all[identity(r)] = r
	}
	return all
}

// rows: the bill has what was done, and nothing else.
func (b *billSuite) rows(t *testing.T) {
	rows := b.byIdentity(t, b.trades(t))
	if len(rows) != 3 {
		t.Errorf("%d rows, want two payments and a refund: %v", len(rows), rows)
	}
	for _, ref := range []channels.AttemptRef{b.done.refunded, b.done.plain} {
		r, ok := findRow(rows, func(r channels.BillRow) bool {
			return r.Type == channels.BillPayment && r.AttemptID == ref.ID
		})
		if !ok || r.ChannelTradeNo != ref.ChannelTradeNo || !r.Amount.Equal(ref.Amount) || r.Failed || r.Pending {
			t.Errorf("payment %+v, row %+v", ref, r)
		}
		b.onTheDay(t, r)
		if b.cal.NoFees && r.FeeMinor != 0 || !b.cal.NoFees && r.FeeMinor <= 0 {
			t.Errorf("fee %d of a payment; bills state none: %t", r.FeeMinor, b.cal.NoFees)
		}
	}
	trade, _ := b.Sandbox.Trade(t, b.done.refunded.ID)
	r, ok := findRow(rows, func(r channels.BillRow) bool { return r.Type == channels.BillRefund })
	if !ok || r.AttemptID != b.done.refunded.ID || r.ChannelTradeNo != trade.ChannelTradeNo || !r.Amount.Equal(b.done.part.Amount) || r.Failed {
		t.Errorf("refund %+v, row %+v", b.done.part, r)
	}
	if r.RefundID != b.done.part.RefundID && (r.RefundID != "" || r.ChannelRefundNo == "") {
		t.Errorf("the refund %s is not to be recognised in %+v", b.done.part.RefundID, r)
	}
	b.onTheDay(t, r)
	if b.cal.RefundsReturnFees && r.FeeMinor > 0 || !b.cal.RefundsReturnFees && r.FeeMinor != 0 {
		t.Errorf("fee %d of a refund; refunds return fees: %t", r.FeeMinor, b.cal.RefundsReturnFees)
	}
}

func (b *billSuite) onTheDay(t *testing.T, r channels.BillRow) {
	t.Helper()
	if !r.At.IsZero() && (b.cal.DayOf(r.At) != b.done.day || r.At.Location() != time.UTC) {
		t.Errorf("a row of %v in the bill of %s", r.At, b.done.day)
	}
}

func findRow(rows map[string]channels.BillRow, is func(channels.BillRow) bool) (channels.BillRow, bool) {
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if is(rows[key]) {
			return rows[key], true
		}
	}
	return channels.BillRow{}, false
}

// tampered: each falsification shows as what it is, and as nothing else.
func (b *billSuite) tampered(t *testing.T) {
	clean := b.byIdentity(t, b.trades(t))
	plain, ok := findRow(clean, func(r channels.BillRow) bool { return r.AttemptID == b.done.plain.ID })
	if !ok {
		t.Fatal("the bill has no row to falsify")
	}
	foreign := newID()
	for kind, tt := range map[string]struct {
		number string
		// changed checks what became of the row, or the foreign one.
		changed func(was, is channels.BillRow, there bool) bool
	}{
		"lost_row": {plain.AttemptID, func(_, _ channels.BillRow, there bool) bool { return !there }},
		"wrong_amount": {plain.AttemptID, func(was, is channels.BillRow, there bool) bool {
			same := is.Amount.Equal(was.Amount)
			is.Amount = was.Amount
			return there && !same && is == was
		}},
		"wrong_fee": {plain.AttemptID, func(was, is channels.BillRow, there bool) bool {
			same := is.FeeMinor == was.FeeMinor
			is.FeeMinor = was.FeeMinor
			return there && same == b.cal.NoFees && is == was
		}},
		"foreign_row": {foreign, func(_, is channels.BillRow, there bool) bool {
			return there && is.Type == channels.BillPayment && !is.Amount.IsZero() && is.ChannelTradeNo != ""
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			b.Sandbox.FalsifyBill(t, b.done.day, Tamper{Kind: kind, OutTradeNo: tt.number})
			got := b.byIdentity(t, b.trades(t))
			is, there := findRow(got, func(r channels.BillRow) bool { return r.AttemptID == tt.number })
			if !tt.changed(plain, is, there) {
				t.Errorf("row %+v became %+v (there: %t)", plain, is, there)
			}
			others := maps.Clone(clean)
			if tt.number == plain.AttemptID {
				delete(others, identity(plain))
			}
			delete(got, identity(is))
			if !maps.Equal(got, others) {
				t.Errorf("other rows are %v, want %v", got, others)
			}
		})
	}
	if again := b.byIdentity(t, b.trades(t)); !maps.Equal(again, clean) {
		t.Errorf("after the falsifications: %v, want %v", again, clean)
	}
}

// notOver asks while the day goes on.
func (b *billSuite) notOver(t *testing.T) {
	b.absent(t, b.done.day.Next(), channels.ErrBillNotReady)
	_, err := b.source.FetchBill(b.ctx(t), channels.BillTrades, b.done.day, &bytes.Buffer{})
	if b.cal.DayOf(time.Now()) != b.done.day {
		t.Skip("the business day ended this very moment")
	}
	if !errors.Is(err, channels.ErrBillNotReady) {
		t.Errorf("error %v, want %v", err, channels.ErrBillNotReady)
	}
}

// absent asks for a bill that is not there. Where a day had no business, a bill
// without rows is as good.
func (b *billSuite) absent(t *testing.T, day channels.Day, want error) {
	t.Helper()
	var out bytes.Buffer
	_, err := b.source.FetchBill(b.ctx(t), channels.BillTrades, day, &out)
	if err == nil && errors.Is(want, channels.ErrNoBusiness) {
		got, err := b.read(channels.BillTrades, day, out.Bytes())
		if err != nil || len(got.rows) != 0 || got.totals.Rows != 0 {
			t.Errorf("the bill of a day without business: %+v, %v", got, err)
		}
		return
	}
	if !errors.Is(err, want) || errors.Is(err, channels.ErrBillNotReady) == errors.Is(err, channels.ErrNoBusiness) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// ofTheCall fails unless err is about the call and says nothing of the bill.
func (b *billSuite) ofTheCall(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	_ = b.ch.call(channels.OpBill, err)
	if errors.Is(err, channels.ErrBillNotReady) || errors.Is(err, channels.ErrNoBusiness) || isBroken(err) {
		t.Errorf("a call that failed says of the bill: %v", err)
	}
}

func isBroken(err error) bool {
	var broken *channels.BrokenBillError
	return errors.As(err, &broken)
}

// damaged cuts an original and flips its bytes: what is still taken must be
// what it was.
func (b *billSuite) damaged(t *testing.T, kind channels.BillKind) {
	good := b.fetch(t, kind, b.done.day)
	want, err := b.read(kind, b.done.day, good)
	if err != nil {
		t.Fatal(err)
	}
	if want.totals.Rows != int64(len(want.rows)) || len(want.rows) == 0 {
		t.Errorf("%d rows, said to be %d", len(want.rows), want.totals.Rows)
	}
	const flips = 1024
	broken := 0
	for at := 0; at < len(good); at += 1 + len(good)/flips {
		damaged := bytes.Clone(good)
		damaged[at] ^= 0x15
		got, err := b.read(kind, b.done.day, damaged)
		switch {
		case isBroken(err):
			broken++
		case err != nil:
			t.Fatalf("byte %d: error is %T: %v", at, err, err)
		case got.totals != want.totals || !slices.Equal(got.rows, want.rows):
			t.Fatalf("byte %d changed %+v into %+v", at, want, got)
		}
	}
	if broken == 0 {
		t.Error("no byte mattered")
	}
	const cuts = 100
	for at := 0; at < len(good); at += 1 + len(good)/cuts {
		if _, err := b.read(kind, b.done.day, good[:at]); !isBroken(err) {
			t.Fatalf("cut at %d of %d: %v", at, len(good), err)
		}
	}
	if _, err := b.read(kind, b.done.day.Add(-1), good); !isBroken(err) {
		t.Errorf("taken for the bill of another day: %v", err)
	}
}

// callers: an error of the caller's own ends the reading and is handed back as
// it is.
func (b *billSuite) callers(t *testing.T, kind channels.BillKind) {
	good := b.fetch(t, kind, b.done.day)
	mine, calls := errors.New("enough"), 0
	_, err := b.source.ReadBill(kind, b.done.day, bytes.NewReader(good), int64(len(good)), func(channels.BillRow) error {
		calls++
		return mine
	})
	if calls != 1 || err != mine { //nolint:errorlint // exactly the same is promised
		t.Errorf("%d calls, error %v", calls, err)
	}
}
