package parts

import (
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox/sim"
)

func TestFalsify(t *testing.T) {
	type row struct {
		number      string
		amount, fee int64
	}
	values := func(r *row) (string, *int64, *int64) { return r.number, &r.amount, &r.fee }
	foreign := func(number string, _ uint64) row { return row{number, 100, 1} }
	rows := []row{{"a", 500, 3}, {"b", 600, 4}, {"a", -500, -3}, {"c", 700, 5}}
	for kind, want := range map[sim.TamperKind][]row{
		sim.LostRow:     {{"b", 600, 4}, {"a", -500, -3}, {"c", 700, 5}},
		sim.WrongAmount: {{"a", 501, 3}, {"b", 600, 4}, {"a", -500, -3}, {"c", 700, 5}},
		sim.WrongFee:    {{"a", 500, 4}, {"b", 600, 4}, {"a", -500, -3}, {"c", 700, 5}},
		sim.ForeignRow:  {{"a", 500, 3}, {"b", 600, 4}, {"a", -500, -3}, {"c", 700, 5}, {"a", 100, 1}},
	} {
		if got := Falsify(slices.Clone(rows), []sim.Tamper{{Kind: kind, OutTradeNo: "a"}}, values, foreign); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
		if got := Falsify(slices.Clone(rows), []sim.Tamper{{Kind: kind, OutTradeNo: "x"}}, values, foreign); kind != sim.ForeignRow && !slices.Equal(got, rows) {
			t.Errorf("%s of a number that is not there: %v", kind, got)
		}
	}
}

func TestLinks(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	links := Links[int]{Most: 2}
	for i, token := range []string{"a", "b", "c"} {
		links.Add(token, i, now)
	}
	if _, known := links.Find("a", now); known {
		t.Error("the oldest lives beyond the bound")
	}
	if got, known := links.Find("b", now.Add(linkLife-1)); !known || got != 1 {
		t.Errorf("b: %d, %v", got, known)
	}
	if _, known := links.Find("b", now.Add(linkLife)); known {
		t.Error("an address lives beyond its time")
	}
}

func TestRecent(t *testing.T) {
	var recent Recent[int]
	if _, known := recent.Other("pay", "b"); known {
		t.Error("an answer out of nothing")
	}
	recent.Add("pay", "a", 1)
	for i := range recentKept - 1 {
		recent.Add("pay", "b", 2+i)
	}
	if got, known := recent.Other("pay", "b"); !known || got != 1 {
		t.Errorf("other than b: %d, %v", got, known)
	}
	recent.Add("pay", "b", 100)
	if _, known := recent.Other("pay", "b"); known {
		t.Error("more answers are kept than should be")
	}
	if got, known := recent.Other("pay", "a"); !known || got != 100 {
		t.Errorf("other than a: %d, %v", got, known)
	}
}
