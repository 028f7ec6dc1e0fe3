package wechatpay_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/channels/wechatpay"
)

func barcodeOrder(amount int64) channels.PayRequest {
	now := time.Now()
	return channels.PayRequest{
		Attempt: channels.AttemptRef{
			ID: rand.Text()[:26], SubmittedAt: now, Scene: channels.SceneBarcode, Amount: adaptertest.CNY(amount), ExpiresAt: now.Add(5 * time.Minute),
		},
		Subject: "coffee", AuthCode: adaptertest.AuthCodes("13", 18)(), ClientIP: "203.0.113.7", NotifyURL: "http://127.0.0.1:1/notify/wechatpay/1",
	}
}

// TestBill_ReturnedInOtherWays: a reversal is a refund of the whole that is
// done; a refund whose money could not be delivered stands in the bill of the
// day on which it was accepted, and is not done.
func TestBill_ReturnedInOtherWays(t *testing.T) {
	box := adaptertest.StartSandbox(t, wechatpay.Name)
	cfg, err := wechatpay.FromSandbox(box.Credentials(t), wechatpay.PublicKeyMode)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, cfg, &adaptertest.Logs{})
	box.SetFault(t, channeltest.Fault{Operation: "refund", Kind: "refund_abnormal"})
	var reversed, stuck channels.PayRequest
	var refund channels.RefundRequest
	var day channels.Day
	for cut := true; cut; cut = day != channels.DayAt(time.Now()) { // again when midnight came in between
		day, reversed, stuck = channels.DayAt(time.Now()), barcodeOrder(1000), barcodeOrder(2000)
		for _, req := range []channels.PayRequest{reversed, stuck} {
			if _, err := c.Pay(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.ReversePayment(t.Context(), reversed.Attempt); err != nil {
			t.Fatal(err)
		}
		refund = channels.RefundRequest{
			Attempt: stuck.Attempt, RefundID: rand.Text()[:26], SubmittedAt: time.Now(), Amount: adaptertest.CNY(500), Reason: "cold",
			NotifyURL: "http://127.0.0.1:1/notify/wechatpay/1",
		}
		if _, err := c.Refund(t.Context(), refund); err != nil {
			t.Fatal(err)
		}
	}
	box.AdvanceCalendar(t, 26*time.Hour)
	var original bytes.Buffer
	if _, err := c.FetchBill(t.Context(), channels.BillTrades, day, &original); err != nil {
		t.Fatal(err)
	}
	refunds := map[string]channels.BillRow{}
	if _, err := c.ReadBill(channels.BillTrades, day, bytes.NewReader(original.Bytes()), int64(original.Len()), func(r channels.BillRow) error {
		if r.Type == channels.BillRefund {
			refunds[r.AttemptID] = r
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r := refunds[reversed.Attempt.ID]; r.Text != "REVOKED" || r.Pending || r.Failed || !r.Amount.Equal(reversed.Attempt.Amount) || r.FeeMinor != -6 {
		t.Errorf("reversal %+v", r)
	}
	if r := refunds[stuck.Attempt.ID]; r.RefundID != refund.RefundID || !r.Pending || r.Failed || !r.Amount.Equal(refund.Amount) || r.FeeMinor != -3 {
		t.Errorf("refund %+v", r)
	}
}
