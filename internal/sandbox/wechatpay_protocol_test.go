package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestWechatpay_AuthorizationIsHeldToTheLetter(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)}
	s := start(t, sandbox.Options{Now: c.now})
	w := s.wechatpay()
	w.now = c.now
	second, err := s.server.AddAccount(t.Context(), "wechatpay")
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			changed := strings.Replace(r.Header.Get("Authorization"), from, to, 1)
			if changed == r.Header.Get("Authorization") {
				t.Errorf("%q is not in %s", from, changed)
			}
			r.Header.Set("Authorization", changed)
		}
	}
	for name, tamper := range map[string]func(*http.Request){
		"no header":          func(r *http.Request) { r.Header.Del("Authorization") },
		"two headers":        func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"another scheme":     replaced("WECHATPAY2-SHA256-RSA2048", "WECHATPAY2-SM2-WITH-SM3"),
		"unknown merchant":   replaced(`mchid="`+w.cred.MchID, `mchid="1600000000`),
		"another's name":     replaced(`mchid="`+w.cred.MchID, `mchid="`+second.WeChatPay.MchID),
		"another's serial":   replaced(w.cred.Serial, second.WeChatPay.Serial),
		"doubled parameter":  replaced(`timestamp="`, `nonce_str="x",timestamp="`),
		"unknown parameter":  replaced(`timestamp="`, `x="x",timestamp="`),
		"missing parameter":  replaced(`,serial_no="`+w.cred.Serial+`"`, ""),
		"another nonce":      replaced(`nonce_str="`, `nonce_str="0`),
		"another time":       replaced(`timestamp="`+strconv.FormatInt(c.now().Unix(), 10), `timestamp="`+strconv.FormatInt(c.now().Unix()+1, 10)),
		"time with a letter": replaced(`timestamp="`, `timestamp="x`),
		"another query":      func(r *http.Request) { r.URL.RawQuery += "&x=1" },
		"another path":       func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "auth001", "auth002", 1) },
		"query written else": func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "mchid=", "%6dchid=", 1) },
	} {
		w.tampers = tamper
		r := w.call(http.MethodGet, w.byNumber("auth001"), nil)
		if r.code() != "401 SIGN_ERROR" || r.header.Get("Wechatpay-Signature") != "" {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
	w.tampers = nil
	for _, skew := range []time.Duration{-301 * time.Second, -300 * time.Second, 300 * time.Second, 301 * time.Second} {
		w.now = func() time.Time { return c.now().Add(skew) }
		resp, err := w.http.Do(w.request(http.MethodGet, w.byNumber("auth001"), nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		want := http.StatusNotFound // the order does not exist: the signature was taken
		if skew > 300*time.Second || skew < -300*time.Second {
			want = http.StatusUnauthorized
		}
		if resp.StatusCode != want {
			t.Errorf("a clock that is %s off: %d, want %d", skew, resp.StatusCode, want)
		}
	}
	w.now = c.now

	// Every byte of the body is signed, the line end of some SDKs too.
	w.ok(http.MethodPost, wpay+"native", w.order("auth003", 100))
	r := w.request(http.MethodPost, wpay+"native", []byte(`{"x":1}`))
	other := w.request(http.MethodPost, wpay+"native", []byte(`{"x":1} `))
	r.Header.Set("Authorization", other.Header.Get("Authorization"))
	resp, err := w.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a body that was not signed: %d", resp.StatusCode)
	}
	refusal := w.call(http.MethodGet, w.byNumber("auth004"), nil)
	if refusal.code() != "404 ORDER_NOT_EXIST" || !strings.HasSuffix(refusal.header.Get("Request-Id"), "-268512771") {
		t.Errorf("refusal: %s %v", refusal.raw, refusal.header)
	}
}

func TestWechatpay_AnswersAreSignedAsAsked(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	for serial := range w.keys {
		w.asks = serial
		if r := w.ok(http.MethodPost, wpay+"native", w.order("asked-"+serial[:8], 100)); r.header.Get("Wechatpay-Serial") != serial {
			t.Errorf("asked for %s, answered with %s", serial, r.header.Get("Wechatpay-Serial"))
		}
		if r := w.close("asked-" + serial[:8]); r.status != http.StatusNoContent || r.header.Get("Wechatpay-Serial") != serial {
			t.Errorf("close: %v", r.header)
		}
	}
	w.asks = ""
	if r := w.ok(http.MethodPost, wpay+"native", w.order("asked-none", 100)); r.header.Get("Wechatpay-Serial") != w.cred.PublicKeyID {
		t.Errorf("answered with %s", r.header.Get("Wechatpay-Serial"))
	}
	w.asks = strings.Repeat("A", 40)
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"native", w.order("asked-else", 100))
}

func TestWechatpay_Parameters(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	good := w.order("param-01", 100)
	without := func(name string) biz {
		b := good.and(name, nil)
		delete(b, name)
		return b
	}
	for name, body := range map[string]any{
		"extra":                 good.and("appId", w.cred.AppID),
		"extra within":          good.and("amount", M{"total": 100, "currency": "CNY", "payer_total": 100}),
		"no number":             without("out_trade_no"),
		"no notify_url":         without("notify_url"),
		"no amount":             without("amount"),
		"null":                  good.and("description", nil),
		"empty":                 good.and("description", ""),
		"long description":      good.and("description", strings.Repeat("长", 128)),
		"emoji":                 good.and("description", "咖啡😀"),
		"short number":          good.and("out_trade_no", "12345"),
		"long number":           good.and("out_trade_no", strings.Repeat("1", 33)),
		"number with a blank":   good.and("out_trade_no", "param 01"),
		"fraction":              good.and("amount", M{"total": 1.5}),
		"amount as text":        good.and("amount", M{"total": "100"}),
		"nothing":               good.and("amount", M{"total": 0}),
		"dollars":               good.and("amount", M{"total": 100, "currency": "USD"}),
		"notify_url with query": good.and("notify_url", "https://shop.example/notify?x=1"),
		"notify_url by ftp":     good.and("notify_url", "ftp://shop.example/notify"),
		"another merchant":      good.and("mchid", "1600000000"),
		"bad profit_sharing":    good.and("settle_info", M{"profit_sharing": "true"}),
		"bad detail":            good.and("detail", M{"goods_detail": []any{1}}),
		"not JSON":              `{"appid":`,
		"array":                 `[]`,
		"two objects":           `{}{}`,
		"bytes":                 "{\"appid\":\"\xff\"}",
		"exponent":              strings.Replace(mustJSON(t, good), `"total":100`, `"total":1e2`, 1),
	} {
		r := w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"native", body)
		if detail, _ := r.object["detail"].(M); detail["location"] == "" {
			t.Errorf("%s: %s", name, r.raw)
		}
	}
	r := w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"native", good.and("extra", 1))
	if r.get("detail", "field") != "/extra" || !strings.HasSuffix(r.header.Get("Request-Id"), "-270924358") {
		t.Errorf("an extra parameter: %s %v", r.raw, r.header)
	}
	w.refused("400 APPID_MCHID_NOT_MATCH", http.MethodPost, wpay+"native", good.and("appid", "wx0000000000000000"))
	w.refused("403 RULE_LIMIT", http.MethodPost, wpay+"native", good.and("amount", M{"total": 5_000_001}))
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"jsapi", good)
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"h5", good)
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"native", good.and("payer", M{"openid": "x"}))
	w.refused("400 PARAM_ERROR", http.MethodGet, wpay+"out-trade-no/param-01", nil)
	w.refused("400 PARAM_ERROR", http.MethodGet, w.byNumber("param-01")+"&sub_mchid=1900000109", nil)
	w.refused("404 NOT_FOUND", http.MethodGet, "/v3/nothing", nil)
	w.refused("404 NOT_FOUND", http.MethodDelete, wpay+"native", nil)
	if status := s.control(http.MethodGet, "trades/param-01", nil, nil); status != http.StatusNotFound {
		t.Error("a refused order is in the books")
	}
	w.ok(http.MethodPost, wpay+"native", good.and("out_trade_no", "a|b*c_-1").and("detail", M{"goods_detail": []any{
		M{"merchant_goods_id": "1", "quantity": 1, "unit_price": 100},
	}}).and("scene_info", M{"payer_client_ip": "::1", "device_id": "d1", "store_info": M{"id": "1"}}))
	target := w.byNumber("a%7Cb%2Ac_-1")
	if r := w.ok(http.MethodGet, target, nil); r.get("out_trade_no") != "a|b*c_-1" || r.get("scene_info", "device_id") != "d1" {
		t.Errorf("a number with signs: %s", r.raw)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
