package adaptertest

import (
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// CNY is an amount in fen; it must be one that is good.
func CNY(minor int64) money.Amount {
	a, err := money.New(minor, money.CNY)
	if err != nil {
		panic(err)
	}
	return a
}

// WantOutcome ends the test unless err is an error of the outcome.
func WantOutcome(t testing.TB, err error, want channels.Outcome) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want outcome %v", want)
	}
	if got := channels.OutcomeOf(err); got != want {
		t.Fatalf("outcome %v, want %v: %v", got, want, err)
	}
}
