package alipay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

// Product codes of the scenes.
const (
	productFaceToFace = "FACE_TO_FACE_PAYMENT"
	productPage       = "FAST_INSTANT_TRADE_PAY"
	productWap        = "QUICK_WAP_WAY"
	productApp        = "QUICK_MSECURITY_PAY"
	productJSAPI      = "JSAPI_PAY"
)

// Pay places an order, or makes the signed link or string with which the
// payer's own device will.
func (c *Client) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	pay, ok := map[channels.Scene]func(context.Context, channels.PayRequest) (channels.PayResult, error){
		channels.SceneQR:      c.payQR,
		channels.SceneBarcode: c.payBarcode,
		channels.SceneWeb:     c.payWeb,
		channels.SceneH5:      c.payH5,
		channels.SceneApp:     c.payApp,
		channels.SceneJSAPI:   c.payJSAPI,
	}[req.Attempt.Scene]
	if !ok {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, errors.New("scene is not supported"))
	}
	if req.Attempt.Amount.Currency() != money.CNY {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, errCurrency)
	}
	if req.Attempt.ExpiresAt.IsZero() {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, errors.New("the order has no limit"))
	}
	return pay(ctx, req)
}

// trade is what every order has. The limit is the absolute one: a relative one
// would start anew whenever Alipay first sees the order.
func (c *Client) trade(req channels.PayRequest, product string) sdk.Trade {
	return sdk.Trade{
		NotifyURL:   req.NotifyURL,
		Subject:     subject(req.Subject),
		OutTradeNo:  req.Attempt.ID,
		TotalAmount: req.Attempt.Amount.Major(),
		ProductCode: product,
		SellerId:    c.cfg.SellerID,
		TimeExpire:  formatTime(req.Attempt.ExpiresAt),
	}
}

func (c *Client) payQR(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	r, err := c.placed(ctx, req, sdk.TradePreCreate{Trade: c.trade(req, productFaceToFace)})
	if err != nil {
		return channels.PayResult{}, err
	}
	code := r.text("qr_code")
	if code == "" {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer has no qr_code"))
	}
	return waiting(r.text("out_trade_no"), channels.Action{Type: channels.ActionQRCode, CodeURL: code}), nil
}

func (c *Client) payBarcode(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	r, err := c.placed(ctx, req, sdk.TradePay{
		Trade: c.trade(req, productFaceToFace), Scene: "bar_code", AuthCode: req.AuthCode,
	})
	if err != nil {
		return channels.PayResult{}, err
	}
	if r.code == codeWaiting {
		// The payer types the password on the own phone: nothing to hand over.
		return channels.PayResult{Status: channels.PayWaiting, AttemptID: r.text("out_trade_no")}, nil
	}
	paid, err := paidOf(r.node, "gmt_payment")
	if err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, err)
	}
	return channels.PayResult{Status: channels.PayPaid, AttemptID: r.text("out_trade_no"), Paid: paid}, nil
}

func (c *Client) payJSAPI(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	param := sdk.TradeCreate{Trade: c.trade(req, productJSAPI)}
	if isPartnerID(req.PayerID) {
		param.BuyerId = req.PayerID
	} else {
		param.BuyerOpenId = req.PayerID
	}
	r, err := c.placed(ctx, req, param)
	if err != nil {
		return channels.PayResult{}, err
	}
	tradeNo := r.text("trade_no")
	if tradeNo == "" {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer has no trade_no"))
	}
	result := waiting(r.text("out_trade_no"), channels.Action{Type: channels.ActionJSAPI, Params: map[string]string{"trade_no": tradeNo}})
	result.Paid.ChannelTradeNo = tradeNo
	return result, nil
}

// placed sends an order. Only trade.pay may answer "waiting"; of the other
// methods it is no answer. Every answer must name an order, which is handed on.
func (c *Client) placed(ctx context.Context, req channels.PayRequest, param sdk.Param) (reply, error) {
	r, err := c.call(ctx, channels.OpPay, param)
	if err != nil {
		return reply{}, err
	}
	if r.code == codeWaiting && req.Attempt.Scene != channels.SceneBarcode {
		return reply{}, c.refusal(channels.OpPay, r)
	}
	if r.text("out_trade_no") == "" {
		return reply{}, c.fail(channels.OpPay, channels.Unknown, errNoOrder)
	}
	return r, nil
}

func (c *Client) payWeb(_ context.Context, req channels.PayRequest) (channels.PayResult, error) {
	trade := c.trade(req, productPage)
	trade.ReturnURL = req.ReturnURL
	return c.link(req, sdk.TradePagePay{Trade: trade})
}

func (c *Client) payH5(_ context.Context, req channels.PayRequest) (channels.PayResult, error) {
	trade := c.trade(req, productWap)
	trade.ReturnURL = req.ReturnURL
	// The library's type has the limit twice; the outer one is what is written.
	return c.link(req, sdk.TradeWapPay{Trade: trade, QuitURL: req.ReturnURL, TimeExpire: trade.TimeExpire})
}

func (c *Client) link(req channels.PayRequest, param sdk.Param) (channels.PayResult, error) {
	u, err := c.requests.BuildURL(c.request(param))
	if err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, fmt.Errorf("sign link: %w", err))
	}
	return waiting(req.Attempt.ID, channels.Action{Type: channels.ActionRedirect, URL: u.String()}), nil
}

func (c *Client) payApp(_ context.Context, req channels.PayRequest) (channels.PayResult, error) {
	params, err := c.requests.EncodeParam(c.request(sdk.TradeAppPay{Trade: c.trade(req, productApp)}))
	if err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, fmt.Errorf("sign order string: %w", err))
	}
	return waiting(req.Attempt.ID, channels.Action{Type: channels.ActionApp, Params: params}), nil
}

func waiting(attemptID string, a channels.Action) channels.PayResult {
	return channels.PayResult{Status: channels.PayWaiting, AttemptID: attemptID, Action: &a}
}

// isPartnerID tells a buyer_id (16 digits that begin with 2088) from a
// buyer_open_id.
func isPartnerID(s string) bool {
	return len(s) == 16 && strings.HasPrefix(s, "2088") && texts.Is(s, 16, 16, texts.IsDigit)
}

// paidOf reads what a verified message says of money that was taken. The
// amount must be there and exact: without one the core could not compare.
func paidOf(n node, timeField string) (channels.Paid, error) {
	amount, err := amountOf(n, "total_amount")
	if err != nil {
		return channels.Paid{}, err
	}
	return channels.Paid{
		ChannelTradeNo: n.text("trade_no"),
		Amount:         amount,
		PaidAt:         parseTime(n.text(timeField)),
	}, nil
}

// amountOf reads an amount in yuan, or in trans_currency where a message names
// one.
func amountOf(n node, field string) (money.Amount, error) {
	currency := money.CNY
	if s := n.text("trans_currency"); s != "" {
		currency = money.Currency(s)
	}
	amount, err := money.ParseMajor(n.text(field), currency)
	if err != nil {
		return money.Amount{}, fmt.Errorf("verified message has no readable %s", field)
	}
	return amount, nil
}

var (
	errCurrency = errors.New("currency is not CNY")
	errNoOrder  = errors.New("verified answer names no order")
)
