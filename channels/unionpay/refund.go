package unionpay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

// undoMargin is how near to the end of a settlement day an undo is not tried
// any more: it is judged by UnionPay's clock, on arrival.
const undoMargin = 10 * time.Minute

// Refund asks for money to go back, under our number of the refund and its own
// time. The answer only says that it was accepted; a query or a notification
// says what became of it.
//
// The refund names the order by UnionPay's own number. Where that is not known
// yet, a code's order is named by ours, as its interface allows; others are
// asked for first, and if that brings nothing, nothing was sent.
func (c *Client) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	p, ok := productOf(req.Attempt.Scene)
	if err := checkRefund(req, ok); err != nil {
		return channels.RefundState{}, c.fail(channels.OpRefund, channels.NotProcessed, err)
	}
	fields := c.request(c.refundKind(p, req), req.RefundID, req.SubmittedAt)
	fields["txnAmt"] = strconv.FormatInt(req.Amount.Minor(), 10)
	fields["currencyCode"] = currencyCNY
	fields["backUrl"] = req.NotifyURL
	// A notification of the refund names the refund only; this names the order.
	fields["reqReserved"] = req.Attempt.ID
	if err := c.nameOriginal(ctx, p, req, fields); err != nil {
		return channels.RefundState{}, err
	}
	r, err := c.call(ctx, channels.OpRefund, pathBack, fields)
	if err != nil {
		return channels.RefundState{}, err
	}
	if r.get("txnType") != fields["txnType"] {
		return channels.RefundState{}, c.fail(channels.OpRefund, channels.Unknown, errOtherKind)
	}
	if r.code != codeSuccess && r.code != codeAccepted {
		return channels.RefundState{}, c.refusal(channels.OpRefund, r)
	}
	state := channels.RefundState{
		Status: channels.RefundUncertain, RefundID: r.get("orderId"), ChannelRefundNo: r.get("queryId"),
	}
	if r.get("txnAmt") != "" {
		if state.Amount, err = amountOf(r.message); err != nil {
			return channels.RefundState{}, c.fail(channels.OpRefund, channels.Unknown, err)
		}
	}
	return state, nil
}

func checkRefund(req channels.RefundRequest, supported bool) error {
	switch {
	case !supported:
		return errScene
	case req.Amount.Currency() != money.CNY:
		return errCurrency
	case !isNumber(req.RefundID) || !isNumber(req.Attempt.ID) || req.SubmittedAt.IsZero():
		return errNumber
	}
	return nil
}

// refundKind is a refund, or, where the account asks for it and both the order
// and the whole of its money are of this settlement day, an undo. The day on
// which the order was made is taken: it was paid between then and now.
func (c *Client) refundKind(p product, req channels.RefundRequest) kind {
	k := p.kind
	k.txnType, k.subType = typeRefund, "00"
	now := c.now()
	today := settlementDay(req.Attempt.SubmittedAt) == settlementDay(now) && settlementDay(now) == settlementDay(now.Add(undoMargin))
	if c.cfg.SameDayUndo && today && req.Others.IsZero() && req.Amount.Equal(req.Attempt.Amount) {
		k.txnType = typeUndo
	}
	return k
}

func (c *Client) nameOriginal(ctx context.Context, p product, req channels.RefundRequest, fields map[string]string) error {
	if req.Attempt.ChannelTradeNo != "" {
		fields["origQryId"] = req.Attempt.ChannelTradeNo
		return nil
	}
	if p.path == pathBack {
		fields["origOrderId"] = req.Attempt.ID
		fields["origTxnTime"] = formatTime(req.Attempt.SubmittedAt)
		return nil
	}
	state, err := c.QueryPayment(ctx, req.Attempt)
	if err == nil && state.Status != channels.StatePaid {
		err = errors.New("the order is not paid")
	}
	if err != nil {
		return c.fail(channels.OpRefund, channels.NotProcessed, fmt.Errorf("ask for the order to refund: %w", err))
	}
	fields["origQryId"] = state.Paid.ChannelTradeNo
	return nil
}

// QueryRefund asks for one refund by its own number and time; the query of the
// order never shows it.
func (c *Client) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	p, ok := productOf(req.Attempt.Scene)
	if err := checkRefund(req, ok); err != nil {
		return channels.RefundState{}, c.fail(channels.OpRefundQuery, channels.NotProcessed, err)
	}
	r, err := c.ask(ctx, channels.OpRefundQuery, p.bizType, req.RefundID, req.SubmittedAt, typeRefund, typeUndo)
	if err != nil {
		return channels.RefundState{}, err
	}
	if r.code == codeNotFound {
		return channels.RefundState{Status: channels.RefundNotFound, RefundID: req.RefundID, Code: r.code, Message: forPeople(r.text)}, nil
	}
	for name, ours := range map[string]string{"origQryId": req.Attempt.ChannelTradeNo, "origOrderId": req.Attempt.ID} {
		if theirs := r.get(name); theirs != "" && ours != "" && theirs != ours {
			return channels.RefundState{}, c.fail(channels.OpRefundQuery, channels.Unknown, errors.New("verified answer is about a refund of another order"))
		}
	}
	state, err := refundState(r.message, r.get("origRespCode"), r.get("origRespMsg"), req.SubmittedAt)
	if err != nil {
		return channels.RefundState{}, c.fail(channels.OpRefundQuery, channels.Unknown, err)
	}
	return state, nil
}

// refundState reads what a verified message says of a refund's result. The
// amount is this refund's own, not a sum.
func refundState(m message, code, text string, txnTime time.Time) (channels.RefundState, error) {
	state := channels.RefundState{
		Status: channels.RefundUncertain, RefundID: m.get("orderId"), ChannelRefundNo: m.get("queryId"),
		Code: texts.Clip(code, maxCode), Message: forPeople(text),
	}
	switch {
	case isSuccess(code):
		if currency := m.get("currencyCode"); currency != "" && currency != currencyCNY {
			return channels.RefundState{}, errors.New("verified message has a currencyCode that is not 156")
		}
		var err error
		if state.Amount, err = amountOf(m); err != nil {
			return channels.RefundState{}, err
		}
		state.Status = channels.RefundSucceeded
		state.SucceededAt = parseTraceTime(m.get("traceTime"), txnTime)
	case isFailure(channels.OpRefund, code):
		state.Status = channels.RefundFailed
	}
	return state, nil
}
