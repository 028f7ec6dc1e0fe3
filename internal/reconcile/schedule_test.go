package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/notify"
)

// work does what the background loops do at a moment: it plans and runs what is
// due, and gives how many days ran.
func (w *world) work() int {
	w.Helper()
	s := w.service()
	if _, err := s.Plan(w.Context()); err != nil {
		w.Fatal(err)
	}
	leases, err := s.Claim(w.Context(), 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, l := range leases {
		if err := s.RunClaimed(w.Context(), l); err != nil {
			w.Fatal(err)
		}
	}
	return len(leases)
}

func TestSchedule(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.accounts[0].CreatedAt = noon
		w.accounts[0].Enabled = false // its refunds go on
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		due := d.Next().Start().Add(9*time.Hour + 10*time.Minute)
		w.clock.set(due.Add(-time.Second))
		if n := w.work(); n != 0 {
			t.Fatalf("%d days ran before they were due", n)
		}
		w.bank.change(func(b *bank) { b.fetchErr[d] = channels.ErrBillNotReady })
		// The ladder is 5, then 10 minutes again and again.
		w.clock.set(due)
		for i, wait := range []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
			w.clock.add(wait - time.Second)
			if n := w.work(); n != 0 && i > 0 {
				t.Errorf("try %d came too soon", i)
			}
			w.clock.add(time.Second)
			if n := w.work(); n != 1 {
				t.Fatalf("try %d: %d days ran", i, n)
			}
		}
		if late, err := w.service().Late(t.Context()); err != nil || len(late) != 0 {
			t.Errorf("late already: %v %v", late, err)
		}
		w.clock.set(due.Add(3 * time.Hour))
		if w.work() != 1 {
			t.Fatal("not tried")
		}
		if late, err := w.service().Late(t.Context()); err != nil || late[accountID] != 1 {
			t.Errorf("late: %v %v", late, err)
		}
		list, err := w.service().List(t.Context(), reconcile.ListFilter{})
		if err != nil || len(list) != 1 || list[0].Status != reconcile.StatusPending || list[0].Version != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		w.bank.change(func(b *bank) { delete(b.fetchErr, d) })
		w.bill(d, row(a))
		w.clock.add(time.Hour)
		if w.work() != 1 {
			t.Fatal("not tried")
		}
		if late, err := w.service().Late(t.Context()); err != nil || len(late) != 0 {
			t.Errorf("still late: %v %v", late, err)
		}
		if list, err = w.service().List(t.Context(), reconcile.ListFilter{}); err != nil || len(list) != 1 || list[0].Status != reconcile.StatusBalanced || list[0].Version != 1 {
			t.Errorf("%+v %v", list, err)
		}
		w.clock.add(time.Hour)
		if n := w.work(); n != 0 {
			t.Errorf("%d days ran that were done", n)
		}
		if st, err := w.service().Statement(t.Context(), merchantID, d, 0); err != nil || st.Version != 1 || st.Rows != 1 {
			t.Errorf("%+v %v", st, err)
		}
	})
}

// A gateway that stood still makes good as many days as it may, oldest first.
func TestSchedule_CatchesUp(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.clock.set(noon.Add(30 * 24 * time.Hour))
	if n := w.work(); n != w.cfg.CatchUpDays {
		t.Errorf("%d days ran, want %d", n, w.cfg.CatchUpDays)
	}
	list, err := w.service().List(t.Context(), reconcile.ListFilter{})
	if err != nil || len(list) != w.cfg.CatchUpDays || list[0].Day != day(t, "2026-12-19") {
		t.Errorf("%+v %v", list, err)
	}
}

// A day reconciled by hand before it was over is reconciled when it is due.
func TestSchedule_AfterARunByHand(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.accounts[0].CreatedAt = noon
	w.clock.set(noon)
	d := day(t, "2026-11-20")
	w.run(d)
	w.clock.add(24 * time.Hour)
	if n := w.work(); n != 1 {
		t.Errorf("%d days ran", n)
	}
	w.run(d) // once it was due it is done
	if n := w.work(); n != 0 {
		t.Errorf("%d days ran again", n)
	}
}

// What a process that died had claimed is carried on by another.
func TestSchedule_TakenOver(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		if w.db.Driver() == "mysql" {
			t.Skip("leases there go by the server's clock, which a test cannot move")
		}
		w.accounts[0].CreatedAt = noon
		if _, err := w.service().Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		if leases, err := w.serviceOn(w.db, "host/dead").Claim(t.Context(), 10); err != nil || len(leases) != 1 {
			t.Fatal(leases, err)
		}
		if w.work() != 0 {
			t.Error("two processes have it")
		}
		w.clock.add(w.cfg.Lease)
		if w.work() != 1 {
			t.Error("nobody carried it on")
		}
	})
}

// A statement is written once all of a merchant's accounts are done, and the
// merchant is told once a version.
func TestSchedule_Statement(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		other := w.accounts[0]
		other.ID = "acc_2"
		w.accounts = append(w.accounts, other)
		for i := range w.accounts {
			w.accounts[i].CreatedAt = noon
		}
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		w.bill(d, row(a))
		s := w.service()
		if _, err := s.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		leases, err := s.Claim(t.Context(), 10)
		if err != nil || len(leases) != 2 {
			t.Fatal(leases, err)
		}
		for i, l := range leases {
			if err := s.RunClaimed(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			if list, err := s.Statements(t.Context(), merchantID, d); err != nil || len(list) != i {
				t.Errorf("after account %d: %+v %v", i+1, list, err)
			}
		}
		w.run(d) // nothing has changed
		events, err := w.db.ListEvents(t.Context(), notify.EventFilter{MerchantID: merchantID, Type: notify.EventReconciliationReady, Limit: 10})
		if err != nil || len(events) != 1 || events[0].NotifyURL != w.notify || events[0].Sequence != 0 || w.wakes != 1 {
			t.Fatalf("%+v %v", events, err)
		}
		var body struct {
			ID, Type string
			Sequence *int64
			Data     struct {
				Date    string
				Version int
				Status  string
				XLSX    struct{ URL, SHA256 string }
			}
		}
		if err := json.Unmarshal(events[0].Body, &body); err != nil {
			t.Fatal(err)
		}
		st, err := s.Statement(t.Context(), merchantID, d, 1)
		if err != nil || body.ID != events[0].ID || body.Sequence != nil || body.Data.Date != d.String() || body.Data.Version != 1 ||
			body.Data.Status != "differences" || body.Data.XLSX.URL != "/v1/statements/2026-11-20.xlsx?version=1" || body.Data.XLSX.SHA256 != st.XLSXDigest {
			t.Errorf("%s\n%+v %v", events[0].Body, st, err)
		}
	})
}

func TestStatement_Versions(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100_00, noon)
		r := w.refund(a, 50, noon.Add(-time.Hour)) // in the order of time, whatever was first
		w.bill(d, row(a), back(r, a))
		w.run(d)
		w.bill(d, row(a))
		w.run(d)
		w.run(d)
		list, err := w.service().Statements(t.Context(), merchantID, d)
		if err != nil || len(list) != 2 || list[0].Version != 2 || list[0].CSVDigest == list[1].CSVDigest {
			t.Fatalf("%+v %v", list, err)
		}
		for i, want := range []string{
			"Shop 2026-11-20 v2\nrefund " + r.ID + " -50 0 missing_at_channel\npayment " + a.ID + " 10000 60 matched\n",
			"Shop 2026-11-20 v1\nrefund " + r.ID + " -50 0 matched\npayment " + a.ID + " 10000 60 matched\n",
		} {
			if got := w.file(list[i].CSVDigest); got != want {
				t.Errorf("version %d:\n%swant\n%s", list[i].Version, got, want)
			}
		}
		sums, err := w.service().SettlementSummary(t.Context(), merchantID, d.Add(-30), d)
		if err != nil || len(sums) != 1 || sums[0].Theirs.NetMinor() != 100_00-60 || sums[0].Ours.NetMinor() != 100_00-60-50 || sums[0].Days != 1 || sums[0].Open != 1 ||
			sums[0].Status != reconcile.StatusDifferences {
			t.Errorf("%+v %v", sums, err)
		}
	})
}

// A month adds up its days.
func TestSettlementSummary_Month(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	first := day(t, "2026-11-18")
	var net int64
	for i := range 3 {
		a := w.book(int64(1000*(i+1)), noon.AddDate(0, 0, i-2))
		w.bill(first.Add(i), row(a))
		w.run(first.Add(i))
		net += a.Amount.Minor() - fee(a.Amount.Minor())
	}
	sums, err := w.service().SettlementSummary(t.Context(), "", day(t, "2026-11-01"), day(t, "2026-11-30"))
	if err != nil || len(sums) != 1 || sums[0].Days != 3 || sums[0].Theirs.NetMinor() != net || sums[0].Ours != sums[0].Theirs || sums[0].Status != reconcile.StatusBalanced {
		t.Errorf("%+v %v, want net %d", sums, err, net)
	}
}

// Rows of many accounts and pages come in the order of time.
func TestStatementRows_Order(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	other := w.accounts[0]
	other.ID = "acc_2"
	w.accounts = append(w.accounts, other)
	d := day(t, "2026-11-20")
	insert(w, 2500)
	var last reconcile.StatementRow
	n := 0
	err := w.service().StatementRows(t.Context(), merchantID, d, func(r reconcile.StatementRow) error {
		if n > 0 && (r.At.Before(last.At) || r.At.Equal(last.At) && r.Number <= last.Number) {
			return fmt.Errorf("%s at %s comes after %s at %s", r.Number, r.At, last.Number, last.At)
		}
		n++
		last = r
		return nil
	})
	if err != nil || n != 2500 {
		t.Errorf("%d rows: %v", n, err)
	}
}

func (w *world) file(digest string) string {
	w.Helper()
	f, size, err := w.service().OpenFile(context.Background(), digest)
	if err != nil {
		w.Fatal(err)
	}
	var text strings.Builder
	buffer := make([]byte, 7)
	for at := int64(0); at < size; {
		n, err := f.ReadAt(buffer[:min(7, size-at)], at)
		if n == 0 {
			w.Fatal(err)
		}
		text.Write(buffer[:n])
		at += int64(n)
	}
	return text.String()
}
