package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store/storetest"
)

// insert writes paid payments of the day on two accounts, in few transactions.
func insert(w *world, n int) []*payment.Attempt {
	w.Helper()
	list := make([]*payment.Attempt, n)
	for begin := 0; begin < n; begin += 500 {
		w.tx(func(ctx context.Context, tx payment.Tx) error {
			for i := begin; i < min(begin+500, n); i++ {
				p := storetest.NewBarePayment(w, merchantID)
				p.Status = payment.Succeeded
				list[i] = &payment.Attempt{
					ID: storetest.NewID(), PaymentID: p.ID, MerchantID: merchantID, Channel: "alipay", AccountID: fmt.Sprint("acc_", 1+i%2), Scene: p.Scene, Amount: p.Amount,
					Status: payment.AttemptSucceeded, Counted: true, CreatedAt: noon, PaidAt: noon.Add(time.Duration(i/3) * time.Millisecond),
				}
				if err := errors.Join(tx.InsertPayment(ctx, p), tx.InsertAttempt(ctx, list[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return list
}

// books are both sides of a random day with what must be found.
type books struct {
	*rand.Rand
	w    *world
	rows []channels.BillRow
	want []string
}

func (b *books) find(kind, subject, ours, theirs string) {
	b.want = append(b.want, strings.Join([]string{kind, "open", subject, ours + "/" + theirs}, " "))
}

// put puts a row into the bill, perhaps falsified.
func (b *books) put(r channels.BillRow, subject string) {
	minor := fmt.Sprint(r.Amount.Minor())
	switch b.IntN(12) {
	case 0: // lost
		b.find("missing_at_channel", subject, minor, "-")
		return
	case 1:
		r.Amount = cny(r.Amount.Minor() + 1 + b.Int64N(5))
		b.find("amount_mismatch", subject, minor, fmt.Sprint(r.Amount.Minor()))
	case 2:
		r.FeeMinor += 1 + b.Int64N(5)
		b.find("fee_mismatch", subject, minor, minor)
	case 3: // foreign, beside it
		n := b.IntN(1e9)
		foreign := r
		foreign.AttemptID, foreign.RefundID, foreign.ChannelTradeNo, foreign.ChannelRefundNo = fmt.Sprint("F", n), "", fmt.Sprint("FT", n), ""
		if r.Type == channels.BillRefund {
			foreign.RefundID, foreign.ChannelRefundNo = fmt.Sprint("FR", n), fmt.Sprint("FRT", n)
			b.find("missing_locally", fmt.Sprint("bill:FRT", n), "-", minor)
		} else {
			b.find("missing_locally", fmt.Sprint("bill:FT", n), "-", minor)
		}
		b.rows = append(b.rows, foreign)
	case 4: // the file does not say our number
		if r.Type == channels.BillPayment {
			r.AttemptID = ""
		} else {
			r.RefundID = ""
		}
	case 5: // nor the channel's
		r.ChannelTradeNo, r.ChannelRefundNo = "", ""
	}
	b.rows = append(b.rows, r)
}

// Whatever the books and however the bill is falsified, exactly that is found,
// and the sums of both sides differ by exactly that.
func TestProperty_FindsExactlyWhatIsWrong(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := &books{Rand: rand.New(rand.NewPCG(seed, 7)), w: onSQLite(t)} //nolint:gosec // a test's dice
			d := day(t, "2026-11-20")
			for range 5 + b.IntN(40) {
				a := b.w.book(1000+b.Int64N(1_000_000), noon.Add(time.Duration(b.IntN(36_000))*time.Second))
				b.put(row(a), a.ID)
				for n := b.IntN(3); n > 0; n-- {
					r := b.w.refund(a, 1+b.Int64N(300), noon.Add(time.Duration(b.IntN(36_000))*time.Second))
					b.put(back(r, a), r.ID)
				}
			}
			b.Shuffle(len(b.rows), func(i, j int) { b.rows[i], b.rows[j] = b.rows[j], b.rows[i] })
			b.w.bill(d, b.rows...)
			first := b.w.run(d)
			got := b.w.found(first)
			slices.Sort(b.want)
			if !slices.Equal(got, b.want) {
				t.Fatalf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(b.want, "\n"))
			}
			if again := b.w.run(d); again.ResultDigest != first.ResultDigest || again.Version != 1 {
				t.Errorf("run again it is version %d", again.Version)
			}
		})
	}
}

// Over days in a row, with rows at their edges in either day's bill, every row is
// found once: nothing that stands in a bill is missing, and what stands in none
// is missing once. Any day can be run again in any order with the same result.
func TestProperty_DaysInARow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, 11)) //nolint:gosec // a test's dice
			w := onSQLite(t)
			const days = 4
			first := day(t, "2026-11-20")
			from, _ := w.bank.BillCalendar().Window(first)
			w.accounts[0].CreatedAt = from
			bills := make([][]channels.BillRow, days+1)
			missing := make([][]string, days+1)
			var all []string
			for range 30 + dice.IntN(40) {
				at := from.Add(time.Duration(dice.Int64N(int64(days * 24 * time.Hour))))
				home := int(at.Sub(from) / (24 * time.Hour))
				end, start := from.Add(time.Duration(home+1)*24*time.Hour), from.Add(time.Duration(home)*24*time.Hour)
				billed, blamed := home, home
				switch dice.IntN(3) {
				case 0: // near the day's end: here, in the next bill, or in none
					at = end.Add(-time.Duration(1 + dice.Int64N(int64(9*time.Minute))))
					billed, blamed = home+dice.IntN(2), home+1
				case 1: // near its beginning: here or in the bill before
					at = start.Add(time.Duration(dice.Int64N(int64(9 * time.Minute))))
					if home > 0 {
						billed = home - dice.IntN(2)
					}
				}
				a := w.book(1+dice.Int64N(1000), at.Truncate(time.Millisecond))
				all = append(all, a.ID)
				if dice.IntN(6) == 0 {
					missing[blamed] = append(missing[blamed], "missing_at_channel open "+a.ID+" "+fmt.Sprint(a.Amount.Minor())+"/-")
				} else {
					bills[billed] = append(bills[billed], row(a))
				}
			}
			w.clock.set(from.Add((days + 2) * 24 * time.Hour))
			check := func(i int) {
				r := w.run(first.Add(i))
				if got := w.found(r); r.Version != 1 || !slices.Equal(got, slices.Sorted(slices.Values(missing[i]))) {
					t.Errorf("day %d, version %d, found %v, want %v", i, r.Version, got, missing[i])
				}
				if lost := r.Totals.Ours.Payments - r.Totals.Theirs.Payments; lost != int64(len(missing[i])) {
					t.Errorf("day %d: the sums differ by %d rows, %d are missing", i, lost, len(missing[i]))
				}
			}
			for i := range days + 1 {
				w.bill(first.Add(i), bills[i]...)
				check(i)
			}
			for range 2 * days {
				check(dice.IntN(days + 1))
			}
			var stated []string
			for i := range days + 1 {
				for _, line := range w.statement(first.Add(i)) {
					number, _, _ := strings.Cut(line, " ")
					stated = append(stated, number)
				}
			}
			slices.Sort(all)
			slices.Sort(stated)
			if !slices.Equal(stated, all) {
				t.Errorf("the statements have %d rows, the books %d", len(stated), len(all))
			}
		})
	}
}

// Whatever a file has as numbers, its day has a result on every database.
func TestMatch_HostileNumbers(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		for i, number := range []string{storetest.Hostile, strings.Repeat("长", 4000), "\xff\xfe", "", " ", "x\x00y", strings.Repeat("'", 200)} {
			w.bill(d,
				channels.BillRow{Type: channels.BillPayment, AttemptID: number, ChannelTradeNo: number, Amount: cny(1), Text: strings.Repeat(number, 9)},
				channels.BillRow{Type: channels.BillRefund, AttemptID: number, RefundID: number, ChannelRefundNo: number, Amount: cny(1)},
			)
			if r := w.run(d); r.Status != "differences" || r.Open != 2 || r.Version != i+1 {
				t.Errorf("%.20q: %+v", number, r)
			}
		}
	})
}
