package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/sandbox"
)

func payWith(action any) map[string]any { return map[string]any{"action": action, "result": "pay"} }

func TestAlipay_Code(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)

	r := a.ok(precreate, order("code1", "12.34"), notifyTo(m))
	codeURL := r.get("qr_code")
	if !strings.HasPrefix(codeURL, s.server.URL()+"/alipay/qr/") {
		t.Fatalf("qr_code is %q", codeURL)
	}
	s.expectStatus("code1", "issued")
	a.refused("40004 ACQ.TRADE_NOT_EXIST", query, numbered("code1"))
	a.refused("40004 ACQ.TRADE_NOT_EXIST", closing, numbered("code1"))
	if again := a.ok(precreate, order("code1", "12.34"), notifyTo(m)); again.get("qr_code") != codeURL {
		t.Error("the same order gave another code while the first lives")
	}
	a.refused("40004 ACQ.CONTEXT_INCONSISTENT", precreate, order("code1", "12.35"))

	page := getPage(t, codeURL)
	for _, want := range []string{"¥12.34", "一杯咖啡 &amp; &lt;b&gt;", "<form method=\"post\""} {
		if !strings.Contains(page, want) {
			t.Errorf("the payer's page lacks %q", want)
		}
	}
	s.expectStatus("code1", "waiting")
	if r := a.ok(query, numbered("code1")); r.get("trade_status") != "WAIT_BUYER_PAY" {
		t.Errorf("query of a scanned code: %v", r)
	}

	var paid trade
	s.must(http.MethodPost, "pay", payWith(map[string]any{"type": "qr_code", "code_url": codeURL}), &paid)
	if paid.Status != "paid" || paid.TimesPaid != 1 || paid.PaidAt == nil {
		t.Errorf("after the payment: %+v", paid)
	}
	v := a.checkCallback(m.next(t))
	if v["trade_status"] != "TRADE_SUCCESS" || v["total_amount"] != "12.34" || v["out_trade_no"] != "code1" || v["trade_no"] != *paid.ChannelTradeNo {
		t.Errorf("callback: %v", v)
	}
	if ok, _ := regexp.MatchString(`^20\d{26}$`, v["trade_no"]); !ok {
		t.Errorf("trade_no is %q", v["trade_no"])
	}
	r = a.ok(query, biz{"trade_no": v["trade_no"]})
	if r.get("trade_status") != "TRADE_SUCCESS" || r.get("out_trade_no") != "code1" || r.get("total_amount") != "12.34" {
		t.Errorf("query after payment: %v", r)
	}
	if status := s.control(http.MethodPost, "trades/code1/pay", nil, nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	a.refused("40004 ACQ.TRADE_HAS_SUCCESS", precreate, order("code1", "12.34"))
	eventually(t, "the acknowledged callback is in the books", func() bool {
		n := s.trade("code1").Notifications
		return len(n) == 1 && n[0].HTTPStatus == 200 && n[0].Acknowledged
	})
}

func TestAlipay_Barcode(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)

	r := a.ok(barcode, byBarcode("bar1", "0.01"), notifyTo(m))
	if r.get("total_amount") != "0.01" || r.get("receipt_amount") != "0.01" || r.get("trade_no") == "" {
		t.Errorf("paid barcode: %v", r)
	}
	s.expectStatus("bar1", "paid")
	a.checkCallback(m.next(t))
	a.refused("40004 ACQ.TRADE_HAS_SUCCESS", barcode, byBarcode("bar1", "0.01"))
	a.refused("40004 ACQ.PAYMENT_AUTH_CODE_INVALID", barcode, byBarcode("bar2", "0.01").and("auth_code", "130000000000000001"))

	// 9006: the payer types the password.
	if r := a.call(barcode, byBarcode("bar3", "90.06"), notifyTo(m)); r.get("code") != "10003" {
		t.Fatalf("a password asked: %v", r)
	}
	s.expectStatus("bar3", "waiting")
	if r := a.call(barcode, byBarcode("bar3", "90.06"), notifyTo(m)); r.get("code") != "10003" {
		t.Errorf("the repeat while waiting: %v", r)
	}
	s.must(http.MethodPost, "trades/bar3/cancel", "{}", nil)
	s.expectStatus("bar3", "waiting")
	s.must(http.MethodPost, "trades/bar3/pay", `{"times":3}`, nil)
	if tr := s.expectStatus("bar3", "paid"); tr.TimesPaid != 1 {
		t.Errorf("three presses charged %d times", tr.TimesPaid)
	}
	if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "bar3" {
		t.Errorf("callback: %v", v)
	}
}

func TestAlipay_PageAndWap(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	for _, scene := range []struct{ method, product, number string }{
		{pagePay, "FAST_INSTANT_TRADE_PAY", "page"}, {wapPay, "QUICK_WAP_WAY", "wap"},
	} {
		more := map[string]string{"notify_url": m.URL, "return_url": "https://shop.example/back?cart=7#end"}
		v := a.signed(scene.method, order(scene.number, "88.00").and("product_code", scene.product), more)
		if status := s.control(http.MethodGet, "trades/"+scene.number, nil, nil); status != http.StatusNotFound {
			t.Errorf("an unopened link is in the books: %d", status)
		}
		page := getPage(t, a.cred.BaseURL+"?"+form(v).Encode())
		s.expectStatus(scene.number, "waiting")

		if resp := press(t, formAction(t, page, "cancel")); resp.StatusCode != http.StatusOK {
			t.Errorf("cancel answered %d", resp.StatusCode)
		}
		s.expectStatus(scene.number, "waiting")

		resp := press(t, formAction(t, page, "pay"))
		back, err := url.Parse(resp.Header.Get("Location"))
		if resp.StatusCode != http.StatusSeeOther || err != nil || back.Host != "shop.example" || back.Fragment != "end" {
			t.Fatalf("after paying: %d to %v", resp.StatusCode, back)
		}
		returned := flat(back.Query())
		delete(returned, "cart") // the merchant's own
		if err := a.verify(text(returned, "sign", "sign_type"), returned["sign"]); err != nil {
			t.Errorf("the return parameters' signature: %v in %v", err, returned)
		}
		if returned["method"] != scene.method+".return" || returned["total_amount"] != "88.00" || returned["trade_status"] != "" {
			t.Errorf("return parameters: %v", returned)
		}
		if v := a.checkCallback(m.next(t)); v["trade_status"] != "TRADE_SUCCESS" {
			t.Errorf("callback: %v", v)
		}
		if resp := press(t, formAction(t, page, "pay")); resp.StatusCode != http.StatusConflict {
			t.Errorf("paying again answered %d", resp.StatusCode)
		}
	}

	// The form and the link as the control API takes them; the sandbox's own address serves the gateway too.
	v := a.signed(pagePay, order("page2", "1.00").and("product_code", "FAST_INSTANT_TRADE_PAY"), nil)
	s.must(http.MethodPost, "pay", payWith(map[string]any{"type": "redirect", "url": a.cred.BaseURL + "?" + form(v).Encode()}), nil)
	s.expectStatus("page2", "paid")
	v = a.signed(wapPay, order("wap2", "1.00").and("product_code", "QUICK_WAP_WAY"), nil)
	s.must(http.MethodPost, "pay", payWith(map[string]any{"type": "form", "url": s.server.URL() + "/alipay/gateway.do", "fields": v}), nil)
	s.expectStatus("wap2", "paid")

	// What is wrong with a link is shown as a page.
	v = a.signed(pagePay, order("page3", "1.00").and("product_code", "FAST_INSTANT_TRADE_PAY"), nil)
	v["sign"] = a.sign("something else")
	page := getPage(t, a.cred.BaseURL+"?"+form(v).Encode())
	if !strings.Contains(page, "isv.invalid-signature") {
		t.Errorf("page for a badly signed link:\n%s", page)
	}
	if status := s.control(http.MethodPost, "pay", payWith(map[string]any{"type": "redirect", "url": a.cred.BaseURL + "?" + form(v).Encode()}), nil); status != http.StatusBadRequest {
		t.Errorf("paying at a badly signed link answered %d", status)
	}
	v = a.signed(pagePay, order("page4", "1.00"), nil)
	if page := getPage(t, a.cred.BaseURL+"?"+form(v).Encode()); !strings.Contains(page, "ACQ.INVALID_PARAMETER") {
		t.Errorf("page for a link without product_code:\n%s", page)
	}
}

func TestAlipay_AppAndJSAPI(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	params := form(a.signed(appPay, order("app1", "5.00").and("product_code", "QUICK_MSECURITY_PAY"), notifyTo(m))).Encode()
	action := map[string]any{"type": "app", "params": params}
	s.must(http.MethodPost, "pay", map[string]any{"action": action, "result": "cancel"}, nil)
	s.expectStatus("app1", "waiting")
	s.must(http.MethodPost, "pay", payWith(action), nil)
	s.expectStatus("app1", "paid")
	a.checkCallback(m.next(t))
	if status := s.control(http.MethodPost, "pay", payWith(action), nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	forged := map[string]any{"type": "app", "params": strings.Replace(params, "5.00", "0.05", 1)}
	if status := s.control(http.MethodPost, "pay", payWith(forged), nil); status != http.StatusBadRequest {
		t.Errorf("the wallet took altered parameters: %d", status)
	}

	a.refused("40004 ACQ.INVALID_PARAMETER", create, order("js1", "6.00"))
	r := a.ok(create, order("js1", "6.00").and("buyer_id", "2088000000000001").and("product_code", "JSAPI_PAY"), notifyTo(m))
	s.expectStatus("js1", "waiting")
	s.must(http.MethodPost, "pay", payWith(map[string]any{"type": "jsapi", "params": map[string]any{"trade_no": r.get("trade_no")}}), nil)
	if v := a.checkCallback(m.next(t)); v["buyer_id"] != "2088000000000001" {
		t.Errorf("callback: %v", v)
	}
	if status := s.control(http.MethodPost, "pay", payWith(map[string]any{"type": "jsapi", "params": map[string]any{"trade_no": "2026"}}), nil); status != http.StatusNotFound {
		t.Errorf("an unknown trade_no answered %d", status)
	}
}
