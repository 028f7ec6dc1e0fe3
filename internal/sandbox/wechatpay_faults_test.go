package sandbox_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

// cut is how a call without an answer looks to a client that waits a little.
func (w *wechatpay) cut(target string, body any) error {
	w.t.Helper()
	patient := w.http.Timeout
	w.http.Timeout = 300 * time.Millisecond
	defer func() { w.http.Timeout = patient }()
	r, err := w.try(http.MethodPost, target, body)
	if err == nil {
		w.t.Fatalf("%s was answered: %s", target, r.raw)
	}
	return err
}

func TestWechatpay_EveryFault(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	const target = wpay + "codepay"
	n := 0
	one := func(kind string, more M) string {
		n++
		f := M{"operation": "pay", "kind": kind, "count": 1}
		maps.Copy(f, more)
		s.wfault(f)
		return fmt.Sprintf("fault-%02d", n)
	}
	absent := func(no string) {
		t.Helper()
		w.refused("404 ORDER_NOT_EXIST", http.MethodGet, w.byNumber(no), nil)
		w.ok(http.MethodPost, target, w.byCode(no, 100)) // the fault was for one call
	}
	paid := func(no string) {
		t.Helper()
		s.expectStatus(no, "paid")
	}
	for kind, want := range map[string]string{
		"rate_limited": "429 FREQUENCY_LIMITED", "decline": "403 NOT_ENOUGH", "system_error": "500 SYSTEM_ERROR", "http_500": "500 ", "html_502": "502 ",
	} {
		no := one(kind, nil)
		w.refused(want, http.MethodPost, target, w.byCode(no, 100))
		absent(no)
		if kind == "rate_limited" || kind == "decline" {
			continue
		}
		no = one(kind, M{"effect": "after"})
		w.refused(want, http.MethodPost, target, w.byCode(no, 100))
		paid(no)
	}
	no := one("hang_before", nil)
	if err := w.cut(target, w.byCode(no, 100)); !timedOut(err) {
		t.Errorf("hang_before: %v", err)
	}
	absent(no)
	no = one("hang_after", nil)
	if err := w.cut(target, w.byCode(no, 100)); !timedOut(err) {
		t.Errorf("hang_after: %v", err)
	}
	paid(no)
	no = one("reset_after", nil)
	if err := w.cut(target, w.byCode(no, 100)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset_after: %v", err)
	}
	paid(no)
	for kind, want := range map[string]error{"bad_signature": errBadSignature, "unsigned": errUnsigned, "stale": errOld} {
		no = one(kind, nil)
		if _, err := w.try(http.MethodPost, target, w.byCode(no, 100)); !errors.Is(err, want) {
			t.Errorf("%s: %v", kind, err)
		}
		paid(no)
	}
	no = one("bad_signature", nil) // every other one is a probe
	r, err := w.try(http.MethodPost, target, w.byCode(no, 100))
	if !errors.Is(err, errBadSignature) || !strings.HasPrefix(r.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/") {
		t.Errorf("a probe: %v %v", err, r.header)
	}
	no = one("wrong_amount", nil)
	if r := w.ok(http.MethodPost, target, w.byCode(no, 100)); r.get("amount", "total") != 101.0 || r.get("out_trade_no") != no {
		t.Errorf("wrong_amount: %s", r.raw)
	}
	no = one("wrong_id", nil)
	if r := w.ok(http.MethodPost, target, w.byCode(no, 100)); r.get("amount", "total") != 100.0 || r.get("out_trade_no") == no {
		t.Errorf("wrong_id: %s", r.raw)
	}
	no = one("slow", M{"delay_ms": 300})
	before := time.Now()
	w.ok(http.MethodPost, target, w.byCode(no, 100))
	if took := time.Since(before); took < 300*time.Millisecond {
		t.Errorf("a slow answer took %s", took)
	}
	one("wrong_amount", nil) // an answer that names no amount leaves it for the next call
	w.ok(http.MethodPost, wpay+"native", w.order("fault-native", 100))
	if r := w.ok(http.MethodPost, target, w.byCode("fault-kept", 100)); r.get("amount", "total") != 101.0 {
		t.Errorf("the fault was used up: %s", r.raw)
	}
	s.wfault(M{"operation": "pay", "kind": "decline", "count": 1})
	w.refused("403 RULE_LIMIT", http.MethodPost, wpay+"native", w.order("fault-declined", 100))
}

// TestWechatpay_FaultsOfEachOperation aims at one operation each, and sees the others work.
func TestWechatpay_FaultsOfEachOperation(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("each-001", 1000))
	w.call(http.MethodPost, wpay+"codepay", w.byCode("each-002", 9006))
	w.ok(http.MethodPost, wpay+"native", w.order("each-003", 100))
	w.ok(http.MethodPost, wrefund, wrefundOf("each-001", "e1", 100, 1000))
	for op, call := range map[string]struct {
		method, target string
		body           any
	}{
		"query":        {http.MethodGet, w.byNumber("each-001"), nil},
		"close":        {http.MethodPost, wpay + "out-trade-no/each-003/close", M{"mchid": w.cred.MchID}},
		"cancel":       {http.MethodPost, wpay + "out-trade-no/each-002/reverse", M{"appid": w.cred.AppID, "mchid": w.cred.MchID}},
		"refund":       {http.MethodPost, wrefund, wrefundOf("each-001", "e1", 100, 1000)},
		"refund_query": {http.MethodGet, wrefund + "/e1", nil},
	} {
		for kind, want := range map[string]error{"unsigned": errUnsigned, "stale": errOld, "bad_signature": errBadSignature} {
			s.wfault(M{"operation": op, "kind": kind, "count": 1})
			if _, err := w.try(http.MethodPost, wpay+"native", w.order("each-"+op+kind, 100)); err != nil {
				t.Errorf("a fault of %s struck an order: %v", op, err)
			}
			if _, err := w.try(call.method, call.target, call.body); !errors.Is(err, want) {
				t.Errorf("%s of %s: %v", kind, op, err)
			}
			if _, err := w.try(call.method, call.target, call.body); err != nil {
				t.Errorf("%s after its fault: %v", op, err)
			}
		}
	}
	s.wfault(M{"operation": "refund", "kind": "decline", "count": 1})
	w.refused("403 USER_ACCOUNT_ABNORMAL", http.MethodPost, wrefund, wrefundOf("each-001", "e2", 100, 1000))
	s.wfault(M{"operation": "refund", "kind": "wrong_amount", "count": 1})
	if r := w.ok(http.MethodPost, wrefund, wrefundOf("each-001", "e3", 100, 1000)); r.get("amount", "refund") != 101.0 {
		t.Errorf("wrong_amount: %s", r.raw)
	}
	s.wfault(M{"operation": "refund_query", "kind": "wrong_id", "count": 1})
	if r := w.ok(http.MethodGet, wrefund+"/e3", nil); r.get("out_refund_no") == "e3" {
		t.Errorf("wrong_id: %s", r.raw)
	}
	s.wfault(M{"operation": "query", "kind": "wrong_id", "count": 1})
	w.refused("404 ORDER_NOT_EXIST", http.MethodGet, w.byNumber("each-999"), nil) // nothing to falsify: the fault is kept
	var kept struct{ Data []struct{ Count int } }
	if s.must(http.MethodGet, "faults", nil, &kept); len(kept.Data) != 1 || kept.Data[0].Count != 1 {
		t.Errorf("the fault was used up: %+v", kept)
	}
	s.must(http.MethodDelete, "faults", nil, nil)
	s.wfault(M{"kind": "refuse_connection"})
	if _, err := w.try(http.MethodGet, w.byNumber("each-001"), nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refuse_connection: %v", err)
	}
	s.alipay().ok(barcode, byBarcode("each-alipay", "1.00")) // the other channel's listener is open
	s.must(http.MethodDelete, "faults", nil, nil)

	for _, body := range []string{
		`{"channel":"wechatpay","operation":"query","kind":"decline"}`,
		`{"channel":"wechatpay","operation":"close","kind":"wrong_amount"}`,
		`{"channel":"wechatpay","operation":"close","kind":"wrong_id"}`,
		`{"channel":"wechatpay","operation":"cancel","kind":"wrong_amount"}`,
		`{"channel":"wechatpay","operation":"bill","kind":"wrong_amount"}`,
		`{"channel":"wechatpay","operation":"pay","kind":"refund_abnormal"}`,
		`{"channel":"wechatpay","operation":"pay","kind":"escaped_slashes"}`,
		`{"channel":"alipay","operation":"refund","kind":"refund_abnormal"}`,
	} {
		var problem struct{ Detail string }
		if status := s.control(http.MethodPost, "faults", body, &problem); status != http.StatusBadRequest || problem.Detail == "" {
			t.Errorf("%s answered %d %q", body, status, problem.Detail)
		}
	}
}

func TestWechatpay_MagicAmounts(t *testing.T) {
	s := start(t, sandbox.Options{})
	w, m := s.wechatpay(), newMerchant(t)
	for range 2 {
		w.refused("403 NOT_ENOUGH", http.MethodPost, wpay+"codepay", w.byCode("magic-1", 9001))
		w.refused("403 RULE_LIMIT", http.MethodPost, wpay+"native", w.order("magic-1", 19001))
	}
	for number, c := range map[string]struct {
		total int64
		busy  bool
		done  bool
	}{"magic-2": {9002, false, false}, "magic-3": {9003, false, true}, "magic-4": {9004, true, false}, "magic-5": {9005, true, true}} {
		if c.busy {
			w.refused("500 SYSTEM_ERROR", http.MethodPost, wpay+"native", w.order(number, c.total))
		} else if err := w.cut(wpay+"native", w.order(number, c.total)); !timedOut(err) {
			t.Errorf("%s: %v", number, err)
		}
		if status := s.control(http.MethodGet, "trades/"+number, nil, nil); (status == http.StatusOK) != c.done {
			t.Errorf("%s: in the books %d, want done=%v", number, status, c.done)
		}
		w.ok(http.MethodPost, wpay+"native", w.order(number, c.total)) // the repeat works
		s.expectStatus(number, "issued")
	}
	pay := func(number string, total int64) {
		t.Helper()
		u := w.ok(http.MethodPost, wpay+"native", w.order(number, total).and("notify_url", m.URL)).object["code_url"]
		s.must(http.MethodPost, "pay", payWith(qr(u)), nil)
	}
	pay("magic-6", 9006)
	if n := w.checkNotice(m.next(t)); n.M["out_trade_no"] != "magic-6" {
		t.Errorf("notification: %+v", n)
	}
	pay("magic-8", 9008)
	pay("magic-9", 9009)
	for range 2 {
		if n := w.checkNotice(m.next(t)); n.M["out_trade_no"] != "magic-9" {
			t.Errorf("notification: %+v", n)
		}
	}
	if n := s.trade("magic-8").Notifications; len(n) != 0 {
		t.Errorf("a lost notification was sent: %v", n)
	}
	s.must(http.MethodPost, "trades/magic-8/notify", nil, nil)
	if n := w.checkNotice(m.next(t)); n.M["out_trade_no"] != "magic-8" {
		t.Errorf("on demand: %+v", n)
	}
}
