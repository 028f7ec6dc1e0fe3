package alipay

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// maxNotificationFields bounds a notification; real ones have some thirty.
const maxNotificationFields = 256

// ParseNotification verifies the body and reads it. It looks at nothing but
// the body: parameters in the address are not Alipay's.
func (c *Client) ParseNotification(_ http.Header, body []byte) (channels.Notification, error) {
	form, err := parseForm(body)
	if err != nil {
		return channels.Notification{}, notificationFault(err)
	}
	if err := c.verifyForm(form); err != nil {
		return channels.Notification{}, notificationFault(err)
	}
	out := channels.Notification{AttemptID: form.get("out_trade_no"), EventID: form.get("notify_id")}
	for _, own := range []struct{ field, value string }{
		{"app_id", c.cfg.AppID},
		{"seller_id", c.cfg.SellerID},
	} {
		if form.get(own.field) != own.value {
			return channels.Notification{}, &channels.MismatchError{Field: own.field, AttemptID: out.AttemptID}
		}
	}
	if form.get("notify_type") != "trade_status_sync" {
		return out, nil
	}
	return readTradeNotice(form, out)
}

// readTradeNotice tells payments from refunds: a refund is told by the same
// statuses with refund_fee and gmt_refund, and must not be taken for a second
// payment.
func readTradeNotice(form form, out channels.Notification) (channels.Notification, error) {
	status := form.get("trade_status")
	if form.get("gmt_refund") != "" || strings.Trim(form.get("refund_fee"), "0.") != "" {
		// refund_fee is the sum of all refunds of the order: the amount of
		// this one is not said.
		out.Refund = channels.RefundState{
			Status:      channels.RefundSucceeded,
			RefundID:    form.get("out_biz_no"),
			SucceededAt: parseTime(form.get("gmt_refund")),
		}
		if out.Refund.RefundID != "" {
			out.Kind = channels.NotificationRefund
		}
		return out, nil
	}
	out.Payment.AttemptID = out.AttemptID
	out.Payment.Paid.ChannelTradeNo = form.get("trade_no")
	switch status {
	case "TRADE_SUCCESS", "TRADE_FINISHED":
		amount, err := money.ParseMajor(form.get("total_amount"), money.CNY)
		if err != nil {
			return channels.Notification{}, &channels.MismatchError{Field: "total_amount", AttemptID: out.AttemptID}
		}
		out.Payment.Status = channels.StatePaid
		out.Payment.Paid.Amount = amount
		out.Payment.Paid.PaidAt = parseTime(form.get("gmt_payment"))
	case "TRADE_CLOSED":
		out.Payment.Status = channels.StateClosed
		if form.get("gmt_payment") != "" {
			// Closed after it was paid, without a word of a refund: ask.
			out.Payment.Status = channels.StateUncertain
		}
	default:
		return out, nil
	}
	out.Kind = channels.NotificationPayment
	return out, nil
}

// verifyForm checks the signature over the fields as they were sent, decoded
// once. sign and sign_type are not covered. alipay_cert_sn, where a message
// names it, only chooses among configured keys; whether it is covered is not
// documented, and either text is Alipay's word.
func (c *Client) verifyForm(f form) error {
	if f.get("sign_type") != "RSA2" {
		return errors.New("sign_type is not RSA2")
	}
	signature, err := base64.StdEncoding.DecodeString(f.get("sign"))
	if err != nil || len(signature) == 0 {
		return errUnsigned
	}
	serial := f.get("alipay_cert_sn")
	err = c.ring.verify(serial, f.signedText("sign", "sign_type"), signature)
	if err != nil && serial != "" {
		err = c.ring.verify(serial, f.signedText("sign", "sign_type", "alipay_cert_sn"), signature)
	}
	return err
}

// Acknowledge answers Alipay. It repeats a notification until the body is
// exactly "success".
func (c *Client) Acknowledge(accepted bool) channels.Acknowledgement {
	if accepted {
		return channels.Acknowledgement{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte("success")}
	}
	return channels.Acknowledgement{Status: http.StatusBadRequest, ContentType: "text/plain; charset=utf-8", Body: []byte("fail")}
}

func notificationFault(err error) *channels.Error {
	return &channels.Error{Outcome: channels.BadSignature, Channel: Name, Op: opNotification, Err: err}
}

// opNotification names the reading of a notification in errors; it is no call.
const opNotification channels.Operation = "notification"

// form is a decoded body: fields in order of name, each there once.
type form []formField

type formField struct{ name, value string }

// errAmbiguous refuses a form whose signed text could be split into other
// fields. The signature covers "name=value" joined by "&" without escapes, so
// a genuine notice of a refund could be sent again with its refund fields
// moved into the value before them, and its signature would still hold.
var errAmbiguous = errors.New("a field's value could be read as further fields")

// looksLikeMore tells whether a value would, in the signed text, look like the
// end of one field and a further one. None of ours does: subject() and
// reason() leave no "&" in what Alipay repeats.
func looksLikeMore(value string) bool {
	_, rest, found := strings.Cut(value, "&")
	return found && strings.Contains(rest, "=")
}

var errForm = errors.New("body is not a form with each field once")

// parseForm decodes a form once. It is stricter than net/url: a name that is
// repeated is refused, as two readers could disagree about which counts, and a
// semicolon separates nothing.
func parseForm(body []byte) (form, error) {
	if len(body) == 0 {
		return nil, errForm
	}
	pairs := strings.SplitN(string(body), "&", maxNotificationFields+1)
	if len(pairs) > maxNotificationFields {
		return nil, errForm
	}
	f := make(form, 0, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || name == "" {
			return nil, errForm
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, errForm
		}
		if strings.ContainsAny(name, "&=") || looksLikeMore(value) {
			return nil, errAmbiguous
		}
		f = append(f, formField{name: name, value: value})
	}
	slices.SortFunc(f, func(a, b formField) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(f); i++ {
		if f[i].name == f[i-1].name {
			return nil, errForm
		}
	}
	return f, nil
}

func (f form) get(name string) string {
	i, ok := slices.BinarySearchFunc(f, name, func(field formField, name string) int {
		return strings.Compare(field.name, name)
	})
	if !ok {
		return ""
	}
	return f[i].value
}

// signedText joins every field but those left out, empty ones too: fields that
// Alipay adds later are covered as well.
func (f form) signedText(without ...string) []byte {
	var b strings.Builder
	for _, field := range f {
		if slices.Contains(without, field.name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(field.name)
		b.WriteByte('=')
		b.WriteString(field.value)
	}
	return []byte(b.String())
}
