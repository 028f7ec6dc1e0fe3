package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

type M = map[string]any

// cut is how a call without an answer looks to a client that waits a little.
func (a *alipay) cut(method string, b any) error {
	a.t.Helper()
	patient := a.http.Timeout
	a.http.Timeout = 300 * time.Millisecond
	defer func() { a.http.Timeout = patient }()
	r, err := a.try(method, b, nil)
	if err == nil {
		a.t.Fatalf("%s was answered: %v", method, r)
	}
	return err
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestFaults_EveryKind(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	a.ok(barcode, byBarcode("earlier", "7.00"))
	a.ok(query, numbered("earlier"))

	n := 0
	number := func() string { n++; return fmt.Sprintf("f%d", n) }
	one := func(kind string, more M) {
		f := M{"operation": "pay", "kind": kind, "count": 1}
		for k, v := range more {
			f[k] = v
		}
		s.fault(f)
	}
	absent := func(no string) {
		t.Helper()
		a.refused("40004 ACQ.TRADE_NOT_EXIST", query, numbered(no))
		if status := s.control(http.MethodGet, "trades/"+no, nil, nil); status != http.StatusNotFound {
			t.Errorf("%s is in the books", no)
		}
		a.ok(barcode, byBarcode(no, "1.00")) // the fault was for one call
	}
	paid := func(no string) {
		t.Helper()
		s.expectStatus(no, "paid")
	}

	one("rate_limited", nil)
	no := number()
	a.refused("40005 isv.app-call-limited", barcode, byBarcode(no, "1.00"))
	absent(no)

	one("hang_before", nil)
	no = number()
	if err := a.cut(barcode, byBarcode(no, "1.00")); !timedOut(err) {
		t.Errorf("hang_before: %v", err)
	}
	absent(no)

	one("hang_after", nil)
	no = number()
	if err := a.cut(barcode, byBarcode(no, "1.00")); !timedOut(err) {
		t.Errorf("hang_after: %v", err)
	}
	paid(no)

	one("reset_after", nil)
	no = number()
	if err := a.cut(barcode, byBarcode(no, "1.00")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset_after: %v", err)
	}
	paid(no)

	for kind, status := range map[string]string{"http_500": "HTTP 500", "html_502": "HTTP 502"} {
		one(kind, nil)
		no = number()
		if err := a.cut(barcode, byBarcode(no, "1.00")); err.Error() != status {
			t.Errorf("%s: %v", kind, err)
		}
		absent(no)
		one(kind, M{"effect": "after"})
		no = number()
		_ = a.cut(barcode, byBarcode(no, "1.00"))
		paid(no)
	}

	one("system_error", nil)
	no = number()
	a.refused("20000 isp.unknow-error", barcode, byBarcode(no, "1.00"))
	absent(no)
	one("system_error", M{"effect": "after"})
	no = number()
	a.refused("40004 ACQ.SYSTEM_ERROR", barcode, byBarcode(no, "1.00"))
	paid(no)

	one("decline", nil)
	no = number()
	a.refused("40004 ACQ.BUYER_BALANCE_NOT_ENOUGH", barcode, byBarcode(no, "1.00"))
	absent(no)

	for kind, want := range map[string]error{"bad_signature": errBadSignature, "unsigned": errUnsigned} {
		one(kind, nil)
		no = number()
		if _, err := a.try(barcode, byBarcode(no, "1.00"), nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", kind, err)
		}
		paid(no)
	}

	one("stale", nil)
	no = number()
	if r := a.ok(barcode, byBarcode(no, "1.00")); r.get("out_trade_no") == no {
		t.Errorf("stale: %v", r)
	}
	paid(no)

	one("wrong_amount", nil)
	no = number()
	if r := a.ok(barcode, byBarcode(no, "1.00")); r.get("total_amount") != "1.01" || r.get("out_trade_no") != no {
		t.Errorf("wrong_amount: %v", r)
	}
	one("wrong_id", nil)
	no = number()
	if r := a.ok(barcode, byBarcode(no, "1.00")); r.get("total_amount") != "1.00" || r.get("out_trade_no") == no {
		t.Errorf("wrong_id: %v", r)
	}
	paid(no)

	one("slow", M{"delay_ms": 400})
	before := time.Now()
	a.ok(barcode, byBarcode(number(), "1.00"))
	if took := time.Since(before); took < 400*time.Millisecond {
		t.Errorf("a slow answer took %s", took)
	}

	one("escaped_slashes", nil)
	parts, _, err := a.post(barcode, a.signed(barcode, byBarcode(number(), "1.00"), nil))
	if err != nil {
		t.Error(err)
	}
	if raw := string(parts["sign"]); strings.Count(raw, "/") != strings.Count(raw, `\/`) {
		t.Errorf("escaped_slashes: sign is %s", raw)
	}
}

// TestFaults_Operations aims at one operation each, and sees the others work.
func TestFaults_Operations(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	a.ok(barcode, byBarcode("op1", "3.00"))
	for op, call := range map[string]struct {
		method string
		biz    any
	}{
		"query":        {query, numbered("op1")},
		"close":        {closing, numbered("op1")},
		"cancel":       {cancelling, numbered("none")},
		"refund":       {refunding, refundOf("op1", "op1r", "1.00")},
		"refund_query": {refundQuery, biz{"out_trade_no": "op1", "out_request_no": "op1r"}},
	} {
		s.fault(M{"operation": op, "kind": "unsigned", "count": 1})
		if _, err := a.try(precreate, order("op-other-"+op, "1.00"), nil); err != nil {
			t.Errorf("a fault of %s struck a payment: %v", op, err)
		}
		if _, err := a.try(call.method, call.biz, nil); !errors.Is(err, errUnsigned) {
			t.Errorf("%s: %v", op, err)
		}
		if _, err := a.try(call.method, call.biz, nil); err != nil {
			t.Errorf("%s after its fault: %v", op, err)
		}
	}
	s.fault(M{"operation": "query", "kind": "stale", "count": 1})
	a.refused("40004 ACQ.TRADE_NOT_EXIST", query, numbered("none")) // nothing to falsify: the fault is kept
	var kept struct{ Data []struct{ Count int } }
	if s.must(http.MethodGet, "faults", nil, &kept); len(kept.Data) != 1 || kept.Data[0].Count != 1 {
		t.Errorf("the fault was used up: %+v", kept)
	}
	s.must(http.MethodDelete, "faults", nil, nil)
	a.ok(barcode, byBarcode("op2", "4.00"))
	a.ok(query, numbered("op2"))
	s.fault(M{"operation": "query", "kind": "stale", "count": 1})
	if r := a.ok(query, numbered("op1")); r.get("out_trade_no") != "op2" || r.get("total_amount") != "4.00" {
		t.Errorf("a stale answer: %v", r)
	}
	s.fault(M{"kind": "rate_limited"}) // every operation, until deleted
	for range 3 {
		a.refused("40005 isv.app-call-limited", query, numbered("op1"))
		a.refused("40005 isv.app-call-limited", precreate, order("op3", "1.00"))
	}
	s.must(http.MethodDelete, "faults", nil, nil)
	a.ok(query, numbered("op1"))
}

func TestFaults_Refused(t *testing.T) {
	s := start(t, sandbox.Options{})
	for _, body := range []string{
		`{"channel":"alipay","operation":"query","kind":"decline"}`,
		`{"channel":"alipay","operation":"close","kind":"wrong_amount"}`,
		`{"channel":"alipay","operation":"cancel","kind":"wrong_amount"}`,
		`{"channel":"alipay","operation":"bill","kind":"stale"}`,
		`{"channel":"alipay","operation":"pay","kind":"explode"}`,
		`{"channel":"alipay","operation":"buy","kind":"slow"}`,
		`{"channel":"paypal","kind":"slow"}`,
		`{"channel":"alipay","kind":"slow","count":0}`,
		`{"channel":"alipay","kind":"slow","rate":1.1}`,
		`{"channel":"alipay","kind":"slow","delay_ms":-1}`,
		`{"channel":"alipay","kind":"slow","effect":"after"}`,
		`{"channel":"alipay","kind":"system_error","effect":"during"}`,
		`{"channel":"alipay","kind":"slow","cuont":1}`,
		`[]`, `{`,
	} {
		var problem struct{ Detail string }
		if status := s.control(http.MethodPost, "faults", body, &problem); status != http.StatusBadRequest || problem.Detail == "" {
			t.Errorf("%s answered %d %q", body, status, problem.Detail)
		}
	}
	for path, body := range map[string]string{
		"pay": `{"action":{"type":"qr_code","code_url":"https://qr.alipay.com/x"}}`, "notifications": `{"drop_rate":2}`,
		"clock": `{"advance":"-1h"}`,
	} {
		if status := s.control(http.MethodPost, path, body, nil); status != http.StatusBadRequest {
			t.Errorf("%s %s answered %d", path, body, status)
		}
	}
	for _, path := range []string{"pay", "cancel", "notify"} {
		if status := s.control(http.MethodPost, "trades/none/"+path, "{}", nil); status != http.StatusNotFound {
			t.Errorf("%s of an unknown trade answered %d", path, status)
		}
	}
}

func TestFaults_CountHoldsUnderConcurrency(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	s.fault(M{"operation": "query", "kind": "unsigned", "count": 10})
	var struck atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := a.try(query, numbered("none"), nil); errors.Is(err, errUnsigned) {
				struck.Add(1)
			}
		})
	}
	all.Wait()
	if struck.Load() != 10 {
		t.Errorf("a fault for 10 calls struck %d", struck.Load())
	}
}

func TestFaults_RefuseConnection(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	u := a.ok(precreate, order("ref1", "1.00")).get("qr_code")
	link := a.cred.BaseURL + "?" + form(a.signed(pagePay, order("ref2", "1.00").and("product_code", "FAST_INSTANT_TRADE_PAY"), nil)).Encode()
	for range 3 {
		s.fault(M{"operation": "pay", "kind": "refuse_connection"})
		_, err := a.try(query, numbered("ref1"), nil)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("refuse_connection: %v", err)
		}
		getPage(t, u) // the payer's pages stay up
		s.must(http.MethodDelete, "faults", nil, nil)
		a.ok(query, numbered("ref1"))
	}
	s.fault(M{"kind": "refuse_connection", "count": 1})
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": u}), nil)
	s.must(http.MethodPost, "pay", payWith(M{"type": "redirect", "url": link}), nil)
	s.expectStatus("ref1", "paid")
	s.expectStatus("ref2", "paid")
	s.must(http.MethodDelete, "faults?channel=alipay", nil, nil)
	a.ok(query, numbered("ref2"))
}

func TestMagicAmounts(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	for range 2 {
		a.refused("40004 ACQ.BUYER_BALANCE_NOT_ENOUGH", barcode, byBarcode("m1", "90.01"))
		a.refused("40004 ACQ.TOTAL_FEE_EXCEED", precreate, order("m1", "190.01"))
	}
	link := a.cred.BaseURL + "?" + form(a.signed(pagePay, order("m1w", "90.01").and("product_code", "FAST_INSTANT_TRADE_PAY"), nil)).Encode()
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "redirect", "url": link}), nil); status != http.StatusConflict {
		t.Errorf("paying a declined amount answered %d", status)
	}
	s.expectStatus("m1w", "waiting")

	for _, c := range []struct {
		number, yuan, busy string
		done               bool
	}{
		{"m2", "90.02", "", false},
		{"m3", "90.03", "", true},
		{"m4", "90.04", "20000 isp.unknow-error", false},
		{"m5", "90.05", "40004 ACQ.SYSTEM_ERROR", true},
	} {
		if c.busy == "" {
			if err := a.cut(precreate, order(c.number, c.yuan)); !timedOut(err) {
				t.Errorf("%s: %v", c.number, err)
			}
		} else {
			a.refused(c.busy, precreate, order(c.number, c.yuan))
		}
		if status := s.control(http.MethodGet, "trades/"+c.number, nil, nil); (status == http.StatusOK) != c.done {
			t.Errorf("%s: in the books %d, want done=%v", c.number, status, c.done)
		}
		a.ok(precreate, order(c.number, c.yuan)) // the repeat works
		s.expectStatus(c.number, "issued")
	}
	a.ok(precreate, order("m6", "90.06"))
	a.ok(precreate, order("m10", "90.10"))

	m := newMerchant(t)
	a.ok(barcode, byBarcode("m8", "90.08"), notifyTo(m))
	a.ok(barcode, byBarcode("m9", "90.09"), notifyTo(m))
	for range 2 {
		if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "m9" {
			t.Errorf("callback: %v", v)
		}
	}
	eventually(t, "both copies are in the books", func() bool { return len(s.trade("m9").Notifications) == 2 })
	if n := s.trade("m8").Notifications; len(n) != 0 {
		t.Errorf("a lost callback was sent: %v", n)
	}
	var answer struct {
		HTTPStatus int `json:"http_status"`
		Body       string
	}
	s.must(http.MethodPost, "trades/m8/notify", nil, &answer)
	if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "m8" || answer.HTTPStatus != 200 || answer.Body != "success" {
		t.Errorf("callback on demand: %v, %+v", v, answer)
	}
}

// TestFaults_HangsLeaveNothingBehind lets many calls hang, and the sandbox stop meanwhile.
func TestFaults_HangsLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	s := start(t, sandbox.Options{})
	a := s.alipay()
	s.fault(M{"kind": "hang_after"})
	var hanging sync.WaitGroup
	for range 20 {
		hanging.Go(func() { _, _ = a.try(query, numbered("none"), nil) })
	}
	eventually(t, "the calls hang", func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "sim.(*Env).Hang") >= 20
	})
	s.stop()
	hanging.Wait()
	a.http.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func TestFaults_HangLimit(t *testing.T) {
	s := start(t, sandbox.Options{HangLimit: 50 * time.Millisecond})
	a := s.alipay()
	s.fault(M{"kind": "hang_before", "count": 1})
	if _, err := a.try(query, numbered("none"), nil); !errors.Is(err, io.EOF) {
		t.Errorf("a call held to the limit: %v", err)
	}
}
