package alipay

import (
	"context"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
)

// ClosePayment closes an unpaid order. An order of which Alipay holds nothing
// yet (a code that nobody scanned, a link that nobody opened) is CloseNoOrder.
func (c *Client) ClosePayment(ctx context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	r, err := c.call(ctx, channels.OpClose, sdk.TradeClose{OutTradeNo: ref.ID})
	if err != nil {
		if result, ok := closeAnswers()[r.subCode]; ok {
			return result, nil
		}
		return channels.CloseUncertain, err
	}
	if err := c.about(channels.OpClose, r, ref.ID); err != nil {
		return channels.CloseUncertain, err
	}
	return channels.CloseAcknowledged, nil
}

// ReversePayment takes an unsettled barcode payment back by
// alipay.trade.cancel: what was paid is returned in full, what was not is
// closed. An order that Alipay does not know is cancelled "successfully"
// without an action; that is ReverseClosed, which like every answer here says
// only what was answered. Whether a trade.pay still under way comes after it is
// for the query that follows.
func (c *Client) ReversePayment(ctx context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	r, err := c.call(ctx, channels.OpReverse, sdk.TradeCancel{OutTradeNo: ref.ID})
	if err != nil {
		if r.subCode == subCodeNoTrade {
			return channels.ReverseClosed, nil
		}
		return channels.ReverseUncertain, err
	}
	if err := c.about(channels.OpReverse, r, ref.ID); err != nil {
		return channels.ReverseUncertain, err
	}
	if r.text("retry_flag") == "Y" {
		return channels.ReverseUncertain, nil
	}
	switch r.text("action") {
	case "close", "":
		return channels.ReverseClosed, nil
	case "refund":
		return channels.ReverseReturned, nil
	default:
		return channels.ReverseUncertain, nil
	}
}
