package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

const refundsPath = "/v3/refund/domestic/refunds"

// Refund returns money under our number of the refund. The answer mostly says
// that the refund was accepted; a query or a notification tells the rest.
func (c *Client) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	var fault error
	switch {
	case req.Amount.Currency() != money.CNY || req.Attempt.Amount.Currency() != money.CNY:
		fault = errCurrency
	case strings.ContainsAny(req.NotifyURL, "?#"):
		fault = errors.New("the address for notifications has a query, which WeChat Pay refuses")
	}
	if fault != nil {
		return channels.RefundState{}, c.fail(channels.OpRefund, channels.NotProcessed, fault)
	}
	r, err := c.call(ctx, call{
		op: channels.OpRefund, method: http.MethodPost, path: refundsPath, body: c.refund(req), order: req.Attempt.ID,
	})
	if err != nil {
		return channels.RefundState{}, err
	}
	return c.refundState(channels.OpRefund, r.object, req)
}

func (c *Client) refund(req channels.RefundRequest) refunddomestic.CreateRequest {
	total, part, currency := req.Attempt.Amount.Minor(), req.Amount.Minor(), string(money.CNY)
	return refunddomestic.CreateRequest{
		SubMchid:    optional(c.cfg.SubMchID),
		OutTradeNo:  &req.Attempt.ID,
		OutRefundNo: &req.RefundID,
		Reason:      optional(reason(req.Reason)),
		NotifyUrl:   optional(req.NotifyURL),
		Amount:      &refunddomestic.AmountReq{Refund: &part, Total: &total, Currency: &currency},
	}
}

// optional leaves an empty text out: an empty field is not an absent one.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// QueryRefund asks for one refund by our number.
func (c *Client) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	q := call{
		op: channels.OpRefundQuery, method: http.MethodGet, path: refundsPath + "/" + url.PathEscape(req.RefundID), order: req.Attempt.ID,
	}
	if c.cfg.isPartner() {
		q.query = url.Values{"sub_mchid": {c.cfg.SubMchID}}
	}
	r, err := c.call(ctx, q)
	if err != nil {
		if isNoRefund(r) {
			code, message := texts.Clip(r.code, maxCode), messageOf(r.text("message"))
			return channels.RefundState{Status: channels.RefundNotFound, Code: code, Message: message}, nil
		}
		return channels.RefundState{}, err
	}
	return c.refundState(channels.OpRefundQuery, r.object, req)
}

// refundStatuses are the values of a refund's status. SUCCESS and CLOSED are
// final; ABNORMAL needs a person at WeChat Pay and can still succeed.
func refundStatuses() map[string]channels.RefundStatus {
	return map[string]channels.RefundStatus{
		"SUCCESS":    channels.RefundSucceeded,
		"CLOSED":     channels.RefundFailed,
		"PROCESSING": channels.RefundUncertain,
		"ABNORMAL":   channels.RefundAbnormal,
	}
}

// refundState reads a verified refund, which must be one of the order.
func (c *Client) refundState(op channels.Operation, o object, req channels.RefundRequest) (channels.RefundState, error) {
	if named := o.text("out_trade_no"); named != req.Attempt.ID {
		return channels.RefundState{}, c.fail(op, channels.Unknown, errOtherOrder)
	}
	state, err := readRefund(o, "status")
	if err != nil {
		return channels.RefundState{}, c.fail(op, channels.Unknown, err)
	}
	return state, nil
}

// readRefund reads a refund, whose status notifications call otherwise.
func readRefund(o object, statusField string) (channels.RefundState, error) {
	word := o.text(statusField)
	status, ok := refundStatuses()[word]
	if !ok {
		return channels.RefundState{}, fmt.Errorf("verified message has the unknown %s %q", statusField, texts.Clip(word, maxCode))
	}
	state := channels.RefundState{Status: status, RefundID: o.text("out_refund_no"), ChannelRefundNo: o.text("refund_id")}
	if state.RefundID == "" {
		return channels.RefundState{}, errors.New("verified message names no refund")
	}
	var err error
	if state.Amount, err = amountOf(o, "refund"); err != nil {
		return channels.RefundState{}, err
	}
	switch status {
	case channels.RefundSucceeded:
		state.SucceededAt = parseTime(o.text("success_time"))
	case channels.RefundFailed, channels.RefundAbnormal:
		state.Code = word
	case channels.RefundUncertain, channels.RefundNotFound:
	}
	return state, nil
}
