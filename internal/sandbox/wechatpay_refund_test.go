package sandbox_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func (w *wechatpay) refundStatus(number string) string {
	w.t.Helper()
	status, _ := w.ok(http.MethodGet, wrefund+"/"+number, nil).object["status"].(string)
	return status
}

func TestWechatpay_Refund(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	w.refused("404 RESOURCE_NOT_EXISTS", http.MethodPost, wrefund, wrefundOf("refund01", "x1", 100, 1000))
	w.ok(http.MethodPost, wpay+"native", w.order("refund00", 1000))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("refund00", "x1", 100, 1000))
	paid := w.ok(http.MethodPost, wpay+"codepay", w.byCode("refund01", 1000))

	body := wrefundOf("refund01", "x1", 300, 1000).and("notify_url", m.URL).and("reason", "不要了")
	r := w.ok(http.MethodPost, wrefund, body)
	if r.get("status") != "PROCESSING" || r.get("success_time") != nil || r.get("amount", "refund") != 300.0 || r.get("channel") != "ORIGINAL" ||
		r.get("transaction_id") != paid.get("transaction_id") {
		t.Errorf("a refund taken in: %s", r.raw)
	}
	if w.state("refund01") != "REFUND" {
		t.Error("the order's state while the refund is under way")
	}
	if again := w.ok(http.MethodPost, wrefund, body); again.get("refund_id") != r.get("refund_id") {
		t.Errorf("the repeat: %s", again.raw)
	}
	n := w.checkNotice(m.next(t))
	if n.event != "REFUND.SUCCESS" || n.M["refund_status"] != "SUCCESS" || n.M["status"] != nil || n.M["out_refund_no"] != "x1" ||
		n.M["mchid"] != w.cred.MchID || n.M["amount"].(M)["refund"] != 300.0 || n.M["success_time"] == nil {
		t.Errorf("notification: %+v", n)
	}
	if r := w.ok(http.MethodGet, wrefund+"/x1", nil); r.get("status") != "SUCCESS" || r.get("success_time") == nil {
		t.Errorf("query: %s", r.raw)
	}
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("refund01", "x1", 301, 1000))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("refund01", "x2", 100, 999))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("refund01", "x2", 701, 1000))
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("refund02", 1000))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("refund02", "x1", 300, 1000))
	w.refused("404 RESOURCE_NOT_EXISTS", http.MethodGet, wrefund+"/x9", nil)
	w.refused("400 PARAM_ERROR", http.MethodPost, wrefund, wrefundOf("refund01", "x2", 0, 1000))
	w.refused("400 PARAM_ERROR", http.MethodPost, wrefund, wrefundOf("refund01", "x2", 100, 1000).and("mchid", w.cred.MchID))
	byID := wrefundOf("refund01", "x2", 700, 1000).and("transaction_id", paid.get("transaction_id"))
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, byID.and("out_trade_no", "refund02"))
	delete(byID, "out_trade_no")
	w.ok(http.MethodPost, wrefund, byID)
	eventually(t, "the rest is refunded, untold", func() bool { return w.refundStatus("x2") == "SUCCESS" })
	tr := s.expectStatus("refund01", "paid")
	if len(tr.Refunds) != 2 || tr.Refunds[1].Status != "succeeded" || tr.Refunds[1].Amount != 700 {
		t.Errorf("books: %+v", tr)
	}
	if r := w.reverse("refund01"); r.code() != "403 TRADE_ERROR" {
		t.Errorf("reversing what was refunded: %s", r.raw)
	}
}

func TestWechatpay_RefundsThatFail(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("fails001", 9007))
	if r := w.ok(http.MethodPost, wrefund, wrefundOf("fails001", "f1", 9007, 9007).and("notify_url", m.URL)); r.get("status") != "PROCESSING" {
		t.Errorf("taken in: %s", r.raw)
	}
	if n := w.checkNotice(m.next(t)); n.event != "REFUND.CLOSED" || n.M["refund_status"] != "CLOSED" || n.M["success_time"] != nil {
		t.Errorf("notification: %+v", n)
	}
	if w.refundStatus("f1") != "CLOSED" || s.trade("fails001").Refunds[0].Status != "failed" || w.state("fails001") != "REFUND" {
		t.Errorf("books: %+v", s.trade("fails001"))
	}
	w.ok(http.MethodPost, wrefund, wrefundOf("fails001", "f2", 9007, 9007)) // the money is still there

	s.wfault(M{"operation": "refund", "kind": "refund_abnormal", "count": 1})
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("fails002", 1000))
	id := w.ok(http.MethodPost, wrefund, wrefundOf("fails002", "f3", 400, 1000).and("notify_url", m.URL)).get("refund_id").(string)
	if n := w.checkNotice(m.next(t)); n.event != "REFUND.ABNORMAL" || n.M["refund_status"] != "ABNORMAL" {
		t.Errorf("notification: %+v", n)
	}
	if w.refundStatus("f3") != "ABNORMAL" || s.trade("fails002").Refunds[0].Status != "processing" {
		t.Errorf("books: %+v", s.trade("fails002"))
	}
	w.refused("400 INVALID_REQUEST", http.MethodPost, wrefund, wrefundOf("fails002", "f4", 601, 1000)) // it keeps its money
	anew := wrefund + "/" + id + "/apply-abnormal-refund"
	w.refused("404 RESOURCE_NOT_EXISTS", http.MethodPost, wrefund+"/50000/apply-abnormal-refund", M{"out_refund_no": "f3", "type": "MERCHANT_BANK_CARD"})
	w.refused("400 INVALID_REQUEST", http.MethodPost, anew, M{"out_refund_no": "f4", "type": "MERCHANT_BANK_CARD"})
	if r := w.ok(http.MethodPost, anew, M{"out_refund_no": "f3", "type": "MERCHANT_BANK_CARD"}); r.get("status") != "PROCESSING" {
		t.Errorf("applied for anew: %s", r.raw)
	}
	if n := w.checkNotice(m.next(t)); n.event != "REFUND.SUCCESS" {
		t.Errorf("notification: %+v", n)
	}
	if w.refundStatus("f3") != "SUCCESS" {
		t.Error("after it was applied for anew")
	}
	w.refused("400 INVALID_REQUEST", http.MethodPost, anew, M{"out_refund_no": "f3", "type": "MERCHANT_BANK_CARD"})
}

// TestInvariant_WechatpayOneCharge presses, calls and repeats from many sides at once.
func TestInvariant_WechatpayOneCharge(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	u := w.ok(http.MethodPost, wpay+"native", w.order("once-001", 100)).object["code_url"].(string)
	var charged, byCode atomic.Int64
	codes := sync.Map{}
	var all sync.WaitGroup
	for range 48 {
		all.Go(func() {
			if press(t, u+"/pay").StatusCode == http.StatusOK {
				charged.Add(1)
			}
		})
		all.Go(func() {
			if r, err := w.try(http.MethodPost, wpay+"codepay", w.byCode("once-002", 100)); err == nil && r.status == 200 {
				byCode.Add(1)
			}
		})
		all.Go(func() {
			if r, err := w.try(http.MethodPost, wpay+"native", w.order("once-003", 100)); err == nil && r.status == 200 {
				codes.Store(r.object["code_url"], true)
			}
		})
	}
	all.Wait()
	if charged.Load() != 1 || s.trade("once-001").TimesPaid != 1 {
		t.Errorf("48 presses were charged %d times", charged.Load())
	}
	if byCode.Load() != 1 || s.trade("once-002").TimesPaid != 1 {
		t.Errorf("48 identical payments by code were charged %d times", byCode.Load())
	}
	n := 0
	codes.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("48 identical orders gave %d codes", n)
	}
}

func TestInvariant_WechatpayRefundsNeverExceed(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("sum-0001", 1000))
	ids := sync.Map{}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			r, err := w.try(http.MethodPost, wrefund, wrefundOf("sum-0001", fmt.Sprintf("z%d", i%32), 90, 1000))
			if err == nil && r.status == 200 {
				ids.Store(r.object["refund_id"], true)
			}
		})
	}
	all.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	sum := s.settledSum(t, "sum-0001")
	if n != 11 || sum != 990 {
		t.Errorf("%d refunds of %d fen; 11 of 990 fit", n, sum)
	}
}

// TestWechatpay_Restart stops the sandbox between a refund's acceptance and its end.
func TestWechatpay_Restart(t *testing.T) {
	dir := t.TempDir()
	c := &clock{at: clockStart}
	s := start(t, sandbox.Options{Dir: dir, Now: c.now})
	w, m := s.wechatpay(), newMerchant(t)
	w.now = c.now
	before := s.server.Credentials()
	u := w.ok(http.MethodPost, wpay+"native", w.order("again-01", 100)).object["code_url"]
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("again-02", 1000))
	w.ok(http.MethodPost, wrefund, wrefundOf("again-02", "ar1", 400, 1000).and("notify_url", m.URL)) // the clock stands: it can't settle
	w.refused("500 SYSTEM_ERROR", http.MethodPost, wpay+"native", w.order("again-03", 9004))
	s.stop()

	c.move(settleWithin)
	s = start(t, sandbox.Options{Dir: dir, Now: c.now})
	if !same(t, s.server.Credentials(), before) {
		t.Error("the credentials changed")
	}
	if n := w.checkNotice(m.next(t)); n.event != "REFUND.SUCCESS" || n.M["out_refund_no"] != "ar1" {
		t.Errorf("notification: %+v", n)
	}
	if w.refundStatus("ar1") != "SUCCESS" {
		t.Error("the refund is not settled")
	}
	w.ok(http.MethodPost, wpay+"native", w.order("again-03", 9004)) // its first call was in the former life
	s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	s.expectStatus("again-01", "paid")
}

const settleWithin = time.Second

var clockStart = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
