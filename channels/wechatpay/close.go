package wechatpay

import (
	"context"
	"net/http"

	"github.com/paymux/paymux/channels"
)

// ClosePayment closes an unpaid order. WeChat Pay answers with 204 and nothing
// in it, signed all the same. Orders by payment code cannot be closed, only
// reversed.
//
// "Paid already" is handed on only where it is signed: a payment is never taken
// from an unsigned refusal, be it as a hint.
func (c *Client) ClosePayment(ctx context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	if ref.Scene == channels.SceneBarcode {
		return channels.CloseUnsupported, nil
	}
	r, err := c.call(ctx, call{
		op: channels.OpClose, method: http.MethodPost, path: c.byOrderNo(ref.ID, "/close"), body: c.withoutApp(), order: ref.ID,
	})
	if err == nil {
		if named := r.text("out_trade_no"); named != "" && named != ref.ID {
			return channels.CloseUncertain, c.fail(channels.OpClose, channels.Unknown, errOtherOrder)
		}
		return channels.CloseAcknowledged, nil
	}
	for code, result := range closeAnswers() {
		if r.status/100 != 4 || !sameCode(r.code, code) {
			continue
		}
		if result == channels.CloseAlreadyPaid && !r.signed {
			return channels.CloseUncertain, nil
		}
		return result, nil
	}
	return channels.CloseUncertain, err
}

// ReversePayment takes an unsettled payment by code back: what was paid is
// returned in full, what was not is closed. The answer does not say which, so
// the order is asked for right after it, and only that is told. An order that
// is not there, or that is closed or reversed already, is asked for too.
func (c *Client) ReversePayment(ctx context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	r, err := c.call(ctx, call{
		op: channels.OpReverse, method: http.MethodPost, path: c.byOrderNo(ref.ID, "/reverse"), body: c.withApp(), order: ref.ID,
	})
	if err != nil && !endsReversal(r) {
		return channels.ReverseUncertain, err
	}
	state, err := c.QueryPayment(ctx, ref)
	if err != nil {
		return channels.ReverseUncertain, err
	}
	if state.AttemptID != "" && state.AttemptID != ref.ID {
		return channels.ReverseUncertain, c.fail(channels.OpReverse, channels.Unknown, errOtherOrder)
	}
	switch state.Status {
	case channels.StateReversed:
		return channels.ReverseReturned, nil
	case channels.StateClosed, channels.StateFailed, channels.StateNotFound:
		return channels.ReverseClosed, nil
	case channels.StateUncertain, channels.StateWaiting, channels.StatePaid:
	}
	return channels.ReverseUncertain, nil
}

// endsReversal tells a refusal that says in what state the order is.
func endsReversal(r reply) bool {
	if r.status/100 != 4 {
		return false
	}
	return isNoOrder(r) || sameCode(r.code, codeOrderClosed) || sameCode(r.code, codeReversed)
}
