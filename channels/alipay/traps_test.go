package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/transport"
)

// The traps of client libraries for this protocol, each closed.

// Trap 1: a verified answer that refuses is no success.
func TestTrap_VerifiedRefusalIsNoSuccess(t *testing.T) {
	c := newClient(t, keyConfig(answering(t, `{"code":"40004","msg":"Business Failed","sub_code":"ACQ.PAYMENT_FAIL","sub_msg":"支付失败","out_trade_no":"`+testAttempt+`"}`).URL))
	_, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.Declined)
	var e *channels.Error
	if !errors.As(err, &e) || e.Code != "ACQ.PAYMENT_FAIL" || e.Message != "支付失败" || e.Op != channels.OpPay {
		t.Errorf("error %+v", e)
	}
}

// Trap 2: a signed success under another status than 200 is not the gateway's word.
func TestTrap_HTTPStatusIsLookedAt(t *testing.T) {
	for _, status := range []int{201, 204, 302, 400, 403, 429, 500, 502, 503} {
		g := newGateway(t, func(w http.ResponseWriter, p url.Values) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_, _ = io.WriteString(w, envelope(nodeName(p.Get("method")), okNode, testKeys().alipay))
			}
		})
		_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

// Trap 2: pages of proxies and other bodies that are no answer.
func TestTrap_WhatIsNoAnswerIsUnknown(t *testing.T) {
	good := envelope("alipay_trade_pay_response", okNode, testKeys().alipay)
	for name, body := range map[string]string{
		"html":           "<html><body>502</body></html>",
		"empty":          "",
		"cut short":      good[:len(good)-20],
		"array":          "[" + good + "]",
		"followed":       good + "{}",
		"duplicate node": strings.Replace(good, "{", `{"alipay_trade_pay_response":{"code":"10000"},`, 1),
		"duplicate sign": strings.Replace(good, `"sign"`, `"sign":"AAAA","sign"`, 1),
		"other method":   strings.Replace(good, "alipay_trade_pay_response", "alipay_trade_query_response", 1),
		"other case":     strings.Replace(good, "alipay_trade_pay_response", "Alipay_Trade_Pay_Response", 1),
		"sign no text":   strings.Replace(good, `"sign":"`, `"sign":1,"x":"`, 1),
		"sign no base64": strings.Replace(good, `"sign":"`, `"sign":"%`, 1),
		"node text":      envelope("alipay_trade_pay_response", `"no cipher text"`, testKeys().alipay),
		"node number":    envelope("alipay_trade_pay_response", `1`, testKeys().alipay),
		"node null":      envelope("alipay_trade_pay_response", `null`, testKeys().alipay),
		"twice in node":  envelope("alipay_trade_pay_response", `{"code":"10000","code":"40004"}`, testKeys().alipay),
		"too large":      strings.Repeat(" ", 1<<20) + good,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ url.Values) { _, _ = io.WriteString(w, body) })
			_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
			adaptertest.WantOutcome(t, err, channels.Unknown)
		})
	}
}

// Trap 3: what has no signature settles nothing, whatever it says.
func TestTrap_UnsignedSettlesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want channels.Outcome
	}{
		"success":        {`{"alipay_trade_pay_response":` + okNode + `}`, channels.BadSignature},
		"empty sign":     {`{"alipay_trade_pay_response":` + okNode + `,"sign":""}`, channels.BadSignature},
		"null sign":      {`{"alipay_trade_pay_response":` + okNode + `,"sign":null}`, channels.BadSignature},
		"refusal":        {`{"alipay_trade_pay_response":{"code":"40004","sub_code":"ACQ.PAYMENT_FAIL"}}`, channels.BadSignature},
		"rate limit":     {`{"error_response":{"code":"40005","sub_code":"isv.app-call-limited"}}`, channels.Unknown},
		"error_response": {`{"error_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id","sub_msg":"无效的AppID参数"}}`, channels.Unknown},
		"paid as error":  {`{"error_response":` + okNode + `}`, channels.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ url.Values) { _, _ = io.WriteString(w, tt.body) })
			_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
			adaptertest.WantOutcome(t, err, tt.want)
		})
	}
	c := newClient(t, keyConfig(newGateway(t, func(w http.ResponseWriter, _ url.Values) {
		_, _ = io.WriteString(w, `{"error_response":{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}}`)
	}).URL))
	if state, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err == nil {
		t.Errorf("an unsigned refusal became the state %v", state.Status)
	}
}

// Trap 3: a signed error_response is a refusal and never a success.
func TestTrap_SignedErrorResponseIsOnlyARefusal(t *testing.T) {
	for node, want := range map[string]channels.Outcome{
		`{"code":"40002","sub_code":"isv.invalid-app-id"}`:   channels.Misconfigured,
		`{"code":"40005","sub_code":"isv.app-call-limited"}`: channels.NotProcessed,
		okNode: channels.Unknown,
	} {
		g := newGateway(t, func(w http.ResponseWriter, _ url.Values) {
			_, _ = io.WriteString(w, envelope("error_response", node, testKeys().alipay))
		})
		_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, want)
	}
}

// Trap 4: escaped slashes inside sign.
func TestTrap_EscapedSlashesInSign(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, p url.Values) {
		// PKCS#1 v1.5 is deterministic; blanks are added to the node until the
		// signature holds a slash.
		node := okNode
		for !strings.Contains(sign(testKeys().alipay, node), "/") {
			node = strings.Replace(node, "{", "{ ", 1)
		}
		body := envelope(nodeName(p.Get("method")), node, testKeys().alipay)
		head, sig, _ := strings.Cut(body, `"sign":`)
		_, _ = io.WriteString(w, head+`"sign":`+strings.ReplaceAll(sig, "/", `\/`))
	})
	if _, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode)); err != nil {
		t.Error(err)
	}
}

// Trap 5: an unknown certificate serial, also of a forged notification, leads
// to no call. (That of an answer: TestCertificateModeSendsSerialsAndChecksTheAnswers.)
func TestTrap_UnknownSerialOfANotificationMakesNoCall(t *testing.T) {
	p := newPKI(t)
	g := answering(t, okNode)
	c := newClient(t, certConfig(g.URL, p))
	form := paidForm()
	form.Set("alipay_cert_sn", strings.Repeat("0", 32))
	_, err := c.ParseNotification(nil, signForm(form, testKeys().alipay))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
	if g.count() != 0 {
		t.Errorf("a notification led to %d calls", g.count())
	}
	for _, covered := range []bool{false, true} {
		form := paidForm()
		form.Set("alipay_cert_sn", p.serial)
		body := signFormCovering(form, testKeys().alipay, covered)
		if _, err := c.ParseNotification(nil, body); err != nil {
			t.Errorf("known serial, covered %v: %v", covered, err)
		}
	}
}

// Trap 6: a call ends although its context has no deadline.
func TestTrap_EveryCallHasADeadline(t *testing.T) {
	g := newGateway(t, func(_ http.ResponseWriter, _ url.Values) {})
	release := make(chan struct{})
	g.answer = func(http.ResponseWriter, url.Values) { <-release }
	defer close(release)
	c, err := New(keyConfig(g.URL), Deps{Now: func() time.Time { return testNow }, HTTP: transport.New(transport.Limits{Total: 50 * time.Millisecond}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Pay(context.Background(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

// Trap 8: app_id and seller_id are compared, parameters of the address are no
// part of a message. (Amount and order are the core's to compare.)
func TestTrap_NotificationOfAnotherAccount(t *testing.T) {
	c := newClient(t, keyConfig("https://a.example.com/g"))
	for field, value := range map[string]string{"app_id": "2021999999999999", "seller_id": "2088999999999999"} {
		for _, v := range []string{value, ""} {
			form := paidForm()
			form.Set(field, v)
			_, err := c.ParseNotification(nil, signForm(form, testKeys().alipay))
			var mismatch *channels.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Field != field || mismatch.AttemptID != testAttempt {
				t.Errorf("%s=%q: %v", field, v, err)
			}
		}
	}
}

// Trap 9: an odd value in a field that nobody needs spoils nothing, and no
// empty optional field is sent (checked for every order by checkOrder).
func TestTrap_OddFieldsSpoilNothing(t *testing.T) {
	node := strings.TrimSuffix(okNode, "}") + `,"fund_bill_list":[{"real_amount":""}],"buyer_pay_amount":{},"point_amount":1e400}`
	c := newClient(t, keyConfig(answering(t, node).URL))
	if _, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode)); err != nil {
		t.Error(err)
	}
	numbers := strings.Replace(okNode, `"88.80"`, `88.80`, 1)
	res, err := newClient(t, keyConfig(answering(t, numbers).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
	if err != nil || res.Paid.Amount.Minor() != 8880 {
		t.Errorf("an amount written as a number: %+v, %v", res.Paid, err)
	}
}

// Trap 9: an amount that cannot be read exactly is no statement.
func TestTrap_UnreadableAmountIsUnknown(t *testing.T) {
	for _, amount := range []string{`"88.805"`, `"8.88e1"`, `8.88e1`, `"-1"`, `""`, `null`, `"88,80"`} {
		node := strings.Replace(okNode, `"88.80"`, amount, 1)
		_, err := newClient(t, keyConfig(answering(t, node).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

// Trap 10: parameters are ordered by name, also where one name begins another.
func TestTrap_OrderIsByName(t *testing.T) {
	got := signedText(url.Values{"a": {"1"}, "a1": {"2"}, "a-b": {"3"}, "b": {""}, "sign": {"x"}, "sign_type": {"RSA2"}})
	if want := "a=1&a-b=3&a1=2&sign_type=RSA2"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	f, err := parseForm([]byte("a1=2&a=1&a-b=3"))
	if err != nil || string(f.signedText()) != "a=1&a-b=3&a1=2" {
		t.Errorf("text %q, %v", f.signedText(), err)
	}
}

// Trap 11: nothing is repeated by itself, whatever comes back.
func TestTrap_NothingIsRetried(t *testing.T) {
	for _, node := range []string{
		`{"code":"20000","msg":"Service Currently Unavailable","sub_code":"isp.unknow-error"}`,
		`{"code":"40005","msg":"call limited","sub_code":"isv.app-call-limited"}`,
		`{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}`,
	} {
		g := answering(t, node)
		_, err := newClient(t, keyConfig(g.URL)).Refund(t.Context(), refundRequest())
		if err == nil || g.count() != 1 {
			t.Errorf("%d calls, error %v", g.count(), err)
		}
	}
}

// The library is kept from the network, also when it is asked to send.
func TestLibraryCannotSend(t *testing.T) {
	g := answering(t, okNode)
	c := newClient(t, keyConfig(g.URL))
	if _, err := c.requests.TradeQuery(t.Context(), sdk.TradeQuery{OutTradeNo: testAttempt}); err == nil || g.count() != 0 {
		t.Errorf("the library sent %d requests (%v)", g.count(), err)
	}
}

func TestWrongKeySignsNothing(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, p url.Values) {
		_, _ = io.WriteString(w, envelope(nodeName(p.Get("method")), okNode, testKeys().stranger))
	})
	_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

func TestRefusedConnectionIsNotProcessed(t *testing.T) {
	g := answering(t, okNode)
	cfg := keyConfig(g.URL)
	g.Close()
	_, err := newClient(t, cfg).Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
}

func TestEncryptedAnswers(t *testing.T) {
	key, _ := decodeBase64(testAESKey)
	body := func(plain string, signer func(string) string) string {
		node := fmt.Sprintf("%q", encryptForTest(t, plain, key))
		return fmt.Sprintf(`{"alipay_trade_pay_response":%s,"sign":%q}`, node, signer(node))
	}
	ours := func(s string) string { return sign(testKeys().alipay, s) }
	var answer string
	g := newGateway(t, func(w http.ResponseWriter, p url.Values) {
		if p.Get("encrypt_type") != "AES" || strings.Contains(p.Get("biz_content"), "{") {
			t.Errorf("the request is not encrypted: %q", p.Get("biz_content"))
		}
		_, _ = io.WriteString(w, answer)
	})
	cfg := keyConfig(g.URL)
	cfg.EncryptKey = testAESKey
	c := newClient(t, cfg)
	answer = body(okNode, ours)
	if res, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode)); err != nil || res.Status != channels.PayPaid {
		t.Errorf("result %+v, %v", res, err)
	}
	answer = body(okNode, func(s string) string { return sign(testKeys().alipay, strings.Trim(s, `"`)) })
	_, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.BadSignature) // the quotes belong to the signed text
	answer = fmt.Sprintf(`{"alipay_trade_pay_response":"AAAA","sign":%q}`, ours(`"AAAA"`))
	_, err = c.Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}
