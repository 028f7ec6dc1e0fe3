package reconcile_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/reconcile"
)

// While an account could not be opened, its rows near a day's end moved to
// another day's statement.
func TestStatement_KeepsItsDayWhileTheAccountCannotBeOpened(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.bank.change(func(b *bank) { b.calendar.CutOff = time.Hour })
	d := day(t, "2026-11-20")
	w.book(200, noon.Add(11*time.Hour+30*time.Minute)) // 23:30 of d: business of the next day
	count := func(s *reconcile.Service) (n []int, err error) {
		n = []int{0, 0}
		for i := range n {
			err = errors.Join(err, s.StatementRows(t.Context(), merchantID, d.Add(i), func(reconcile.StatementRow) error {
				n[i]++
				return nil
			}))
		}
		return n, err
	}
	s := w.with(shut{w, accountID})
	if n, err := count(s); err == nil {
		t.Errorf("rows %v of days that nobody knows the end of", n)
	}
	w.accounts[0].Enabled = false // given up: the merchant's other accounts wait no longer
	if n, err := count(s); err != nil || n[0]+n[1] != 1 {
		t.Errorf("rows %v, %v", n, err)
	}
	w.accounts[0].Enabled = true
	w.addSecond("alipay")
	w.accounts[1].MerchantID = "mer_2"
	for _, s := range []*reconcile.Service{w.service(), s} {
		if n, err := count(s); err != nil || !slices.Equal(n, []int{0, 1}) {
			t.Errorf("rows %v, %v", n, err)
		}
	}
}
