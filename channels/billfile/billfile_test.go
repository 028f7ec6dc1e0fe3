package billfile_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/internal/money"
)

func TestDecimal(t *testing.T) {
	for _, tt := range []struct {
		in     string
		places int
		want   int64
		ok     bool
	}{
		{"0.01", 2, 1, true},
		{"-0.27000", 5, -27000, true},
		{"88.8", 2, 8880, true},
		{"88", 2, 8800, true},
		{"-0", 2, 0, true},
		{"999999999999999.99", 2, 99_999_999_999_999_999, true},
		{"1000000000000000.00", 2, 0, false},
		{"9999999999999999999999", 0, 0, false},
		{"0.001", 2, 0, false},
		{"1.000", 2, 0, false},
		{"1.", 2, 0, false},
		{".5", 2, 0, false},
		{"", 2, 0, false},
		{"-", 2, 0, false},
		{"--1", 2, 0, false},
		{"+1", 2, 0, false},
		{" 1", 2, 0, false},
		{"1,000", 2, 0, false},
		{"1e2", 2, 0, false},
		{"1.2.3", 2, 0, false},
		{"１", 2, 0, false},
	} {
		got, err := billfile.Decimal([]byte(tt.in), tt.places)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("Decimal(%q, %d) = %d, %v", tt.in, tt.places, got, err)
		}
	}
}

// FuzzDecimal: package money reads the same numbers in the same way.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0.01", "-88.80", "1.", "00.10", "99999999999999999", "1e9", "-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := billfile.Decimal([]byte(s), 2)
		unsigned, negative := strings.CutPrefix(s, "-")
		want, wantErr := money.ParseMajor(unsigned, money.CNY)
		if err != nil {
			// Longer numbers than bills have are refused here.
			if wantErr == nil && len(strings.ReplaceAll(unsigned, ".", "")) < 15 {
				t.Fatalf("%q is %v and was refused", s, want)
			}
			return
		}
		if negative {
			n = -n
		}
		if wantErr != nil || want.Minor() != n {
			t.Fatalf("%q was read as %d, money reads %v (%v)", s, n, want, wantErr)
		}
	})
}

func TestCount(t *testing.T) {
	for in, want := range map[string]int64{"45": 45, "45.0": 45, "0": 0, "45.5": -1, "-1": -1, "": -1, "x": -1, "45.00": -1} {
		got, err := billfile.Count([]byte(in))
		if (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("Count(%q) = %d, %v", in, got, err)
		}
	}
}

func TestSum_KnowsWhenItLeft64Bits(t *testing.T) {
	for _, sign := range []int64{1, -1} {
		var s billfile.Sum
		s.Add(sign * (math.MaxInt64 - 1))
		s.Add(sign)
		if v, ok := s.Value(); !ok || v != sign*math.MaxInt64 || !s.Is(v) {
			t.Errorf("%d %t", v, ok)
		}
		s.Add(sign)
		s.Add(sign)
		if _, ok := s.Value(); ok || s.Is(0) {
			t.Error("a sum that left 64 bits was not noticed")
		}
		if err := billfile.MustAgree(3, "x", 0, s); err == nil {
			t.Error("it agrees with something")
		}
	}
}

// FuzzTime: time.Parse reads the same times. It also takes blanks for digits,
// which bills do not have.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2026-11-21 10:00:05", "2024-02-29 23:59:59", "2023-02-29 00:00:00", "2026-11-21 24:00:00", "2026-11-21T10:00:05", "0000-00-00 00:00:00", "0000-01-01  0:00:00",
	} {
		f.Add(s)
	}
	zone := time.FixedZone("", 8*60*60)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := billfile.Time([]byte(s))
		want, wantErr := time.ParseInLocation(time.DateTime, s, zone)
		if err != nil {
			if wantErr == nil && want.Format(time.DateTime) == s {
				t.Fatalf("%q is %v and was refused", s, want)
			}
			return
		}
		if wantErr != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Fatalf("%q: %v, package time reads %v %v", s, got, want, wantErr)
		}
	})
}

func TestLines(t *testing.T) {
	lines := billfile.NewLines(iotest.OneByteReader(strings.NewReader("a\r\n\nb\rc\n" + strings.Repeat("d", 1000))))
	var got []string
	for lines.Next() {
		got = append(got, string(lines.Bytes()))
	}
	want := []string{"a", "", "b\rc", strings.Repeat("d", 1000)}
	if !slices.Equal(got, want) || lines.Number() != 4 || lines.Err() != nil || lines.Next() {
		t.Errorf("%q at %d, %v", got, lines.Number(), lines.Err())
	}
}

func TestLines_Bounds(t *testing.T) {
	long := strings.Repeat("x", billfile.MaxLine-1)
	lines := billfile.NewLines(strings.NewReader(long + "\n" + long + "xx\nrest"))
	if !lines.Next() || len(lines.Bytes()) != len(long) {
		t.Fatal("a line of the largest length was not read")
	}
	if lines.Next() || lines.Err() == nil || lines.Number() != 2 || lines.Next() {
		t.Errorf("at %d: %v", lines.Number(), lines.Err())
	}
	if s := billfile.Reason(lines.Err()); !strings.Contains(s, "longer than the limit") {
		t.Error(s)
	}
}

func TestLines_Failure(t *testing.T) {
	failure := errors.New("gone")
	lines := billfile.NewLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(failure)))
	if !lines.Next() || lines.Next() || !errors.Is(lines.Err(), failure) {
		t.Errorf("at %d: %v", lines.Number(), lines.Err())
	}
}

func TestColumns(t *testing.T) {
	c, err := billfile.NewColumns(5, []string{" 订单金额（元）\t", "b"}, "订单金额(元)")
	if err != nil || c.At("订单金额（元）") != 0 || c.At("b") != 1 || c.At("c") != -1 || c.Count() != 2 {
		t.Errorf("%+v %v", c, err)
	}
	for name, headings := range map[string][]string{"Missing": {"b"}, "Twice": {"a", "b", "b"}, "Empty": {"a", ""}} {
		var broken *channels.BrokenBillError
		if _, err := billfile.NewColumns(5, headings, "a"); !errors.As(err, &broken) || broken.Line != 5 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSource(t *testing.T) {
	s := billfile.NewSource(bytes.NewReader([]byte("0123456789")), 10)
	p := make([]byte, 4)
	if n, err := s.ReadAt(p, 8); n != 2 || !errors.Is(err, io.EOF) || s.Err() != nil {
		t.Errorf("%d %v %v", n, err, s.Err())
	}
	for _, off := range []int64{-1, 11, math.MinInt64, math.MaxInt64} {
		if _, err := s.ReadAt(p, off); err == nil || errors.Is(err, io.EOF) || s.Err() != nil {
			t.Errorf("at %d: %v, %v", off, err, s.Err())
		}
	}
	s.Bound(6)
	_, first := s.ReadAt(p, 0)
	_, second := s.ReadAt(p, 0)
	if first != nil || !errors.Is(second, billfile.ErrTooMuch) || s.Err() != nil {
		t.Errorf("%v, %v", first, second)
	}
	s.Bound(-1)
	if _, err := s.ReadAt(p, 0); err != nil {
		t.Error(err)
	}
}

func TestCapped(t *testing.T) {
	if b, err := io.ReadAll(billfile.Capped(strings.NewReader("0123"), 4)); err != nil || len(b) != 4 {
		t.Errorf("%q %v", b, err)
	}
	if _, err := io.ReadAll(billfile.Capped(strings.NewReader("01234"), 4)); !errors.Is(err, billfile.ErrTooMuch) {
		t.Error(err)
	}
}

func TestCheckHosts(t *testing.T) {
	if err := billfile.CheckHosts([]string{"bills.example.com", "127.0.0.1:8080", "[::1]:8080"}); err != nil {
		t.Error(err)
	}
	for _, h := range []string{"", "https://bills.example.com", "bills.example.com/", "user@bills.example.com", "a b", "host?x", "host#x", ":80"} {
		if billfile.CheckHosts([]string{h}) == nil {
			t.Errorf("%q is taken for a host", h)
		}
	}
	if billfile.CheckHosts(make([]string, 17)) == nil {
		t.Error("any number of hosts is allowed")
	}
}

func TestLimits(t *testing.T) {
	if billfile.CheckLimits(0, 1) != nil || billfile.CheckLimits(-1, 0) == nil || billfile.CheckLimits(0, -1) == nil {
		t.Error("limits are checked wrongly")
	}
	if billfile.Limit(0, 7) != 7 || billfile.Limit(3, 7) != 3 {
		t.Error("limits are chosen wrongly")
	}
}
