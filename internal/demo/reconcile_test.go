package demo

import (
	"slices"
	"testing"
	"time"
)

func TestDays(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.ParseInLocation(time.DateTime, s, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return v.UTC()
	}
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"2025-11-21 15:00:00", "2025-11-21 15:00:10", []string{"2025-11-21"}},
		{"2025-11-21 00:00:00", "2025-11-21 00:00:10", []string{"2025-11-21"}},
		{"2025-11-21 22:59:55", "2025-11-21 23:00:05", []string{"2025-11-21", "2025-11-22"}}, // UnionPay's day ended in between
		{"2025-11-21 23:30:00", "2025-11-21 23:30:10", []string{"2025-11-21", "2025-11-22"}},
		{"2025-12-31 23:59:55", "2026-01-01 00:00:05", []string{"2025-12-31", "2026-01-01"}},
	} {
		if got := days(at(c.from), at(c.to)); !slices.Equal(got, c.want) {
			t.Errorf("from %s to %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestBalanced(t *testing.T) {
	t.Parallel()
	good := reconciliation{Status: "balanced", Matched: 2}
	good.Totals.Ours = side{Payments: 8800, Refunds: 2200, Fees: 40, Net: 6560, PaymentCount: 1, RefundCount: 1}
	theirs := good.Totals.Ours
	good.Totals.Theirs = &theirs
	done := business{payments: 1, refunds: 1, paymentMinor: 8800, refundMinor: 2200}
	if text, err := balanced([]reconciliation{good, {Status: "balanced", Totals: struct {
		Ours   side  `json:"ours"`
		Theirs *side `json:"theirs"`
	}{Theirs: &side{}}}}, done); err != nil || text != "1 payments, 1 refunds matched · 0 differences · ¥88.00 − ¥22.00 − fees ¥0.40 = ¥65.60" {
		t.Errorf("%q %v", text, err)
	}
	for name, change := range map[string]func(r *reconciliation){
		"a difference":         func(r *reconciliation) { r.Repaired = 1 },
		"a row not matched":    func(r *reconciliation) { r.Matched = 1 },
		"open ones":            func(r *reconciliation) { r.Status, r.Open = "differences", 1 },
		"no bill":              func(r *reconciliation) { r.Status, r.Totals.Theirs = "pending", nil },
		"the channel has more": func(r *reconciliation) { r.Totals.Theirs = &side{Payments: 8801, PaymentCount: 1} },
		"we have less":         func(r *reconciliation) { r.Totals.Ours.PaymentCount = 0 },
	} {
		bad := good
		change(&bad)
		if _, err := balanced([]reconciliation{bad}, done); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if _, err := balanced(nil, done); err == nil {
		t.Error("no reconciliation passes")
	}
}
