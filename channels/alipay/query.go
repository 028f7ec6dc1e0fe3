package alipay

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
)

// QueryPayment asks for the order by our number. The answer's own number and
// amount are handed on as they stand.
func (c *Client) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	r, err := c.call(ctx, channels.OpQuery, sdk.TradeQuery{OutTradeNo: ref.ID})
	if err != nil {
		if r.subCode == subCodeNoTrade {
			return channels.PaymentState{Status: channels.StateNotFound, Code: r.subCode, Message: r.message}, nil
		}
		return channels.PaymentState{}, err
	}
	state := channels.PaymentState{AttemptID: r.text("out_trade_no")}
	if state.AttemptID == "" {
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.Unknown, errNoOrder)
	}
	switch status := r.text("trade_status"); status {
	case "WAIT_BUYER_PAY":
		state.Status = channels.StateWaiting
		state.Paid.ChannelTradeNo = r.text("trade_no")
		return state, nil
	case "TRADE_SUCCESS", "TRADE_FINISHED":
		state.Status = channels.StatePaid
	case "TRADE_CLOSED":
		if !showsPayment(r.node) {
			state.Status = channels.StateClosed
			state.Paid.ChannelTradeNo = r.text("trade_no")
			return state, nil
		}
		state.Status = channels.StateReversed
	default:
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.Unknown,
			fmt.Errorf("verified answer has the unknown trade_status %q", texts.Clip(status, maxCode)))
	}
	if state.Paid, err = paidOf(r.node, "send_pay_date"); err != nil {
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.Unknown, err)
	}
	return state, nil
}

// showsPayment tells the two meanings of TRADE_CLOSED apart: closed unpaid, or
// paid and given back in full. Only the latter has a time of payment, a sum
// that the payer paid or a list of where it came from.
func showsPayment(n node) bool {
	if n.text("send_pay_date") != "" || n.text("gmt_payment") != "" {
		return true
	}
	for _, field := range []string{"buyer_pay_amount", "receipt_amount", "refund_fee"} {
		if strings.Trim(n.text(field), "0.") != "" {
			return true
		}
	}
	bills := strings.Join(strings.Fields(string(n["fund_bill_list"])), "")
	return bills != "" && bills != "[]" && bills != `"[]"` && bills != `""` && bills != "null"
}
