package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestCallbacks_RetriedUntilAcknowledged(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	m.say = func(n int) (int, string) {
		return []int{500, 200, 302, 200}[min(n, 3)], []string{"success", "success\n", "success", "success"}[min(n, 3)]
	}
	a.ok(barcode, byBarcode("cb1", "1.00"), notifyTo(m))
	id := ""
	for range 4 {
		v := a.checkCallback(m.next(t))
		if id != "" && v["notify_id"] != id {
			t.Errorf("notify_id changes over retries: %s, %s", id, v["notify_id"])
		}
		id = v["notify_id"]
	}
	eventually(t, "four tries are in the books, the last one acknowledged", func() bool {
		n := s.trade("cb1").Notifications
		return len(n) == 4 && n[3].Acknowledged && !n[0].Acknowledged && !n[1].Acknowledged && n[2].HTTPStatus == 302
	})
	a.ok(refunding, refundOf("cb1", "r", "0.50"))
	if v := a.checkCallback(m.next(t)); v["notify_id"] == id {
		t.Error("another event has the same notify_id")
	}
}

func TestCallbacks_GivenUpAfterTheSchedule(t *testing.T) {
	s := start(t, sandbox.Options{NotifyScale: 1e-9})
	a, m := s.alipay(), newMerchant(t)
	m.say = func(int) (int, string) { return 200, "fail" }
	a.ok(barcode, byBarcode("cb1", "1.00"), notifyTo(m))
	eventually(t, "eight tries", func() bool { return len(s.trade("cb1").Notifications) == 8 })
	a.ok(barcode, byBarcode("cb2", "1.00"))
	if n := s.trade("cb1").Notifications; len(n) != 8 {
		t.Errorf("%d tries", len(n))
	}
}

func TestCallbacks_Manners(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)

	s.must(http.MethodPost, "notifications", `{"channel":"alipay","duplicate":2}`, nil)
	a.ok(barcode, byBarcode("d1", "1.00"), notifyTo(m))
	for range 3 {
		a.checkCallback(m.next(t))
	}
	s.must(http.MethodPost, "notifications", `{"forge":true}`, nil)
	a.ok(barcode, byBarcode("d2", "1.00"), notifyTo(m))
	forged := flat(m.next(t).form)
	if a.verify(text(forged, "sign", "sign_type"), forged["sign"]) == nil || forged["out_trade_no"] != "d2" {
		t.Errorf("a forged callback verifies: %v", forged)
	}
	a.checkCallback(m.next(t))

	s.must(http.MethodPost, "notifications", `{"drop_rate":1}`, nil)
	a.ok(barcode, byBarcode("d3", "1.00"), notifyTo(m))
	eventually(t, "a lost try is in the books", func() bool {
		n := s.trade("d3").Notifications
		return len(n) > 0 && n[0].HTTPStatus == 0 && !n[0].Acknowledged
	})
	s.must(http.MethodPost, "notifications", `{}`, nil)
	if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "d3" {
		t.Errorf("callback: %v", v)
	}

	s.must(http.MethodPost, "notifications", `{"delay_ms":400}`, nil)
	before := time.Now()
	a.ok(barcode, byBarcode("d4", "1.00"), notifyTo(m))
	m.next(t)
	if took := time.Since(before); took < 400*time.Millisecond {
		t.Errorf("a delayed callback came after %s", took)
	}

	s.must(http.MethodPost, "notifications", `{"shuffle":true}`, nil)
	for _, number := range []string{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"} {
		a.ok(barcode, byBarcode(number, "1.00"), notifyTo(m))
	}
	last, overtaken := "", 0
	for range 8 {
		number := m.next(t).form.Get("out_trade_no")
		if number < last {
			overtaken++
		}
		last = number
	}
	if overtaken == 0 { // one chance in 40,320
		t.Error("eight shuffled callbacks came in order")
	}
}

func TestCallbacks_OnDemand(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	u := a.ok(precreate, order("n1", "1.00"), notifyTo(m)).get("qr_code")
	if status := s.control(http.MethodPost, "trades/n1/notify", nil, nil); status != http.StatusConflict {
		t.Errorf("a callback of nothing answered %d", status)
	}
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": u}), nil)
	m.next(t)
	m.say = func(int) (int, string) { return 418, "short and stout" }
	var answer struct {
		HTTPStatus int `json:"http_status"`
		Body       string
	}
	s.must(http.MethodPost, "trades/n1/notify", nil, &answer)
	if answer.HTTPStatus != 418 || answer.Body != "short and stout" {
		t.Errorf("answer: %+v", answer)
	}
	if v := a.checkCallback(m.next(t)); v["trade_status"] != "TRADE_SUCCESS" {
		t.Errorf("callback: %v", v)
	}
	a.ok(barcode, byBarcode("n2", "1.00"))
	if status := s.control(http.MethodPost, "trades/n2/notify", nil, nil); status != http.StatusConflict {
		t.Errorf("a callback without notify_url answered %d", status)
	}
	m.Close()
	s.must(http.MethodPost, "trades/n1/notify", nil, &answer)
	if answer.HTTPStatus != 0 {
		t.Errorf("a merchant that is down: %+v", answer)
	}
}
