package channels

import (
	"testing"
	"time"
)

func TestDaysAreCutInShanghai(t *testing.T) {
	noon := time.Date(2026, 11, 20, 15, 59, 59, 0, time.UTC)
	if got := DayAt(noon).String(); got != "2026-11-20" {
		t.Errorf("the last second of the day is in %s", got)
	}
	if got := DayAt(noon.Add(time.Second)).String(); got != "2026-11-21" {
		t.Errorf("midnight is in %s", got)
	}
	c := BillCalendar{CutOff: time.Hour, Due: 9 * time.Hour}
	if got := c.DayOf(noon).String(); got != "2026-11-21" {
		t.Errorf("after the cut-off it is %s", got)
	}
	day, err := ParseDay("2026-02-28")
	if err != nil {
		t.Fatal(err)
	}
	from, to := c.Window(day)
	if to.Sub(from) != 24*time.Hour || c.DayOf(from) != day || c.DayOf(to) != day.Next() || c.DayOf(to.Add(-1)) != day {
		t.Errorf("window %s to %s", from, to)
	}
	if got := c.DueAt(day); !got.Equal(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("due at %s", got)
	}
	for _, wrong := range []string{"", "2026-2-1", "2026-02-30", "20260201", "2026-02-01 "} {
		if _, err := ParseDay(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
