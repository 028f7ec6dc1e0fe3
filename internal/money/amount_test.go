package money_test

import (
	"errors"
	"math"
	"testing"

	"github.com/paymux/paymux/internal/money"
)

func TestParseMajor(t *testing.T) {
	tests := []struct {
		in       string
		currency money.Currency
		want     int64
		err      error
	}{
		{"0.01", "CNY", 1, nil},
		{"88.8", "CNY", 8880, nil},
		{"88", "CNY", 8800, nil},
		{"100000000.00", "CNY", 10_000_000_000, nil},
		{"500", "JPY", 500, nil},
		{"1.234", "KWD", 1234, nil},
		{"0.001", "CNY", 0, money.ErrSyntax},
		{"1.000", "CNY", 0, money.ErrSyntax},
		{"1.", "CNY", 0, money.ErrSyntax},
		{".5", "CNY", 0, money.ErrSyntax},
		{"", "CNY", 0, money.ErrSyntax},
		{"-1", "CNY", 0, money.ErrSyntax},
		{"+1", "CNY", 0, money.ErrSyntax},
		{" 1", "CNY", 0, money.ErrSyntax},
		{"1,000", "CNY", 0, money.ErrSyntax},
		{"1e2", "CNY", 0, money.ErrSyntax},
		{"1.5", "JPY", 0, money.ErrSyntax},
		{"١", "CNY", 0, money.ErrSyntax},
		{"92233720368547758.08", "CNY", 0, money.ErrOverflow},
	}
	for _, tt := range tests {
		got, err := money.ParseMajor(tt.in, tt.currency)
		if !errors.Is(err, tt.err) {
			t.Errorf("ParseMajor(%q, %s): error %v, want %v", tt.in, tt.currency, err, tt.err)
		}
		if got.Minor() != tt.want {
			t.Errorf("ParseMajor(%q, %s) = %d, want %d", tt.in, tt.currency, got.Minor(), tt.want)
		}
	}
}

func TestArithmeticRefusesWhatIsNotExact(t *testing.T) {
	one, _ := money.New(1, "CNY")
	most, _ := money.New(math.MaxInt64, "CNY")
	dollar, _ := money.New(1, "USD")
	if _, err := most.Add(one); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("overflow: %v", err)
	}
	if _, err := one.Sub(most); !errors.Is(err, money.ErrNegative) {
		t.Errorf("below zero: %v", err)
	}
	if _, err := one.Add(dollar); !errors.Is(err, money.ErrCurrencyMismatch) {
		t.Errorf("mixed currencies: %v", err)
	}
	if _, err := money.New(-1, "CNY"); !errors.Is(err, money.ErrNegative) {
		t.Errorf("negative: %v", err)
	}
	if _, err := money.New(1, "XXX"); err == nil {
		t.Error("an unknown currency was accepted")
	}
}

func FuzzParseMajorRoundTrip(f *testing.F) {
	for _, s := range []string{"0.01", "0", "1.5", "99999999.99", "00.10", "1e9", "-0"} {
		f.Add(s, "CNY")
		f.Add(s, "JPY")
		f.Add(s, "KWD")
	}
	f.Fuzz(func(t *testing.T, s, currency string) {
		a, err := money.ParseMajor(s, money.Currency(currency))
		if err != nil {
			return
		}
		b, err := money.ParseMajor(a.Major(), a.Currency())
		if err != nil || !a.Equal(b) {
			t.Fatalf("%q read as %v, written and read again as %v (%v)", s, a, b, err)
		}
	})
}
