package wechatpay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// notice wraps a plain text as WeChat Pay does, keys in alphabetical order.
func notice(event, plain string) string { return noticeUnder(testAPIKey, event, plain) }

func noticeUnder(apiKey, event, plain string) string {
	return fmt.Sprintf(`{"create_time":"2026-11-22T00:30:02+08:00","event_type":%q,"id":"EV-2026112200300200001","resource":%s,"resource_type":"encrypt-resource","summary":"支付成功"}`,
		event, sealed(apiKey, strings.ToLower(strings.Split(event, ".")[0]), plain))
}

// refundNotice writes a refund as notifications give it.
func refundNotice(change map[string]any) string {
	fields := map[string]any{
		"mchid": testMchID, "transaction_id": testTradeNo, "out_trade_no": testAttempt, "refund_id": testRefundNo, "out_refund_no": testRefund,
		"refund_status": "SUCCESS", "success_time": "2026-11-22T00:31:05+08:00", "user_received_account": "支付用户零钱",
		"amount": map[string]any{"total": 8880, "refund": 1000, "payer_total": 8000, "payer_refund": 900},
	}
	return written(fields, change)
}

func offline(t testing.TB) *Client { return newClient(t, keyConfig("https://api.mch.weixin.qq.com")) }

func TestNotificationKinds(t *testing.T) {
	c := offline(t)
	paid := channels.Notification{
		Kind: channels.NotificationPayment, AttemptID: testAttempt, EventID: "EV-2026112200300200001",
		Payment: channels.PaymentState{Status: channels.StatePaid, AttemptID: testAttempt, Paid: channels.Paid{
			ChannelTradeNo: testTradeNo, Amount: adaptertest.CNY(8880), PaidAt: time.Date(2026, 11, 21, 16, 30, 1, 0, time.UTC),
		}},
	}
	look := channels.Notification{
		Kind: channels.NotificationPayment, AttemptID: testAttempt, EventID: paid.EventID,
		Payment: channels.PaymentState{AttemptID: testAttempt},
	}
	ignored := channels.Notification{EventID: paid.EventID}
	back := func(status channels.RefundStatus, code string) channels.Notification {
		n := channels.Notification{
			Kind: channels.NotificationRefund, AttemptID: testAttempt, EventID: paid.EventID,
			Refund: channels.RefundState{Status: status, RefundID: testRefund, ChannelRefundNo: testRefundNo, Amount: adaptertest.CNY(1000), Code: code},
		}
		if status == channels.RefundSucceeded {
			n.Refund.SucceededAt = time.Date(2026, 11, 21, 16, 31, 5, 0, time.UTC)
		}
		return n
	}
	for name, tt := range map[string]struct {
		body string
		want channels.Notification
	}{
		"paid":                    {notice("TRANSACTION.SUCCESS", transaction(nil)), paid},
		"paid, refunded since":    {notice("TRANSACTION.SUCCESS", transaction(map[string]any{"trade_state": "REFUND"})), paid},
		"not paid":                {notice("TRANSACTION.SUCCESS", transaction(unpaid("NOTPAY"))), look},
		"closed":                  {notice("TRANSACTION.SUCCESS", transaction(unpaid("CLOSED"))), look},
		"unheard of":              {notice("TRANSACTION.SUCCESS", transaction(unpaid("NEW"))), look},
		"returned":                {notice("REFUND.SUCCESS", refundNotice(nil)), back(channels.RefundSucceeded, "")},
		"refund closed":           {notice("REFUND.CLOSED", refundNotice(map[string]any{"refund_status": "CLOSED"})), back(channels.RefundFailed, "CLOSED")},
		"refund needs a person":   {notice("REFUND.ABNORMAL", refundNotice(map[string]any{"refund_status": "ABNORMAL"})), back(channels.RefundAbnormal, "ABNORMAL")},
		"refund on its way":       {notice("REFUND.SUCCESS", refundNotice(map[string]any{"refund_status": "PROCESSING"})), back(channels.RefundUncertain, "")},
		"another event":           {notice("COUPON.USE", `{"coupon_id":"1"}`), ignored},
		"another event, unsealed": {`{"id":"EV-2026112200300200001","event_type":"VIOLATION.PUNISH"}`, ignored},
		"no event":                {`{"id":"EV-2026112200300200001"}`, ignored},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := c.ParseNotification(wechat().header(tt.body), []byte(tt.body))
			if err != nil || !reflect.DeepEqual(n, tt.want) {
				t.Errorf("%+v, %v\nwant %+v", n, err, tt.want)
			}
		})
	}
}

// TestNotificationOfSomebodyElse: verified, but not this account's.
func TestNotificationOfSomebodyElse(t *testing.T) {
	partner := partnerConfig("https://api.mch.weixin.qq.com")
	partner.SubAppID = "wxsub00000000000001"
	partnerPaid := map[string]any{"mchid": nil, "appid": nil, "sp_mchid": testMchID, "sp_appid": testAppID, "sub_mchid": partner.SubMchID}
	with := func(base map[string]any, name string, value any) map[string]any {
		m := map[string]any{name: value}
		for k, v := range base {
			if k != name {
				m[k] = v
			}
		}
		return m
	}
	for name, tt := range map[string]struct {
		cfg   Config
		event string
		plain string
		field string // empty: it is ours
	}{
		"merchant":         {keyConfig(partner.BaseURL), "TRANSACTION.SUCCESS", transaction(map[string]any{"mchid": "1900000000"}), "mchid"},
		"no merchant":      {keyConfig(partner.BaseURL), "TRANSACTION.SUCCESS", transaction(map[string]any{"mchid": nil}), "mchid"},
		"app":              {keyConfig(partner.BaseURL), "TRANSACTION.SUCCESS", transaction(map[string]any{"appid": "wx0"}), "appid"},
		"refund's":         {keyConfig(partner.BaseURL), "REFUND.SUCCESS", refundNotice(map[string]any{"mchid": "1900000000"}), "mchid"},
		"amount":           {keyConfig(partner.BaseURL), "TRANSACTION.SUCCESS", transaction(map[string]any{"amount": nil}), "amount.total"},
		"refund's amount":  {keyConfig(partner.BaseURL), "REFUND.SUCCESS", refundNotice(map[string]any{"amount": nil}), "refund"},
		"partner's":        {partner, "TRANSACTION.SUCCESS", transaction(partnerPaid), ""},
		"partner's, app":   {partner, "TRANSACTION.SUCCESS", transaction(with(partnerPaid, "sub_appid", "wxsub00000000000001")), ""},
		"provider":         {partner, "TRANSACTION.SUCCESS", transaction(with(partnerPaid, "sp_mchid", "1900000000")), "sp_mchid"},
		"provider's app":   {partner, "TRANSACTION.SUCCESS", transaction(with(partnerPaid, "sp_appid", "wx0")), "sp_appid"},
		"sub merchant":     {partner, "TRANSACTION.SUCCESS", transaction(with(partnerPaid, "sub_mchid", "1900000110")), "sub_mchid"},
		"sub app":          {partner, "TRANSACTION.SUCCESS", transaction(with(partnerPaid, "sub_appid", "wx0")), "sub_appid"},
		"direct, to a sub": {partner, "TRANSACTION.SUCCESS", transaction(nil), "sp_mchid"},
	} {
		t.Run(name, func(t *testing.T) {
			body := notice(tt.event, tt.plain)
			n, err := newClient(t, tt.cfg).ParseNotification(wechat().header(body), []byte(body))
			if tt.field == "" {
				if err != nil || n.Payment.Status != channels.StatePaid {
					t.Errorf("%+v, %v", n, err)
				}
				return
			}
			var mismatch *channels.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Field != tt.field || mismatch.AttemptID != testAttempt || n.Kind != channels.NotificationIgnored {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

func TestForgedNotifications(t *testing.T) {
	c := offline(t)
	body := notice("TRANSACTION.SUCCESS", transaction(nil))
	good := wechat().header(body)
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	without := func(name string) http.Header {
		h := good.Clone()
		h.Del(name)
		return h
	}
	twice := good.Clone()
	twice.Add("Wechatpay-Serial", testKeyID)
	at := func(s int) http.Header {
		return signer{key: testKeys().wechat, id: testKeyID, at: testNow.Add(time.Duration(s) * time.Second)}.header(body)
	}
	for name, tt := range map[string]struct {
		header http.Header
		body   string
	}{
		"none":               {nil, body},
		"no timestamp":       {without("Wechatpay-Timestamp"), body},
		"no nonce":           {without("Wechatpay-Nonce"), body},
		"no serial":          {without("Wechatpay-Serial"), body},
		"no signature":       {without("Wechatpay-Signature"), body},
		"twice":              {twice, body},
		"unknown serial":     {with("Wechatpay-Serial", certSerial), body},
		"probe":              {with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+good.Get("Wechatpay-Signature")), body},
		"no base64":          {with("Wechatpay-Signature", "%"), body},
		"other kind":         {with("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), body},
		"other time":         {with("Wechatpay-Timestamp", strconv.FormatInt(testNow.Unix()+1, 10)), body},
		"time no number":     {with("Wechatpay-Timestamp", "1e9"), body},
		"time too long":      {with("Wechatpay-Timestamp", strings.Repeat("1", 40)), body},
		"other nonce":        {with("Wechatpay-Nonce", "x"), body},
		"other body":         {good, strings.Replace(body, "EV-", "EW-", 1)},
		"body with a blank":  {good, body + " "},
		"empty body":         {good, ""},
		"too old":            {at(-301), body},
		"too new":            {at(301), body},
		"stranger":           {signer{key: testKeys().stranger, id: testKeyID, at: testNow}.header(body), body},
		"ourselves":          {signer{key: testKeys().merchant, id: testKeyID, at: testNow}.header(body), body},
		"under another's id": {signer{key: testKeys().wechat, id: certSerial, at: testNow}.header(body), body},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := c.ParseNotification(tt.header, []byte(tt.body))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			if !reflect.DeepEqual(n, channels.Notification{}) {
				t.Errorf("something was read of it: %+v", n)
			}
			if strings.Contains(err.Error(), testAttempt) || strings.Contains(err.Error(), good.Get("Wechatpay-Signature")) {
				t.Errorf("the error repeats the message: %v", err)
			}
		})
	}
	for _, s := range []int{-300, 0, 300} {
		if _, err := c.ParseNotification(at(s), []byte(body)); err != nil {
			t.Errorf("%d s off: %v", s, err)
		}
	}
}

// TestSignedTextCannotBeSplitOtherwise: a nonce with a line's end would let the
// beginning of a body be taken for the nonce.
func TestSignedTextCannotBeSplitOtherwise(t *testing.T) {
	c := offline(t)
	inner := notice("TRANSACTION.SUCCESS", transaction(nil))
	body := "prefix\n" + inner
	h := wechat().header(body)
	h.Set("Wechatpay-Nonce", h.Get("Wechatpay-Nonce")+"\nprefix")
	_, err := c.ParseNotification(h, []byte(inner))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

// TestSignedButUnreadable: what WeChat Pay signed but cannot be opened is not
// acknowledged, so that it comes again.
func TestSignedButUnreadable(t *testing.T) {
	c := offline(t)
	resource := func(text string) string {
		return `{"id":"EV-1","event_type":"TRANSACTION.SUCCESS","resource":` + text + `}`
	}
	whole := sealed(testAPIKey, "transaction", transaction(nil))
	for name, body := range map[string]string{
		"html":             "<html></html>",
		"array":            "[]",
		"twice":            `{"id":"1","id":"2"}`,
		"followed":         `{"id":"1"}{}`,
		"other key":        noticeUnder("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "TRANSACTION.SUCCESS", transaction(nil)),
		"other associated": resource(strings.Replace(whole, `"associated_data":"transaction"`, `"associated_data":"refund"`, 1)),
		"other algorithm":  resource(strings.Replace(whole, "AEAD_AES_256_GCM", "AEAD_SM4_GCM", 1)),
		"short ciphertext": resource(`{"algorithm":"AEAD_AES_256_GCM","nonce":"fdasflkja484","ciphertext":"AAAA"}`),
		"no base64":        resource(`{"algorithm":"AEAD_AES_256_GCM","nonce":"fdasflkja484","ciphertext":"` + strings.Repeat("%", 40) + `"}`),
		"plain no object":  notice("TRANSACTION.SUCCESS", `"paid"`),
		"plain nothing":    notice("TRANSACTION.SUCCESS", ``),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.ParseNotification(wechat().header(body), []byte(body))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
		})
	}
	// Associated data may be empty or absent.
	for _, aad := range []string{"", "transaction"} {
		text := sealed(testAPIKey, aad, transaction(nil))
		body := resource(strings.Replace(text, `"associated_data":"",`, "", 1))
		if _, err := c.ParseNotification(wechat().header(body), []byte(body)); err != nil {
			t.Errorf("associated data %q: %v", aad, err)
		}
	}
}

func TestAcknowledge(t *testing.T) {
	c := offline(t)
	if a := c.Acknowledge(true); a.Status != http.StatusOK || a.ContentType != "application/json" {
		t.Errorf("accepted: %+v", a)
	}
	a := c.Acknowledge(false)
	o, err := readObject(a.Body)
	if a.Status/100 != 4 || err != nil || o.text("code") != "FAIL" || o.text("message") == "" {
		t.Errorf("refused: %d %s", a.Status, a.Body)
	}
}

// sealWithNonce seals under a nonce of any length, as a hostile holder of the
// key could.
func sealWithNonce(t *testing.T, nonce, plain string) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(testAPIKey))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), []byte(plain), nil))
	return fmt.Sprintf(`{"algorithm":"AEAD_AES_256_GCM","ciphertext":%q,"nonce":%q}`, text, nonce)
}

// FuzzParseNotification feeds anything, signed by WeChat Pay and not: it must
// never panic, and unsigned must never be read.
func FuzzParseNotification(f *testing.F) {
	f.Add([]byte(notice("TRANSACTION.SUCCESS", transaction(nil))), "1795278605", "n", "AAAA")
	f.Add([]byte(notice("REFUND.SUCCESS", refundNotice(nil))), "1795278605", "n", "AAAA")
	f.Add([]byte(`{"event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"1","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAA"}}`), "0", "\n", "%")
	f.Add([]byte(`{"event_type":"TRANSACTION.SUCCESS"}`), "", "", "")
	c := offline(f)
	f.Fuzz(func(t *testing.T, body []byte, at, nonce, signature string) {
		n, err := c.ParseNotification(http.Header{
			"Wechatpay-Timestamp": {at}, "Wechatpay-Nonce": {nonce}, "Wechatpay-Serial": {testKeyID}, "Wechatpay-Signature": {signature},
		}, body)
		if channels.OutcomeOf(err) != channels.BadSignature || !reflect.DeepEqual(n, channels.Notification{}) {
			t.Fatalf("read without a signature: %+v, %v", n, err)
		}
		_, _ = c.ParseNotification(wechat().header(string(body)), body)
		// As the decrypted content, too.
		sealedBody := notice("TRANSACTION.SUCCESS", string(body))
		if n, err := c.ParseNotification(wechat().header(sealedBody), []byte(sealedBody)); err == nil && n.Payment.Status == channels.StatePaid && n.Payment.Paid.Amount.Minor() < 0 {
			t.Fatalf("%+v", n)
		}
	})
}
