package sandbox_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestUnionPay_Code(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	o := u.code("code0001", "1234", m).and("reqReserved", "{a=1&b=2}")
	r := u.says("00", o)
	codeURL := r["qrCode"]
	if !strings.HasPrefix(codeURL, s.server.URL()+"/unionpay/qr/") || r["reqReserved"] != "{a=1&b=2}" {
		t.Fatalf("answer: %v", r)
	}
	if tr := s.expectStatus("code0001", "issued"); tr.ChannelTradeNo != nil || tr.Account != u.cred.MerID {
		t.Errorf("books: %+v", tr)
	}
	u.stands("34", o)
	u.says("12", o)
	u.says("12", o.and("txnTime", upTime(time.Now().Add(time.Minute))))

	page := getPage(t, codeURL)
	if !strings.Contains(page, "¥12.34") || !strings.Contains(page, "云闪付") {
		t.Errorf("the payer's page:\n%s", page)
	}
	s.expectStatus("code0001", "waiting")
	u.stands("34", o)

	var paid trade
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": codeURL}), &paid)
	if paid.Status != "paid" || paid.TimesPaid != 1 || paid.ChannelTradeNo == nil {
		t.Fatalf("after the payment: %+v", paid)
	}
	v := u.checkCallback(m.next(t))
	if v["respCode"] != "00" || v["txnAmt"] != "1234" || v["orderId"] != "code0001" || v["txnTime"] != o["txnTime"] ||
		v["queryId"] != *paid.ChannelTradeNo || v["settleAmt"] != "1234" || v["currencyCode"] != "156" || v["txnSubType"] != "07" || v["reqReserved"] != "{a=1&b=2}" {
		t.Errorf("callback: %v", v)
	}
	if ok, _ := regexp.MatchString(`^\d{20}8$`, v["queryId"]); !ok || v["traceNo"] != v["queryId"][14:20] {
		t.Errorf("queryId is %q, traceNo %q", v["queryId"], v["traceNo"])
	}
	done := u.stands("00", o)
	if done["queryId"] != v["queryId"] || done["settleDate"] == "" || done["reqReserved"] != "{a=1&b=2}" {
		t.Errorf("query after payment: %v", done)
	}
	u.stands("34", o.and("txnTime", "20200101000000")) // the time is part of the name
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": codeURL}), nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	eventually(t, "the acknowledged callback is in the books", func() bool {
		n := s.trade("code0001").Notifications
		return len(n) == 1 && n[0].HTTPStatus == 200 && n[0].Acknowledged
	})
}

func TestUnionPay_Barcode(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	o := u.barcode("bar00001", "1", m)
	r := u.says("00", o)
	if r["queryId"] == "" || r["txnAmt"] != "1" {
		t.Errorf("paid barcode: %v", r)
	}
	s.expectStatus("bar00001", "paid")
	u.checkCallback(m.next(t))
	u.says("12", o)
	u.says("10", u.barcode("bar00002", "1", m).and("qrNo", "62x"))

	// 9006: the payer types the password.
	o = u.barcode("bar00003", "9006", m)
	u.says("05", o)
	s.expectStatus("bar00003", "waiting")
	if q := u.stands("05", o); q["queryId"] != "" || q["settleAmt"] != "0" {
		t.Errorf("query while the payer types: %v", q)
	}
	s.must(http.MethodPost, "trades/bar00003/cancel", "{}", nil)
	s.expectStatus("bar00003", "waiting")
	s.must(http.MethodPost, "trades/bar00003/pay", `{"times":3}`, nil)
	if tr := s.expectStatus("bar00003", "paid"); tr.TimesPaid != 1 {
		t.Errorf("three presses charged %d times", tr.TimesPaid)
	}
	if v := u.checkCallback(m.next(t)); v["orderId"] != "bar00003" {
		t.Errorf("callback: %v", v)
	}

	// Nobody types it: the order ends, and a transaction of the merchant's server tells of its failure.
	o = u.barcode("bar00004", "9006", m).and("payTimeout", upTime(time.Now().Add(2*time.Second)))
	u.says("05", o)
	if v := u.checkCallback(m.next(t)); v["orderId"] != "bar00004" || v["respCode"] != "69" {
		t.Errorf("callback: %v", v)
	}
	s.expectStatus("bar00004", "closed")
	u.stands("69", o)
}

func TestUnionPay_Form(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	for number, channelType := range map[string]string{"web00001": "07", "wap00001": "08"} {
		o := u.web(number, "8800", m).and("channelType", channelType).and("frontUrl", "https://shop.example/back?cart=7")
		if status := s.control(http.MethodGet, "trades/"+number, nil, nil); status != http.StatusNotFound {
			t.Errorf("an unposted form is in the books: %d", status)
		}
		u.stands("34", o)
		page, err := u.send(upFront, form(u.sign(o)).Encode())
		if err != nil || !strings.Contains(page, "¥88.00") || !strings.Contains(page, "一杯咖啡 &lt;b&gt;") {
			t.Fatalf("cashier: %v\n%s", err, page)
		}
		s.expectStatus(number, "waiting")
		if resp := press(t, formAction(t, page, "cancel")); resp.StatusCode != http.StatusOK {
			t.Errorf("cancel answered %d", resp.StatusCode)
		}
		u.stands("34", o)
		if again, err := u.send(upFront, form(u.sign(o)).Encode()); err != nil || !strings.Contains(again, number) {
			t.Errorf("the same form again: %v\n%s", err, again)
		}
		if other, _ := u.send(upFront, form(u.sign(o.and("txnAmt", "8801"))).Encode()); !strings.Contains(other, "重复交易") {
			t.Errorf("another form under the number:\n%s", other)
		}
		u.checkReturn(pressBody(t, formAction(t, page, "pay")), o)
		if v := u.checkCallback(m.next(t)); v["respCode"] != "00" || v["orderId"] != number {
			t.Errorf("callback: %v", v)
		}
		u.stands("00", o)
		u.checkReturn(read(t, get(t, strings.TrimSuffix(formAction(t, page, "pay"), "pay")+"return")), o)
		if resp := press(t, formAction(t, page, "pay")); resp.StatusCode != http.StatusConflict {
			t.Errorf("paying again answered %d", resp.StatusCode)
		}
	}

	// The form as the control API takes it; the sandbox's own address serves the gateway too.
	action := u.formAction(u.web("web00002", "100", m))
	s.must(http.MethodPost, "pay", M{"action": action, "result": "cancel"}, nil)
	s.expectStatus("web00002", "waiting")
	s.must(http.MethodPost, "pay", payWith(action), nil)
	s.expectStatus("web00002", "paid")
	if status := s.control(http.MethodPost, "pay", payWith(action), nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	action["url"] = s.server.URL() + "/unionpay" + upFront
	action["fields"] = u.sign(u.web("web00003", "100", m))
	s.must(http.MethodPost, "pay", payWith(action), nil)
	u.cred.BaseURL = s.server.URL() + "/unionpay"
	u.stands("00", u.web("web00003", "100", m))

	// What is wrong with a form is shown as a page.
	forged := u.sign(u.web("web00004", "100", m)).and("txnAmt", "1")
	if page, err := u.send(upFront, form(forged).Encode()); err != nil || !strings.Contains(page, "9100004") {
		t.Errorf("page for an altered form: %v\n%s", err, page)
	}
	action["fields"] = forged
	if status := s.control(http.MethodPost, "pay", payWith(action), nil); status != http.StatusBadRequest {
		t.Errorf("paying with an altered form answered %d", status)
	}
	if status := s.control(http.MethodGet, "trades/web00004", nil, nil); status != http.StatusNotFound {
		t.Errorf("an altered form is in the books: %d", status)
	}
}

// checkReturn checks the page that posts the signed fields to the merchant.
func (u *unionpay) checkReturn(page string, o msg) {
	u.t.Helper()
	if !strings.Contains(page, `method="post" action="`+html.EscapeString(o["frontUrl"])+`"`) {
		u.t.Fatalf("the browser is not sent back:\n%s", page)
	}
	m := make(msg)
	for _, field := range regexp.MustCompile(`(?s)name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if field[1] != "viewport" {
			m[field[1]] = html.UnescapeString(field[2])
		}
	}
	if err := u.verify(m); err != nil || m["orderId"] != o["orderId"] || m["respCode"] != "00" || m["txnAmt"] != o["txnAmt"] {
		u.t.Errorf("the fields sent back: %v in %v", err, m)
	}
}

func TestUnionPay_App(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	o := u.web("app00001", "500", m)
	r := u.says("00", o)
	if ok, _ := regexp.MatchString(`^\d{21}$`, r["tn"]); !ok {
		t.Fatalf("tn is %q", r["tn"])
	}
	s.expectStatus("app00001", "issued")
	u.stands("34", o)
	u.says("12", o)
	action := M{"type": "app", "params": M{"tn": r["tn"]}}
	s.must(http.MethodPost, "pay", M{"action": action, "result": "cancel"}, nil)
	s.expectStatus("app00001", "waiting")
	s.must(http.MethodPost, "pay", payWith(action), nil)
	s.expectStatus("app00001", "paid")
	u.checkCallback(m.next(t))
	u.stands("00", o)
	if status := s.control(http.MethodPost, "pay", payWith(action), nil); status != http.StatusConflict {
		t.Errorf("paying twice answered %d", status)
	}
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "app", "params": M{"tn": "202611210000000000000"}}), nil); status != http.StatusNotFound {
		t.Errorf("an unknown tn answered %d", status)
	}
}

// TestUnionPay_PayTimeout lets orders of each kind pass their limit.
func TestUnionPay_PayTimeout(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	limit := upTime(time.Now().Add(3 * time.Second))
	code, app, web := u.code("end00001", "100", nil), u.web("end00002", "100", nil), u.web("end00003", "100", nil)
	actions := map[string]M{}
	actions["end00001"] = M{"type": "qr_code", "code_url": u.says("00", code.and("payTimeout", limit))["qrCode"]}
	actions["end00002"] = M{"type": "app", "params": M{"tn": u.says("00", app.and("payTimeout", limit))["tn"]}}
	actions["end00003"] = u.formAction(web.and("payTimeout", limit))
	s.must(http.MethodPost, "pay", M{"action": actions["end00003"], "result": "cancel"}, nil)
	for number := range actions {
		eventually(t, number+" is closed", func() bool { return s.trade(number).Status == "closed" })
		if tr := s.trade(number); tr.ClosedAt == nil || tr.TimesPaid != 0 {
			t.Errorf("books: %+v", tr)
		}
		if status := s.control(http.MethodPost, "pay", payWith(actions[number]), nil); status != http.StatusConflict {
			t.Errorf("paying %s after its limit answered %d", number, status)
		}
	}
	for _, o := range []msg{code, app, web} {
		u.stands("34", o)
	}
	late := u.formAction(u.web("end00004", "100", nil).and("payTimeout", limit))
	if status := s.control(http.MethodPost, "pay", payWith(late), nil); status != http.StatusConflict {
		t.Errorf("a form after its limit answered %d", status)
	}
	u.says("10", u.code("end00005", "100", nil).and("payTimeout", limit))
}
