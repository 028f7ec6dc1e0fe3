package alipay

import (
	"context"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Refund returns money under our number of the refund. fund_change=Y is
// Alipay's word that this call moved money; without it (a repeat, or money
// still on its way) only a query tells.
//
// The answer does not name the refund: refund_fee is the sum of all refunds of
// the order. It is taken for this refund's only where that sum is this refund
// with the others, so that the answer to an earlier one cannot pass for it;
// else a query is asked.
func (c *Client) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	if req.Amount.Currency() != money.CNY {
		return channels.RefundState{}, c.fail(channels.OpRefund, channels.NotProcessed, errCurrency)
	}
	r, err := c.call(ctx, channels.OpRefund, sdk.TradeRefund{
		OutTradeNo:   req.Attempt.ID,
		RefundAmount: req.Amount.Major(),
		RefundReason: reason(req.Reason),
		OutRequestNo: req.RefundID,
	})
	if err != nil {
		return channels.RefundState{}, err
	}
	if err := c.about(channels.OpRefund, r, req.Attempt.ID); err != nil {
		return channels.RefundState{}, err
	}
	state := channels.RefundState{Status: channels.RefundUncertain, RefundID: req.RefundID}
	if r.text("fund_change") != "Y" || !isThisRefund(r.node, req) {
		return state, nil
	}
	state.Status = channels.RefundSucceeded
	state.SucceededAt = parseTime(r.text("gmt_refund_pay"))
	return state, nil
}

func isThisRefund(n node, req channels.RefundRequest) bool {
	sum, err := money.ParseMajor(n.text("refund_fee"), money.CNY)
	return err == nil && sum.Minor() == req.Others.Minor()+req.Amount.Minor()
}

// QueryRefund asks for one refund. An answer without a state of it says that
// the refund was not received or did not succeed; which of the two is not said,
// and either way the same refund may be sent again.
func (c *Client) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	r, err := c.call(ctx, channels.OpRefundQuery, sdk.TradeFastPayRefundQuery{
		OutTradeNo: req.Attempt.ID, OutRequestNo: req.RefundID, QueryOptions: []string{"gmt_refund_pay"},
	})
	if err != nil {
		if r.subCode == subCodeNoTrade {
			return channels.RefundState{Status: channels.RefundNotFound, Code: r.subCode, Message: r.message}, nil
		}
		return channels.RefundState{}, err
	}
	status, amount := r.text("refund_status"), r.text("refund_amount")
	if status == "" && amount == "" {
		return channels.RefundState{Status: channels.RefundNotFound}, nil
	}
	if err := c.about(channels.OpRefundQuery, r, req.Attempt.ID); err != nil {
		return channels.RefundState{}, err
	}
	state := channels.RefundState{Status: channels.RefundUncertain, RefundID: r.text("out_request_no")}
	if amount != "" {
		if state.Amount, err = amountOf(r.node, "refund_amount"); err != nil {
			return channels.RefundState{}, c.fail(channels.OpRefundQuery, channels.Unknown, err)
		}
	}
	if status == "REFUND_SUCCESS" {
		state.Status = channels.RefundSucceeded
		state.SucceededAt = parseTime(r.text("gmt_refund_pay"))
	}
	return state, nil
}
