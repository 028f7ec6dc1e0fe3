package unionpay

import (
	"context"
	"errors"
	"strconv"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

// product is how a scene's orders are placed.
type product struct {
	kind
	path string
	// front: the payer acts at UnionPay's own pages and may try again with
	// another card until payTimeout, so a failure is final only after it.
	front bool
}

// productOf is the table of scenes.
func productOf(scene channels.Scene) (product, bool) {
	const gateway, qr = "000201", "000000"
	const computer, phone = "07", "08"
	p, ok := map[channels.Scene]product{
		channels.SceneWeb:     {kind{typeConsume, "01", gateway, computer}, pathFront, true},
		channels.SceneH5:      {kind{typeConsume, "01", gateway, phone}, pathFront, true},
		channels.SceneApp:     {kind{typeConsume, "01", gateway, phone}, pathApp, true},
		channels.SceneQR:      {kind{typeConsume, "07", qr, phone}, pathBack, true},
		channels.SceneBarcode: {kind{typeConsume, "06", qr, phone}, pathBack, false},
	}[scene]
	return p, ok
}

var (
	errScene    = errors.New("scene is not supported")
	errCurrency = errors.New("currency is not CNY")
	errNumber   = errors.New("the number is not 8 to 32 letters and digits, or its time is missing")
)

// Pay places an order, or signs the form with which the payer's browser will.
func (c *Client) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	p, ok := productOf(req.Attempt.Scene)
	if err := checkOrder(req.Attempt, ok); err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, err)
	}
	fields := c.order(p, req)
	if p.path == pathFront {
		return c.form(p, req, fields)
	}
	r, err := c.call(ctx, channels.OpPay, p.path, fields)
	if err != nil {
		return channels.PayResult{}, err
	}
	if r.get("txnType") != p.txnType || r.get("txnSubType") != p.subType {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errOtherKind)
	}
	if req.Attempt.Scene == channels.SceneBarcode {
		return c.barcodeResult(ctx, req.Attempt, r)
	}
	return c.codeResult(req.Attempt.Scene, r)
}

func checkOrder(ref channels.AttemptRef, supported bool) error {
	switch {
	case !supported:
		return errScene
	case ref.Amount.Currency() != money.CNY:
		return errCurrency
	case ref.ExpiresAt.IsZero():
		return errors.New("the order has no limit")
	case !isNumber(ref.ID) || ref.SubmittedAt.IsZero():
		return errNumber
	}
	return nil
}

// isNumber: UnionPay takes 8 to 40 letters and digits, but its files have
// room for 32.
func isNumber(s string) bool { return texts.Is(s, 8, 32, texts.IsAlnum) }

func (c *Client) order(p product, req channels.PayRequest) map[string]string {
	fields := c.request(p.kind, req.Attempt.ID, req.Attempt.SubmittedAt)
	fields["txnAmt"] = strconv.FormatInt(req.Attempt.Amount.Minor(), 10)
	fields["currencyCode"] = currencyCNY
	fields["backUrl"] = req.NotifyURL
	fields["payTimeout"] = formatTime(req.Attempt.ExpiresAt)
	switch req.Attempt.Scene {
	case channels.SceneWeb, channels.SceneH5:
		fields["frontUrl"] = req.ReturnURL
		fields["orderDesc"] = description(req.Subject)
	case channels.SceneApp:
		fields["orderDesc"] = description(req.Subject)
	case channels.SceneBarcode:
		fields["qrNo"] = req.AuthCode
		fields["termId"] = c.cfg.TermID
	case channels.SceneQR:
		fields["termId"] = c.cfg.TermID
	case channels.SceneJSAPI:
	}
	return fields
}

// form signs what the payer's browser posts to the gateway; nothing is sent
// from here.
func (c *Client) form(p product, req channels.PayRequest, fields map[string]string) (channels.PayResult, error) {
	signed, err := c.sign(fields)
	if err != nil {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.NotProcessed, err)
	}
	return waiting(req.Attempt.ID, channels.Action{Type: channels.ActionForm, URL: c.base + p.path, Fields: signed}), nil
}

// codeResult reads the answer to an application for a code or a tn: 00 with it
// is success.
func (c *Client) codeResult(scene channels.Scene, r reply) (channels.PayResult, error) {
	if r.code != codeSuccess {
		return channels.PayResult{}, c.refusal(channels.OpPay, r)
	}
	name := "qrCode"
	if scene == channels.SceneApp {
		name = "tn"
	}
	value := r.get(name)
	if value == "" {
		return channels.PayResult{}, c.fail(channels.OpPay, channels.Unknown, errors.New("verified answer has no "+name))
	}
	action := channels.Action{Type: channels.ActionQRCode, CodeURL: value}
	if scene == channels.SceneApp {
		action = channels.Action{Type: channels.ActionApp, Params: map[string]string{"tn": value}}
	}
	return waiting(r.get("orderId"), action), nil
}

// barcodeResult reads the answer to a payer's code. 05 is an order in progress:
// the payer may be typing a password. 00 says only that the order was accepted:
// whether the payer was charged is asked at once, and where that brings nothing
// certain a later query or a notification says.
func (c *Client) barcodeResult(ctx context.Context, ref channels.AttemptRef, r reply) (channels.PayResult, error) {
	switch r.code {
	case codeAccepted:
		return channels.PayResult{Status: channels.PayWaiting, AttemptID: r.get("orderId")}, nil
	case codeSuccess:
	default:
		return channels.PayResult{}, c.refusal(channels.OpPay, r)
	}
	if r.get("orderId") != ref.ID || r.get("txnAmt") != strconv.FormatInt(ref.Amount.Minor(), 10) {
		return channels.PayResult{Status: channels.PayUncertain, AttemptID: r.get("orderId")}, nil
	}
	if state, err := c.QueryPayment(ctx, ref); err == nil && state.Status == channels.StatePaid {
		return channels.PayResult{Status: channels.PayPaid, AttemptID: state.AttemptID, Paid: state.Paid}, nil
	}
	return channels.PayResult{Status: channels.PayUncertain, AttemptID: r.get("orderId")}, nil
}

func waiting(attemptID string, a channels.Action) channels.PayResult {
	return channels.PayResult{Status: channels.PayWaiting, AttemptID: attemptID, Action: &a}
}
