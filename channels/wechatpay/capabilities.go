package wechatpay

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/internal/money"
)

const (
	// maxAmount is 100,000,000.00 yuan. The documentation gives amount.total no
	// bound of its own; a merchant's limits are WeChat Pay's to refuse by.
	maxAmount = 10_000_000_000
	// prepayLifetime is how long code_url and prepay_id live, whatever
	// time_expire says, and h5Lifetime how long h5_url does: documentation of
	// the orders native, jsapi, app and h5.
	prepayLifetime = 2 * time.Hour
	h5Lifetime     = 5 * time.Minute
	// refundSpacing and refundNotFoundAfter: the documentation of
	// refund/domestic/refunds has refunds of one order at least a minute apart,
	// and a refund asked for a minute after it was sent.
	refundSpacing       = time.Minute
	refundNotFoundAfter = time.Minute
	// refundWindow: orders are returned within one year of the payment.
	refundWindow = 365 * 24 * time.Hour
)

// Capabilities is the same for every account but for the terms of its refunds.
//
// Every scene but barcode may be sent again: the same out_trade_no with the
// same content continues the order. A payer's code works once, so a payment by
// code is never sent again. Orders exist once they are placed, whether or not
// a payer comes.
func (c *Client) Capabilities() channels.Capabilities {
	prepaid := channels.SceneCapability{PayRepeatable: true, ActionTTL: prepayLifetime}
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR:      prepaid,
			channels.SceneBarcode: {},
			channels.SceneH5:      {PayRepeatable: true, ActionTTL: h5Lifetime},
			channels.SceneApp:     prepaid,
			channels.SceneJSAPI:   prepaid,
		},
		Currencies:          []money.Currency{money.CNY},
		MinAmount:           1,
		MaxAmount:           maxAmount,
		CanClose:            true,
		RefundRepeatable:    true,
		RefundNotFoundAfter: credentials.Duration(c.cfg.RefundNotFoundAfter, time.Second, refundNotFoundAfter),
		RefundSpacing:       credentials.Duration(c.cfg.RefundSpacing, time.Second, refundSpacing),
		RefundWindow:        refundWindow,
	}
}
