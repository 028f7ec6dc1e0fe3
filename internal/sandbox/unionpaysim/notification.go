package unionpaysim

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Events that the merchant is told of.
const (
	eventPaid   = "paid"
	eventFailed = "failed" // a scanned code's payer never typed the password
	eventRefund = "refund" // settled, one way or the other
)

// RetrySchedule is the channel's: five tries in all.
func (s *Simulator) RetrySchedule() []time.Duration {
	return []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute}
}

// Acknowledged takes status 200, and a redirect, whatever the body says.
func (s *Simulator) Acknowledged(httpStatus int, _ []byte) bool {
	return httpStatus == http.StatusOK || httpStatus == http.StatusFound
}

// LastEvent is the notification of what happened last.
func (s *Simulator) LastEvent(t *books.Trade) (books.Callback, error) {
	cb := books.Callback{Trade: t.Key, URL: t.NotifyURL}
	var last time.Time
	for _, r := range t.Refunds {
		if r.Status != books.RefundProcessing && !r.SettledAt.Before(last) {
			last = r.SettledAt
			cb.Event, cb.Ref, cb.URL = eventRefund, r.OutRefundNo, r.Attrs[attrNotify]
		}
	}
	switch {
	case cb.Event != "":
	case t.Status == books.StatusPaid:
		cb.Event = eventPaid
	case t.Status == books.StatusClosed && t.Product == nameScan:
		cb.Event = eventFailed
	default:
		return cb, fmt.Errorf("%w: nothing has happened that unionpay tells of", sim.ErrNotPossible)
	}
	return cb, nil
}

// Message writes a notification as it is sent now. A forged one is signed by another customer of the same authority,
// whose certificate it brings along: only the name in the certificate tells.
func (s *Simulator) Message(_ context.Context, t *books.Trade, cb books.Callback, forged bool) (sim.Message, error) {
	f := told(t, paymentCode(t))
	if cb.Event == eventRefund {
		r, ok := t.Refund(cb.Ref)
		if !ok {
			return sim.Message{}, fmt.Errorf("refund %s: %w", cb.Ref, books.ErrNotFound)
		}
		f = outcome(refundFields(t, r), refundCode(r))
	}
	who := s.signer
	if forged {
		var err error
		if who, err = s.forger(); err != nil {
			return sim.Message{}, err
		}
	}
	signed, err := who.sign(f)
	if err != nil {
		return sim.Message{}, err
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}}
	return sim.Message{Header: header, Body: []byte(signed.encode())}, nil
}

// told is what notifications and the browser's way back say of a payment.
func told(t *books.Trade, code string) fields { return outcome(paymentFields(t), code) }

func outcome(f fields, code string) fields {
	text := messages()[code]
	if code == codeSuccess {
		text = "success"
	}
	return f.with(fields{"version": version, "signMethod": "01", "respCode": code, "respMsg": text})
}
