package alipay

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/internal/money"
)

const (
	// maxAmount is 100,000,000.00 yuan, the most that total_amount may be in
	// the documentation of every alipay.trade method that places an order.
	maxAmount = 10_000_000_000
	// qrLifetime is how long a code of alipay.trade.precreate lives unless the
	// order asks for another time.
	qrLifetime = 2 * time.Hour
	// refundNotFoundAfter: the documentation of
	// alipay.trade.fastpay.refund.query asks to wait 10 s after a refund
	// before "no such refund" is believed.
	refundNotFoundAfter = 10 * time.Second
)

// Capabilities is the same for every account but for the terms of its refunds.
//
// Every scene but barcode may be sent again: the same out_trade_no with the
// same content continues the order. An auth_code works once, so a barcode
// payment is never sent again. precreate makes no trade before a payer scans,
// and the links make none before a payer opens them.
func (c *Client) Capabilities() channels.Capabilities {
	link := channels.SceneCapability{LocalOnly: true, PayRepeatable: true, NoOrderUntilPayer: true}
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR:      {PayRepeatable: true, ActionTTL: qrLifetime, NoOrderUntilPayer: true},
			channels.SceneBarcode: {},
			channels.SceneWeb:     link,
			channels.SceneH5:      link,
			channels.SceneApp:     link,
			channels.SceneJSAPI:   {PayRepeatable: true},
		},
		Currencies:          []money.Currency{money.CNY},
		MinAmount:           1,
		MaxAmount:           maxAmount,
		CanClose:            true,
		RefundRepeatable:    true,
		RefundNotFoundAfter: refundNotFoundAfter,
		RefundSpacing:       credentials.Duration(c.cfg.RefundSpacing, time.Second, 3*time.Second),
		RefundWindow:        credentials.Duration(c.cfg.RefundWindowDays, 24*time.Hour, 365*24*time.Hour),
	}
}
