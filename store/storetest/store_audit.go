package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// newEntry makes an entry with every field filled in.
func newEntry(merchantID string) audit.Entry {
	return audit.Entry{
		ID: audit.IDPrefix + NewID(), At: Start(), Actor: "cli:运营", Action: "refund.settle", MerchantID: merchantID,
		Subject: "ref_1", Detail: `{"reason":"` + "电话 <&> 'quoted'" + `"}`,
	}
}

func runAudit(t *testing.T, db *store.DB) {
	t.Run("Pages", func(t *testing.T) { runAuditPages(t, db) })
	t.Run("Transaction", func(t *testing.T) { runAuditTransaction(t, db) })
	t.Run("Refused", func(t *testing.T) { runAuditRefused(t, db) })
}

// runAuditPages reads every filter in pages: whole, in order, nothing twice.
func runAuditPages(t *testing.T, db *store.DB) {
	merchant := NewID()
	var all []audit.Entry
	for i := range 12 {
		e := newEntry(merchant)
		// Three at a time share a millisecond.
		e.At = Start().Add(time.Duration(i/3) * time.Millisecond)
		e.Actor = []string{"anna", "Anna"}[i%2]
		e.Action = []string{"refund.settle", "payment.ask", "event.resend"}[i%3]
		e.Subject = fmt.Sprint("subject-", i%4)
		if i == 5 {
			e.Detail, e.Subject = "", ""
		}
		if err := db.RecordAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		all = append([]audit.Entry{e}, all...)
	}
	for _, f := range []audit.Filter{
		{},
		{Actor: "anna"},
		{Actor: "Anna"},
		{Action: "payment.ask"},
		{Subject: "subject-1"},
		{Actor: "anna", Action: "refund.settle"},
		{Actor: "nobody"},
	} {
		f.MerchantID = merchant
		var want []audit.Entry
		for _, e := range all {
			if (f.Actor == "" || e.Actor == f.Actor) && (f.Action == "" || e.Action == f.Action) && (f.Subject == "" || e.Subject == f.Subject) {
				want = append(want, e)
			}
		}
		for limit := 1; limit <= 5; limit++ {
			page := f
			page.Limit = limit
			var got []audit.Entry
			for {
				list, err := db.ListAudit(t.Context(), page)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) == 0 {
					break
				}
				got = append(got, list...)
				last := list[len(list)-1]
				page.BeforeTime, page.BeforeID = last.At, last.ID
			}
			equal(t, fmt.Sprintf("filter %+v by %d", f, limit), got, want)
		}
	}
	// Everybody's trail holds them too.
	list, err := db.ListAudit(t.Context(), audit.Filter{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Errorf("the whole trail: %v, %v", list, err)
	}
}

// runAuditTransaction: the entry is kept exactly when what it tells of is.
func runAuditTransaction(t *testing.T, db *store.DB) {
	merchant := NewID()
	undone := errors.New("undone")
	err := db.InTx(t.Context(), func(tx payment.Tx) error {
		if err := tx.InsertAudit(t.Context(), newEntry(merchant)); err != nil {
			return err
		}
		return undone
	})
	wantError(t, "the function's error", err, undone)
	if list, err := db.ListAudit(t.Context(), audit.Filter{MerchantID: merchant, Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("an act that was undone is in the trail: %v, %v", list, err)
	}
	inTx(t, db, func(tx payment.Tx) error { return tx.InsertAudit(t.Context(), newEntry(merchant)) })
	if list, err := db.ListAudit(t.Context(), audit.Filter{MerchantID: merchant, Limit: 10}); err != nil || len(list) != 1 {
		t.Errorf("%d entries of one act, %v", len(list), err)
	}
}

// runAuditRefused: what cannot be kept whole, or says too little, is not kept.
func runAuditRefused(t *testing.T, db *store.DB) {
	merchant := NewID()
	for what, spoil := range map[string]func(e *audit.Entry){
		"no id":         func(e *audit.Entry) { e.ID = "" },
		"another id":    func(e *audit.Entry) { e.ID = NewID() },
		"no time":       func(e *audit.Entry) { e.At = time.Time{} },
		"nobody":        func(e *audit.Entry) { e.Actor = "" },
		"nothing done":  func(e *audit.Entry) { e.Action = "" },
		"long actor":    func(e *audit.Entry) { e.Actor = strings.Repeat("a", audit.MaxActor+1) },
		"long subject":  func(e *audit.Entry) { e.Subject = strings.Repeat("a", audit.MaxSubject+1) },
		"long detail":   func(e *audit.Entry) { e.Detail = `"` + strings.Repeat("a", audit.MaxDetail) + `"` },
		"broken detail": func(e *audit.Entry) { e.Detail = "{" },
	} {
		e := newEntry(merchant)
		spoil(&e)
		if err := db.RecordAudit(t.Context(), e); err == nil {
			t.Errorf("%s: an entry is kept that should be refused", what)
		}
	}
	e := newEntry(merchant)
	e.Actor, e.Subject = strings.Repeat("a", audit.MaxActor), strings.Repeat("a", audit.MaxSubject)
	e.Detail = `"` + strings.Repeat("a", audit.MaxDetail-2) + `"`
	if err := db.RecordAudit(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	wantError(t, "the same entry again", db.RecordAudit(t.Context(), e), payment.ErrDuplicate)
	list, err := db.ListAudit(t.Context(), audit.Filter{MerchantID: merchant, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the longest entry", list, []audit.Entry{e})
}
