package alipaysim

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Events that the merchant is told of.
const (
	eventPaid   = "paid"
	eventClosed = "closed"
	eventRefund = "refund"
)

// notifiesClose says whether the product tells of an unpaid trade's end: those of the phone do by default.
func notifiesClose(t *books.Trade) bool {
	return t.ChannelTradeNo != "" && (t.Product == methodAppPay || t.Product == methodWapPay)
}

// RetrySchedule is the channel's: eight tries in about a day.
func (s *Simulator) RetrySchedule() []time.Duration {
	return []time.Duration{
		4 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
	}
}

// Acknowledged takes the seven bytes "success" under status 200 and nothing else.
func (s *Simulator) Acknowledged(httpStatus int, body []byte) bool {
	return httpStatus == http.StatusOK && string(body) == "success"
}

// LastEvent is the notification of what happened last.
func (s *Simulator) LastEvent(t *books.Trade) (books.Callback, error) {
	cb := books.Callback{Trade: t.Key, URL: t.NotifyURL}
	for _, r := range t.Refunds {
		if r.Status == books.RefundSucceeded && t.Attr(attrReversed) == "" {
			cb.Event, cb.Ref = eventRefund, r.OutRefundNo
		}
	}
	switch {
	case t.NotifyURL == "":
		return cb, fmt.Errorf("%w: the order named no notify_url", sim.ErrNotPossible)
	case cb.Event != "":
	case t.Status == books.StatusPaid:
		cb.Event = eventPaid
	case t.Status == books.StatusClosed && notifiesClose(t):
		cb.Event = eventClosed
	default:
		return cb, fmt.Errorf("%w: nothing has happened that alipay tells of", sim.ErrNotPossible)
	}
	return cb, nil
}

// Message writes a notification as it is sent now.
func (s *Simulator) Message(_ context.Context, t *books.Trade, cb books.Callback, forged bool) (sim.Message, error) {
	a, err := s.accounts.Get(t.Account)
	if err != nil {
		return sim.Message{}, err
	}
	p, err := s.notification(a, t, cb)
	if err != nil {
		return sim.Message{}, err
	}
	key := a.key
	if forged {
		if key, err = s.forger(); err != nil {
			return sim.Message{}, err
		}
	}
	if err := p.sign(key); err != nil {
		return sim.Message{}, err
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}, "User-Agent": {"Mozilla/4.0"}}
	return sim.Message{Header: header, Body: []byte(p.encode())}, nil
}

func (s *Simulator) notification(a *account, t *books.Trade, cb books.Callback) (params, error) {
	p := params{
		"notify_time": formatTime(s.env.Now()), "notify_type": "trade_status_sync",
		"notify_id": t.ChannelTradeNo[:8] + keys.Digest(t.ChannelTradeNo, cb.Event, cb.Ref)[:26],
		"app_id":    a.appID, "auth_app_id": a.appID, "charset": "utf-8", "version": "1.0",
		"trade_no": t.ChannelTradeNo, "out_trade_no": t.OutTradeNo, "subject": t.Subject,
		"buyer_id": t.Attr(attrBuyer), "buyer_logon_id": a.buyerNo, "seller_id": a.SellerID, "seller_email": "merchant@sandbox.example",
		"gmt_create": formatTime(t.CreatedAt), "total_amount": formatYuan(t.Amount),
	}
	for _, attr := range []string{attrBody, attrPassback} {
		if v := t.Attr(attr); v != "" {
			p[attr] = v
		}
	}
	if cb.Event == eventClosed {
		p["trade_status"], p["gmt_close"] = statusClosed, formatTime(t.ClosedAt)
		return p, nil
	}
	bills, err := json.Marshal(fundBills(t, "fundChannel"))
	if err != nil {
		return nil, fmt.Errorf("write fund_bill_list: %w", err)
	}
	for name, value := range map[string]string{
		"trade_status": statusSuccess, "gmt_payment": formatTime(t.PaidAt), "receipt_amount": formatYuan(t.Amount),
		"invoice_amount": formatYuan(t.Amount), "buyer_pay_amount": formatYuan(t.Amount), "point_amount": formatYuan(0),
		"fund_bill_list": string(bills),
	} {
		p[name] = value
	}
	if r, ok := t.Refund(cb.Ref); ok && cb.Event == eventRefund {
		returned := succeededRefunds(t, r.OutRefundNo)
		p["out_biz_no"], p["refund_fee"] = r.OutRefundNo, formatYuan(returned)
		p["gmt_refund"] = r.SettledAt.In(parts.Beijing()).Format(timeLayout + ".000")
		p["send_back_fee"] = formatYuan(r.Amount)
		if returned == t.Amount {
			p["trade_status"], p["gmt_close"] = statusClosed, formatTime(r.SettledAt)
		}
	}
	return p, nil
}

// sign adds sign_type and sign, which the signed text leaves out.
func (p params) sign(key *rsa.PrivateKey) error {
	signature, err := keys.Sign(key, []byte(p.signedText("sign", "sign_type")))
	if err != nil {
		return err
	}
	p["sign_type"], p["sign"] = "RSA2", signature
	return nil
}

func (p params) encode() string {
	v := make(url.Values, len(p))
	for name, value := range p {
		v.Set(name, value)
	}
	return v.Encode()
}
