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
func (u *unionpay) cut(m msg) error {
	u.t.Helper()
	patient := u.http.Timeout
	u.http.Timeout = 300 * time.Millisecond
	defer func() { u.http.Timeout = patient }()
	r, err := u.try(m)
	if err == nil {
		u.t.Fatalf("%s was answered: %v", m["orderId"], r)
	}
	return err
}

func TestUnionPayFaults_EveryKind(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	earlier := u.barcode("earlier1", "700", nil)
	u.says("00", earlier)

	n := 0
	next := func() msg { n++; return u.barcode(fmt.Sprintf("kinds%03d", n), "100", nil) }
	one := func(kind string, more M) msg {
		f := M{"operation": "pay", "kind": kind, "count": 1}
		maps.Copy(f, more)
		s.upFault(f)
		return next()
	}
	absent := func(o msg) {
		t.Helper()
		u.stands("34", o)
		if status := s.control(http.MethodGet, "trades/"+o["orderId"], nil, nil); status != http.StatusNotFound {
			t.Errorf("%s is in the books", o["orderId"])
		}
		u.says("00", o) // the fault was for one call
	}
	paid := func(o msg) { t.Helper(); s.expectStatus(o["orderId"], "paid"); u.stands("00", o) }

	for _, c := range []struct {
		kind, code string
		more       M
		done       bool
	}{
		{"rate_limited", "37", nil, false},
		{"decline", "64", nil, false},
		{"system_error", "06", nil, false},
		{"system_error", "03", M{"effect": "after"}, true},
	} {
		o := one(c.kind, c.more)
		u.says(c.code, o)
		if c.done {
			paid(o)
		} else {
			absent(o)
		}
	}
	for _, c := range []struct {
		kind string
		more M
		done bool
		is   func(error) bool
	}{
		{"hang_before", nil, false, timedOut},
		{"hang_after", nil, true, timedOut},
		{"reset_after", nil, true, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"http_500", nil, false, said("HTTP 500")},
		{"http_500", M{"effect": "after"}, true, said("HTTP 500")},
		{"html_502", nil, false, said("HTTP 502")},
		{"html_502", M{"effect": "after"}, true, said("HTTP 502")},
		{"bad_signature", nil, true, func(err error) bool { return errors.Is(err, errBadSignature) }},
		{"unsigned", nil, true, func(err error) bool { return errors.Is(err, errUnsigned) }},
	} {
		o := one(c.kind, c.more)
		if err := u.cut(o); !c.is(err) {
			t.Errorf("%s: %v", c.kind, err)
		}
		if c.done {
			paid(o)
		} else {
			absent(o)
		}
	}
	for kind, differs := range map[string]string{"stale": "orderId", "wrong_id": "orderId", "wrong_amount": "txnAmt"} {
		o := one(kind, nil)
		if r, err := u.try(o); err != nil || r["respCode"] != "00" || r[differs] == o[differs] || r[differs] == "" {
			t.Errorf("%s: %v, %v", kind, r, err)
		}
		paid(o)
	}
	o := one("slow", M{"delay_ms": 400})
	before := time.Now()
	u.says("00", o)
	if took := time.Since(before); took < 400*time.Millisecond {
		t.Errorf("a slow answer took %s", took)
	}
}

func said(text string) func(error) bool { return func(err error) bool { return err.Error() == text } }

// TestUnionPayFaults_Operations aims at one operation each, and sees the others work.
func TestUnionPayFaults_Operations(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	o := u.barcode("opera001", "300", nil)
	u.says("00", o)
	undone := u.barcode("opera002", "300", nil)
	u.says("00", undone)
	refund, undo := u.refund("opera003", o, "100", nil), u.refund("opera004", undone, "300", nil).and("txnType", "31")
	for _, c := range []struct {
		op     string
		m      msg
		repeat string
	}{
		{"query", u.asking(o), "00"}, {"refund", refund, "12"}, {"cancel", undo, "12"}, {"refund_query", u.asking(refund), "00"},
	} {
		s.upFault(M{"operation": c.op, "kind": "unsigned", "count": 1})
		u.says("00", u.code("other"+strings.ReplaceAll(c.op, "_", "")+"1", "100", nil))
		if _, err := u.try(c.m); !errors.Is(err, errUnsigned) {
			t.Errorf("%s: %v", c.op, err)
		}
		u.says(c.repeat, c.m) // it was done
	}
	s.upFault(M{"operation": "query", "kind": "stale", "count": 1})
	u.says("34", u.asking(o.and("orderId", "nothing1"))) // nothing to falsify: the fault is kept
	var kept struct{ Data []struct{ Count int } }
	if s.must(http.MethodGet, "faults", nil, &kept); len(kept.Data) != 1 || kept.Data[0].Count != 1 {
		t.Errorf("the fault was used up: %+v", kept)
	}
	s.must(http.MethodDelete, "faults", nil, nil)
	s.upFault(M{"operation": "query", "kind": "rate_limited"})
	for range 3 {
		u.says("37", u.asking(o))
	}
	u.settled(refund)
	u.stands("00", refund) // a query, but not about a payment
	s.must(http.MethodDelete, "faults", nil, nil)
	declined := u.refund("opera008", o, "100", nil)
	s.upFault(M{"operation": "refund", "kind": "decline", "count": 1})
	u.says("60", declined)
	u.stands("34", declined)

	// A refund that never arrived: nothing is known of it, and the query about it is one about a refund.
	lost := u.refund("opera009", o, "100", nil)
	s.upFault(M{"operation": "refund", "kind": "hang_before", "count": 1})
	if err := u.cut(lost); !timedOut(err) {
		t.Errorf("hang_before: %v", err)
	}
	u.stands("34", lost)
	if tr := s.trade("opera001"); len(tr.Refunds) != 1 {
		t.Errorf("books: %+v", tr)
	}
	s.upFault(M{"operation": "refund_query", "kind": "rate_limited", "count": 1})
	u.says("37", u.asking(lost))
	for _, kind := range []string{"wrong_amount", "wrong_id"} {
		s.upFault(M{"operation": "refund_query", "kind": kind, "count": 1})
		if r, err := u.try(u.asking(refund)); err != nil || (r["txnAmt"] == "100") == (kind == "wrong_amount") || (r["orderId"] == "opera003") == (kind == "wrong_id") {
			t.Errorf("%s: %v, %v", kind, r, err)
		}
	}
}

func TestUnionPayFaults_Refused(t *testing.T) {
	s := start(t, sandbox.Options{})
	for _, body := range []string{
		`{"channel":"unionpay","operation":"query","kind":"decline"}`,
		`{"channel":"unionpay","operation":"close","kind":"hang_after"}`,
		`{"channel":"unionpay","operation":"close","kind":"refuse_connection"}`,
		`{"channel":"unionpay","operation":"pay","kind":"escaped_slashes"}`,
		`{"channel":"unionpay","kind":"escaped_slashes"}`,
	} {
		var problem struct{ Detail string }
		if status := s.control(http.MethodPost, "faults", body, &problem); status != http.StatusBadRequest || problem.Detail == "" {
			t.Errorf("%s answered %d %q", body, status, problem.Detail)
		}
	}
	for _, op := range []string{"pay", "query", "cancel", "refund", "refund_query"} {
		for _, kind := range []string{"rate_limited", "hang_before", "hang_after", "reset_after", "http_500", "html_502", "system_error", "bad_signature", "unsigned", "stale", "wrong_amount", "wrong_id", "slow"} {
			s.upFault(M{"operation": op, "kind": kind, "count": 1})
		}
	}
}

func TestUnionPayFaults_RefuseConnection(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	o := u.code("refuse01", "100", nil)
	codeURL, web := u.says("00", o)["qrCode"], u.formAction(u.web("refuse02", "100", nil))
	s.upFault(M{"kind": "refuse_connection"})
	if _, err := u.try(u.asking(o)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("refuse_connection: %v", err)
	}
	getPage(t, codeURL) // the payer's pages stay up
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": codeURL}), nil)
	s.must(http.MethodPost, "pay", payWith(web), nil)
	s.must(http.MethodDelete, "faults", nil, nil)
	u.stands("00", o)
	s.expectStatus("refuse02", "paid")
}

func TestUnionPayMagicAmounts(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	for range 2 {
		u.says("64", u.barcode("magic001", "9001", nil))
		u.says("33", u.code("magic001", "19001", nil))
		u.says("33", u.web("magic001", "9001", nil))
	}
	// A form reaches no server of the merchant's: the payer's page declines, and the payer may try again.
	o := u.web("magic011", "9001", nil)
	page, err := u.send(upFront, form(u.sign(o)).Encode())
	if err != nil {
		t.Fatal(err)
	}
	if resp := press(t, formAction(t, page, "pay")); resp.StatusCode != http.StatusConflict {
		t.Errorf("paying a declined amount answered %d", resp.StatusCode)
	}
	if status := s.control(http.MethodPost, "pay", payWith(u.formAction(o)), nil); status != http.StatusConflict {
		t.Errorf("paying a declined amount answered %d", status)
	}
	s.expectStatus("magic011", "waiting")
	u.stands("64", o)

	for _, c := range []struct {
		number, fen, busy string
		done              bool
	}{
		{"magic002", "9002", "", false}, {"magic003", "9003", "", true}, {"magic004", "9004", "06", false}, {"magic005", "9005", "03", true},
	} {
		o := u.code(c.number, c.fen, nil)
		if c.busy == "" {
			if err := u.cut(o); !timedOut(err) {
				t.Errorf("%s: %v", c.number, err)
			}
		} else {
			u.says(c.busy, o)
		}
		if status := s.control(http.MethodGet, "trades/"+c.number, nil, nil); (status == http.StatusOK) != c.done {
			t.Errorf("%s: in the books %d, want done=%v", c.number, status, c.done)
		}
		if c.done {
			u.says("12", o) // the channel repeats nothing
		} else {
			u.says("00", o)
		}
		s.expectStatus(c.number, "issued")
	}
	u.says("00", u.code("magic006", "9006", nil))
	u.says("00", u.code("magic010", "9010", nil))

	m := newMerchant(t)
	u.says("00", u.barcode("magic008", "9008", m))
	u.says("00", u.barcode("magic009", "9009", m))
	for range 2 {
		if v := u.checkCallback(m.next(t)); v["orderId"] != "magic009" {
			t.Errorf("callback: %v", v)
		}
	}
	eventually(t, "both copies are in the books", func() bool { return len(s.trade("magic009").Notifications) == 2 })
	if n := s.trade("magic008").Notifications; len(n) != 0 {
		t.Errorf("a lost callback was sent: %v", n)
	}
	s.must(http.MethodPost, "trades/magic008/notify", nil, nil)
	if v := u.checkCallback(m.next(t)); v["orderId"] != "magic008" {
		t.Errorf("callback on demand: %v", v)
	}
}
