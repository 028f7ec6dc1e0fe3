package console_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// desk is everything about payments with one made-up payment of each of two
// merchants.
type desk struct {
	mu        sync.Mutex
	payments  []*payment.Payment
	attempts  map[string][]*payment.Attempt
	refunds   []*payment.Refund
	changes   map[string][]payment.Change
	callbacks []notify.KeptNotification
	events    []notify.EventView
	trail     *memory
	asked     []string
	askError  error
	opened    []string
	resent    []string
}

func (d *desk) SearchPayments(_ context.Context, merchantID, number string, limit int) ([]*payment.Payment, error) {
	var list []*payment.Payment
	for _, p := range d.payments {
		if (merchantID == "" || p.MerchantID == merchantID) && slices.Contains([]string{p.ID, p.MerchantOrderNo, p.ChannelTradeNo}, number) {
			list = append(list, p)
		}
	}
	return list[:min(len(list), limit)], nil
}

func (d *desk) ListPayments(_ context.Context, f payment.PaymentFilter) ([]*payment.Payment, error) {
	var list []*payment.Payment
	for _, p := range d.payments {
		if p.MerchantID == f.MerchantID {
			list = append(list, p)
		}
	}
	return list[:min(len(list), f.Limit)], nil
}

func (d *desk) FindPayment(_ context.Context, id string) (*payment.Payment, error) {
	for _, p := range d.payments {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, payment.ErrNotFound
}

func (d *desk) FindRefund(_ context.Context, id string) (*payment.Refund, error) {
	for _, r := range d.refunds {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, payment.ErrNotFound
}

func (d *desk) AttemptByID(_ context.Context, id string) (*payment.Attempt, error) {
	for _, list := range d.attempts {
		for _, a := range list {
			if a.ID == id {
				return a, nil
			}
		}
	}
	return nil, payment.ErrNotFound
}

func (d *desk) AttemptsOf(_ context.Context, ids ...string) (map[string][]*payment.Attempt, error) {
	out := map[string][]*payment.Attempt{}
	for _, id := range ids {
		out[id] = d.attempts[id]
	}
	return out, nil
}

func (d *desk) ListRefunds(_ context.Context, f payment.RefundFilter) ([]*payment.Refund, error) {
	var list []*payment.Refund
	for _, r := range d.refunds {
		if r.PaymentID == f.PaymentID && r.MerchantID == f.MerchantID {
			list = append(list, r)
		}
	}
	return list, nil
}

func (d *desk) HistoryOf(_ context.Context, id string) ([]payment.Change, error) {
	return d.changes[id], nil
}

func (d *desk) AskAttempt(_ context.Context, id, actor string) (*payment.Attempt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, id+" by "+actor)
	return nil, d.askError
}

func (d *desk) AskRefund(_ context.Context, id, actor string) (*payment.Refund, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, id+" by "+actor)
	return nil, d.askError
}

func (d *desk) ListNotifications(_ context.Context, f notify.NotificationFilter) ([]notify.KeptNotification, error) {
	var list []notify.KeptNotification
	for _, n := range d.callbacks {
		if n.PaymentID == f.PaymentID {
			n.Header, n.Body = nil, nil
			list = append(list, n)
		}
	}
	return list, nil
}

func (d *desk) NotificationByID(_ context.Context, id string) (notify.KeptNotification, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.callbacks {
		if n.ID == id {
			d.opened = append(d.opened, id)
			return n, nil
		}
	}
	return notify.KeptNotification{}, payment.ErrNotFound
}

func (d *desk) List(_ context.Context, f notify.EventFilter) ([]notify.EventView, error) {
	var list []notify.EventView
	for _, e := range d.events {
		if e.PaymentID != nil && *e.PaymentID == f.PaymentID {
			list = append(list, e)
		}
	}
	return list, nil
}

func (d *desk) Get(_ context.Context, merchantID, id string) (notify.EventView, error) {
	for _, e := range d.events {
		p, err := d.FindPayment(context.Background(), *e.PaymentID)
		if e.ID == id && err == nil && p.MerchantID == merchantID {
			return e, nil
		}
	}
	return notify.EventView{}, payment.ErrNotFound
}

func (d *desk) Resend(ctx context.Context, merchantID, id string, entry audit.Entry) (notify.EventView, error) {
	d.mu.Lock()
	d.resent = append(d.resent, id)
	d.mu.Unlock()
	if err := d.trail.RecordAudit(ctx, entry); err != nil {
		return notify.EventView{}, err
	}
	return d.Get(ctx, merchantID, id)
}

// Ids of the made-up payments.
const (
	thePayment   = "pay_01M7YB3T2C4V6Q8ZKXN5W7RJDH"
	theAttempt   = "01M7YB3T2C9S0E3G5B7D9F1H3K"
	theRefund    = "ref_01M7YBF6D8F0H2K4M6P8R0T2V4"
	theCallback  = "ntf_01M7YB3X5Z7B9D1F3H5K7M9P1R"
	theEvent     = "evt_01M7YB3Y6A8C0E2G4J6L8N0Q2S"
	otherPayment = "pay_01M7YC0000000000000000OTHR"
)

// fill makes a payment that went through much, and one of another merchant.
func (d *desk) fill(at time.Time) {
	text := func(s string) *string { return &s }
	p := &payment.Payment{
		ID: thePayment, MerchantID: mineID, MerchantOrderNo: "SO-20261120-0193", Amount: cny(268_800), Subject: "龙井茶礼盒 500g（明前）", Scene: channels.SceneQR,
		PayerID: "2088102175794899", ClientIP: "203.0.113.7", CustomerID: "cust-88213", Status: payment.Succeeded, Channel: "alipay", AccountID: "acc_alipay_main",
		ChannelTradeNo: "2026112022001494881000193552", CountedAttemptID: theAttempt, PaidMinor: 268_800, RefundedMinor: 68_800, FeeMinor: 1_200,
		CreatedAt: at, ExpiresAt: at.Add(30 * time.Minute), PaidAt: at.Add(41 * time.Second),
	}
	other := &payment.Payment{ID: otherPayment, MerchantID: otherID, MerchantOrderNo: "OTHER-1", Amount: cny(100), Subject: "secret of another", Status: payment.Pending, CreatedAt: at}
	d.payments = []*payment.Payment{p, other}
	for i, status := range []payment.Status{payment.Pending, payment.Processing, payment.Failed, payment.Closed} {
		d.payments = append(d.payments, &payment.Payment{
			ID: "pay_" + newID(), MerchantID: mineID, MerchantOrderNo: "SO-20261120-02" + string(rune('1'+i)) + "0", Amount: cny(int64(4_990 + i*100_000)), Subject: "云南普洱 " + string(rune('A'+i)),
			Status: status, Channel: []string{"wechatpay", "unionpay", "alipay", "wechatpay"}[i], CreatedAt: at.Add(-time.Duration(i) * time.Hour),
		})
	}
	d.attempts = map[string][]*payment.Attempt{
		p.ID: {{
			ID: theAttempt, PaymentID: p.ID, MerchantID: mineID, Channel: "alipay", AccountID: "acc_alipay_main", Amount: p.Amount, Status: payment.AttemptSucceeded,
			Counted: true, ChannelTradeNo: p.ChannelTradeNo, CreatedAt: at, PaidAt: p.PaidAt,
			Decision: channels.Decision{Strategy: "weighted", Rule: "big-orders", Candidates: []channels.Candidate{
				{AccountID: "acc_alipay_main", Channel: "alipay", Chosen: true, Reason: "chosen by weight 100 of 150", Weight: 100, FeeRatePPM: 6000},
				{AccountID: "acc_wechat_main", Channel: "wechatpay", Rejection: channels.NotChosen, Reason: "eligible with weight 50 of 150; the order fell to another account", Weight: 50, FeeRatePPM: 6000},
				{AccountID: "acc_union_main", Channel: "unionpay", Rejection: channels.RejectedBreaker, Reason: "its breaker is open after repeated failures", Weight: 100, FeeRatePPM: 5000},
			}},
		}},
		other.ID: {{ID: "01M7YCATTEMPTOFANOTHER0000", PaymentID: other.ID, MerchantID: otherID, Channel: "alipay", CreatedAt: at}},
	}
	d.refunds = []*payment.Refund{
		{
			ID: theRefund, PaymentID: p.ID, AttemptID: theAttempt, MerchantID: mineID, Channel: "alipay", AccountID: "acc_alipay_main", MerchantRefundNo: "RF-7781",
			Initiator: payment.ByMerchant, Amount: cny(68_800), Reason: "少发一盒", Status: payment.RefundSucceeded, ChannelRefundNo: "2026112022001494881000193552#1",
			CreatedAt: at.Add(2 * time.Hour), SucceededAt: at.Add(2*time.Hour + 3*time.Second),
		},
		{ID: "ref_other", PaymentID: other.ID, MerchantID: otherID, Amount: cny(1), Status: payment.RefundPending, CreatedAt: at},
	}
	change := func(after time.Duration, kind, from, to, cause, detail, refund string) payment.Change {
		return payment.Change{PaymentID: p.ID, AttemptID: theAttempt, RefundID: refund, Kind: kind, From: from, To: to, Cause: cause, Detail: detail, At: at.Add(after)}
	}
	d.changes = map[string][]payment.Change{p.ID: {
		change(0, "payment", "", "processing", "api", "", ""),
		change(time.Millisecond, "attempt", "", "dispatched", "api", "chosen by weight 100 of 150", ""),
		change(312*time.Millisecond, "attempt", "dispatched", "unknown", "channel answer", "read tcp: i/o timeout", ""),
		change(4*time.Second, "attempt", "unknown", "pending", "query", "", ""),
		change(4*time.Second, "payment", "processing", "pending", "query", "", ""),
		change(41*time.Second, "attempt", "pending", "succeeded", "notification", "", ""),
		change(41*time.Second, "payment", "pending", "succeeded", "notification", "", ""),
		change(2*time.Hour, "refund", "", "pending", "api", "", theRefund),
		change(2*time.Hour+3*time.Second, "refund", "processing", "succeeded", "channel answer", "", theRefund),
	}}
	d.callbacks = []notify.KeptNotification{{
		NotificationRecord: payment.NotificationRecord{
			ID: theCallback, Channel: "alipay", AccountID: "acc_alipay_main", Digest: digestBill, AttemptID: theAttempt, PaymentID: p.ID, Verdict: payment.VerdictApplied,
			ReceivedAt: at.Add(41 * time.Second), Header: []byte(`{"Content-Type":["application/x-www-form-urlencoded"],"User-Agent":["Mozilla/4.0"]}`),
			Body: []byte("buyer_logon_id=159****5620&buyer_id=2088102175794899&out_trade_no=" + theAttempt + "&total_amount=2688.00&trade_status=TRADE_SUCCESS"),
		},
		Copies: 2, LastAt: at.Add(time.Minute),
	}}
	status500, status200 := 500, 200
	d.events = []notify.EventView{
		{
			ID: theEvent, Type: payment.PaymentSucceeded, CreatedAt: at.Add(41 * time.Second), PaymentID: text(p.ID), Status: notify.StatusDead, Reason: text(notify.ReasonLadderEnded),
			NotifyURL: text("https://shop.example.com/hooks/paymux"), Attempts: 2, LastError: text("the endpoint answered 500"), Data: json.RawMessage("{}"),
			Deliveries: []notify.DeliveryView{
				{Number: 1, At: at.Add(42 * time.Second), DurationMS: 318, HTTPStatus: &status500, Error: text("the endpoint answered 500")},
				{Number: 2, At: at.Add(57 * time.Second), DurationMS: 5002, Error: text("no answer within 5 s")},
			},
		},
		{
			ID: "evt_01M7YBF9999999999999999999", Type: payment.RefundSucceededType, CreatedAt: at.Add(2*time.Hour + 3*time.Second), PaymentID: text(p.ID), Status: notify.StatusDelivered,
			NotifyURL: text("https://shop.example.com/hooks/paymux"), Attempts: 1, Deliveries: []notify.DeliveryView{{Number: 1, At: at.Add(2*time.Hour + 4*time.Second), DurationMS: 86, HTTPStatus: &status200}},
		},
		{ID: "evt_other", Type: payment.PaymentClosed, CreatedAt: at, PaymentID: text(other.ID), Status: notify.StatusDead},
	}
}

func (d *desk) ListMerchants(context.Context) ([]console.Merchant, error) {
	return []console.Merchant{{ID: mineID, Name: "清茗茶业"}, {ID: otherID, Name: "Other & Sons <Ltd>"}}, nil
}
