package httpapi

import (
	"strings"
	"testing"
	"time"
)

func TestCursorsComeBackAsTheyWere(t *testing.T) {
	for _, p := range []position{
		{time.UnixMilli(0).UTC(), "a"},
		{time.UnixMilli(1763697600123).UTC(), "pay_01KAJ2V0M3D9T5Q8W7XZC4B6N1"},
		{time.UnixMilli(-1).UTC(), strings.Repeat("x", 64)},
	} {
		got, err := parseCursor(listEvents, formatCursor(listEvents, p))
		if err != nil || !got.at.Equal(p.at) || got.id != p.id {
			t.Errorf("%v: %v %v", p, got, err)
		}
	}
}

func TestAChangedCursorIsRefused(t *testing.T) {
	good := formatCursor(listPayments, position{time.UnixMilli(1763697600123), "pay_01KAJ2V0M3D9T5Q8W7XZC4B6N1"})
	if _, err := parseCursor(listPayments, good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, c := range []byte{'A', 'b', '_', '='} {
			if good[i] == c {
				continue
			}
			if _, err := parseCursor(listPayments, good[:i]+string(c)+good[i+1:]); err == nil {
				t.Errorf("byte %d changed to %c is accepted", i, c)
			}
		}
	}
	for _, bad := range []string{"", "=", good[:len(good)-1], good + "A", good + "=", " " + good, strings.Repeat("A", 10000), "\xff"} {
		if _, err := parseCursor(listPayments, bad); err == nil {
			t.Errorf("%.20q is accepted", bad)
		}
	}
	if _, err := parseCursor(listRefunds, good); err == nil {
		t.Error("another list's cursor is accepted")
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(formatCursor(listPayments, position{time.UnixMilli(1763697600123), "01CORE"}))
	f.Add("")
	f.Add("AXAAAAAAAAAAAGE")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseCursor(listPayments, s)
		if err != nil {
			return
		}
		if !isName(p.id) {
			t.Fatalf("id %q", p.id)
		}
		if again := formatCursor(listPayments, p); again != s {
			t.Fatalf("%q is read and written as %q", s, again)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"limit=1", "a=%zz", "status=pending&status=closed", "created_from=2025-11-21T04:00:00+08:00", "%ff=%ff", ";", "limit"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := newQuery(raw)
		limit, before := q.page(DefaultConfig(), listPayments)
		number, at, text := q.number("merchant_order_no"), q.moment("created_from"), q.text("customer_id", 64)
		if q.err != nil || len(q.faults) > 0 {
			return
		}
		if limit < 1 || limit > 100 || before.id != "" && !isName(before.id) || number != "" && !isName(number) || len(text) > 256 || at.Location() != time.UTC {
			t.Fatalf("%q: %d %v %q %q %v", raw, limit, before, number, text, at)
		}
	})
}
