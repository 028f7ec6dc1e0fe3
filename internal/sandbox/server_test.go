package sandbox_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestServer_SameFolderSameWorld(t *testing.T) {
	dir := t.TempDir()
	s := start(t, sandbox.Options{Dir: dir})
	a, m := s.alipay(), newMerchant(t)
	second, err := s.server.AddAccount(t.Context(), "alipay")
	if err != nil {
		t.Fatal(err)
	}
	first := s.server.Credentials()
	address := s.server.URL()
	a.ok(barcode, byBarcode("k1", "1.00"))
	a.ok(refunding, refundOf("k1", "kr", "0.40"))
	u := a.ok(precreate, order("k2", "2.00"), notifyTo(m)).get("qr_code")
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	m.say = func(int) (int, string) { return 500, "" }
	a.ok(barcode, byBarcode("k3", "1.00"), notifyTo(m))
	m.next(t)
	a.refused("20000 isp.unknow-error", precreate, order("k4", "90.04"))
	eventually(t, "the failed try is in the books", func() bool { return len(s.trade("k3").Notifications) > 0 })
	s.stop()
	m.say = func(int) (int, string) { return 200, "success" }

	// A copy of the folder in which the journal was torn while a record was written.
	journal := filepath.Join(dir, "books.journal")
	f, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`deadbeef [{"k":"trade","v":{"chann`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	s = start(t, sandbox.Options{Dir: dir})
	if s.server.URL() != address {
		t.Errorf("the address was %s and is %s", address, s.server.URL())
	}
	if !same(t, s.server.Credentials(), first) {
		t.Error("the credentials changed")
	}
	if again, err := s.server.Account("alipay", second.Alipay.AppID); err != nil || !same(t, again, second) {
		t.Errorf("the second account changed: %v", err)
	}
	if tr := s.expectStatus("k1", "paid"); len(tr.Refunds) != 1 || tr.Refunds[0].Amount != 40 {
		t.Errorf("books: %+v", tr)
	}
	for seen := false; !seen; { // what was not acknowledged is sent after the restart
		seen = a.checkCallback(m.next(t))["out_trade_no"] == "k3"
	}
	a.ok(precreate, order("k4", "90.04")) // its first call was in the former life
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": u}), nil)
	s.expectStatus("k2", "paid")
	var clock struct{ Calendar time.Time }
	s.must(http.MethodPost, "clock", `{}`, &clock)
	if ahead := time.Until(clock.Calendar); ahead < 25*time.Hour {
		t.Errorf("the calendar is %s ahead", ahead)
	}
	s.stop()

	// Damage before the end is not a torn record.
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(journal, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged books were opened: %v", err)
	}
}

func same(t *testing.T, a, b any) bool {
	t.Helper()
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

func TestServer_OneProcessAFolder(t *testing.T) {
	dir := t.TempDir()
	start(t, sandbox.Options{Dir: dir})
	if _, err := sandbox.New(sandbox.Options{Dir: dir}); err == nil {
		t.Error("two sandboxes use one folder")
	}
}

func TestServer_Addresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port for the test
	if err != nil {
		t.Fatal(err)
	}
	own := l.Addr().String()
	_ = l.Close()
	s := start(t, sandbox.Options{Listen: own, PublicURL: "https://pay.example/sandbox/"})
	if s.server.URL() != "https://pay.example/sandbox" {
		t.Errorf("URL is %s", s.server.URL())
	}
	if base := s.server.Credentials().Alipay.BaseURL; !strings.HasPrefix(base, "http://127.0.0.1:") || !strings.HasSuffix(base, "/gateway.do") {
		t.Errorf("base_url is %s", base)
	}
	if u := newAlipay(t, credentialsOf(t, s)).ok(precreate, order("pub", "1.00")).get("qr_code"); !strings.HasPrefix(u, "https://pay.example/sandbox/alipay/qr/") {
		t.Errorf("qr_code is %s", u)
	}
}

func credentialsOf(t testing.TB, s *running) alipayCredentials {
	t.Helper()
	raw, err := json.Marshal(s.server.Credentials().Alipay)
	if err != nil {
		t.Fatal(err)
	}
	var c alipayCredentials
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

func TestServer_TradesExpire(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)} // 10:00 in Beijing
	s := start(t, sandbox.Options{Now: c.now})
	a, m := s.alipay(), newMerchant(t)
	limit := "2026-11-21 10:05:00"
	u := a.ok(precreate, order("e1", "1.00").and("time_expire", limit)).get("qr_code")
	a.ok(precreate, order("e2", "1.00").and("time_expire", limit).and("timeout_express", "3h"))
	s.must(http.MethodPost, "trades/e2/cancel", nil, nil)
	a.call(barcode, byBarcode("e3", "90.06").and("timeout_express", "5m"))
	params := form(a.signed(appPay, order("e4", "1.00").and("time_expire", limit), notifyTo(m))).Encode()
	s.must(http.MethodPost, "pay", M{"action": M{"type": "app", "params": params}, "result": "cancel"}, nil)
	long := a.ok(precreate, order("e5", "1.00").and("time_expire", "2026-11-21 20:00:00")).get("qr_code")

	c.move(5*time.Minute - time.Second)
	a.ok(query, numbered("e2"))
	if r := a.ok(query, numbered("e3")); r.get("trade_status") != "WAIT_BUYER_PAY" {
		t.Errorf("a second before its limit: %v", r)
	}
	c.move(time.Second)
	if r := a.ok(query, numbered("e2")); r.get("trade_status") != "TRADE_CLOSED" {
		t.Errorf("at its limit: %v", r)
	}
	for _, number := range []string{"e1", "e2", "e3", "e4"} {
		eventually(t, number+" is closed in the books", func() bool { return s.trade(number).Status == "closed" })
		if tr := s.trade(number); tr.ClosedAt == nil || !strings.HasPrefix(*tr.ClosedAt, "2026-11-21T02:05:00") {
			t.Errorf("%s: %+v", number, tr)
		}
	}
	a.refused("40004 ACQ.TRADE_NOT_EXIST", query, numbered("e1"))
	if page := getPage(t, u); !strings.Contains(page, "订单已关闭") {
		t.Errorf("page of an expired code:\n%s", page)
	}
	if status := s.control(http.MethodPost, "trades/e3/pay", nil, nil); status != http.StatusConflict {
		t.Errorf("paying an expired trade answered %d", status)
	}
	if v := a.checkCallback(m.next(t)); v["out_trade_no"] != "e4" || v["trade_status"] != "TRADE_CLOSED" {
		t.Errorf("callback: %v", v)
	}
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "app", "params": params}), nil); status != http.StatusConflict {
		t.Errorf("the wallet took an expired order: %d", status)
	}

	// A code dies after two hours, its order doesn't: the same call renews the code.
	c.move(2 * time.Hour)
	if page := getPage(t, long); !strings.Contains(page, "二维码已失效") {
		t.Errorf("page of a dead code:\n%s", page)
	}
	s.expectStatus("e5", "issued")
	renewed := a.ok(precreate, order("e5", "1.00").and("time_expire", "2026-11-21 20:00:00")).get("qr_code")
	if renewed == long {
		t.Fatal("the code was not renewed")
	}
	if status := s.control(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": long}), nil); status != http.StatusNotFound {
		t.Errorf("paying at the replaced code answered %d", status)
	}
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": renewed}), nil)
	s.expectStatus("e5", "paid")
}

func TestServer_RunEndsWithItsContext(t *testing.T) {
	server, err := sandbox.New(sandbox.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestServer_OwnPage(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	a.call(barcode, byBarcode("own1", "90.06"))
	page := getPage(t, s.server.URL()+"/?lang=en")
	if !strings.Contains(page, "own1") || !strings.Contains(page, "/alipay/cashier/") || !strings.Contains(page, "waiting") {
		t.Errorf("the sandbox's page:\n%s", page)
	}
	if page := getPage(t, s.server.URL()+"/alipay/qr/nowhere"); !strings.Contains(page, "页面不存在") {
		t.Errorf("page of an unknown code:\n%s", page)
	}
}
