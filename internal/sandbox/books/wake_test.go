package books

import (
	"slices"
	"testing"
	"time"
)

// TestStore_DueAsAsked lets a trade that is over be looked at again, also after a restart, and no more once it stops asking.
func TestStore_DueAsAsked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	at := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	trade := Trade{Key: Key{"wechatpay", "m", "paid"}, Status: StatusPaid, WakeAt: at}
	save(t, s, trade)
	if due := s.Due(at.Add(-1)); len(due) != 0 {
		t.Errorf("due before its time: %v", due)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if due := s.Due(at); !slices.Equal(due, []Key{trade.Key}) {
		t.Errorf("due at its time: %v", due)
	}
	if due := s.Due(at); len(due) != 0 {
		t.Errorf("due again: %v", due)
	}
	trade.WakeAt = at.Add(time.Second)
	save(t, s, trade)
	trade.WakeAt = time.Time{}
	save(t, s, trade)
	if due := s.Due(at.Add(time.Hour)); len(due) != 0 {
		t.Errorf("due though it asks no more: %v", due)
	}
}
