package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestWechatpay_Native(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	w.refused("404 ORDER_NOT_EXIST", http.MethodGet, w.byNumber("native1"), nil)

	order := w.order("native1", 1234).and("notify_url", m.URL).and("attach", "附加")
	u, _ := w.ok(http.MethodPost, wpay+"native", order).object["code_url"].(string)
	if !strings.HasPrefix(u, s.server.URL()+"/wechatpay/qr/") {
		t.Fatalf("code_url is %q", u)
	}
	s.expectStatus("native1", "issued")
	r := w.ok(http.MethodGet, w.byNumber("native1"), nil)
	if r.get("trade_state") != "NOTPAY" || r.get("amount", "total") != 1234.0 || r.get("mchid") != w.cred.MchID {
		t.Errorf("an unpaid order: %s", r.raw)
	}
	for _, absent := range []string{"transaction_id", "trade_type", "bank_type", "success_time", "payer"} {
		if r.object[absent] != nil {
			t.Errorf("an unpaid order has %s", absent)
		}
	}
	if again := w.ok(http.MethodPost, wpay+"native", order); again.object["code_url"] != u {
		t.Errorf("the repeat: %s", again.raw)
	}

	page := getPage(t, u)
	if !strings.Contains(page, "¥12.34") || !strings.Contains(page, "微信支付") || !strings.Contains(page, "&lt;b&gt;") {
		t.Errorf("page:\n%s", page)
	}
	s.expectStatus("native1", "waiting")
	s.must(http.MethodPost, "pay", M{"action": qr(u), "result": "cancel"}, nil)
	if w.state("native1") != "NOTPAY" {
		t.Error("the payer's cancel ended the order")
	}
	s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	tr := s.expectStatus("native1", "paid")
	if tr.Account != w.cred.MchID || tr.TimesPaid != 1 || len(*tr.ChannelTradeNo) != 28 || !strings.HasPrefix(*tr.ChannelTradeNo, "42") {
		t.Errorf("books: %+v", tr)
	}
	n := w.checkNotice(m.next(t))
	if n.event != "TRANSACTION.SUCCESS" || n.M["out_trade_no"] != "native1" || n.M["trade_state"] != "SUCCESS" || n.M["trade_type"] != "NATIVE" ||
		n.M["attach"] != "附加" || n.M["amount"].(M)["payer_total"] != 1234.0 || n.serial != w.cred.PublicKeyID {
		t.Errorf("notification: %+v", n)
	}
	for _, target := range []string{w.byNumber("native1"), wpay + "id/" + *tr.ChannelTradeNo + "?mchid=" + w.cred.MchID} {
		r := w.ok(http.MethodGet, target, nil)
		at, err := time.Parse(time.RFC3339, r.get("success_time").(string))
		if err != nil || time.Since(at) > time.Minute || r.get("trade_state") != "SUCCESS" || r.get("transaction_id") != *tr.ChannelTradeNo {
			t.Errorf("query of a paid order: %s", r.raw)
		}
	}
	if status := s.control(http.MethodPost, "pay", payWith(qr(u)), nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	w.refused("400 ORDERPAID", http.MethodPost, wpay+"native", order)
	w.refused("403 OUT_TRADE_NO_USED", http.MethodPost, wpay+"native", order.and("attach", "x"))
	if r := w.close("native1"); r.code() != "400 ORDERPAID" {
		t.Errorf("closing a paid order: %s", r.raw)
	}
	w.refused("404 ORDER_NOT_EXIST", http.MethodGet, wpay+"id/4200000000000000000000000000?mchid="+w.cred.MchID, nil)
}

func TestWechatpay_Wallet(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	prepay := func(product, number string, more biz) string {
		t.Helper()
		order := w.order(number, 100).and("notify_url", m.URL)
		for k, v := range more {
			order[k] = v
		}
		id, _ := w.ok(http.MethodPost, wpay+product, order).object["prepay_id"].(string)
		if len(id) != 36 || !strings.HasPrefix(id, "wx") {
			t.Fatalf("prepay_id is %q", id)
		}
		s.expectStatus(number, "issued")
		return id
	}
	page := prepay("jsapi", "jsapi01", biz{"payer": M{"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}})
	inApp := prepay("app", "app0001", nil)
	refused := func(want int, action M) {
		t.Helper()
		if status := s.control(http.MethodPost, "pay", payWith(action), nil); status != want {
			t.Errorf("%v answered %d, want %d", action, status, want)
		}
	}
	altered := func(params M, name string, value any) M {
		params[name] = value
		return params
	}
	stranger := s.wechatpay()
	second, err := s.server.AddAccount(t.Context(), "wechatpay")
	if err != nil {
		t.Fatal(err)
	}
	stranger.key = newWechatpay(t, wechatpayCredentials{
		MerchantPrivateKey: second.WeChatPay.MerchantPrivateKey, PublicKey: second.WeChatPay.PublicKey, PlatformCert: second.WeChatPay.PlatformCert,
	}).key
	for _, params := range []M{
		altered(w.jsapiParams(page), "nonceStr", "other"), altered(w.jsapiParams(page), "timeStamp", 1763700000),
		altered(w.jsapiParams(page), "package", "prepay_id="+inApp), altered(w.jsapiParams(page), "signType", "MD5"),
		w.jsapiParams(inApp), stranger.jsapiParams(page),
	} {
		refused(http.StatusBadRequest, M{"type": "jsapi", "params": params})
	}
	for _, params := range []M{
		altered(w.appParams(inApp), "package", "prepay_id="+inApp), altered(w.appParams(inApp), "partnerid", "1600000000"),
		altered(w.appParams(inApp), "sign", w.jsapiParams(inApp)["paySign"]), w.appParams(page), stranger.appParams(inApp),
	} {
		refused(http.StatusBadRequest, M{"type": "app", "params": params})
	}
	refused(http.StatusNotFound, M{"type": "app", "params": w.appParams("wx00000000000000000000000000000000")})
	s.expectStatus("jsapi01", "issued")

	s.must(http.MethodPost, "pay", M{"action": M{"type": "jsapi", "params": w.jsapiParams(page)}, "result": "cancel"}, nil)
	s.expectStatus("jsapi01", "waiting")
	s.must(http.MethodPost, "pay", payWith(M{"type": "jsapi", "params": w.jsapiParams(page)}), nil)
	if n := w.checkNotice(m.next(t)); n.M["trade_type"] != "JSAPI" || n.M["payer"].(M)["openid"] != "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" {
		t.Errorf("notification: %+v", n)
	}
	s.must(http.MethodPost, "pay", payWith(M{"type": "app", "params": w.appParams(inApp)}), nil)
	if n := w.checkNotice(m.next(t)); n.M["trade_type"] != "APP" {
		t.Errorf("notification: %+v", n)
	}
}

func TestWechatpay_H5(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	order := w.order("h5-0001", 100).and("scene_info", M{"payer_client_ip": "127.0.0.1", "h5_info": M{"type": "Wap"}})
	u, _ := w.ok(http.MethodPost, wpay+"h5", order).object["h5_url"].(string)
	s.expectStatus("h5-0001", "issued")
	link := u + "&redirect_url=" + url.QueryEscape("https://shop.example/back?a=1")
	if page := getPage(t, link); !strings.Contains(page, "¥1.00") {
		t.Errorf("page:\n%s", page)
	}
	s.expectStatus("h5-0001", "waiting")
	token := u[strings.Index(u, "prepay_id=")+len("prepay_id="):]
	token, _, _ = strings.Cut(token, "&")
	resp := press(t, s.server.URL()+"/wechatpay/cashier/"+token+"/pay")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "https://shop.example/back?a=1" {
		t.Errorf("after the payment: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	s.expectStatus("h5-0001", "paid")
	if w.ok(http.MethodGet, w.byNumber("h5-0001"), nil).get("trade_type") != "MWEB" {
		t.Error("trade_type")
	}
	order["out_trade_no"] = "h5-0002"
	u, _ = w.ok(http.MethodPost, wpay+"h5", order).object["h5_url"].(string)
	s.must(http.MethodPost, "pay", payWith(M{"type": "redirect", "url": u + "&redirect_url=javascript:alert(1)"}), nil)
	s.expectStatus("h5-0002", "paid")
	resp, err := http.Head(u) //nolint:noctx // a preview
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %v", err)
	}
}

func TestWechatpay_PaymentCode(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	r := w.ok(http.MethodPost, wpay+"codepay", w.byCode("code001", 100))
	if r.get("trade_state") != "SUCCESS" || r.get("trade_type") != "MICROPAY" || r.get("out_trade_no") != "code001" {
		t.Errorf("payment by code: %s", r.raw)
	}
	if tr := s.expectStatus("code001", "paid"); len(tr.Notifications) != 0 {
		t.Errorf("a payment by code is notified: %+v", tr)
	}
	if status := s.control(http.MethodPost, "trades/code001/notify", nil, nil); status != http.StatusConflict {
		t.Errorf("a notification of a payment by code answered %d", status)
	}
	w.refused("400 ORDERPAID", http.MethodPost, wpay+"codepay", w.byCode("code001", 100))
	w.refused("400 AUTH_CODE_INVALID", http.MethodPost, wpay+"codepay", w.byCode("code002", 100).and("payer", M{"auth_code": "280000000000000001"}))
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"codepay", w.byCode("code002", 100).and("notify_url", "https://shop.example/"))
	w.refused("400 PARAM_ERROR", http.MethodPost, wpay+"codepay", w.byCode("code002", 100).and("time_expire", "2030-01-01T00:00:00+08:00"))

	// The password: typed, given up, and never typed.
	for _, number := range []string{"code003", "code004", "code005"} {
		for range 2 {
			if r := w.call(http.MethodPost, wpay+"codepay", w.byCode(number, 9006)); r.code() != "202 USERPAYING" {
				t.Fatalf("password asked: %s", r.raw)
			}
		}
		if w.state(number) != "USERPAYING" {
			t.Error("state while the password is asked")
		}
		if r := w.close(number); r.code() != "400 INVALID_REQUEST" || !strings.HasSuffix(r.header.Get("Request-Id"), "-268449641") {
			t.Errorf("closing a payment by code: %s %v", r.raw, r.header)
		}
	}
	s.must(http.MethodPost, "trades/code003/pay", nil, nil)
	if w.state("code003") != "SUCCESS" {
		t.Error("after the password")
	}
	s.must(http.MethodPost, "trades/code004/cancel", nil, nil)
	if w.state("code004") != "PAYERROR" {
		t.Error("after the payer gave up")
	}
	if status := s.control(http.MethodPost, "trades/code004/pay", nil, nil); status != http.StatusConflict {
		t.Errorf("paying with a used code answered %d", status)
	}
	for range 2 {
		if r := w.reverse("code005"); r.status != 200 || r.get("out_trade_no") != "code005" {
			t.Errorf("reversing an unpaid order: %s", r.raw)
		}
	}
	s.expectStatus("code005", "closed")
	if w.state("code005") != "REVOKED" {
		t.Error("a reversed order")
	}
	w.refused("400 ORDER_REVERSED", http.MethodPost, wpay+"codepay", w.byCode("code005", 9006))

	// Reversed after it was paid: the money goes back.
	for range 2 {
		if r := w.reverse("code001"); r.status != 200 {
			t.Errorf("reversing a paid order: %s", r.raw)
		}
	}
	if tr := s.expectStatus("code001", "paid"); len(tr.Refunds) != 1 || tr.Refunds[0].Amount != 100 || tr.Refunds[0].Status != "succeeded" {
		t.Errorf("books: %+v", tr)
	}
	if r := w.ok(http.MethodGet, w.byNumber("code001"), nil); r.get("trade_state") != "REVOKED" || r.get("transaction_id") == nil {
		t.Errorf("a reversed payment: %s", r.raw)
	}
	w.refused("400 ORDER_REVERSED", http.MethodPost, wrefund, wrefundOf("code001", "cr1", 100, 100))
	if r := w.reverse("code099"); r.code() != "404 ORDER_NOT_EXIST" {
		t.Errorf("reversing nothing: %s", r.raw)
	}
	w.ok(http.MethodPost, wpay+"native", w.order("native9", 100))
	if r := w.reverse("native9"); r.code() != "400 INVALID_REQUEST" {
		t.Errorf("reversing a code: %s", r.raw)
	}
}

func TestWechatpay_CloseAndExpiry(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)}
	s := start(t, sandbox.Options{Now: c.now})
	w := s.wechatpay()
	w.now = c.now
	u := w.ok(http.MethodPost, wpay+"native", w.order("close01", 100)).object["code_url"]
	for range 2 {
		if r := w.close("close01"); r.status != http.StatusNoContent || len(r.raw) != 0 {
			t.Fatalf("close: %d %s", r.status, r.raw)
		}
	}
	s.expectStatus("close01", "closed")
	if w.state("close01") != "CLOSED" {
		t.Error("state of a closed order")
	}
	if status := s.control(http.MethodPost, "pay", payWith(qr(u)), nil); status != http.StatusConflict {
		t.Errorf("paying a closed order answered %d", status)
	}
	w.refused("400 ORDER_CLOSED", http.MethodPost, wpay+"native", w.order("close01", 100))
	w.refused("403 OUT_TRADE_NO_USED", http.MethodPost, wpay+"native", w.order("close01", 101))
	if r := w.close("close99"); r.code() != "404 ORDER_NOT_EXIST" {
		t.Errorf("closing nothing: %s", r.raw)
	}

	for limit, good := range map[string]bool{
		"2026-11-21T10:00:59+08:00": false, "2026-11-21T10:01:00+08:00": true, "2026-11-28T10:00:00+08:00": true,
		"2026-11-28T10:00:01+08:00": false, "2026-11-21 10:30:00": false,
	} {
		r := w.call(http.MethodPost, wpay+"native", w.order("limit"+limit[11:13]+limit[14:16]+limit[17:19], 100).and("time_expire", limit))
		if (r.status == 200) != good {
			t.Errorf("time_expire %s: %d %s", limit, r.status, r.raw)
		}
	}
	order := w.order("expire1", 100).and("time_expire", "2026-11-21T15:00:00+08:00")
	first := w.ok(http.MethodPost, wpay+"native", order).object["code_url"]
	w.refused("400 INVALID_REQUEST", http.MethodPost, wpay+"native", order.and("time_expire", "2026-11-21T15:00:01+08:00"))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wpay+"app", order)
	h5 := w.order("expire2", 100).and("scene_info", M{"payer_client_ip": "127.0.0.1", "h5_info": M{"type": "Wap"}})
	link := w.ok(http.MethodPost, wpay+"h5", h5).object["h5_url"]
	c.move(5 * time.Minute)
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "redirect", "url": link}), nil); status != http.StatusConflict {
		t.Errorf("a link after five minutes answered %d", status)
	}
	link = w.ok(http.MethodPost, wpay+"h5", h5).object["h5_url"]
	s.must(http.MethodPost, "pay", payWith(M{"type": "redirect", "url": link}), nil)

	c.move(2 * time.Hour)
	if status := s.control(http.MethodPost, "pay", payWith(qr(first)), nil); status != http.StatusConflict {
		t.Errorf("a code after two hours answered %d", status)
	}
	renewed := w.ok(http.MethodPost, wpay+"native", order).object["code_url"]
	if renewed == first {
		t.Fatal("the code was not renewed")
	}
	if status := s.control(http.MethodPost, "pay", payWith(qr(first)), nil); status != http.StatusNotFound {
		t.Errorf("a replaced code answered %d", status)
	}
	getPage(t, renewed.(string))
	c.move(3 * time.Hour)
	if w.state("expire1") != "CLOSED" {
		t.Error("after its limit")
	}
	eventually(t, "the order is closed in the books", func() bool { return s.trade("expire1").Status == "closed" })
	if r := w.close("expire1"); r.status != http.StatusNoContent {
		t.Errorf("closing an expired order: %s", r.raw)
	}
	if page := getPage(t, renewed.(string)); !strings.Contains(page, "订单已关闭") {
		t.Errorf("page of an expired order:\n%s", page)
	}
}

func TestWechatpay_Partner(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	const root, sub = "/v3/pay/partner/transactions/", "1900000109"
	order := func(number string) biz {
		b := w.order(number, 100).and("sp_appid", w.cred.AppID).and("sp_mchid", w.cred.MchID).and("sub_mchid", sub).and("notify_url", m.URL)
		delete(b, "appid")
		delete(b, "mchid")
		return b
	}
	whose := "?sp_mchid=" + w.cred.MchID + "&sub_mchid=" + sub
	u := w.ok(http.MethodPost, root+"native", order("partner1")).object["code_url"]
	w.refused("400 INVALID_REQUEST", http.MethodGet, w.byNumber("partner1"), nil)
	w.refused("400 INVALID_REQUEST", http.MethodGet, root+"out-trade-no/partner1?sp_mchid="+w.cred.MchID+"&sub_mchid=1900000110", nil)
	s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	n := w.checkNotice(m.next(t))
	if n.M["sp_mchid"] != w.cred.MchID || n.M["sub_mchid"] != sub || n.M["mchid"] != nil {
		t.Errorf("notification: %+v", n)
	}
	r := w.ok(http.MethodGet, root+"out-trade-no/partner1"+whose, nil)
	if r.get("sp_appid") != w.cred.AppID || r.get("sub_mchid") != sub || r.get("appid") != nil || r.get("trade_state") != "SUCCESS" {
		t.Errorf("query: %s", r.raw)
	}
	w.ok(http.MethodGet, root+"id/"+r.get("transaction_id").(string)+whose, nil)
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("partner1", "pr1", 40, 100))
	w.ok(http.MethodPost, wrefund, wrefundOf("partner1", "pr1", 40, 100).and("sub_mchid", sub).and("notify_url", m.URL))
	if n := w.checkNotice(m.next(t)); n.M["sub_mchid"] != sub || n.M["refund_status"] != "SUCCESS" {
		t.Errorf("refund's notification: %+v", n)
	}
	w.ok(http.MethodGet, wrefund+"/pr1?sub_mchid="+sub, nil)

	id := w.ok(http.MethodPost, root+"jsapi", order("partner2").and("payer", M{"sp_openid": "oSpOpenID"})).object["prepay_id"].(string)
	w.refused("400 PARAM_ERROR", http.MethodPost, root+"jsapi", order("partner3").and("payer", M{}))
	s.must(http.MethodPost, "pay", payWith(M{"type": "jsapi", "params": w.jsapiParams(id)}), nil)
	w.ok(http.MethodPost, root+"native", order("partner4"))
	r = w.call(http.MethodPost, root+"out-trade-no/partner4/close", M{"sp_mchid": w.cred.MchID, "sub_mchid": sub})
	if r.status != http.StatusNoContent {
		t.Errorf("close: %s", r.raw)
	}
	code := order("partner5").and("payer", M{"auth_code": "130000000000000001"}).and("scene_info", M{"store_info": M{"out_id": "1"}})
	delete(code, "notify_url")
	if r := w.ok(http.MethodPost, root+"codepay", code); r.get("sub_mchid") != sub {
		t.Errorf("payment by code: %s", r.raw)
	}
}

func TestWechatpay_NotificationsAreRetried(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	m.say = func(n int) (int, string) { return []int{500, 404, 302, 204}[min(n, 3)], "" }
	w.asks = "" // an account that asks for nothing is in public-key mode
	u := w.ok(http.MethodPost, wpay+"native", w.order("retry01", 100).and("notify_url", m.URL)).object["code_url"]
	s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	id, signature := "", ""
	for range 4 {
		r := m.next(t)
		n := w.checkNotice(r)
		if (id != "" && n.id != id) || r.header.Get("Wechatpay-Signature") == signature {
			t.Errorf("a retry: id %s, then %s", id, n.id)
		}
		id, signature = n.id, r.header.Get("Wechatpay-Signature")
	}
	eventually(t, "four tries are in the books, the last one acknowledged", func() bool {
		n := s.trade("retry01").Notifications
		return len(n) == 4 && n[3].Acknowledged && !n[2].Acknowledged
	})

	// An account that asks for the platform certificate is notified with it.
	for serial := range w.keys {
		if serial != w.cred.PublicKeyID {
			w.asks = serial
		}
	}
	u = w.ok(http.MethodPost, wpay+"native", w.order("retry02", 100).and("notify_url", m.URL)).object["code_url"]
	s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	if n := w.checkNotice(m.next(t)); n.serial != w.asks {
		t.Errorf("notified with %s", n.serial)
	}

	// Forged ones: signed by somebody else, and probes.
	s.must(http.MethodPost, "notifications", `{"channel":"wechatpay","forge":true}`, nil)
	probes := 0
	for _, number := range []string{"forge01", "forge02"} {
		u = w.ok(http.MethodPost, wpay+"native", w.order(number, 100).and("notify_url", m.URL)).object["code_url"]
		s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
		forged := m.next(t)
		if w.check(forged.header, []byte(forged.raw)) == nil {
			t.Error("a forged notification verifies")
		}
		if strings.HasPrefix(forged.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/") {
			probes++
		}
		if n := w.checkNotice(m.next(t)); n.M["out_trade_no"] != number {
			t.Errorf("notification: %+v", n)
		}
	}
	if probes != 1 {
		t.Errorf("%d of two forged notifications are probes", probes)
	}
	s.must(http.MethodPost, "notifications", `{}`, nil)
	var answer struct {
		HTTPStatus int `json:"http_status"`
		Body       string
	}
	m.say = func(int) (int, string) { return 418, `{"code":"FAIL"}` }
	s.must(http.MethodPost, "trades/forge01/notify", nil, &answer)
	if answer.HTTPStatus != 418 || answer.Body != `{"code":"FAIL"}` {
		t.Errorf("on demand: %+v", answer)
	}
	w.checkNotice(m.next(t))
}

func TestWechatpay_Certificates(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	r := w.ok(http.MethodGet, "/v3/certificates?algorithm_type=RSA", nil)
	data, _ := r.object["data"].([]any)
	if len(data) != 1 {
		t.Fatalf("certificates: %s", r.raw)
	}
	first := data[0].(M)
	resource := first["encrypt_certificate"].(M)
	plain, err := w.open(resource)
	if err != nil || string(plain) != w.cred.PlatformCert {
		t.Errorf("the certificate is not the one in the credentials: %v", err)
	}
	if w.keys[first["serial_no"].(string)] == nil || len(first["serial_no"].(string)) != 40 {
		t.Errorf("serial_no %v", first["serial_no"])
	}
	resource["associated_data"] = "other"
	if _, err := w.open(resource); err == nil {
		t.Error("the associated data does not count")
	}
	from, err1 := time.Parse(time.RFC3339, first["effective_time"].(string))
	until, err2 := time.Parse(time.RFC3339, first["expire_time"].(string))
	if err1 != nil || err2 != nil || time.Now().Before(from) || time.Now().After(until) {
		t.Errorf("valid from %v until %v", first["effective_time"], first["expire_time"])
	}
}

// TestWechatpay_SandboxAddress calls under the sandbox's own address, with either path signed.
func TestWechatpay_SandboxAddress(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	w.base = s.server.URL() + "/wechatpay"
	w.ok(http.MethodPost, wpay+"native", w.order("addr001", 100))
	req := w.request(http.MethodGet, w.byNumber("addr001"), nil)
	inner := *w
	inner.base = w.cred.BaseURL
	req.Header.Set("Authorization", inner.request(http.MethodGet, w.byNumber("addr001"), nil).Header.Get("Authorization"))
	resp, err := w.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	var o M
	if err := json.Unmarshal(raw, &o); err != nil || resp.StatusCode != 200 || w.check(resp.Header, raw) != nil {
		t.Errorf("the API's own path: %d %s", resp.StatusCode, raw)
	}
}
