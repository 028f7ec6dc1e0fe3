package wechatpay

import (
	"context"
	"errors"
	"net/http"

	"github.com/paymux/paymux/channels"
)

// refusesTheKey tells a refusal of our signature, which comes without one of
// WeChat Pay's and which a wrong clock of some machine in between can cause.
func refusesTheKey(r reply) bool {
	return r.status == http.StatusUnauthorized && sameCode(r.code, codeSignError)
}

// confirmed settles what a refusal of our key means. It takes a payment's
// account out, so one unsigned answer is not enough: within the same deadline
// the order is asked for, in a call signed anew. Only when that is refused in
// the same way is the key wrong and the account Misconfigured; any other answer,
// or none, leaves the first call Unknown, and the order is to be asked for.
//
// The order is asked for rather than the certificates: merchants in public-key
// mode have none.
func (c *Client) confirmed(ctx context.Context, q call, refusal error) error {
	var e *channels.Error
	if !errors.As(refusal, &e) {
		return refusal
	}
	question := q
	if q.op != channels.OpQuery && q.op != channels.OpBill { // a bill is no order's: its own question is asked again
		question = c.orderQuery(q.order, "")
	}
	again, _ := c.exchange(ctx, question) // whatever it says but "refused", it says nothing of the key
	if refusesTheKey(again) {
		e.Outcome = channels.Misconfigured
	} else {
		e.Outcome = channels.Unknown
	}
	return e
}
