package faults

import (
	"sync"
	"sync/atomic"
	"testing"
)

func all(Kind) bool { return true }

func count(n int) *int { return &n }

func rate(r float64) *float64 { return &r }

func taken(t *testing.T, table *Table, op Operation) Kind {
	t.Helper()
	f, _ := table.Take("alipay", op, all)
	return f.Kind
}

func TestTable_Order(t *testing.T) {
	table := NewTable(func() float64 { return 0 })
	table.Set(Fault{Channel: "alipay", Operation: Pay, Kind: HTTP500})
	table.Set(Fault{Channel: "alipay", Operation: Pay, Kind: HTML502}) // takes the former's place
	table.Set(Fault{Channel: "alipay", Operation: Pay, Kind: Unsigned, Count: count(1)})
	table.Set(Fault{Operation: Pay, Kind: Stale, Count: count(2)})
	table.Set(Fault{Channel: "wechatpay", Kind: Slow, Count: count(1)})
	for i, want := range []Kind{Unsigned, Stale, Stale, HTML502, HTML502} {
		if got := taken(t, table, Pay); got != want {
			t.Errorf("call %d: %q, want %q", i, got, want)
		}
	}
	if got := taken(t, table, Query); got != "" {
		t.Errorf("a query was struck by %q", got)
	}
	table.Clear("alipay")
	if left := table.List(); len(left) != 1 || left[0].Channel != "wechatpay" {
		t.Errorf("left: %+v", left)
	}
}

func TestTable_OnlyWhatCanBeShown(t *testing.T) {
	table := NewTable(func() float64 { return 0 })
	table.Set(Fault{Kind: WrongAmount, Count: count(1)})
	if _, struck := table.Take("alipay", Close, func(k Kind) bool { return k != WrongAmount }); struck {
		t.Error("a call was struck by what it can't show")
	}
	f, struck := table.Take("alipay", Query, all)
	if !struck {
		t.Fatal("the fault was used up")
	}
	table.GiveBack(f)
	if taken(t, table, Query) != WrongAmount || taken(t, table, Query) != "" {
		t.Error("a fault that was given back strikes once")
	}
	table.Set(Fault{Kind: Slow, Count: count(3)})
	f, _ = table.Take("alipay", Query, all)
	table.GiveBack(f)
	if left := table.List(); len(left) != 1 || *left[0].Count != 3 {
		t.Errorf("left: %+v", left)
	}
}

func TestTable_Rate(t *testing.T) {
	for _, c := range []struct {
		rate, random float64
		struck       bool
	}{{0, 0, false}, {0.3, 0.29, true}, {0.3, 0.3, false}, {1, 0.999, true}} {
		table := NewTable(func() float64 { return c.random })
		table.Set(Fault{Kind: Slow, Rate: rate(c.rate)})
		if _, struck := table.Take("alipay", Pay, all); struck != c.struck {
			t.Errorf("%+v: struck %v", c, struck)
		}
	}
}

func TestTable_CountUnderConcurrency(t *testing.T) {
	table := NewTable(func() float64 { return 0 })
	table.Set(Fault{Kind: Slow, Count: count(100)})
	var struck atomic.Int64
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 50 {
				if _, ok := table.Take("alipay", Pay, all); ok {
					struck.Add(1)
				}
			}
		})
	}
	running.Wait()
	if struck.Load() != 100 {
		t.Errorf("struck %d calls", struck.Load())
	}
}

func TestMagicOf(t *testing.T) {
	for amount, want := range map[int64]Magic{
		1: MagicNone, 9000: MagicNone, 9001: MagicDecline, 19005: MagicBusyAfter, 4_999_009: MagicTwice, 9010: MagicNone, 90010: MagicNone,
	} {
		if got := MagicOf(amount); got != want {
			t.Errorf("%d: %d, want %d", amount, got, want)
		}
	}
	for m, want := range map[Magic]Fault{
		MagicHangBefore: {Kind: HangBefore}, MagicHangAfter: {Kind: HangAfter},
		MagicBusyBefore: {Kind: SystemError, Effect: EffectBefore}, MagicBusyAfter: {Kind: SystemError, Effect: EffectAfter},
	} {
		if got, ok := m.FirstCall(); !ok || got != want {
			t.Errorf("%d: %+v", m, got)
		}
	}
}
