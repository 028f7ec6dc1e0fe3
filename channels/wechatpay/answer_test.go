package wechatpay

import (
	"net/http"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

// FuzzAnswer judges anything as an answer, as it comes and signed by WeChat
// Pay: no panic, nothing read without a signature, and an unsigned refusal is
// never a payment.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(transaction(nil)), "")
	f.Add(202, []byte(`{"code":"USERPAYING"}`), "AAAA")
	f.Add(204, []byte(""), "WECHATPAY/SIGNTEST/AAAA")
	f.Add(400, []byte(`{"code":"PARAM_ERROR","message":"m"}`), "")
	f.Add(429, []byte(`{"code":"FREQUENCY_LIMITED"}`), "")
	f.Add(200, []byte(refunded(nil)), "")
	f.Add(200, []byte(`{"amount":{"total":99999999999999999999}}`), "")
	c := offline(f)
	f.Fuzz(func(t *testing.T, status int, body []byte, signature string) {
		if status < 200 || status > 599 {
			return
		}
		forged := http.Header{
			"Wechatpay-Timestamp": {"1795278605"}, "Wechatpay-Nonce": {"n"}, "Wechatpay-Serial": {testKeyID},
		}
		if signature != "" {
			forged.Set("Wechatpay-Signature", signature)
		}
		for _, op := range []channels.Operation{channels.OpPay, channels.OpRefund, channels.OpQuery} {
			q := call{op: op, method: http.MethodPost, path: "/v3/x", order: testAttempt}
			got := transport.Answer{Status: status, Header: forged, Body: body}
			var err error
			switch status / 100 {
			case 2:
				_, err = c.answered(q, digestOf("x"), got)
			case 4:
				_, err = c.refused(q, got)
			default:
				continue
			}
			if err == nil {
				t.Fatalf("status %d is taken without a signature: %q", status, body)
			}
			if outcome := channels.OutcomeOf(err); outcome == channels.NotProcessed && status != 429 {
				t.Fatalf("status %d claims that nothing was processed", status)
			}
			if signature != "" && channels.OutcomeOf(err) != channels.BadSignature {
				t.Fatalf("a forged signature is %v", err)
			}
		}
		signed := transport.Answer{Status: 200, Header: wechat().header(string(body)), Body: body}
		r, err := c.answered(call{op: channels.OpQuery}, digestOf(string(body)), signed)
		if err != nil {
			return
		}
		if state, err := c.transaction(r.object); err == nil && state.Status == channels.StatePaid && state.Paid.Amount.Currency() == "" {
			t.Fatalf("paid without an amount: %q", body)
		}
		_, _ = readRefund(r.object, "status")
		_, _ = openCertificates(testAPIKey, body)
	})
}
