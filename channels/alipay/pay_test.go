package alipay

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

const okNode = `{"code":"10000","msg":"Success","out_trade_no":"` + testAttempt + `","trade_no":"` + testTradeNo + `",` +
	`"qr_code":"https:\/\/qr.alipay.com\/bax00000","total_amount":"88.80","gmt_payment":"2026-11-22 00:30:01"}`

// checkOrder checks what every order carries.
func checkOrder(t *testing.T, p url.Values, method, product string) map[string]any {
	t.Helper()
	b := biz(t, p)
	for name, want := range map[string]string{
		"method": method, "app_id": testAppID, "charset": "utf-8", "sign_type": "RSA2", "version": "1.0", "format": "JSON",
		"timestamp": "2026-11-22 00:30:05", "notify_url": "https://pay.example.com/notify/alipay/1",
	} {
		if p.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, p.Get(name), want)
		}
	}
	for name, want := range map[string]string{
		"out_trade_no": testAttempt, "total_amount": "88.80", "subject": "coffee", "product_code": product,
		"seller_id": testSellerID, "time_expire": "2026-11-22 01:00:05",
	} {
		if b[name] != want {
			t.Errorf("%s is %v, want %q", name, b[name], want)
		}
	}
	if _, ok := b["timeout_express"]; ok {
		t.Error("the order carries the relative timeout_express")
	}
	for name, v := range b {
		if v == "" {
			t.Errorf("%s is sent empty", name)
		}
	}
	return b
}

func TestPayQR(t *testing.T) {
	g := answering(t, okNode)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneQR))
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != channels.PayWaiting || res.AttemptID != testAttempt || res.Action.Type != channels.ActionQRCode || res.Action.CodeURL != "https://qr.alipay.com/bax00000" {
		t.Errorf("result %+v, action %+v", res, res.Action)
	}
	checkOrder(t, g.last(), "alipay.trade.precreate", "FACE_TO_FACE_PAYMENT")
}

func TestPayBarcode(t *testing.T) {
	g := answering(t, okNode)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != channels.PayPaid || res.Paid.Amount.Minor() != 8880 || res.Paid.ChannelTradeNo != testTradeNo || res.Paid.PaidAt.Unix() != testNow.Unix()-4 {
		t.Errorf("result %+v", res)
	}
	b := checkOrder(t, g.last(), "alipay.trade.pay", "FACE_TO_FACE_PAYMENT")
	if b["auth_code"] != "280000000000000001" || b["scene"] != "bar_code" {
		t.Errorf("content %v", b)
	}
}

func TestPayBarcodeWaitsForThePassword(t *testing.T) {
	const node = `{"code":"10003","msg":"order success pay inprocess","out_trade_no":"` + testAttempt + `","trade_no":"` + testTradeNo + `"}`
	c := newClient(t, keyConfig(answering(t, node).URL))
	res, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
	if err != nil || res.Status != channels.PayWaiting || res.Action != nil {
		t.Errorf("result %+v, error %v", res, err)
	}
	_, err = c.Pay(t.Context(), payRequest(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

func TestPayJSAPIChoosesThePayersField(t *testing.T) {
	g := answering(t, okNode)
	c := newClient(t, keyConfig(g.URL))
	for payer, field := range map[string]string{
		"2088000000000009":  "buyer_id",
		"20880000000000091": "buyer_open_id",
		"2088abcd00000000":  "buyer_open_id",
		"074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5": "buyer_open_id",
	} {
		req := payRequest(channels.SceneJSAPI)
		req.PayerID = payer
		res, err := c.Pay(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		params, _ := json.Marshal(res.Action)
		if string(params) != `{"type":"jsapi","params":{"trade_no":"`+testTradeNo+`"}}` {
			t.Errorf("action %s", params)
		}
		b := checkOrder(t, g.last(), "alipay.trade.create", "JSAPI_PAY")
		if b[field] != payer || (b["buyer_id"] != nil && b["buyer_open_id"] != nil) {
			t.Errorf("payer %s: content %v", payer, b)
		}
	}
}

func TestPayLinksAreSignedAndLocal(t *testing.T) {
	c := newClient(t, keyConfig("https://openapi.example.com/gateway.do"))
	for scene, want := range map[channels.Scene][2]string{
		channels.SceneWeb: {"alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"},
		channels.SceneH5:  {"alipay.trade.wap.pay", "QUICK_WAP_WAY"},
		channels.SceneApp: {"alipay.trade.app.pay", "QUICK_MSECURITY_PAY"},
	} {
		t.Run(string(scene), func(t *testing.T) {
			res, err := c.Pay(t.Context(), payRequest(scene))
			if err != nil {
				t.Fatal(err)
			}
			var query string
			if scene == channels.SceneApp {
				query = res.Action.Params.(string)
			} else {
				if res.Action.Type != channels.ActionRedirect || !strings.HasPrefix(res.Action.URL, "https://openapi.example.com/gateway.do?") {
					t.Fatalf("action %+v", res.Action)
				}
				_, query, _ = strings.Cut(res.Action.URL, "?")
			}
			p, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			verifyRequest(t, p)
			checkOrder(t, p, want[0], want[1])
			if scene != channels.SceneApp && p.Get("return_url") != "https://shop.example.com/back?a=1&b=2" {
				t.Errorf("return_url %q", p.Get("return_url"))
			}
		})
	}
}

// TestLibraryAgreesWithOurSignatures lets the library, as a second judge, read
// what this package signs the way an answer's reader would.
func TestLibraryAgreesWithOurSignatures(t *testing.T) {
	c := newClient(t, keyConfig("https://openapi.example.com/gateway.do"))
	judge, err := sdk.New(testAppID, adaptertest.PrivatePEM(testKeys().app), false)
	if err != nil {
		t.Fatal(err)
	}
	values, err := c.requests.URLValues(c.request(sdk.TradePreCreate{Trade: c.trade(payRequest(channels.SceneQR), productFaceToFace)}))
	if err != nil {
		t.Fatal(err)
	}
	ours := values.Get("sign")
	values.Del("sign")
	theirs, err := judge.SignValues(values)
	if err != nil {
		t.Fatal(err)
	}
	if sig, _ := decodeBase64(ours); string(sig) != string(theirs) {
		t.Error("the library signs the same parameters otherwise")
	}
}

func TestSubjectOfThisChannel(t *testing.T) {
	for in, want := range map[string]string{
		"coffee":                 "coffee",
		"a/b=c&d":                "a／b＝c＆d",
		"tab\tand\u0085next":     "tab and next",
		" ":                      "订单",
		strings.Repeat("长", 300): strings.Repeat("长", 256),
	} {
		if got := subject(in); got != want {
			t.Errorf("subject(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPayRefusesWhatItCannotSay(t *testing.T) {
	c := newClient(t, keyConfig("https://openapi.example.com/gateway.do"))
	strange := payRequest("carrier_pigeon")
	_, err := c.Pay(t.Context(), strange)
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
	unlimited := payRequest(channels.SceneWeb)
	unlimited.Attempt.ExpiresAt = time.Time{}
	_, err = c.Pay(t.Context(), unlimited)
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
}
