package unionpay

import (
	"context"

	"github.com/paymux/paymux/channels"
)

// ClosePayment makes no call: UnionPay has none that ends an unpaid order.
func (c *Client) ClosePayment(context.Context, channels.AttemptRef) (channels.CloseResult, error) {
	return channels.CloseUnsupported, nil
}
