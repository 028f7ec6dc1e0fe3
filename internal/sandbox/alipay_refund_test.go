package sandbox_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestAlipay_Refund(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	a.refused("40004 ACQ.TRADE_NOT_EXIST", refunding, refundOf("r1", "x1", "1.00"))
	a.ok(precreate, order("r0", "1.00"))
	a.refused("40004 ACQ.TRADE_NOT_EXIST", refunding, refundOf("r0", "x1", "1.00"))
	a.ok(barcode, byBarcode("r1", "10.00"), notifyTo(m))
	a.checkCallback(m.next(t))

	r := a.ok(refunding, refundOf("r1", "x1", "3.00"))
	if r.get("fund_change") != "Y" || r.get("refund_fee") != "3.00" {
		t.Errorf("first refund: %v", r)
	}
	if v := a.checkCallback(m.next(t)); v["trade_status"] != "TRADE_SUCCESS" || v["refund_fee"] != "3.00" || v["out_biz_no"] != "x1" || v["gmt_refund"] == "" {
		t.Errorf("callback of a partial refund: %v", v)
	}
	r = a.ok(refunding, refundOf("r1", "x1", "3.00"))
	if r.get("fund_change") != "N" || r.get("refund_fee") != "3.00" {
		t.Errorf("the repeat: %v", r)
	}
	a.refused("40004 ACQ.DISCORDANT_REPEAT_REQUEST", refunding, refundOf("r1", "x1", "3.01"))
	a.refused("40004 ACQ.REASON_TRADE_REFUND_FEE_ERR", refunding, refundOf("r1", "x2", "7.01"))
	no := a.refused("40004 ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", refunding, biz{"out_trade_no": "r1", "refund_amount": "2.00"})
	if no.get("refund_fee") != "0.00" {
		t.Errorf("refusal without out_request_no: %v", no)
	}
	if r := a.ok(query, numbered("r1")); r.get("trade_status") != "TRADE_SUCCESS" {
		t.Errorf("query after a partial refund: %v", r)
	}
	r = a.ok(refunding, refundOf("r1", "x2", "7.00"))
	if r.get("refund_fee") != "10.00" {
		t.Errorf("the cumulative sum: %v", r)
	}
	if v := a.checkCallback(m.next(t)); v["trade_status"] != "TRADE_CLOSED" || v["refund_fee"] != "10.00" || v["gmt_close"] == "" {
		t.Errorf("callback of the full refund: %v", v)
	}
	if r := a.ok(query, numbered("r1")); r.get("trade_status") != "TRADE_CLOSED" {
		t.Errorf("query after the full refund: %v", r)
	}
	if tr := s.expectStatus("r1", "paid"); len(tr.Refunds) != 2 || tr.Refunds[1].Amount != 700 || tr.Refunds[1].Status != "succeeded" {
		t.Errorf("books: %+v", tr)
	}
	r = a.ok(refundQuery, biz{"out_trade_no": "r1", "out_request_no": "x2", "query_options": []string{"gmt_refund_pay"}})
	if r.get("refund_status") != "REFUND_SUCCESS" || r.get("refund_amount") != "7.00" || r.get("total_amount") != "10.00" || r.get("gmt_refund_pay") == "" {
		t.Errorf("refund query: %v", r)
	}
	if r = a.ok(refundQuery, biz{"out_trade_no": "r1", "out_request_no": "x3"}); r["refund_status"] != nil {
		t.Errorf("refund query of an unknown number: %v", r)
	}
	a.refused("40004 ACQ.TRADE_NOT_EXIST", refundQuery, biz{"out_trade_no": "r9", "out_request_no": "x3"})

	// 9007: the refund fails, under whatever number.
	a.ok(barcode, byBarcode("r7", "90.07"))
	a.refused("40004 ACQ.TRADE_NOT_ALLOW_REFUND", refunding, refundOf("r7", "y1", "1.00"))
	a.refused("40004 ACQ.TRADE_NOT_ALLOW_REFUND", refunding, refundOf("r7", "y1", "1.00"))
	if tr := s.trade("r7"); len(tr.Refunds) != 1 || tr.Refunds[0].Status != "failed" {
		t.Errorf("books of a failed refund: %+v", tr)
	}
	if r = a.ok(refundQuery, biz{"out_trade_no": "r7", "out_request_no": "y1"}); r["refund_status"] != nil {
		t.Errorf("refund query of a failed refund: %v", r)
	}
}

func TestAlipay_CloseAndCancel(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)

	scan := func(number string) string {
		u := a.ok(precreate, order(number, "1.00"), notifyTo(m)).get("qr_code")
		getPage(t, u)
		return u
	}
	u := scan("c1")
	a.ok(closing, numbered("c1"))
	if tr := s.expectStatus("c1", "closed"); tr.ClosedAt == nil {
		t.Errorf("books: %+v", tr)
	}
	a.refused("40004 ACQ.REASON_TRADE_STATUS_INVALID", closing, numbered("c1"))
	a.refused("40004 ACQ.TRADE_HAS_CLOSE", precreate, order("c1", "1.00"))
	if r := a.ok(query, numbered("c1")); r.get("trade_status") != "TRADE_CLOSED" {
		t.Errorf("query of a closed trade: %v", r)
	}
	if status := s.control(http.MethodPost, "pay", payWith(map[string]any{"type": "qr_code", "code_url": u}), nil); status != http.StatusConflict {
		t.Errorf("paying a closed trade answered %d", status)
	}
	if status := s.control(http.MethodPost, "trades/c1/cancel", nil, nil); status != http.StatusConflict {
		t.Errorf("cancelling a closed trade answered %d", status)
	}

	// cancel: unknown, unpaid, paid, and repeated.
	if r := a.ok(cancelling, numbered("c9")); r.get("retry_flag") != "N" {
		t.Errorf("cancel of an unknown order: %v", r)
	}
	scan("c2")
	if r := a.ok(cancelling, numbered("c2")); r.get("action") != "close" {
		t.Errorf("cancel of an unpaid order: %v", r)
	}
	s.expectStatus("c2", "closed")
	a.ok(barcode, byBarcode("c3", "2.00"), notifyTo(m))
	a.checkCallback(m.next(t))
	a.refused("40004 ACQ.TRADE_STATUS_ERROR", closing, numbered("c3"))
	for range 2 {
		if r := a.ok(cancelling, numbered("c3")); r.get("action") != "refund" {
			t.Errorf("cancel of a paid order: %v", r)
		}
	}
	if tr := s.expectStatus("c3", "paid"); len(tr.Refunds) != 1 || tr.Refunds[0].Amount != 200 {
		t.Errorf("books: %+v", tr)
	}

	// A code that nobody scanned is no trade: closing says nothing about it, and it can still be paid.
	u = a.ok(precreate, order("c4", "1.00"), notifyTo(m)).get("qr_code")
	a.refused("40004 ACQ.TRADE_NOT_EXIST", closing, numbered("c4"))
	a.ok(cancelling, numbered("c4"))
	s.expectStatus("c4", "issued")
	s.must(http.MethodPost, "pay", payWith(map[string]any{"type": "qr_code", "code_url": u}), nil)
	s.expectStatus("c4", "paid")

	// An app's unpaid end is told, a code's is not (the next callback is the app's).
	a.checkCallback(m.next(t))
	params := form(a.signed(appPay, order("c5", "1.00"), notifyTo(m))).Encode()
	s.must(http.MethodPost, "pay", map[string]any{"action": map[string]any{"type": "app", "params": params}, "result": "cancel"}, nil)
	a.ok(closing, numbered("c5"))
	if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "c5" || v["trade_status"] != "TRADE_CLOSED" || v["refund_fee"] != "" {
		t.Errorf("callback: %v", v)
	}
}

// TestInvariant_OneCharge presses and calls from many sides at once.
func TestInvariant_OneCharge(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	u := a.ok(precreate, order("once1", "1.00")).get("qr_code")
	var charged, paidBarcode atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if press(t, u+"/pay").StatusCode == http.StatusOK {
				charged.Add(1)
			}
		})
		all.Go(func() {
			r, err := a.try(barcode, byBarcode("once2", "1.00"), nil)
			if err == nil && r.get("code") == "10000" {
				paidBarcode.Add(1)
			}
		})
	}
	all.Wait()
	if charged.Load() != 1 || s.trade("once1").TimesPaid != 1 {
		t.Errorf("64 presses were charged %d times", charged.Load())
	}
	if paidBarcode.Load() != 1 || s.trade("once2").TimesPaid != 1 {
		t.Errorf("64 identical barcode calls were charged %d times", paidBarcode.Load())
	}
}

func TestInvariant_RefundsNeverExceed(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	a.ok(barcode, byBarcode("sum1", "10.00"))
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			r, err := a.try(refunding, refundOf("sum1", fmt.Sprintf("z%d", i%32), "0.90"), nil)
			if err == nil && r.get("fund_change") == "Y" {
				done.Add(1)
			}
		})
	}
	all.Wait()
	var sum int64
	for _, r := range s.trade("sum1").Refunds {
		sum += r.Amount
	}
	if done.Load() != 11 || sum != 990 {
		t.Errorf("%d refunds moved money, %d fen in the books; 11 and 990 fit", done.Load(), sum)
	}
}
