package alipay

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// paidForm is what Alipay sends when an order was paid.
func paidForm() url.Values {
	return url.Values{
		"notify_type": {"trade_status_sync"}, "notify_id": {"2026112100222003005000000000000001"}, "notify_time": {"2026-11-22 00:30:06"},
		"app_id": {testAppID}, "auth_app_id": {testAppID}, "seller_id": {testSellerID}, "charset": {"utf-8"}, "version": {"1.0"},
		"sign_type": {"RSA2"}, "out_trade_no": {testAttempt}, "trade_no": {testTradeNo}, "trade_status": {"TRADE_SUCCESS"},
		"total_amount": {"88.80"}, "subject": {"咖啡 + 牛奶"}, "gmt_payment": {"2026-11-22 00:30:01"},
		"fund_bill_list": {`[{"amount":"88.80","fundChannel":"ALIPAYACCOUNT"}]`},
	}
}

// signForm signs a form by an own reading of the rule and encodes it.
func signForm(form url.Values, key *rsa.PrivateKey) []byte {
	return signFormCovering(form, key, true)
}

func signFormCovering(form url.Values, key *rsa.PrivateKey, serialToo bool) []byte {
	var pairs []string
	for name, values := range form {
		if name == "sign" || name == "sign_type" || (name == "alipay_cert_sn" && !serialToo) {
			continue
		}
		pairs = append(pairs, name+"\x00"+values[0])
	}
	sortStrings(pairs)
	form.Set("sign", sign(key, strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")))
	return []byte(form.Encode())
}

func encryptForTest(t *testing.T, plain string, key []byte) string {
	t.Helper()
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	data := append([]byte(plain), strings.Repeat(string(rune(pad)), pad)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data)
}

func TestNotificationKinds(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	refundTime := time.Date(2026, 11, 21, 17, 0, 0, 536e6, time.UTC)
	for name, tt := range map[string]struct {
		set  map[string]string
		kind channels.NotificationKind
		want func(n channels.Notification) bool
	}{
		"paid": {nil, channels.NotificationPayment, func(n channels.Notification) bool {
			return n.Payment.Status == channels.StatePaid && n.Payment.Paid.Amount.Minor() == 8880 &&
				n.Payment.Paid.ChannelTradeNo == testTradeNo && n.Payment.AttemptID == testAttempt
		}},
		"finished": {map[string]string{"trade_status": "TRADE_FINISHED"}, channels.NotificationPayment, func(n channels.Notification) bool {
			return n.Payment.Status == channels.StatePaid
		}},
		"partly refunded": {
			map[string]string{"refund_fee": "10.00", "gmt_refund": "2026-11-22 01:00:00.536", "out_biz_no": testRefund},
			channels.NotificationRefund, func(n channels.Notification) bool {
				return n.Refund.Status == channels.RefundSucceeded && n.Refund.RefundID == testRefund &&
					n.Refund.Amount.IsZero() && n.Refund.SucceededAt.Equal(refundTime) && n.Payment.Status != channels.StatePaid
			},
		},
		"refunded in full": {
			map[string]string{"trade_status": "TRADE_CLOSED", "refund_fee": "88.80", "gmt_refund": "2026-11-22 01:00:00.536", "gmt_close": "2026-11-22 01:00:00", "out_biz_no": testRefund},
			channels.NotificationRefund, func(n channels.Notification) bool { return n.Payment.Status != channels.StateClosed },
		},
		"refunded by nobody's number": {
			map[string]string{"trade_status": "TRADE_CLOSED", "refund_fee": "88.80"},
			channels.NotificationIgnored, func(channels.Notification) bool { return true },
		},
		"closed unpaid": {
			map[string]string{"trade_status": "TRADE_CLOSED", "gmt_payment": "", "refund_fee": "0.00", "gmt_close": "2026-11-22 01:00:00"},
			channels.NotificationPayment, func(n channels.Notification) bool { return n.Payment.Status == channels.StateClosed },
		},
		"closed after it was paid": {
			map[string]string{"trade_status": "TRADE_CLOSED"},
			channels.NotificationPayment, func(n channels.Notification) bool { return n.Payment.Status == channels.StateUncertain },
		},
		"waiting":      {map[string]string{"trade_status": "WAIT_BUYER_PAY"}, channels.NotificationIgnored, nil},
		"a new status": {map[string]string{"trade_status": "TRADE_PAUSED"}, channels.NotificationIgnored, nil},
		"other type":   {map[string]string{"notify_type": "servicemarket_order_notify"}, channels.NotificationIgnored, nil},
	} {
		t.Run(name, func(t *testing.T) {
			form := paidForm()
			for k, v := range tt.set {
				if v == "" {
					form.Del(k)
				} else {
					form.Set(k, v)
				}
			}
			n, err := c.ParseNotification(nil, signForm(form, testKeys().alipay))
			if err != nil {
				t.Fatal(err)
			}
			if n.Kind != tt.kind || n.AttemptID != testAttempt || (tt.want != nil && !tt.want(n)) {
				t.Errorf("notification %+v", n)
			}
		})
	}
}

func TestNotificationWithoutReadableAmountIsKept(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	for _, amount := range []string{"", "88.805", "1e2", "-1"} {
		form := paidForm()
		form.Set("total_amount", amount)
		_, err := c.ParseNotification(nil, signForm(form, testKeys().alipay))
		var mismatch *channels.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("total_amount %q: %v", amount, err)
		}
	}
}

func TestForgedNotifications(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	good := string(signForm(paidForm(), testKeys().alipay))
	change := func(name, value string) string {
		form, err := url.ParseQuery(good)
		if err != nil {
			t.Fatal(err)
		}
		form.Set(name, value)
		return form.Encode()
	}
	without := func(name string) string {
		form, _ := url.ParseQuery(good)
		form.Del(name)
		return form.Encode()
	}
	cases := map[string]string{
		"empty":                "",
		"other key":            string(signForm(paidForm(), testKeys().stranger)),
		"own key":              string(signForm(paidForm(), testKeys().app)),
		"amount":               change("total_amount", "88.81"),
		"order":                change("out_trade_no", testRefund),
		"status":               change("trade_status", "TRADE_FINISHED"),
		"further field":        change("refund_fee", "1.00"),
		"further empty field":  change("passback_params", ""),
		"no sign":              without("sign"),
		"no sign_type":         without("sign_type"),
		"weaker sign_type":     change("sign_type", "RSA"),
		"one field less":       without("subject"),
		"repeated field":       good + "&total_amount=88.80",
		"repeated other field": good + "&total_amount=0.01",
		"broken escape":        good + "%",
		"decoded twice":        strings.ReplaceAll(good, "%2B", "+"),
		"json":                 `{"trade_status":"TRADE_SUCCESS"}`,
		"too many fields":      good + strings.Repeat("&a", 300),
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			n, err := c.ParseNotification(nil, []byte(body))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			if n.AttemptID != "" || n.Kind != channels.NotificationIgnored {
				t.Errorf("something was read of it: %+v", n)
			}
		})
	}
}

// TestNotificationCannotBeSplitOtherwise: the signed text has no escapes, so
// that the fields of a genuine message could be dealt out anew.
func TestNotificationCannotBeSplitOtherwise(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	form := paidForm()
	form.Set("trade_status", "TRADE_CLOSED")
	form.Set("gmt_refund", "2026-11-22 01:00:00.536")
	form.Set("refund_fee", "88.80")
	body := signForm(form, testKeys().alipay)
	if n, err := c.ParseNotification(nil, body); err != nil || n.Payment.Status == channels.StateClosed {
		t.Fatalf("the genuine message: %+v, %v", n, err)
	}
	// The refund's fields hide in the values before them: the text is the same.
	hidden, _ := url.ParseQuery(string(body))
	hidden.Set("gmt_payment", hidden.Get("gmt_payment")+"&gmt_refund="+hidden.Get("gmt_refund"))
	hidden.Del("gmt_refund")
	hidden.Set("out_trade_no", hidden.Get("out_trade_no")+"&refund_fee="+hidden.Get("refund_fee"))
	hidden.Del("refund_fee")
	_, err := c.ParseNotification(nil, []byte(hidden.Encode()))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

func TestNotificationIgnoresTheAddress(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	header := http.Header{"X-Original-Url": {"/notify?trade_status=TRADE_SUCCESS"}}
	form := paidForm()
	form.Set("trade_status", "WAIT_BUYER_PAY")
	if n, err := c.ParseNotification(header, signForm(form, testKeys().alipay)); err != nil || n.Kind != channels.NotificationIgnored {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestAcknowledge(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	if a := c.Acknowledge(true); a.Status != http.StatusOK || string(a.Body) != "success" {
		t.Errorf("accepted: %d %q", a.Status, a.Body)
	}
	if a := c.Acknowledge(false); a.Status == http.StatusOK || string(a.Body) == "success" {
		t.Errorf("refused: %d %q", a.Status, a.Body)
	}
}

func FuzzParseNotification(f *testing.F) {
	f.Add(signForm(paidForm(), testKeys().alipay))
	f.Add([]byte("a=1&a=2"))
	f.Add([]byte("sign_type=RSA2&sign=AAAA"))
	f.Add([]byte("%zz=1"))
	f.Add([]byte("a;b=1&c"))
	c, err := New(keyConfig("https://a.example.com/g"), Deps{Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	genuine := string(signForm(paidForm(), testKeys().alipay))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := c.ParseNotification(nil, body)
		if err == nil && n.Kind != channels.NotificationIgnored {
			// Only another spelling of the genuine message can get here.
			a, _ := parseForm(body)
			b, _ := parseForm([]byte(genuine))
			if string(a.signedText("sign", "sign_type")) != string(b.signedText("sign", "sign_type")) {
				t.Fatalf("accepted %q", body)
			}
		}
	})
}
