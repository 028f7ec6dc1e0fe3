package alipay_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/alipay"
)

func barcodeOrder(amount int64) channels.PayRequest {
	now := time.Now()
	return channels.PayRequest{
		Attempt: channels.AttemptRef{
			ID: rand.Text()[:26], SubmittedAt: now, Scene: channels.SceneBarcode, Amount: adaptertest.CNY(amount), ExpiresAt: now.Add(5 * time.Minute),
		},
		Subject: "coffee", AuthCode: adaptertest.AuthCodes("28", 18)(), NotifyURL: "http://127.0.0.1:1/notify/alipay/1",
	}
}

// TestBill_Cancelled: what alipay.trade.cancel gives back stands in the bill
// under the order's own number, and in the account movements of the same day.
func TestBill_Cancelled(t *testing.T) {
	box := adaptertest.StartSandbox(t, alipay.Name)
	cfg, err := alipay.FromSandbox(box.Credentials(t), alipay.PublicKeyMode)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, cfg, &adaptertest.Logs{})
	var req channels.PayRequest
	var day channels.Day
	for cut := true; cut; cut = day != channels.DayAt(time.Now()) { // again when midnight came in between
		day, req = channels.DayAt(time.Now()), barcodeOrder(1000)
		if _, err := c.Pay(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if res, err := c.ReversePayment(t.Context(), req.Attempt); err != nil || res != channels.ReverseReturned {
			t.Fatalf("%v %v", res, err)
		}
	}
	box.AdvanceCalendar(t, 26*time.Hour)
	rows := map[channels.BillKind][]channels.BillRow{}
	for _, kind := range c.BillCalendar().Kinds {
		var original bytes.Buffer
		if _, err := c.FetchBill(t.Context(), kind, day, &original); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadBill(kind, day, bytes.NewReader(original.Bytes()), int64(original.Len()), func(r channels.BillRow) error {
			if r.AttemptID == req.Attempt.ID {
				rows[kind] = append(rows[kind], r)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	trades, funds := rows[channels.BillTrades], rows[channels.BillFunds]
	if len(trades) != 2 || trades[0].Type != channels.BillPayment || trades[1].Type != channels.BillRefund ||
		trades[1].RefundID != req.Attempt.ID || !trades[1].Amount.Equal(req.Attempt.Amount) || trades[1].FeeMinor != 0 {
		t.Errorf("trades %+v", trades)
	}
	if len(funds) != 3 || funds[0].Text != "收入 在线支付" || funds[1].Text != "支出 收费" || funds[2].Text != "支出 交易退款" || funds[1].Amount.Minor() != trades[0].FeeMinor {
		t.Errorf("movements %+v", funds)
	}
}
