package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// finding is a discrepancy before it is written.
type finding struct {
	kind             Kind
	subject          string
	status           DiscrepancyStatus
	ours, theirs     *Entry
	detail, evidence Message
}

// result is what a day's matching and repair add up to.
type result struct {
	matched  int64
	ours     Side
	theirs   channels.BillTotals
	findings []finding
	known    map[string]bool
	pool     []PoolRow
	// settled are subjects that another day called missing.
	settled []Gone
	carried int64
	waiting bool
	// most bounds findings; more of them are dropped and make overflow.
	most     int
	overflow bool
	// fees counts the rows whose fee alone differs, dropped ones too.
	fees int
}

func newResult(most int) *result { return &result{known: map[string]bool{}, most: most} }

// find keeps a finding; a second one of the same kind and subject is the same,
// but what is open weighs more than what was repaired.
func (r *result) find(f finding) {
	if f.status == "" {
		f.status = Open
	}
	k := string(f.kind) + "/" + f.subject
	if r.known[k] {
		at := slices.IndexFunc(r.findings, func(g finding) bool { return g.kind == f.kind && g.subject == f.subject })
		if f.status == Open && r.findings[at].status == Repaired {
			r.findings[at] = f
		}
		return
	}
	if f.kind == FeeMismatch {
		r.fees++
	}
	if len(r.findings) >= r.most {
		r.overflow = true
		return
	}
	r.known[k] = true
	r.findings = append(r.findings, f)
}

// tooMany says why the findings are too many.
func (r *result) tooMany() *tooManyError { return &tooManyError{limit: r.most, fees: r.fees} }

// unusedSubject numbers a row that is not ours: a second one under the same
// number is another one.
func (r *result) unusedSubject(kind Kind, subject string, copies int) string {
	for n := copies; ; n++ {
		s := subject
		if n > 1 {
			s = fmt.Sprintf("%s#%d", subject, n)
		}
		if !r.known[string(kind)+"/"+s] {
			return s
		}
	}
}

// count adds a row of ours to our side.
func (s *Side) count(refund bool, minor, fee int64) {
	if refund {
		s.Refunds++
		s.RefundMinor += minor
	} else {
		s.Payments++
		s.PaymentMinor += minor
	}
	s.FeeMinor += fee
}

// seal orders the findings and gives the digest of everything that makes the
// result. What became of a finding is not part of it: the same differences are
// the same result, whoever has settled them since.
func (r *result) seal() (digest string) {
	slices.SortFunc(r.findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.subject, b.subject))
	})
	slices.SortFunc(r.pool, func(a, b PoolRow) int { return cmp.Compare(a.SubjectID, b.SubjectID) })
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "matched %d carried %d waiting %t\nours %+v\ntheirs %+v\n", r.matched, r.carried, r.waiting, r.ours, sideOf(r.theirs))
	for _, f := range r.findings {
		_, _ = fmt.Fprintf(h, "%s %q %s | %s\n", f.kind, f.subject, entrySum(f.ours), entrySum(f.theirs))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func entrySum(e *Entry) string {
	if e == nil {
		return "-"
	}
	return fmt.Sprintf("%q %q %q %q %s %d", e.AttemptID, e.RefundID, e.ChannelTradeNo, e.ChannelRefundNo, e.Amount, e.FeeMinor)
}

// sideOf is a bill as a side of the books.
func sideOf(t channels.BillTotals) Side {
	return Side{Payments: t.Payments, Refunds: t.Refunds, PaymentMinor: t.PaymentMinor, RefundMinor: t.RefundMinor, FeeMinor: t.FeeMinor}
}

// currencyOf is the currency of a bill; one without rows states none.
func currencyOf(t channels.BillTotals) money.Currency { return cmp.Or(t.Currency, money.CNY) }

// ourEntry and theirEntry show a row to people.
func ourEntry(row *record, fee int64) *Entry {
	r := row.kept()
	e := &Entry{Type: r.rowType(), AttemptID: r.order, Amount: r.amount(), FeeMinor: fee, Status: r.status, At: r.when()}
	if r.refund {
		e.RefundID, e.ChannelRefundNo = r.id, r.number
	} else {
		e.ChannelTradeNo = r.trade
	}
	return e
}

func theirEntry(row *record) *Entry {
	r := row.kept()
	e := &Entry{Type: r.rowType(), AttemptID: r.order, ChannelTradeNo: r.trade, Amount: r.amount(), FeeMinor: r.fee, Status: r.status, At: r.when()}
	if r.refund {
		e.RefundID, e.ChannelRefundNo = r.id, r.number
	}
	return e
}

// maxSubject bounds a number in a subject, in bytes: what a file has as a number
// may be anything.
const maxSubject = 128

// billSubject names a row that is not ours by its day and the channel's number,
// else by the one in the file, which a refund may share with one of another
// payment.
func billSubject(day channels.Day, r *record) string {
	number := cmp.Or(r.number, r.id, r.trade, r.order, fmt.Sprintf("line-%d", r.line))
	if r.refund && r.number == "" && r.id != "" && r.trade != "" {
		number = r.trade + "/" + number
	}
	number = strings.ToValidUTF8(number, "?")
	if len(number) > maxSubject {
		sum := sha256.Sum256([]byte(number))
		number = "sha256-" + hex.EncodeToString(sum[:])
	}
	return "bill:" + day.String() + "/" + number
}

func (r *record) rowType() StatementRowType { return rowType(r.refund) }

// rowType is what a row is.
func rowType(refund bool) StatementRowType {
	if refund {
		return RowRefund
	}
	return RowPayment
}

// what is the row's type for a message.
func (r *record) what() string { return string(r.rowType()) }

// stamp writes a moment for a message.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
