package wechatpay

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

var (
	errCurrency = errors.New("currency is not CNY")
	errNoOrder  = errors.New("verified answer names no order")
)

// Pay places an order.
func (c *Client) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	pay, ok := map[channels.Scene]func(context.Context, channels.PayRequest) (channels.PayResult, error){
		channels.SceneQR:      c.payNative,
		channels.SceneBarcode: c.payCode,
		channels.SceneH5:      c.payH5,
		channels.SceneApp:     c.payApp,
		channels.SceneJSAPI:   c.payJSAPI,
	}[req.Attempt.Scene]
	var fault error
	switch {
	case !ok:
		fault = errors.New("scene is not supported")
	case req.Attempt.Amount.Currency() != money.CNY:
		fault = errCurrency
	case req.Attempt.ExpiresAt.IsZero():
		fault = errors.New("the order has no limit")
	case strings.ContainsAny(req.NotifyURL, "?#"):
		fault = errors.New("the address for notifications has a query, which WeChat Pay refuses")
	}
	if fault != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, fault)
	}
	return pay(ctx, req)
}

func (c *Client) payNative(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	codeURL, err := c.prepay(ctx, "native", c.order(req), "code_url")
	if err != nil {
		return channels.PayResult{}, err
	}
	return waiting(channels.Action{Type: channels.ActionQRCode, CodeURL: codeURL}), nil
}

func (c *Client) payH5(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	o := c.order(req)
	o.SceneInfo = &sceneInfo{PayerClientIP: req.ClientIP, H5Info: &h5Info{Type: "Wap"}}
	h5URL, err := c.prepay(ctx, "h5", o, "h5_url")
	if err != nil {
		return channels.PayResult{}, err
	}
	if u, err := url.Parse(h5URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer has no usable h5_url"))
	}
	return waiting(channels.Action{Type: channels.ActionRedirect, URL: withReturn(h5URL, req.ReturnURL)}), nil
}

// withReturn adds where the payer's browser goes afterwards, leaving the
// address itself as WeChat Pay wrote it.
func withReturn(h5URL, returnURL string) string {
	if returnURL == "" {
		return h5URL
	}
	address, fragment, hasFragment := strings.Cut(h5URL, "#")
	separator := "&"
	if !strings.Contains(address, "?") {
		separator = "?"
	}
	address += separator + "redirect_url=" + url.QueryEscape(returnURL)
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

func (c *Client) payApp(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	prepayID, err := c.prepay(ctx, "app", c.order(req), "prepay_id")
	if err != nil {
		return channels.PayResult{}, err
	}
	at, nonce, signature, err := c.front(prepayID)
	if err != nil {
		return channels.PayResult{}, err
	}
	return waiting(channels.Action{Type: channels.ActionApp, Params: map[string]string{
		"appid": c.frontApp(), "partnerid": c.frontMerchant(), "prepayid": prepayID, "package": "Sign=WXPay",
		"noncestr": nonce, "timestamp": at, "sign": signature,
	}}), nil
}

func (c *Client) payJSAPI(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	o := c.order(req)
	switch {
	case c.cfg.SubAppID != "":
		o.Payer = &payer{SubOpenID: req.PayerID}
	case c.cfg.isPartner():
		o.Payer = &payer{SpOpenID: req.PayerID}
	default:
		o.Payer = &payer{OpenID: req.PayerID}
	}
	prepayID, err := c.prepay(ctx, "jsapi", o, "prepay_id")
	if err != nil {
		return channels.PayResult{}, err
	}
	packed := "prepay_id=" + prepayID
	at, nonce, signature, err := c.front(packed)
	if err != nil {
		return channels.PayResult{}, err
	}
	return waiting(channels.Action{Type: channels.ActionJSAPI, Params: map[string]string{
		"appId": c.frontApp(), "timeStamp": at, "nonceStr": nonce, "package": packed, "signType": "RSA", "paySign": signature,
	}}), nil
}

// front signs parameters for the payer's own client; last is their fourth
// line. The order is placed by then, so that a signer that fails leaves it to
// be asked for.
func (c *Client) front(last string) (at, nonce, signature string, err error) {
	stamp, nonce, err := c.stamp()
	if err == nil {
		signature, err = c.paySign(c.frontApp(), stamp, nonce, last)
	}
	if err != nil {
		return "", "", "", c.fail(channels.OpPay, channels.Unknown, errSign)
	}
	return strconv.FormatInt(stamp, 10), nonce, signature, nil
}

// prepay places an order that a payer will pay later, and gives the one field
// of the answer. That field names no order: one that was handed out for another
// order is refused, or the payer of this one would pay that one.
func (c *Client) prepay(ctx context.Context, kind string, o order, field string) (string, error) {
	r, err := c.call(ctx, call{
		op: channels.OpPay, method: http.MethodPost, path: c.transactions(kind), body: o, order: o.OutTradeNo,
	})
	if err != nil {
		return "", err
	}
	value := r.text(field)
	if r.status != http.StatusOK || value == "" {
		return "", c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer has no "+field))
	}
	if !c.answers.belongs(digestOf(field, value), digestOf("order", o.OutTradeNo)) {
		return "", c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer's "+field+" is another order's"))
	}
	return value, nil
}

// payCode charges a payer's code. Orders by code take neither time_expire nor
// notify_url: their documentation does not list them, and unknown fields are
// refused.
func (c *Client) payCode(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	o := c.order(req)
	o.TimeExpire, o.NotifyURL = "", ""
	o.Payer = &payer{AuthCode: req.AuthCode}
	o.SceneInfo = &sceneInfo{StoreInfo: &storeInfo{ID: c.cfg.storeID()}}
	r, err := c.call(ctx, call{
		op: channels.OpPay, method: http.MethodPost, path: c.transactions("codepay"), body: o, order: req.Attempt.ID,
	})
	if err != nil {
		return channels.PayResult{}, err
	}
	if r.code == codeUserPaying {
		// The payer types the password on the own phone: nothing to hand over.
		return channels.PayResult{Status: channels.PayWaiting}, nil
	}
	state, err := c.transaction(r.object)
	if err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, err)
	}
	result := channels.PayResult{Status: channels.PayUncertain, AttemptID: state.AttemptID}
	switch state.Status {
	case channels.StatePaid:
		result.Status, result.Paid = channels.PayPaid, state.Paid
	case channels.StateWaiting:
		result.Status = channels.PayWaiting
	case channels.StateFailed:
		if state.AttemptID != req.Attempt.ID {
			return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errOtherOrder)
		}
		e := c.fail(channels.OpPay, channels.Declined, nil)
		e.Code, e.Message = state.Code, state.Message
		return channels.PayResult{}, e
	case channels.StateClosed, channels.StateReversed, channels.StateNotFound, channels.StateUncertain:
	}
	return result, nil
}

func waiting(a channels.Action) channels.PayResult {
	return channels.PayResult{Status: channels.PayWaiting, Action: &a}
}
