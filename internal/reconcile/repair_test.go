package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

func unpaid(status payment.AttemptStatus) func(*payment.Attempt) {
	return func(a *payment.Attempt) {
		a.Status, a.PaidAt, a.Counted, a.ChannelTradeNo = status, time.Time{}, false, ""
	}
}

// billed is the bill's row of an attempt that our books don't have as paid.
func billed(a *payment.Attempt) channels.BillRow {
	r := row(a)
	r.At, r.ChannelTradeNo = noon, "T"+a.ID
	return r
}

// What the bill has as paid and our books have not is asked about; the channel's
// answer settles it, and the repair stays told.
func TestRepair_Payments(t *testing.T) {
	t.Parallel()
	d := day(t, "2026-11-20")
	for name, c := range map[string]struct {
		before payment.AttemptStatus
		answer string
		amount int64
		want   string
		// matched is 1 where both sides agree afterwards.
		matched int64
	}{
		"lost callback":             {payment.AttemptPending, "succeeded", 100, "status_mismatch repaired {a} 100/100", 1},
		"unknown":                   {payment.AttemptUnknown, "succeeded", 100, "status_mismatch repaired {a} 100/100", 1},
		"closed, then paid":         {payment.AttemptClosed, "succeeded", 100, "status_mismatch repaired {a} 100/100", 1},
		"declined, then paid":       {payment.AttemptDeclined, "succeeded", 100, "status_mismatch repaired {a} 100/100", 1},
		"paid, of another amount":   {payment.AttemptPending, "succeeded", 101, "status_mismatch repaired {a} 100/101", 0},
		"no answer":                 {payment.AttemptClosed, "", 100, "status_mismatch open {a} 100/100", 0},
		"still unknown":             {payment.AttemptUnknown, "unknown", 100, "status_mismatch open {a} 100/100", 0},
		"not paid by the channel":   {payment.AttemptClosed, "closed", 100, "missing_locally open bill:T{a} -/100", 0},
		"never paid by the channel": {payment.AttemptPending, "pending", 100, "missing_locally open bill:T{a} -/100", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			a := w.book(100, noon, unpaid(c.before))
			w.core.answers[a.ID] = c.answer
			r := billed(a)
			r.Amount = cny(c.amount)
			w.bill(d, r)
			want := []string{strings.ReplaceAll(c.want, "{a}", a.ID)}
			if c.amount != 100 {
				want = append(want, "amount_mismatch open "+a.ID+" 100/101")
			}
			status := reconcile.StatusDifferences
			if c.matched == 1 {
				status = reconcile.StatusBalanced
			}
			first := w.run(d)
			w.want(first, status, 1, c.matched, want...)
			if again := w.run(d); again.Version != 1 || again.ResultDigest != first.ResultDigest {
				t.Errorf("run again it is version %d", again.Version)
				w.want(again, status, 1, c.matched, want...)
			}
			if len(w.core.settled) != 0 {
				t.Error("the bill alone settled it")
			}
		})
	}
}

// An outage of the channel in the night is repaired by the next run, in the same
// version.
func TestRepair_Later(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon, unpaid(payment.AttemptUnknown))
		w.bill(d, billed(a))
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "status_mismatch open "+a.ID+" 100/100")
		w.core.answers[a.ID] = "succeeded"
		again := w.run(d)
		w.want(again, reconcile.StatusBalanced, 2, 1, "status_mismatch repaired "+a.ID+" 100/100")
		list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{ReconciliationID: again.ID})
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Evidence.String(), "line 1") || list[0].ResolvedAt.IsZero() {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// A bounded number of questions is asked in one run.
func TestRepair_Bounded(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.cfg.MaxRepairs = 2
	d := day(t, "2026-11-20")
	var rows []channels.BillRow
	for range 5 {
		a := w.book(100, noon, unpaid(payment.AttemptUnknown))
		w.core.answers[a.ID] = "succeeded"
		rows = append(rows, billed(a))
	}
	w.bill(d, rows...)
	for _, open := range []int64{3, 1, 0} {
		if r := w.run(d); r.Open != open || len(w.core.asked) > 5 {
			t.Errorf("%d open, want %d", r.Open, open)
		}
	}
}

func doubtful(r *payment.Refund) {
	r.Status, r.SucceededAt, r.ChannelRefundNo = payment.RefundProcessing, time.Time{}, ""
}

// A refund in doubt is settled by the channel's answer; only where no answer can
// settle it does the day's file.
func TestRepair_Refunds(t *testing.T) {
	t.Parallel()
	d := day(t, "2026-11-20")
	for name, c := range map[string]struct {
		repeatable bool
		answer     string
		listed     bool
		pending    bool
		status     payment.RefundStatus
		want       string
		after      payment.RefundStatus
		evidence   string
	}{
		"listed, and the channel says so":      {true, "succeeded", true, false, payment.RefundProcessing, "status_mismatch repaired {r} 30/30", payment.RefundSucceeded, ""},
		"listed, no answer":                    {true, "", true, false, payment.RefundProcessing, "status_mismatch open {r} 30/30", payment.RefundProcessing, ""},
		"accepted, on its way":                 {true, "", true, true, payment.RefundProcessing, "", payment.RefundProcessing, ""},
		"failed, yet listed":                   {false, "failed", true, false, payment.RefundFailed, "status_mismatch open {r} 30/30", payment.RefundFailed, ""},
		"listed, the file decides":             {false, "processing", true, false, payment.RefundProcessing, "status_mismatch repaired {r} 30/30", payment.RefundSucceeded, "line 2"},
		"listed, no answer, the file decides":  {false, "", true, false, payment.RefundProcessing, "status_mismatch repaired {r} 30/30", payment.RefundSucceeded, "line 2"},
		"not listed, the file decides":         {false, "processing", false, false, payment.RefundProcessing, "", payment.RefundFailed, "does not have it"},
		"not listed, but it can be sent again": {true, "processing", false, false, payment.RefundProcessing, "", payment.RefundProcessing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			w.repeatable = c.repeatable
			a := w.book(100, noon)
			r := w.refund(a, 30, noon.Add(time.Hour), doubtful, func(r *payment.Refund) { r.Status = c.status })
			w.core.answers[r.ID] = c.answer
			rows := []channels.BillRow{row(a)}
			if c.listed {
				b := back(r, a)
				b.At, b.Pending, b.ChannelRefundNo = noon.Add(time.Hour), c.pending, "R9"
				rows = append(rows, b)
			}
			w.bill(d, rows...)
			var want []string
			status := reconcile.StatusBalanced
			if c.want != "" {
				want = append(want, strings.ReplaceAll(c.want, "{r}", r.ID))
				if strings.Contains(c.want, " open ") {
					status = reconcile.StatusDifferences
				}
			}
			matched := int64(1)
			if c.after == payment.RefundSucceeded || c.pending {
				matched = 2
			}
			first := w.run(d)
			w.want(first, status, 1, matched, want...)
			if again := w.run(d); again.Version != 1 {
				t.Errorf("run again it is version %d", again.Version)
			}
			got, err := w.db.RefundByID(t.Context(), merchantID, r.ID)
			if err != nil || got.Status != c.after {
				t.Errorf("the refund is %+v (%v), want %s", got, err, c.after)
			}
			settled := slices.ContainsFunc(w.core.settled, func(e payment.RefundEvidence) bool {
				return c.evidence != "" && strings.Contains(e.Evidence, c.evidence) && strings.Contains(e.Evidence, first.Bills[0].Digest)
			})
			if settled != (c.evidence != "") || !settled && len(w.core.settled) != 0 {
				t.Errorf("settled by the file: %+v", w.core.settled)
			}
		})
	}
}

// A refund that the channel took under a number of its own may be on its way,
// whatever one file says: failing it would let its money be returned twice.
func TestRepair_AcceptedRefundIsNotFailedByAFile(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.repeatable = false
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	r := w.refund(a, 30, noon.Add(time.Hour), doubtful, func(r *payment.Refund) { r.ChannelRefundNo = "312611200031051234578" })
	w.core.answers[r.ID] = "processing"
	w.bill(d, row(a))
	w.want(w.run(d), reconcile.StatusDifferences, 1, 1, "status_mismatch open "+r.ID+" 30/-")
	if len(w.core.settled) != 0 {
		t.Errorf("settled although the channel had accepted it: %+v", w.core.settled)
	}
	w.core.answers[r.ID] = "failed"
	w.want(w.run(d), reconcile.StatusBalanced, 2, 1)
}

// A refund whose call may not have ended is no difference yet: the day is run
// again by itself, and then the file decides.
func TestRepair_DoubtWhoseCallMayBeUnderWay(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.repeatable = false
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		r := w.refund(a, 30, noon.Add(time.Hour), doubtful)
		w.core.answers[r.ID] = "processing"
		w.core.underWay = map[string]bool{r.ID: true}
		w.bill(d, row(a))
		w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
		w.core.underWay = nil
		w.clock.add(w.cfg.RetryLadder[0])
		leases, err := w.service().Claim(t.Context(), 10)
		if err != nil || len(leases) != 1 || leases[0].Day != d {
			t.Fatalf("the day is not due again: %v %v", leases, err)
		}
		if err := w.service().RunClaimed(t.Context(), leases[0]); err != nil {
			t.Fatal(err)
		}
		if len(w.core.settled) != 1 || w.core.settled[0].Succeeded {
			t.Errorf("settled as %+v", w.core.settled)
		}
		if leases, err := w.service().Claim(t.Context(), 10); err != nil || len(leases) != 0 {
			t.Errorf("due once more: %v %v", leases, err)
		}
	})
}

// A refund in doubt on a day that never gets a file waits for a person, who is
// told: no file is no proof.
func TestRepair_DoubtOnADayWithoutAFile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.repeatable = false
		d := day(t, "2026-11-20")
		_, end := w.bank.BillCalendar().Window(d)
		a := w.book(100, noon.AddDate(0, 0, -3))
		sent := w.refund(a, 30, noon, doubtful)
		late := w.refund(a, 20, end.Add(-time.Second), doubtful)
		for _, r := range []*payment.Refund{sent, late} {
			w.core.answers[r.ID] = "processing"
		}
		w.clock.add(48 * time.Hour)
		for _, on := range []channels.Day{d, d.Next()} {
			w.bank.change(func(b *bank) { b.fetchErr[on] = channels.ErrBillAbsent })
			if r := w.run(on); r.Status != reconcile.StatusPending {
				t.Fatalf("while a file may still come: %+v", r)
			}
			w.bank.change(func(b *bank) { b.fetchErr[on] = channels.ErrNoBusiness })
			if on == d {
				w.want(w.run(on), reconcile.StatusDifferences, 1, 0, "status_mismatch open "+sent.ID+" 30/-")
			} else {
				w.want(w.run(on), reconcile.StatusDifferences, 1, 0, "status_mismatch open "+late.ID+" 20/-")
			}
		}
		if len(w.core.settled) != 0 {
			t.Errorf("settled without a file: %+v", w.core.settled)
		}
		w.core.answers[sent.ID] = "failed" // a person found out
		w.want(w.run(d), reconcile.StatusBalanced, 2, 0)
	})
}

// A refund sent shortly before the day's end is given the next day's file too.
func TestRepair_DoubtAtTheEdge(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.repeatable = false
		d := day(t, "2026-11-20")
		_, end := w.bank.BillCalendar().Window(d)
		a := w.book(100, noon)
		edge := func() *payment.Refund {
			r := w.refund(a, 30, end.Add(-time.Second), doubtful)
			w.core.answers[r.ID] = "processing"
			return r
		}
		listed, lost := edge(), edge()
		w.bill(d, row(a))
		w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
		if len(w.core.settled) != 0 {
			t.Fatalf("settled too soon: %+v", w.core.settled)
		}
		b := back(listed, a)
		b.At = end.Add(time.Second)
		w.bill(d.Next(), b)
		for range 2 {
			w.want(w.run(d.Next()), reconcile.StatusBalanced, 1, 1, "status_mismatch repaired "+listed.ID+" 30/30")
		}
		for r, want := range map[*payment.Refund]payment.RefundStatus{listed: payment.RefundSucceeded, lost: payment.RefundFailed} {
			if got, err := w.db.RefundByID(t.Context(), merchantID, r.ID); err != nil || got.Status != want {
				t.Errorf("%+v %v, want %s", got, err, want)
			}
		}
	})
}

// A reversal's return is known to the channel under no number of ours.
func TestRepair_Reversal(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(100, noon, func(a *payment.Attempt) { a.Status = payment.AttemptReversed })
	own := w.refund(a, 100, noon.Add(time.Minute), func(r *payment.Refund) {
		r.AutoKey, r.MerchantRefundNo, r.Initiator, r.ChannelRefundNo = "reversal:"+a.ID, "", payment.ByGateway, ""
	})
	b := back(own, a)
	b.RefundID, b.ChannelRefundNo = a.ID, "R77"
	w.bill(d, row(a), b)
	w.want(w.run(d), reconcile.StatusBalanced, 1, 2)
	// By our books a day later than by the bill.
	w2 := onSQLite(t)
	a = w2.book(100, noon)
	own = w2.refund(a, 100, noon.Add(24*time.Hour), func(r *payment.Refund) { r.AutoKey, r.MerchantRefundNo = "reversal:"+a.ID, "" })
	b = back(own, a)
	b.RefundID = "THEIRS"
	w2.bill(d, row(a), b)
	w2.want(w2.run(d), reconcile.StatusBalanced, 1, 2)
}

// A file that was made before the day was over decides nothing about what was
// sent since.
func TestRepair_DoubtAfterTheFile(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.repeatable = false
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	r := w.refund(a, 30, noon.Add(time.Hour), doubtful)
	w.core.answers[r.ID] = "processing"
	w.bill(d, row(a))
	for _, at := range []time.Duration{30 * time.Minute, time.Hour + time.Minute} {
		w.clock.set(noon.Add(at))
		w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
		if len(w.core.settled) != 0 {
			t.Fatalf("settled by a file of %s: %+v", at, w.core.settled)
		}
	}
	w.clock.set(noon.Add(2 * time.Hour))
	w.run(d)
	if len(w.core.settled) != 1 || w.core.settled[0].Succeeded {
		t.Errorf("%+v", w.core.settled)
	}
}
