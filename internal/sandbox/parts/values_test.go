package parts

import "testing"

func TestFee(t *testing.T) {
	for amount, want := range map[int64]int64{1: 0, 83: 0, 84: 1, 100: 1, 1000: 6, 1250: 8, 5_000_000: 30_000} {
		if got := Fee(amount); got != want {
			t.Errorf("%d fen: fee %d, want %d", amount, got, want)
		}
	}
}
