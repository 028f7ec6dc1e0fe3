package unionpay

import (
	"net/http"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
)

// ParseNotification verifies the body and reads it. It looks at nothing but
// the body: parameters in the address are not signed.
//
// What the payer's browser brings back to the merchant has the same form. It
// comes to the merchant's own address, which this package never sees.
func (c *Client) ParseNotification(_ http.Header, body []byte) (channels.Notification, error) {
	m, err := parseForm(body)
	if err == nil {
		err = c.verify(m)
	}
	if err != nil {
		return channels.Notification{}, &channels.Error{
			Outcome: channels.BadSignature, Channel: Name, Op: opNotification, Err: err,
		}
	}
	number := m.get("orderId")
	if m.get("merId") != c.cfg.MerID {
		return channels.Notification{}, &channels.MismatchError{Field: "merId", AttemptID: number}
	}
	txnTime, err := time.ParseInLocation(timeLayout, m.get("txnTime"), beijing)
	if err != nil {
		return channels.Notification{}, &channels.MismatchError{Field: "txnTime", AttemptID: number}
	}
	switch m.get("txnType") {
	case typeConsume:
		return paymentNotice(m, txnTime)
	case typeRefund, typeUndo:
		return refundNotice(m, txnTime)
	default:
		return channels.Notification{AttemptID: number, EventID: m.get("queryId")}, nil
	}
}

// opNotification names the reading of a notification in errors; it is no call.
const opNotification channels.Operation = "notification"

// paymentNotice is about an order. Of front types only success is told; a
// payer's code is told of in failure too.
func paymentNotice(m message, txnTime time.Time) (channels.Notification, error) {
	out := channels.Notification{
		Kind: channels.NotificationPayment, AttemptID: m.get("orderId"), EventID: m.get("queryId"),
	}
	code := m.get("respCode")
	out.Payment = channels.PaymentState{
		AttemptID: out.AttemptID, Code: texts.Clip(code, maxCode), Message: forPeople(m.get("respMsg")),
	}
	switch {
	case isSuccess(code):
		paid, err := paidOf(m, txnTime)
		if err != nil {
			return channels.Notification{}, &channels.MismatchError{Field: "txnAmt, currencyCode or queryId", AttemptID: out.AttemptID}
		}
		out.Payment.Status, out.Payment.Paid = channels.StatePaid, paid
	case isFailure(channels.OpPay, code):
		out.Payment.Status = channels.StateFailed
	}
	return out, nil
}

// refundNotice is about a refund, told in success and failure. It names the
// order as we did in reqReserved, or by origOrderId.
func refundNotice(m message, txnTime time.Time) (channels.Notification, error) {
	order, reserved := m.get("origOrderId"), m.get("reqReserved")
	if order == "" {
		order = reserved
	}
	out := channels.Notification{Kind: channels.NotificationRefund, AttemptID: order, EventID: m.get("queryId")}
	if reserved != "" && reserved != order {
		return channels.Notification{}, &channels.MismatchError{Field: "origOrderId or reqReserved", AttemptID: order}
	}
	state, err := refundState(m, m.get("respCode"), m.get("respMsg"), txnTime)
	if err != nil {
		return channels.Notification{}, &channels.MismatchError{Field: "txnAmt or currencyCode", AttemptID: order}
	}
	out.Refund = state
	return out, nil
}

// Acknowledge answers UnionPay: it repeats a notification until the HTTP
// status is 200 and reads no body.
func (c *Client) Acknowledge(accepted bool) channels.Acknowledgement {
	if accepted {
		return channels.Acknowledgement{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte("ok")}
	}
	return channels.Acknowledgement{Status: http.StatusInternalServerError, ContentType: "text/plain; charset=utf-8", Body: []byte("fail")}
}
