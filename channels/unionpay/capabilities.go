package unionpay

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/internal/money"
)

const (
	// maxAmount is the largest txnAmt: twelve digits of fen.
	maxAmount = 999_999_999_999
	// refundNotFoundAfter is the sum of the times at which UnionPay asks to
	// query a back transaction in doubt: 1, 2, 4, 8, 16 and 32 seconds.
	refundNotFoundAfter = 63 * time.Second
)

// Capabilities is the same for every account but for how long it may refund.
//
// Nothing may be sent twice: the same merId, orderId and txnTime are refused as
// a duplicate, refunds too. UnionPay holds no transaction that a query would
// show before the payer acts, whether the payer got a form, a tn or a code.
// There is no call that ends an order; payTimeout does.
func (c *Client) Capabilities() channels.Capabilities {
	form := channels.SceneCapability{LocalOnly: true, NoOrderUntilPayer: true}
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR:      {NoOrderUntilPayer: true},
			channels.SceneBarcode: {},
			channels.SceneWeb:     form,
			channels.SceneH5:      form,
			channels.SceneApp:     {NoOrderUntilPayer: true},
		},
		Currencies:          []money.Currency{money.CNY},
		MinAmount:           1,
		MaxAmount:           maxAmount,
		RefundNotFoundAfter: refundNotFoundAfter,
		RefundWindow:        credentials.Duration(c.cfg.RefundWindowDays, 24*time.Hour, 330*24*time.Hour),
	}
}
