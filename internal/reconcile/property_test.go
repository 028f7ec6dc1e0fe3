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
