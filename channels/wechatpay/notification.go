package wechatpay

import (
	"errors"
	"net/http"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
)

// opNotification names the reading of a notification in errors; it is no call.
const opNotification channels.Operation = "notification"

// eventKinds are the events that are read; every other one is ignored.
func eventKinds() map[string]channels.NotificationKind {
	return map[string]channels.NotificationKind{
		"TRANSACTION.SUCCESS": channels.NotificationPayment,
		"REFUND.SUCCESS":      channels.NotificationRefund,
		"REFUND.ABNORMAL":     channels.NotificationRefund,
		"REFUND.CLOSED":       channels.NotificationRefund,
	}
}

// ParseNotification verifies the body by the signature in the headers, decrypts
// it and reads it. It makes no network call: a key that is not known is a bad
// signature, and WeChat Pay sends the notification again later.
//
// A verified one that cannot be opened counts as unverified: WeChat Pay did not
// mean it for our APIv3 key, or that key is wrong, and it must come again.
func (c *Client) ParseNotification(header http.Header, body []byte) (channels.Notification, error) {
	if _, err := c.verify(*c.ring.Load(), header, body); err != nil {
		return channels.Notification{}, unverified(err)
	}
	envelope, err := readObject(body)
	if err != nil {
		return channels.Notification{}, unverified(err)
	}
	out := channels.Notification{EventID: texts.Clip(envelope.text("id"), maxCode)}
	kind, ok := eventKinds()[envelope.text("event_type")]
	if !ok {
		return out, nil
	}
	plain, err := openResource(c.cfg.APIV3Key, envelope.within("resource"))
	if err != nil {
		return channels.Notification{}, unverified(err)
	}
	content, err := readObject(plain)
	if err != nil {
		return channels.Notification{}, unverified(errors.New("decrypted content is no JSON object"))
	}
	out.Kind, out.AttemptID = kind, content.text("out_trade_no")
	if field := c.foreign(content, true); field != "" {
		return channels.Notification{}, &channels.MismatchError{Field: field, AttemptID: out.AttemptID}
	}
	if kind == channels.NotificationRefund {
		return readRefundNotice(content, out)
	}
	if field := c.foreignApp(content); field != "" {
		return channels.Notification{}, &channels.MismatchError{Field: field, AttemptID: out.AttemptID}
	}
	return readPaymentNotice(content, out)
}

// readPaymentNotice reads an order. Only that it is paid is taken from a
// notification; anything else is a reason to ask.
func readPaymentNotice(content object, out channels.Notification) (channels.Notification, error) {
	out.Payment.AttemptID = out.AttemptID
	if tradeStates()[content.text("trade_state")] != channels.StatePaid {
		return out, nil
	}
	amount, err := amountOf(content, "total")
	if err != nil {
		return channels.Notification{}, &channels.MismatchError{Field: "amount.total", AttemptID: out.AttemptID}
	}
	out.Payment.Status = channels.StatePaid
	out.Payment.Paid = channels.Paid{
		ChannelTradeNo: content.text("transaction_id"), Amount: amount, PaidAt: parseTime(content.text("success_time")),
	}
	return out, nil
}

func readRefundNotice(content object, out channels.Notification) (channels.Notification, error) {
	state, err := readRefund(content, "refund_status")
	if err != nil {
		return channels.Notification{}, &channels.MismatchError{Field: "refund", AttemptID: out.AttemptID}
	}
	out.Refund = state
	return out, nil
}

func unverified(err error) *channels.Error {
	return &channels.Error{Outcome: channels.BadSignature, Channel: Name, Op: opNotification, Err: err}
}

// Acknowledge answers WeChat Pay, which takes 200 and 204 for delivered and
// sends everything else again.
func (c *Client) Acknowledge(accepted bool) channels.Acknowledgement {
	if accepted {
		return channels.Acknowledgement{
			Status: http.StatusOK, ContentType: "application/json", Body: []byte(`{"code":"SUCCESS","message":"成功"}`),
		}
	}
	return channels.Acknowledgement{
		Status: http.StatusBadRequest, ContentType: "application/json", Body: []byte(`{"code":"FAIL","message":"失败"}`),
	}
}
