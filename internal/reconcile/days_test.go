package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/wording"
)

// A result that changes is a new version; the old one stays as it was.
func TestRun_Versions(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a, b := w.book(10000, noon), w.book(20000, noon)
		w.bill(d, row(a))
		one := w.run(d)
		w.want(one, reconcile.StatusDifferences, 1, 1, "missing_at_channel open "+b.ID+" 20000/-")
		w.bill(d, row(a), row(b))
		two := w.run(d)
		w.want(two, reconcile.StatusBalanced, 2, 2)
		if two.ID == one.ID || two.Totals.Ours != two.Totals.Theirs || two.Totals.Ours.NetMinor() != 30000-180 {
			t.Errorf("%+v", two)
		}
		old, err := w.service().Get(t.Context(), merchantID, one.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.want(old, reconcile.StatusDifferences, 1, 1, "missing_at_channel open "+b.ID+" 20000/-")
		if old.Totals != one.Totals || old.Open != 1 {
			t.Errorf("the old version changed to %+v", old)
		}
		current, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{AccountID: accountID})
		if err != nil || len(current) != 1 || current[0].Status != reconcile.Repaired {
			t.Errorf("now it is %+v (%v)", current, err)
		}
		list, err := w.service().List(t.Context(), reconcile.ListFilter{MerchantID: merchantID, Day: d})
		if err != nil || len(list) != 1 || list[0].ID != two.ID {
			t.Errorf("the day's newest: %+v (%v)", list, err)
		}
		all, err := w.service().List(t.Context(), reconcile.ListFilter{AllVersions: true, From: d.Add(-1), To: d})
		if err != nil || len(all) != 2 || all[0].ID != two.ID {
			t.Errorf("all versions: %+v (%v)", all, err)
		}
		for _, f := range []reconcile.ListFilter{{MerchantID: "mer_2"}, {AccountID: "acc_2"}, {Channel: "wechatpay"}, {Status: reconcile.StatusFailed}, {From: d.Next()}, {To: d.Add(-1)}} {
			if list, err := w.service().List(t.Context(), f); err != nil || len(list) != 0 {
				t.Errorf("by %+v: %d, %v", f, len(list), err)
			}
		}
		if next, err := w.service().List(t.Context(), reconcile.ListFilter{AllVersions: true, After: &all[0]}); err != nil || len(next) != 1 || next[0].ID != one.ID {
			t.Errorf("the next page: %+v (%v)", next, err)
		}
		if _, err := w.service().Get(t.Context(), "mer_2", one.ID); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("another merchant reads it: %v", err)
		}
		// What was gone comes back: open again, in a third version.
		w.bill(d, row(a))
		w.want(w.run(d), reconcile.StatusDifferences, 3, 1, "missing_at_channel open "+b.ID+" 20000/-")
	})
}

// Rows near the end of a day wait for the next day's bill.
func TestRun_BetweenDays(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d, next := day(t, "2026-11-20"), day(t, "2026-11-21")
		_, end := w.bank.BillCalendar().Window(d)
		inside, late, lost := w.book(100, noon), w.book(200, end.Add(-time.Minute)), w.book(300, end.Add(-time.Second))
		early := w.book(400, end.Add(time.Second)) // the channel has it a day earlier
		tomorrow := w.book(500, end.Add(time.Hour))
		w.bill(d, row(inside), row(early))
		first := w.run(d)
		w.want(first, reconcile.StatusBalanced, 1, 2)
		if first.Carried != 2 || first.Totals.Ours != first.Totals.Theirs {
			t.Errorf("%+v", first)
		}
		w.clock.add(24 * time.Hour)
		w.bill(next, row(late), row(tomorrow))
		for range 2 {
			second := w.run(next)
			w.want(second, reconcile.StatusDifferences, 1, 2, "missing_at_channel open "+lost.ID+" 300/-")
			if side := second.Totals.Ours; side.Payments != 3 || side.PaymentMinor != 1000 {
				t.Errorf("ours: %+v", side)
			}
		}
		if again := w.run(d); again.Version != 1 || again.Carried != 2 && again.ResultDigest != first.ResultDigest {
			t.Errorf("the first day, run again, is version %d: %+v", again.Version, again)
		}
		// The statement has every row once, on the day of its bill.
		for _, c := range []struct {
			day  channels.Day
			want []string
		}{{d, []string{inside.ID + " matched", early.ID + " matched"}}, {next, []string{late.ID + " matched", lost.ID + " missing_at_channel", tomorrow.ID + " matched"}}} {
			if got := w.statement(c.day); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("statement of %s: %v, want %v", c.day, got, c.want)
			}
		}
	})
}

// statement lists the rows of a day's statement: "number result".
func (w *world) statement(d channels.Day) []string {
	w.Helper()
	var out []string
	err := w.service().StatementRows(w.Context(), merchantID, d, func(r reconcile.StatementRow) error {
		out = append(out, r.Number+" "+r.Result)
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// A row at the beginning of a day is not called missing before the day before
// was matched.
func TestRun_WaitsForTheDayBefore(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d, before := day(t, "2026-11-20"), day(t, "2026-11-19")
	start, _ := w.bank.BillCalendar().Window(d)
	early := w.book(100, start.Add(time.Second))
	w.bill(d)
	w.want(w.run(d), reconcile.StatusBalanced, 1, 0)
	if got := w.statement(d); fmt.Sprint(got) != fmt.Sprint([]string{early.ID + " pending"}) {
		t.Errorf("statement meanwhile: %v", got)
	}
	w.bill(before, row(early))
	w.want(w.run(before), reconcile.StatusBalanced, 1, 1)
	leases, err := w.service().Claim(t.Context(), 10)
	if err != nil || len(leases) != 1 || leases[0].Day != d {
		t.Fatalf("the day that waited is not due again: %v %v", leases, err)
	}
	if err := w.service().RunClaimed(t.Context(), leases[0]); err != nil {
		t.Fatal(err)
	}
	if got := w.statement(d); len(got) != 0 {
		t.Errorf("the row stands on both days: %v", got)
	}
	if got := w.statement(before); fmt.Sprint(got) != fmt.Sprint([]string{early.ID + " matched"}) {
		t.Errorf("statement of the day before: %v", got)
	}
}

// A row that the next day's bill has after all was not missing.
func TestRun_FoundInTheNextBill(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d, next := day(t, "2026-11-20"), day(t, "2026-11-21")
	a := w.book(100, noon)
	w.bill(d)
	w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "missing_at_channel open "+a.ID+" 100/-")
	w.clock.add(24 * time.Hour)
	w.bill(next, row(a))
	w.want(w.run(next), reconcile.StatusBalanced, 1, 1)
	list, err := w.service().List(t.Context(), reconcile.ListFilter{Day: d})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	w.want(list[0], reconcile.StatusBalanced, 1, 0, "missing_at_channel repaired "+a.ID+" 100/-")
	w.want(w.run(d), reconcile.StatusBalanced, 2, 0)
}

// The first day of an account has no day before to wait for.
func TestRun_FirstDay(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	start, _ := w.bank.BillCalendar().Window(d)
	w.accounts[0].CreatedAt = start
	a := w.book(100, start.Add(time.Second))
	w.bill(d)
	w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "missing_at_channel open "+a.ID+" 100/-")
}

// A day that ends before midnight has what happened after it in the next one.
func TestRun_CutOff(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.bank.change(func(b *bank) { b.calendar.CutOff = time.Hour })
	d := day(t, "2026-11-20")
	// 22:30 and 23:30 in Shanghai.
	within, after := w.book(100, noon.Add(10*time.Hour+30*time.Minute)), w.book(200, noon.Add(11*time.Hour+30*time.Minute))
	w.bill(d, row(within))
	w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
	w.bill(d.Next(), row(after))
	w.want(w.run(d.Next()), reconcile.StatusBalanced, 1, 1)
}

// What is not there, and what is broken, is a result; it is no "everything is
// missing".
func TestRun_WithoutABill(t *testing.T) {
	broken := &channels.BrokenBillError{Line: 7, Detail: "the sums differ"}
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		fail := func(fetch, read error) {
			w.bank.change(func(b *bank) { b.fetchErr[d], b.readErr = fetch, read })
		}
		for _, c := range []struct {
			fetch, read error
			status      reconcile.Status
		}{
			{channels.ErrBillNotReady, nil, reconcile.StatusPending},
			{channels.ErrBillAbsent, nil, reconcile.StatusPending}, // we had business
			{channels.ErrNoBusiness, nil, reconcile.StatusPending},
			{errors.New("connection refused"), nil, reconcile.StatusFailed},
			{nil, broken, reconcile.StatusFailed},
		} {
			fail(c.fetch, c.read)
			r := w.run(d)
			w.want(r, c.status, 1, 0)
			if r.Failure == nil || !r.FinishedAt.IsZero() || c.read != nil && (len(r.Bills) != 1 || !w.archived(r.Bills[0].Digest)) {
				t.Errorf("%v %v: %+v", c.fetch, c.read, r)
			}
		}
		fail(nil, nil)
		w.bill(d, row(a))
		matched := w.run(d)
		w.want(matched, reconcile.StatusBalanced, 1, 1)
		// A try that fails later takes nothing away, and is told of.
		fail(nil, broken)
		w.clock.add(time.Second)
		if r := w.run(d); r.Status != reconcile.StatusFailed {
			t.Errorf("%+v", r)
		}
		kept, err := w.service().Get(t.Context(), "", matched.ID)
		if err != nil || kept.Failure == nil {
			t.Errorf("%+v %v", kept, err)
		}
		if told := kept.Failure.In(wording.Chinese); told != "账单第 7 行有误：the sums differ；仍以第 1 版对账结果为准" {
			t.Errorf("told as %q", told)
		}
		kept.Failure, kept.UpdatedAt = nil, matched.UpdatedAt
		if !reflect.DeepEqual(kept, matched) {
			t.Errorf("%+v became %+v", matched, kept)
		}
		fail(nil, nil)
		if r := w.run(d); r.ID != matched.ID || r.Failure != nil {
			t.Errorf("matched again: %+v", r)
		}
	})
}

func TestRun_NoBusiness(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{channels.ErrNoBusiness, channels.ErrBillAbsent} {
		w := onSQLite(t)
		d := day(t, "2026-11-20")
		_, end := w.bank.BillCalendar().Window(d)
		a := w.book(100, end.Add(-time.Second))
		w.bank.change(func(b *bank) { b.fetchErr[d] = cause })
		r := w.run(d)
		w.want(r, reconcile.StatusBalanced, 1, 0)
		if r.Carried != 1 || len(r.Bills) != 1 || r.Bills[0].Digest != "" {
			t.Errorf("%+v", r)
		}
		w.bank.change(func(b *bank) { b.fetchErr[d.Next()] = cause })
		if errors.Is(cause, channels.ErrBillAbsent) {
			// It may still come, and have the row.
			w.want(w.run(d.Next()), reconcile.StatusPending, 1, 0)
			w.bank.change(func(b *bank) { b.fetchErr[d.Next()] = channels.ErrNoBusiness })
		}
		w.want(w.run(d.Next()), reconcile.StatusDifferences, 1, 0, "missing_at_channel open "+a.ID+" 100/-")
	}
}

// A channel that finally says "no business" of a day on which our books had
// some is contradicted row by row, once the bill is late; and asked again, as
// the file may come.
func TestRun_NoBusinessAgainstOurBooks(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		r := w.refund(a, 30, noon.Add(time.Hour))
		w.bank.change(func(b *bank) { b.fetchErr[d] = channels.ErrNoBusiness })
		w.clock.set(w.bank.BillCalendar().DueAt(d).Add(w.cfg.DueMargin + w.cfg.LateAfter - time.Minute))
		w.want(w.run(d), reconcile.StatusPending, 1, 0)
		w.clock.add(time.Minute)
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0,
			"missing_at_channel open "+a.ID+" 100/-", "missing_at_channel open "+r.ID+" 30/-")
		w.bank.change(func(b *bank) { delete(b.fetchErr, d) })
		w.bill(d, row(a), back(r, a))
		w.clock.add(time.Hour)
		leases, err := w.service().Claim(t.Context(), 10)
		if err != nil || len(leases) != 1 || leases[0].Day != d {
			t.Fatalf("the day is not due again: %v %v", leases, err)
		}
		if err := w.service().RunClaimed(t.Context(), leases[0]); err != nil {
			t.Fatal(err)
		}
		list, err := w.service().List(t.Context(), reconcile.ListFilter{Day: d})
		if err != nil || len(list) != 1 || list[0].Status != reconcile.StatusBalanced || list[0].Version != 2 || list[0].Matched != 2 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

// What a file showed is not taken back because the channel does not have the
// file any more.
func TestRun_FileGoneAfterItWasRead(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	w.bill(d, channels.BillRow{
		Line: 1, Type: channels.BillPayment, ChannelTradeNo: "T9", AttemptID: "NOTOURS", Amount: cny(100), At: noon,
	})
	read := w.run(d)
	w.want(read, reconcile.StatusDifferences, 1, 0, "missing_locally open bill:T9 -/100")
	w.clock.add(100 * 24 * time.Hour)
	for _, cause := range []error{channels.ErrNoBusiness, channels.ErrBillAbsent} {
		w.bank.change(func(b *bank) { b.fetchErr[d] = cause })
		if r := w.run(d); r.Status != reconcile.StatusPending || r.ID != "" {
			t.Errorf("%+v", r)
		}
	}
	kept, err := w.service().Get(t.Context(), "", read.ID)
	if err != nil || kept.Status != reconcile.StatusDifferences || kept.Open != 1 || kept.Failure == nil {
		t.Errorf("%+v %v", kept, err)
	}
	if late, err := w.service().Late(t.Context()); err != nil || len(late) != 0 {
		t.Errorf("an alarm for a bill that was there: %v %v", late, err)
	}
}

// What stands in another day's bill is no business of a day without one.
func TestRun_NoBusinessButInAnotherBill(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{channels.ErrNoBusiness, channels.ErrBillAbsent} {
		w := onSQLite(t)
		d := day(t, "2026-11-20")
		start, _ := w.bank.BillCalendar().Window(d)
		a := w.book(100, start.Add(time.Second))
		w.bill(d.Add(-1), row(a))
		w.want(w.run(d.Add(-1)), reconcile.StatusBalanced, 1, 1)
		w.bank.change(func(b *bank) { b.fetchErr[d] = cause })
		w.want(w.run(d), reconcile.StatusBalanced, 1, 0)
	}
}

// An answer that may mean either is not believed of a day that has not begun.
func TestRun_NoBusinessYet(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-22")
	w.bank.change(func(b *bank) { b.fetchErr[d] = channels.ErrBillAbsent })
	w.want(w.run(d), reconcile.StatusPending, 1, 0)
	w.clock.set(d.Next().Start().Add(10 * time.Hour))
	w.want(w.run(d), reconcile.StatusBalanced, 1, 0)
}

func (w *world) archived(digest string) bool {
	w.Helper()
	f, _, err := w.service().OpenFile(w.Context(), digest)
	if errors.Is(err, payment.ErrNotFound) {
		return false
	}
	if err != nil {
		w.Fatal(err)
	}
	return f.Close() == nil
}

// What the core found by itself on the day is part of its result.
func TestRun_CoreFindings(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		late, again, accepted := w.book(100, noon), w.book(200, noon), w.book(300, noon)
		record := func(kind payment.DiscrepancyKind, a *payment.Attempt) {
			w.tx(func(ctx context.Context, tx payment.Tx) error {
				return tx.RecordDiscrepancy(ctx, payment.Discrepancy{
					Kind: kind, MerchantID: merchantID, PaymentID: a.PaymentID, AttemptID: a.ID, AccountID: accountID, Ours: a.Amount, Theirs: a.Amount, Detail: "why", At: noon,
				})
			})
		}
		record(payment.DiscrepancyLateSuccess, late)
		record(payment.DiscrepancyLateSuccess, accepted)
		record(payment.DiscrepancyDuplicatePayment, again)
		// The late one was closed, and its money is on its way back.
		w.tx(func(ctx context.Context, tx payment.Tx) error {
			p, err := tx.LockPayment(ctx, late.PaymentID)
			if err != nil {
				return err
			}
			p.Status = payment.Closed
			return tx.UpdatePayment(ctx, p)
		})
		lateBack := w.refund(late, 100, noon.Add(time.Hour), func(r *payment.Refund) {
			r.AutoKey, r.MerchantRefundNo, r.Initiator = "late:"+late.ID, "", payment.ByGateway
		})
		w.refund(again, 200, noon, func(r *payment.Refund) {
			r.AutoKey, r.MerchantRefundNo, r.Initiator, r.Status = "duplicate:"+again.ID, "", payment.ByGateway, payment.RefundProcessing
			r.SucceededAt = time.Time{}
		})
		w.bill(d, row(late), row(again), row(accepted), back(lateBack, late))
		first := w.run(d)
		w.want(first, reconcile.StatusDifferences, 1, 4,
			"late_success repaired "+late.ID+" 100/100", "late_success repaired "+accepted.ID+" 300/300", "duplicate_payment open "+again.ID+" 200/200")
		// When its refund is done it is repaired, in the same version.
		w.tx(func(ctx context.Context, tx payment.Tx) error {
			list, err := tx.Refunds(ctx, again.PaymentID)
			if err != nil {
				return err
			}
			list[0].Status, list[0].SucceededAt = payment.RefundSucceeded, noon.Add(24*time.Hour)
			return tx.UpdateRefund(ctx, list[0])
		})
		w.want(w.run(d), reconcile.StatusBalanced, 1, 4,
			"late_success repaired "+late.ID+" 100/100", "late_success repaired "+accepted.ID+" 300/300", "duplicate_payment repaired "+again.ID+" 200/200")
	})
}

// On a day that is not over, what comes after the bill was made is not missing.
func TestRun_BeforeTheDayIsOver(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a, later := w.book(100, noon), w.book(200, noon.Add(2*time.Hour))
	w.clock.set(noon.Add(time.Hour))
	w.bill(d, row(a))
	w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
	if got := w.statement(d); fmt.Sprint(got) != fmt.Sprint([]string{a.ID + " matched", later.ID + " pending"}) {
		t.Errorf("statement: %v", got)
	}
	w.clock.set(noon.Add(24 * time.Hour))
	w.want(w.run(d), reconcile.StatusDifferences, 2, 1, "missing_at_channel open "+later.ID+" 200/-")
}
