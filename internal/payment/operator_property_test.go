package payment_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// operatorSteps are what people may do at any moment among everything else.
// Their evidence is true: it is what the channel's books say.
func (c *chaos) operatorSteps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"operator asks": func(t *rapid.T) {
			a := c.anyAttempt(t)
			c.as(t, func(svc *payment.Service) {
				_, err := svc.AskAttempt(acting(), a.ID, operator)
				unlessSilent(t, err)
			})
		},
		"operator asks about a refund": func(t *rapid.T) {
			r := c.anyRefund(t)
			c.as(t, func(svc *payment.Service) {
				_, err := svc.AskRefund(acting(), r.ID, operator)
				unlessSilent(t, err)
			})
		},
		"operator sends a refund again": func(t *rapid.T) {
			r := c.anyRefund(t)
			c.as(t, func(svc *payment.Service) {
				_, err := svc.ResendRefund(acting(), r.ID, operator)
				expected(t, err, payment.CodeStatusConflict)
			})
		},
		"operator refunds": func(t *rapid.T) {
			p := c.anyPayment(t)
			req := payment.OperatorRefund{
				PaymentID: p.ID, Number: fmt.Sprint("n-", rapid.IntRange(0, 2).Draw(t, "number")),
				Amount: rapid.Int64Range(1, 300).Draw(t, "amount"), Reason: "goodwill", Actor: operator,
			}
			c.as(t, func(svc *payment.Service) {
				_, err := svc.StartRefund(acting(), req)
				expected(t, err, payment.CodeStatusConflict, payment.CodeAmountExceeds, payment.CodeRefundConflict)
			})
		},
		"operator tries again": func(t *rapid.T) {
			r := c.anyRefund(t)
			c.as(t, func(svc *payment.Service) {
				_, err := svc.RetryRefund(acting(), r.ID, operator)
				expected(t, err, payment.CodeStatusConflict, payment.CodeAmountExceeds)
			})
		},
		"operator settles a refund":   c.settleRefund,
		"operator settles an attempt": c.settleAttempt,
	}
}

func (c *chaos) anyRefund(t *rapid.T) *payment.Refund {
	if len(c.store.refunds) == 0 {
		t.Skip("nothing was refunded yet")
	}
	r := c.store.refunds[rapid.SampledFrom(slices.Sorted(maps.Keys(c.store.refunds))).Draw(t, "refund")]
	return &r
}

// unlessSilent lets pass that a channel gave no answer.
func unlessSilent(t *rapid.T, err error) {
	if _, silent := errors.AsType[*channels.Error](err); !silent {
		expected(t, err)
	}
}

func (c *chaos) settleRefund(t *rapid.T) {
	r := c.anyRefund(t)
	o := c.banks[r.AccountID].order(r.AttemptID)
	there := o.refunds[r.ID]
	if there != nil && there.status == "processing" {
		t.Skip("the channel does not know yet")
	}
	ev := payment.RefundEvidence{RefundID: r.ID, Succeeded: there != nil && there.status == "succeeded", Evidence: "the day's file", Actor: operator}
	c.as(t, func(svc *payment.Service) {
		_, err := svc.SettleRefund(acting(), ev)
		expected(t, err, payment.CodeStatusConflict)
	})
}

func (c *chaos) settleAttempt(t *rapid.T) {
	a := c.anyAttempt(t)
	o := c.bankOf(a).order(a.ID)
	if o.status == "reversed" {
		t.Skip("what was taken and given back is not for evidence of payment")
	}
	ev := payment.AttemptEvidence{AttemptID: a.ID, Paid: o.status == "paid", Evidence: "the day's file", Actor: operator}
	if ev.Paid {
		ev.ChannelTradeNo, ev.PaidAt, ev.Amount = o.tradeNo, o.paidAt, amountOf(o.amount)
	}
	c.as(t, func(svc *payment.Service) {
		_, err := svc.SettleAttempt(acting(), ev)
		expected(t, err, payment.CodeStatusConflict)
	})
}
