package wechatpay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/internal/money"
)

const prepayID = "wx201410272009395522657a690389285100"

// prepaid answers every order with what its kind is answered with.
func prepaid(t testing.TB) *gateway {
	return newGateway(t, func(w http.ResponseWriter, r seen) {
		path, _, _ := strings.Cut(r.target, "?")
		body := map[string]string{
			"native": `{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}`,
			"jsapi":  `{"prepay_id":"` + prepayID + `"}`,
			"app":    `{"prepay_id":"` + prepayID + `"}`,
			"h5":     `{"h5_url":"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=4049184564"}`,
		}[path[strings.LastIndexByte(path, '/')+1:]]
		wechat().write(w, http.StatusOK, body)
	})
}

// checkSigned checks a front-end signature over its four lines.
func checkSigned(t *testing.T, signature string, lines ...string) {
	t.Helper()
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	if rsa.VerifyPKCS1v15(&testKeys().merchant.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		t.Errorf("the front-end signature does not hold over %q", lines)
	}
}

func wantBody(t *testing.T, got seen, target, body string) {
	t.Helper()
	if got.target != target || got.method != http.MethodPost {
		t.Errorf("asked %s %s, want POST %s", got.method, got.target, target)
	}
	var want map[string]any
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if fields := got.fields(t); !reflect.DeepEqual(fields, want) {
		t.Errorf("asked with\n%v\nwant\n%v", fields, want)
	}
}

const orderHead = `"description":"coffee","out_trade_no":"` + testAttempt + `","notify_url":"` + testNotify +
	`","time_expire":"2026-11-22T01:00:05+08:00","amount":{"total":8880,"currency":"CNY"}`

const direct = `"appid":"` + testAppID + `","mchid":"` + testMchID + `",`

func TestPayNative(t *testing.T) {
	g := prepaid(t)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneQR))
	if err != nil || res.Status != channels.PayWaiting || res.AttemptID != "" {
		t.Fatalf("result %+v, %v", res, err)
	}
	if a := res.Action; a.Type != channels.ActionQRCode || a.CodeURL != "weixin://wxpay/bizpayurl?pr=p4lpSuKzz" {
		t.Errorf("action %+v", a)
	}
	wantBody(t, g.last(), "/v3/pay/transactions/native", `{`+direct+orderHead+`}`)
	if id := g.last().header.Get("Wechatpay-Serial"); id != testKeyID {
		t.Errorf("the answer is asked for under key %q", id)
	}
}

func TestPayH5(t *testing.T) {
	g := prepaid(t)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneH5))
	if err != nil || res.Status != channels.PayWaiting || res.Action.Type != channels.ActionRedirect {
		t.Fatalf("result %+v, %v", res, err)
	}
	const want = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=4049184564" +
		"&redirect_url=https%3A%2F%2Fshop.example.com%2Fback%3Fa%3D1%26b%3D2"
	if res.Action.URL != want {
		t.Errorf("address %s", res.Action.URL)
	}
	wantBody(t, g.last(), "/v3/pay/transactions/h5",
		`{`+direct+orderHead+`,"scene_info":{"payer_client_ip":"203.0.113.7","h5_info":{"type":"Wap"}}}`)
}

func TestReturnAddressIsAddedToAnyAddress(t *testing.T) {
	for _, tt := range []struct{ h5, back, want string }{
		{"https://a/b?c=d", "", "https://a/b?c=d"},
		{"https://a/b", "https://e/?f", "https://a/b?redirect_url=https%3A%2F%2Fe%2F%3Ff"},
		{"https://a/b?c=%2F", "https://e", "https://a/b?c=%2F&redirect_url=https%3A%2F%2Fe"},
		{"https://a/b?c#d", "https://e", "https://a/b?c&redirect_url=https%3A%2F%2Fe#d"},
	} {
		if got := withReturn(tt.h5, tt.back); got != tt.want {
			t.Errorf("withReturn(%q, %q) = %q", tt.h5, tt.back, got)
		}
	}
}

func TestPayApp(t *testing.T) {
	g := prepaid(t)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneApp))
	if err != nil || res.Action.Type != channels.ActionApp {
		t.Fatalf("result %+v, %v", res, err)
	}
	p := res.Action.Params.(map[string]string)
	if p["appid"] != testAppID || p["partnerid"] != testMchID || p["prepayid"] != prepayID || p["package"] != "Sign=WXPay" || len(p) != 7 {
		t.Errorf("params %v", p)
	}
	checkSigned(t, p["sign"], testAppID, p["timestamp"], p["noncestr"], prepayID)
	wantBody(t, g.last(), "/v3/pay/transactions/app", `{`+direct+orderHead+`}`)
}

func TestPayJSAPI(t *testing.T) {
	g := prepaid(t)
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneJSAPI))
	if err != nil || res.Action.Type != channels.ActionJSAPI {
		t.Fatalf("result %+v, %v", res, err)
	}
	p := res.Action.Params.(map[string]string)
	if p["appId"] != testAppID || p["package"] != "prepay_id="+prepayID || p["signType"] != "RSA" || p["timeStamp"] != "1795278605" || len(p) != 6 {
		t.Errorf("params %v", p)
	}
	checkSigned(t, p["paySign"], testAppID, p["timeStamp"], p["nonceStr"], "prepay_id="+prepayID)
	wantBody(t, g.last(), "/v3/pay/transactions/jsapi", `{`+direct+orderHead+`,"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`)
}

func TestPayCode(t *testing.T) {
	g := answering(t, http.StatusOK, transaction(map[string]any{"trade_type": "MICROPAY"}))
	res, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
	if err != nil || res.Status != channels.PayPaid || res.AttemptID != testAttempt {
		t.Fatalf("result %+v, %v", res, err)
	}
	if p := res.Paid; p.Amount != adaptertest.CNY(8880) || p.ChannelTradeNo != testTradeNo || !p.PaidAt.Equal(time.Date(2026, 11, 21, 16, 30, 1, 0, time.UTC)) {
		t.Errorf("paid %+v", p)
	}
	wantBody(t, g.last(), "/v3/pay/transactions/codepay", `{`+direct+`"description":"coffee","out_trade_no":"`+testAttempt+
		`","amount":{"total":8880,"currency":"CNY"},"payer":{"auth_code":"130000000000000001"},"scene_info":{"store_info":{"id":"0001"}}}`)
}

func TestPayCodeAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   channels.PayStatus
	}{
		"password asked":       {http.StatusAccepted, `{"code":"USERPAYING","message":"需要用户输入支付密码"}`, channels.PayWaiting},
		"password asked, told": {http.StatusOK, transaction(map[string]any{"trade_state": "USERPAYING", "transaction_id": nil, "success_time": nil}), channels.PayWaiting},
		"reversed meanwhile":   {http.StatusOK, transaction(map[string]any{"trade_state": "REVOKED"}), channels.PayUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := newClient(t, keyConfig(answering(t, tt.status, tt.body).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
			if err != nil || res.Status != tt.want || res.Action != nil {
				t.Errorf("result %+v, %v", res, err)
			}
		})
	}
	failed := transaction(map[string]any{"trade_state": "PAYERROR", "trade_state_desc": "余额不足", "transaction_id": nil, "success_time": nil})
	_, err := newClient(t, keyConfig(answering(t, http.StatusOK, failed).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.Declined)
	var e *channels.Error
	if !errors.As(err, &e) || e.Code != "PAYERROR" || e.Message != "余额不足" {
		t.Errorf("error %+v", e)
	}
	for _, body := range []string{
		strings.Replace(failed, testAttempt, testRefund, 1),
		transaction(map[string]any{"out_trade_no": nil}),
		transaction(map[string]any{"trade_state": "NEW"}),
		transaction(map[string]any{"mchid": "1900000000"}),
		transaction(map[string]any{"amount": map[string]any{"total": 88.8}}),
		transaction(map[string]any{"amount": map[string]any{"total": "8880"}}),
		transaction(map[string]any{"amount": map[string]any{"total": 8880, "currency": "ZZZ"}}),
		transaction(map[string]any{"amount": nil}),
		`[]`, ``, `{"a":1}{}`,
	} {
		_, err := newClient(t, keyConfig(answering(t, http.StatusOK, body).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestPayForPartner(t *testing.T) {
	const head = `"sp_appid":"` + testAppID + `","sp_mchid":"` + testMchID + `",`
	g := prepaid(t)
	cfg := partnerConfig(g.URL)
	c := newClient(t, cfg)
	res, err := c.Pay(t.Context(), payRequest(channels.SceneJSAPI))
	if err != nil {
		t.Fatal(err)
	}
	wantBody(t, g.last(), "/v3/pay/partner/transactions/jsapi",
		`{`+head+`"sub_mchid":"1900000109",`+orderHead+`,"payer":{"sp_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`)
	if p := res.Action.Params.(map[string]string); p["appId"] != testAppID {
		t.Errorf("params %v", p)
	}
	cfg.SubAppID = "wxsub00000000000001"
	c = newClient(t, cfg)
	if _, err = c.Pay(t.Context(), payRequest(channels.SceneJSAPI)); err != nil {
		t.Fatal(err)
	}
	wantBody(t, g.last(), "/v3/pay/partner/transactions/jsapi",
		`{`+head+`"sub_appid":"wxsub00000000000001","sub_mchid":"1900000109",`+orderHead+`,"payer":{"sub_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`)
	if res, err = c.Pay(t.Context(), payRequest(channels.SceneApp)); err != nil {
		t.Fatal(err)
	}
	p := res.Action.Params.(map[string]string)
	if p["appid"] != "wxsub00000000000001" || p["partnerid"] != "1900000109" {
		t.Errorf("params %v", p)
	}
	checkSigned(t, p["sign"], "wxsub00000000000001", p["timestamp"], p["noncestr"], prepayID)
}

func TestWhatCannotBeAskedForIsNotSent(t *testing.T) {
	g := prepaid(t)
	c := newClient(t, keyConfig(g.URL))
	usd, err := money.New(100, money.Currency("USD"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*channels.PayRequest){
		"scene":    func(r *channels.PayRequest) { r.Attempt.Scene = channels.SceneWeb },
		"currency": func(r *channels.PayRequest) { r.Attempt.Amount = usd },
		"limit":    func(r *channels.PayRequest) { r.Attempt.ExpiresAt = time.Time{} },
		"query":    func(r *channels.PayRequest) { r.NotifyURL += "?a=b" },
	} {
		req := payRequest(channels.SceneQR)
		change(&req)
		_, err := c.Pay(t.Context(), req)
		if got := channels.OutcomeOf(err); err == nil || got != channels.NotProcessed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g.count() != 0 {
		t.Errorf("%d requests were sent", g.count())
	}
}

func TestDescription(t *testing.T) {
	for in, want := range map[string]string{
		"coffee":                 "coffee",
		"拿铁☕":                    "拿铁☕",
		"cake 🍰 and 𠮷":           "cake ? and ?",
		"a\tb\x00c":              "a b c",
		" \n":                    "订单",
		"":                       "订单",
		strings.Repeat("长", 200): strings.Repeat("长", 127),
		"bad\xffutf8":            "bad\uFFFDutf8",
	} {
		if got := description(in); got != want {
			t.Errorf("description(%q) = %q, want %q", in, got, want)
		}
	}
	if got := reason(strings.Repeat("长", 200)); len([]rune(got)) != 80 {
		t.Errorf("a reason of %d characters", len([]rune(got)))
	}
}

func TestRepeatedOrderIsTheSameRequest(t *testing.T) {
	g := prepaid(t)
	c := newClient(t, keyConfig(g.URL))
	for range 2 {
		if _, err := c.Pay(t.Context(), payRequest(channels.SceneH5)); err != nil {
			t.Fatal(err)
		}
	}
	if all := g.requests(); all[0].body != all[1].body || all[0].target != all[1].target {
		t.Errorf("the same order is asked for as %q and %q", all[0].body, all[1].body)
	}
}

func TestCapabilities(t *testing.T) {
	caps := newClient(t, keyConfig("https://api.mch.weixin.qq.com")).Capabilities()
	if s := caps.Scenes[channels.SceneBarcode]; s.PayRepeatable || len(caps.Scenes) != 5 {
		t.Errorf("scenes %+v", caps.Scenes)
	}
	if s := caps.Scenes[channels.SceneH5]; s.ActionTTL != 5*time.Minute || !s.PayRepeatable || caps.Scenes[channels.SceneQR].ActionTTL != 2*time.Hour {
		t.Errorf("scenes %+v", caps.Scenes)
	}
	if !caps.CanClose || !caps.RefundRepeatable || caps.RefundSpacing != time.Minute || caps.RefundNotFoundAfter != time.Minute || caps.RefundWindow != 365*24*time.Hour {
		t.Errorf("capabilities %+v", caps)
	}
}

func TestBaseAddressWithPathIsSigned(t *testing.T) {
	g := prepaid(t)
	if _, err := newClient(t, keyConfig(g.URL+"/wechatpay/")).Pay(t.Context(), payRequest(channels.SceneQR)); err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(g.last().target); err != nil || u.Path != "/wechatpay/v3/pay/transactions/native" {
		t.Errorf("target %s", g.last().target)
	}
}
