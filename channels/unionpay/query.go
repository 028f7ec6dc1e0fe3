package unionpay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

// limitMargin is how long after payTimeout a failure counts as the end, so
// that two clocks that differ a little do not end an order that still lives.
const limitMargin = time.Minute

var errOtherKind = errors.New("verified answer is about a transaction of another type")

// QueryPayment asks for the order by its number and time. What the answer
// means depends on who acts: at UnionPay's pages "failed", "in progress" and "no
// such transaction" are all temporary until payTimeout, as the payer may come,
// or come again with another card; a payer's code fails once and for all.
func (c *Client) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	p, ok := productOf(ref.Scene)
	if !ok || !isNumber(ref.ID) || ref.SubmittedAt.IsZero() {
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.NotProcessed, errNumber)
	}
	over := !ref.ExpiresAt.IsZero() && c.now().After(ref.ExpiresAt.Add(limitMargin)) // judged before the question leaves
	r, err := c.ask(ctx, channels.OpQuery, p.bizType, ref.ID, ref.SubmittedAt, typeConsume)
	if err != nil {
		return channels.PaymentState{}, err
	}
	if r.code == codeNotFound {
		return channels.PaymentState{Status: channels.StateNotFound, AttemptID: ref.ID, Code: r.code, Message: forPeople(r.text)}, nil
	}
	orig := r.get("origRespCode")
	state := channels.PaymentState{
		Status: unpaidStatus(p, orig, over), AttemptID: r.get("orderId"),
		Code: texts.Clip(orig, maxCode), Message: forPeople(r.get("origRespMsg")),
	}
	if !isSuccess(orig) {
		return state, nil
	}
	state.Status = channels.StatePaid
	if state.Paid, err = paidOf(r.message, ref.SubmittedAt); err != nil {
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.Unknown, err)
	}
	return state, nil
}

// unpaidStatus is the state of an order whose result is not a success. over
// tells that its limit has passed.
func unpaidStatus(p product, orig string, over bool) channels.PaymentStatus {
	switch {
	case orig == codeAccepted:
		return channels.StateWaiting
	case !isFailure(channels.OpPay, orig):
		return channels.StateUncertain
	case p.front && !over:
		return channels.StateWaiting
	case p.front || orig == codeInputTimeout:
		return channels.StateClosed
	default:
		return channels.StateFailed
	}
}

// ask queries one transaction. The answer is either codeSuccess with the
// result of a transaction of one of the types, or codeNotFound; all else is an
// *Error: a refused question says nothing about the transaction.
func (c *Client) ask(
	ctx context.Context, op channels.Operation, bizType, number string, at time.Time, types ...string,
) (reply, error) {
	r, err := c.call(ctx, op, pathQuery, c.request(kind{typeQuery, "00", bizType, ""}, number, at))
	if err != nil {
		return reply{}, err
	}
	switch {
	case r.code == codeNotFound:
		return r, nil
	case r.code != codeSuccess:
		return reply{}, c.refusal(op, r)
	case r.get("origRespCode") == "":
		return reply{}, c.fail(op, channels.Unknown, errors.New("verified answer has no origRespCode"))
	case !slices.Contains(types, r.get("txnType")):
		return reply{}, c.fail(op, channels.Unknown, errOtherKind)
	}
	return r, nil
}

// paidOf reads what a verified message says of money that was taken. The
// amount must be there and exact: without one the core could not compare.
func paidOf(m message, txnTime time.Time) (channels.Paid, error) {
	if m.get("currencyCode") != currencyCNY {
		return channels.Paid{}, errors.New("verified message has a currencyCode that is not 156")
	}
	amount, err := amountOf(m)
	if err != nil {
		return channels.Paid{}, err
	}
	if m.get("queryId") == "" {
		return channels.Paid{}, errors.New("verified message has no queryId")
	}
	return channels.Paid{
		ChannelTradeNo: m.get("queryId"),
		Amount:         amount,
		PaidAt:         parseTraceTime(m.get("traceTime"), txnTime),
	}, nil
}

// amountOf reads txnAmt: fen, digits only. What was settled (settleAmt) may
// differ, in another currency or after a discount, and is not compared.
func amountOf(m message) (money.Amount, error) {
	text := m.get("txnAmt")
	minor, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !texts.Is(text, 1, 12, texts.IsDigit) {
		return money.Amount{}, errors.New("verified message has no readable txnAmt")
	}
	amount, err := money.New(minor, money.CNY)
	if err != nil {
		return money.Amount{}, fmt.Errorf("read txnAmt: %w", err)
	}
	return amount, nil
}
