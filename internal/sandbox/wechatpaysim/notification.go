package wechatpaysim

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Events that the merchant is told of, in the channel's words.
const (
	eventPaid   = "TRANSACTION.SUCCESS"
	eventRefund = "REFUND." // and the refund's outcome
)

func eventSummary(event string) string {
	return map[string]string{
		eventPaid: "支付成功", eventRefund + refundSuccess: "退款成功", eventRefund + refundClosed: "退款关闭", eventRefund + refundAbnormal: "退款异常",
	}[event]
}

// RetrySchedule is the channel's: 16 tries in about a day.
func (s *Simulator) RetrySchedule() []time.Duration {
	return []time.Duration{
		15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute,
		30 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour, 6 * time.Hour, 6 * time.Hour,
	}
}

// Acknowledged takes status 200 or 204, whatever the body.
func (s *Simulator) Acknowledged(httpStatus int, _ []byte) bool {
	return httpStatus == http.StatusOK || httpStatus == http.StatusNoContent
}

// LastEvent is the notification of what happened last.
func (s *Simulator) LastEvent(t *books.Trade) (books.Callback, error) {
	cb := books.Callback{Trade: t.Key}
	if t.Status == books.StatusPaid && t.NotifyURL != "" {
		cb.Event, cb.URL, cb.CreatedAt = eventPaid, t.NotifyURL, t.PaidAt
	}
	for i := range t.Refunds {
		r := &t.Refunds[i]
		attrs, status := attrsOf(r), refundStatus(r)
		if attrs.notifyURL == "" || status == refundProcessing {
			continue
		}
		at := r.SettledAt
		if at.IsZero() { // ABNORMAL
			at = r.CreatedAt.Add(parts.SettleAfter)
		}
		if cb.Event == "" || !at.Before(cb.CreatedAt) {
			cb.Event, cb.Ref, cb.URL, cb.CreatedAt = eventRefund+status, r.OutRefundNo, attrs.notifyURL, at
		}
	}
	if cb.Event == "" {
		return cb, fmt.Errorf("%w: nothing has happened that wechatpay tells of, or no notify_url was named for it", sim.ErrNotPossible)
	}
	return cb, nil
}

// Message writes a notification as it is sent now: encrypted and signed anew, under the event's own id.
func (s *Simulator) Message(_ context.Context, t *books.Trade, cb books.Callback, forged bool) (sim.Message, error) {
	a, err := s.accounts.Get(t.Account)
	if err != nil {
		return sim.Message{}, err
	}
	what, by := "transaction", t.Attr(attrSigned)
	plain := s.transaction(a, t)
	if cb.Event == eventPaid {
		plain["trade_state"], plain["trade_state_desc"] = stateSuccess, stateText(stateSuccess) // as it was then
	} else {
		r, there := t.Refund(cb.Ref)
		if !there {
			return sim.Message{}, fmt.Errorf("refund %s: %w", cb.Ref, books.ErrNotFound)
		}
		what, by = "refund", attrsOf(r).signedBy
		plain = refundNotice(a, t, r, cb.Event[len(eventRefund):])
	}
	body, err := a.notification(what, plain, cb)
	if err != nil {
		return sim.Message{}, err
	}
	header := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"*/*"}, "User-Agent": {"Mozilla/4.0"}, "Request-ID": {requestID(s.env.Now(), 0)},
	}
	signedBy, known := s.signer(a, by)
	if !known {
		signedBy = a.own
	}
	f := sound
	if forged {
		if f, err = s.forge(&signedBy); err != nil {
			return sim.Message{}, err
		}
	}
	return sim.Message{Header: header, Body: body}, s.signMessage(header, signedBy, body, f)
}

// forge chooses how a forged notification is wrong: signed by somebody else, or a probe.
func (s *Simulator) forge(by *signer) (flaw, error) {
	if s.wrongSignatures.Load()%2 == 1 {
		return wrong, nil // the next one is a probe
	}
	s.wrongSignatures.Add(1)
	key, err := s.forger()
	by.key = key
	return sound, err
}

func (a *account) notification(what string, plain object, cb books.Callback) ([]byte, error) {
	text, err := marshal(plain)
	if err != nil {
		return nil, err
	}
	resource, err := a.encrypt(text, what)
	if err != nil {
		return nil, err
	}
	resource["original_type"] = what
	id := keys.Digest(cb.Trade.Account, cb.Trade.OutTradeNo, cb.Event, cb.Ref)
	return marshal(object{
		"id":          id[:8] + "-" + id[8:12] + "-5" + id[13:16] + "-a" + id[17:20] + "-" + id[20:32],
		"create_time": formatTime(cb.CreatedAt), "resource_type": "encrypt-resource", "event_type": cb.Event,
		"summary": eventSummary(cb.Event), "resource": resource,
	})
}

// refundNotice is a refund as notifications tell of it: refund_status here, status elsewhere.
func refundNotice(a *account, t *books.Trade, r *books.Refund, outcome string) object {
	o := object{
		"mchid": a.mchid, "transaction_id": t.ChannelTradeNo, "out_trade_no": t.OutTradeNo, "refund_id": r.ChannelRefundNo,
		"out_refund_no": r.OutRefundNo, "refund_status": outcome, "user_received_account": "支付用户零钱",
		"amount": object{"total": t.Amount, "refund": r.Amount, "payer_total": t.Amount, "payer_refund": r.Amount},
	}
	if sub := t.Attr(attrSub); sub != "" {
		delete(o, "mchid")
		o["sp_mchid"], o["sub_mchid"] = a.mchid, sub
	}
	if outcome == refundSuccess {
		o["success_time"] = formatTime(r.SettledAt)
	}
	return o
}
