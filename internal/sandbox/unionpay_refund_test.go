package sandbox_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestUnionPay_Refund(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	o := u.barcode("money001", "1000", m)
	u.says("00", o)
	u.checkCallback(m.next(t))

	first := u.refund("back0001", o, "300", m).and("reqReserved", "money001")
	r := u.says("00", first)
	if r["queryId"] == "" || r["origQryId"] != u.queryID(o) || r["txnAmt"] != "300" {
		t.Errorf("answer to a refund: %v", r)
	}
	if tr := s.trade("money001"); len(tr.Refunds) != 1 || tr.Refunds[0].OutRefundNo != "back0001" || tr.Refunds[0].Amount != 300 {
		t.Errorf("books: %+v", tr)
	}
	u.says("12", first)
	u.says("12", u.refund("money001", o, "1", m)) // an order's number is no refund's
	u.says("12", u.barcode("back0001", "1", m))
	v := u.checkCallback(m.next(t))
	if v["txnType"] != "04" || v["orderId"] != "back0001" || v["respCode"] != "00" || v["origQryId"] != u.queryID(o) || v["queryId"] != r["queryId"] ||
		v["txnAmt"] != "300" || v["reqReserved"] != "money001" {
		t.Errorf("callback of a refund: %v", v)
	}
	if q := u.stands("00", first); q["origOrderId"] != "money001" || q["origTxnTime"] != o["txnTime"] || q["queryId"] != r["queryId"] {
		t.Errorf("query of a refund: %v", q)
	}
	if tr := s.expectStatus("money001", "paid"); tr.Refunds[0].Status != "succeeded" {
		t.Errorf("books: %+v", tr)
	}
	u.stands("00", o) // the order's query never shows refunds

	u.says("36", u.refund("back0002", o, "701", m))
	u.says("45", u.refund("back0002", o, "1000", m).and("txnType", "31")) // no undo once money went back
	byNumber := u.refund("back0003", o, "700", m).and("origQryId", "").and("origOrderId", "money001").and("origTxnTime", o["txnTime"])
	u.says("35", byNumber.and("origTxnTime", "20200101000000"))
	u.says("13", byNumber.and("origTxnTime", ""))
	u.says("13", byNumber.and("origOrderId", ""))
	u.says("35", byNumber.and("origQryId", "122611210000000000008"))
	u.says("00", byNumber)
	u.settled(byNumber)
	u.checkCallback(m.next(t))
	u.says("45", u.refund("back0004", o, "1", m))
	if resp := get(t, s.server.URL()+"/"); resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Error("the sandbox's own page is not there")
	}

	unpaid := u.code("money002", "100", nil)
	u.says("00", unpaid)
	u.says("35", u.refund("back0005", unpaid, "1", m).and("origQryId", "").and("origOrderId", "money002").and("origTxnTime", unpaid["txnTime"]))
	u.stands("34", u.refund("back0006", o, "1", m))

	// 9007: taken in like the others, and fails.
	o = u.barcode("money003", "9007", nil)
	u.says("00", o)
	failing := u.refund("back0007", o, "9007", m)
	u.says("00", failing)
	if v := u.checkCallback(m.next(t)); v["orderId"] != "back0007" || v["respCode"] != "60" {
		t.Errorf("callback of a failed refund: %v", v)
	}
	u.stands("60", failing)
	if tr := s.trade("money003"); tr.Refunds[0].Status != "failed" || tr.Status != "paid" {
		t.Errorf("books of a failed refund: %+v", tr)
	}
	u.says("00", u.refund("back0008", o, "9007", m)) // what failed is free again
}

func TestUnionPay_Undo(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	o := u.barcode("undo0001", "1000", nil)
	u.says("00", o)
	undo := u.refund("undo0002", o, "1000", m).and("txnType", "31")
	u.says("36", undo.and("txnAmt", "999"))
	r := u.says("00", undo)
	if r["txnType"] != "31" || r["queryId"] == "" {
		t.Errorf("answer to an undo: %v", r)
	}
	if v := u.checkCallback(m.next(t)); v["txnType"] != "31" || v["respCode"] != "00" || v["orderId"] != "undo0002" {
		t.Errorf("callback of an undo: %v", v)
	}
	u.stands("00", undo)
	u.says("45", undo.and("orderId", "undo0003"))
	u.says("45", u.refund("undo0004", o, "1", m))
	if tr := s.expectStatus("undo0001", "paid"); len(tr.Refunds) != 1 || tr.Refunds[0].Amount != 1000 || tr.Refunds[0].Status != "succeeded" {
		t.Errorf("books: %+v", tr)
	}
}

// TestInvariant_UnionPayOneCharge presses and calls from many sides at once.
func TestInvariant_UnionPayOneCharge(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	codeURL := u.says("00", u.code("once0001", "100", nil))["qrCode"]
	bar, web := u.barcode("once0002", "100", nil), u.formAction(u.web("once0003", "100", nil))
	var charged, paid, posted, refused atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if press(t, codeURL+"/pay").StatusCode == http.StatusOK {
				charged.Add(1)
			}
		})
		all.Go(func() {
			r, err := u.try(bar)
			if err == nil && r["respCode"] == "00" {
				paid.Add(1)
			} else if err == nil && r["respCode"] == "12" {
				refused.Add(1)
			}
		})
		all.Go(func() {
			if s.control(http.MethodPost, "pay", payWith(web), nil) == http.StatusOK {
				posted.Add(1)
			}
		})
	}
	all.Wait()
	for number, n := range map[string]int64{"once0001": charged.Load(), "once0002": paid.Load(), "once0003": posted.Load()} {
		if n != 1 || s.trade(number).TimesPaid != 1 {
			t.Errorf("%s was charged %d times, %d in the books", number, n, s.trade(number).TimesPaid)
		}
	}
	if refused.Load() != 63 {
		t.Errorf("%d of 63 repeats were told to be repeats", refused.Load())
	}
}

func TestInvariant_UnionPayRefundsNeverExceed(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	o := u.barcode("sum00001", "1000", nil)
	u.says("00", o)
	back := u.refund("sumrefund0", o, "90", nil)
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			r, err := u.try(back.and("orderId", fmt.Sprintf("sumrefund%d", i%32)))
			if err == nil && r["respCode"] == "00" {
				done.Add(1)
			}
		})
	}
	all.Wait()
	sum := s.settledSum(t, "sum00001")
	if done.Load() != 11 || sum != 990 {
		t.Errorf("%d refunds were taken in, %d fen in the books; 11 and 990 fit", done.Load(), sum)
	}
}
