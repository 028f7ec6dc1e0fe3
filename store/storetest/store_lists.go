package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

func runLists(t *testing.T, db *store.DB) {
	ctx := t.Context()
	merchant := NewID()
	var all []*payment.Payment
	for i := range 9 {
		p := NewBarePayment(t, merchant)
		// Three at a time share a millisecond.
		p.CreatedAt = Start().Add(time.Duration(i/3) * time.Millisecond)
		p.CustomerID, p.Channel = []string{"a", "A", "a "}[i%3], []string{"alipay", "unionpay"}[i%2]
		p.Status = []payment.Status{payment.Pending, payment.Unsent, payment.Succeeded}[i%3]
		seed(t, db, p)
		all = append(all, p)
	}
	slices.Reverse(all)
	for _, c := range []struct {
		what   string
		filter payment.PaymentFilter
		keep   func(p *payment.Payment) bool
	}{
		{"all", payment.PaymentFilter{}, func(*payment.Payment) bool { return true }},
		{"status", payment.PaymentFilter{Status: payment.Succeeded}, func(p *payment.Payment) bool { return p.Status == payment.Succeeded }},
		{"channel", payment.PaymentFilter{Channel: "alipay"}, func(p *payment.Payment) bool { return p.Channel == "alipay" }},
		{"customer", payment.PaymentFilter{CustomerID: "a"}, func(p *payment.Payment) bool { return p.CustomerID == "a" }},
		{"order", payment.PaymentFilter{MerchantOrderNo: all[0].MerchantOrderNo}, func(p *payment.Payment) bool { return p == all[0] }},
		{
			"from, to",
			payment.PaymentFilter{CreatedFrom: Start().Add(time.Millisecond), CreatedTo: Start().Add(2 * time.Millisecond)},
			func(p *payment.Payment) bool { return p.CreatedAt.Equal(Start().Add(time.Millisecond)) },
		},
	} {
		var want []string
		for _, p := range all {
			if p.Status != payment.Unsent && c.keep(p) {
				want = append(want, p.ID)
			}
		}
		for limit := 1; limit <= 4; limit++ {
			f := c.filter
			f.MerchantID, f.Limit = merchant, limit
			var got []string
			for {
				page, err := db.ListPayments(ctx, f)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, p := range page {
					got = append(got, p.ID)
				}
				last := page[len(page)-1]
				f.BeforeTime, f.BeforeID = last.CreatedAt, last.ID
			}
			equal(t, c.what+" by pages", got, want)
		}
	}
	runRefundList(t, db, merchant)
}

func runRefundList(t *testing.T, db *store.DB, merchant string) {
	t.Helper()
	ctx := t.Context()
	p := NewPayment(t, merchant)
	a := seed(t, db, p)
	var want []*payment.Refund
	for i := range 5 {
		r := NewRefund(t, a)
		r.CreatedAt = Start().Add(time.Duration(i/2) * time.Millisecond)
		r.NextCheckAt = time.Time{}
		inTx(t, db, func(tx payment.Tx) error { return tx.InsertRefund(ctx, r) })
		want = append(want, r)
	}
	slices.Reverse(want)
	list := func(f payment.RefundFilter) []*payment.Refund {
		t.Helper()
		f.MerchantID, f.Limit = merchant, 3
		got, err := db.ListRefunds(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	equal(t, "first page", list(payment.RefundFilter{PaymentID: p.ID}), want[:3])
	equal(t, "second page", list(payment.RefundFilter{PaymentID: p.ID, BeforeTime: want[2].CreatedAt, BeforeID: want[2].ID}), want[3:])
	equal(t, "by number", list(payment.RefundFilter{MerchantRefundNo: want[1].MerchantRefundNo}), want[1:2])
	equal(t, "by status", list(payment.RefundFilter{Status: payment.RefundFailed}), []*payment.Refund{})
}

func runHistory(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewBarePayment(t, NewID())
	seed(t, db, p)
	want := []payment.Change{
		{PaymentID: p.ID, Kind: "payment", To: "processing", Cause: "api", At: Start()},
		{PaymentID: p.ID, AttemptID: "a", RefundID: "r", Kind: "attempt", From: "dispatched", To: "pending", Cause: "channel answer", Detail: Hostile, At: Start()},
		{PaymentID: p.ID, Kind: "note", Cause: "operator", At: Start().Add(-time.Hour)},
	}
	inTx(t, db, func(tx payment.Tx) error {
		for _, c := range want {
			if err := tx.InsertChange(ctx, c); err != nil {
				return err
			}
		}
		// A channel's broken or endless text never fails what it explains.
		return tx.InsertChange(ctx, payment.Change{PaymentID: p.ID, Kind: "note", Detail: "\xff\xfe" + string(make([]byte, 1<<20)), At: Start()})
	})
	got, err := db.HistoryOf(ctx, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want)+1 {
		t.Fatalf("%d changes, want %d", len(got), len(want)+1)
	}
	equal(t, "history", got[:len(want)], want)
}

func runDiscrepancies(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewBarePayment(t, NewID())
	a := seed(t, db, p)
	d := payment.Discrepancy{
		Kind: payment.DiscrepancyLateSuccess, MerchantID: p.MerchantID, PaymentID: p.ID, AttemptID: a.ID, AccountID: a.AccountID,
		Ours: p.Amount, Detail: Hostile, At: Start(),
	}
	inTx(t, db, func(tx payment.Tx) error {
		for range 3 {
			if err := tx.RecordDiscrepancy(ctx, d); err != nil {
				return err
			}
		}
		other := d
		other.Kind, other.Theirs = payment.DiscrepancyAmountMismatch, CNY(t, 5)
		return tx.RecordDiscrepancy(ctx, other)
	})
}
