package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

func TestMatch_Kinds(t *testing.T) {
	t.Parallel()
	d := day(t, "2026-11-20")
	for name, c := range map[string]struct {
		// falsify changes the bill of two payments and a refund of the first.
		falsify func(rows []channels.BillRow) []channels.BillRow
		matched int64
		// want holds {a} and {b} for the attempts, {r} for the refund.
		want []string
	}{
		"balanced": {func(rows []channels.BillRow) []channels.BillRow { return rows }, 3, nil},
		"a payment is not in the bill": {
			func(rows []channels.BillRow) []channels.BillRow { return rows[1:] }, 2,
			[]string{"missing_at_channel open {a} 10000/-"},
		},
		"a refund is not in the bill": {
			func(rows []channels.BillRow) []channels.BillRow { return rows[:2] }, 2,
			[]string{"missing_at_channel open {r} 300/-"},
		},
		"a payment is not ours": {
			func(rows []channels.BillRow) []channels.BillRow {
				return append(rows, channels.BillRow{Type: channels.BillPayment, AttemptID: "X1", ChannelTradeNo: "TX1", Amount: cny(7), At: noon})
			}, 3,
			[]string{"missing_locally open bill:TX1 -/7"},
		},
		"a refund is not ours": {
			func(rows []channels.BillRow) []channels.BillRow {
				r := rows[2]
				r.RefundID, r.ChannelRefundNo, r.Amount = "Y1", "RY1", cny(5)
				return append(rows, r)
			}, 3,
			[]string{"missing_locally open bill:RY1 -/5"},
		},
		"a refund without any number of its own is not ours": {
			func(rows []channels.BillRow) []channels.BillRow {
				r := rows[2]
				r.RefundID, r.ChannelRefundNo, r.Amount = "", "", cny(5)
				return append(rows, r)
			}, 3,
			[]string{"missing_locally open bill:T{a} -/5"},
		},
		"another amount": {
			func(rows []channels.BillRow) []channels.BillRow { rows[1].Amount = cny(20001); return rows }, 2,
			[]string{"amount_mismatch open {b} 20000/20001"},
		},
		"another amount of a refund": {
			func(rows []channels.BillRow) []channels.BillRow { rows[2].Amount = cny(299); return rows }, 2,
			[]string{"amount_mismatch open {r} 300/299"},
		},
		"another fee": {
			func(rows []channels.BillRow) []channels.BillRow { rows[0].FeeMinor++; return rows }, 2,
			[]string{"fee_mismatch open {a} 10000/10000"},
		},
		"a fee of a refund that keeps its payment's": {
			func(rows []channels.BillRow) []channels.BillRow { rows[2].FeeMinor = -2; return rows }, 2,
			[]string{"fee_mismatch open {r} 300/300"},
		},
		"a refund that failed by the bill": {
			func(rows []channels.BillRow) []channels.BillRow { rows[2].Failed = true; return rows }, 2,
			[]string{"status_mismatch open {r} 300/300"},
		},
		"another number of the channel": {
			func(rows []channels.BillRow) []channels.BillRow { rows[1].ChannelTradeNo = "T9"; return rows }, 2,
			[]string{"status_mismatch open {b} 20000/20000"},
		},
		"the channel's number under another number of ours": {
			func(rows []channels.BillRow) []channels.BillRow { rows[1].AttemptID = "OTHER"; return rows }, 2,
			[]string{"status_mismatch open {b} 20000/20000"},
		},
		"a refund under another order": {
			func(rows []channels.BillRow) []channels.BillRow { rows[2].AttemptID = rows[1].AttemptID; return rows }, 2,
			[]string{"status_mismatch open {r} 300/300"},
		},
		"no number of ours": {
			func(rows []channels.BillRow) []channels.BillRow {
				rows[1].AttemptID, rows[2].RefundID = "", ""
				return rows
			}, 3, nil,
		},
		"a refund by order and amount": {
			func(rows []channels.BillRow) []channels.BillRow {
				rows[2].RefundID, rows[2].ChannelRefundNo = rows[2].AttemptID, ""
				return rows
			}, 3, nil,
		},
		"the same payment twice": {
			func(rows []channels.BillRow) []channels.BillRow {
				again := rows[0]
				again.ChannelTradeNo = "T2"
				return append(rows, again)
			}, 3,
			[]string{"missing_locally open bill:T2#2 -/10000"},
		},
		"the same row three times": {
			func(rows []channels.BillRow) []channels.BillRow { return append(rows, rows[0], rows[0]) }, 3,
			[]string{"missing_locally open bill:T{a}#2 -/10000", "missing_locally open bill:T{a}#3 -/10000"},
		},
		"a refund twice": {
			func(rows []channels.BillRow) []channels.BillRow { return append(rows, rows[2]) }, 3,
			[]string{"missing_locally open bill:R{r}#2 -/300"},
		},
		"rows about something else": {
			func(rows []channels.BillRow) []channels.BillRow {
				return append(rows, channels.BillRow{Type: channels.BillOther, Amount: cny(1)})
			}, 3, nil,
		},
		"everything at once": {
			func(rows []channels.BillRow) []channels.BillRow {
				rows[1].Amount = cny(1)
				return append(rows[1:2:2], channels.BillRow{Type: channels.BillPayment, AttemptID: "X1", Amount: cny(7), At: noon})
			}, 0,
			[]string{
				"missing_at_channel open {a} 10000/-", "missing_at_channel open {r} 300/-", "amount_mismatch open {b} 20000/1", "missing_locally open bill:X1 -/7",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			a, b := w.book(10000, noon), w.book(20000, noon.Add(time.Hour))
			r := w.refund(a, 300, noon.Add(2*time.Hour))
			w.bill(d, c.falsify([]channels.BillRow{row(a), row(b), back(r, a)})...)
			ids := strings.NewReplacer("{a}", a.ID, "{b}", b.ID, "{r}", r.ID)
			var want []string
			for _, f := range c.want {
				want = append(want, ids.Replace(f))
			}
			status := reconcile.StatusBalanced
			if len(want) > 0 {
				status = reconcile.StatusDifferences
			}
			first := w.run(d)
			w.want(first, status, 1, c.matched, want...)
			if again := w.run(d); again.ID != first.ID || again.Version != 1 || again.ResultDigest != first.ResultDigest {
				t.Errorf("run again it is %s version %d", again.ID, again.Version)
			}
			if status == reconcile.StatusBalanced && first.Totals.Ours != first.Totals.Theirs && c.matched == 3 && name != "rows about something else" {
				t.Errorf("balanced, yet ours is %+v, theirs %+v", first.Totals.Ours, first.Totals.Theirs)
			}
		})
	}
}

// A difference has both sides' numbers, and people know ours by the merchant's.
func TestMatch_BothSides(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(10000, noon)
	r := row(a)
	r.Amount = cny(9999)
	w.bill(d, r)
	rec := w.run(d)
	list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{MerchantID: merchantID, Day: d})
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	got := list[0]
	if got.ReconciliationID != rec.ID || got.Ours.PaymentID != a.PaymentID || got.Ours.MerchantOrderNo == "" || got.Ours.ChannelTradeNo != a.ChannelTradeNo ||
		got.Theirs.AttemptID != a.ID || got.Theirs.Status != "paid" || !got.Theirs.At.Equal(noon) || got.Ours.FeeMinor != 60 {
		t.Errorf("%+v\nours %+v\ntheirs %+v", got, got.Ours, got.Theirs)
	}
	one, comments, err := w.service().Discrepancy(t.Context(), merchantID, got.ID)
	if err != nil || one.Detail.String() != got.Detail.String() || len(comments) != 0 {
		t.Errorf("%+v %v %v", one, comments, err)
	}
	if _, _, err := w.service().Discrepancy(t.Context(), "mer_2", got.ID); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("another merchant reads it: %v", err)
	}
}

// A fee goes back in proportion, counted over all refunds of the order.
func TestMatch_ReturnedFees(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	w.bank.change(func(b *bank) { b.calendar.RefundsReturnFees, b.calendar.RefundOnAcceptance = true, true })
	a := w.book(150, noon) // its fee is 1 fen
	rows := []channels.BillRow{row(a)}
	for i, want := range []int64{0, -1, 0} { // of 50, 100 and 150 fen: 0.33, 0.67, 1
		r := w.refund(a, 50, noon.Add(time.Duration(i+1)*time.Minute))
		b := back(r, a)
		b.FeeMinor = want
		rows = append(rows, b)
	}
	w.bill(d, rows...)
	rec := w.run(d)
	w.want(rec, reconcile.StatusBalanced, 1, 4)
	if rec.Totals.Ours != rec.Totals.Theirs || rec.Totals.Ours.FeeMinor != 0 {
		t.Errorf("%+v %+v", rec.Totals.Ours, rec.Totals.Theirs)
	}
}

// Without a contracted rate nothing can be said of fees.
func TestMatch_NoRate(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.accounts[0].FeeRatePPM = 0
	d := day(t, "2026-11-20")
	a := w.book(10000, noon)
	r := row(a)
	r.FeeMinor = 17
	w.bill(d, r)
	if rec := w.run(d); rec.Status != reconcile.StatusBalanced || rec.Totals.Ours != rec.Totals.Theirs {
		t.Errorf("%+v", rec)
	}
}

// Where one rate is wrong, all fees differ: the bill is this account's still.
func TestMatch_TooManyFees(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.cfg.MaxDifferences = 10
	d := day(t, "2026-11-20")
	rows := []channels.BillRow{{Type: channels.BillPayment, AttemptID: "X", Amount: cny(1), At: noon}}
	for range 11 {
		b := row(w.book(10000, noon))
		b.FeeMinor = 38
		rows = append(rows, b)
	}
	w.bill(d, rows...)
	for range 2 {
		rec := w.run(d)
		w.want(rec, reconcile.StatusFailed, 1, 0)
		if told := rec.Failure.String(); !strings.Contains(told, "10 differences 11 are fees") || strings.Contains(told, "another account's") {
			t.Error(told)
		}
	}
}

// A bill that has nothing in common with our books is not this account's.
func TestMatch_TooManyDifferences(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.cfg.MaxDifferences = 10
	d := day(t, "2026-11-20")
	var rows []channels.BillRow
	for i := range 11 {
		rows = append(rows, channels.BillRow{Type: channels.BillPayment, AttemptID: fmt.Sprint("X", i), Amount: cny(1), At: noon})
	}
	w.bill(d, rows...)
	rec := w.run(d)
	w.want(rec, reconcile.StatusFailed, 1, 0)
	if rec.Failure == nil || len(rec.Bills) != 1 {
		t.Errorf("%+v", rec)
	}
}
