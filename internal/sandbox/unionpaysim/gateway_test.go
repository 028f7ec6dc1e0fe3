package unionpaysim

import (
	"crypto/rsa"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// bench is a simulator with one merchant, on books of its own.
type bench struct {
	*Simulator
	merID string
	key   signer // the merchant's
}

func newBench(t testing.TB, now func() time.Time) *bench {
	t.Helper()
	store, err := books.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := New(sim.Env{
		Books: store, Faults: faults.NewTable(func() float64 { return 0 }), Now: now, Calendar: now, Logger: slog.New(slog.DiscardHandler),
		PayerBase: "http://127.0.0.1:1/unionpay", ChannelBase: "http://127.0.0.1:2", Stopping: make(chan struct{}),
		Tampered: func(string) ([]sim.Tamper, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Simulator: s}
	if b.merID, err = s.OpenAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := s.Credentials(b.merID)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(c.UnionPay.PFXBase64)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, err := pkcs12.DecodeChain(raw, c.UnionPay.PFXPassword)
	if err != nil {
		t.Fatal(err)
	}
	b.key.key = key.(*rsa.PrivateKey) //nolint:forcetypeassert // the simulator makes no other
	return b
}

// request is a signed request of the merchant's.
func (b *bench) request(t testing.TB, more fields) fields {
	t.Helper()
	a, _ := b.accounts.Find(b.merID)
	f := fields{
		"version": version, "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "channelType": "07", "merId": b.merID,
		"certId": a.certID, "currencyCode": currencyCNY, "backUrl": "http://127.0.0.1:9/", "txnTime": formatTime(b.env.Now()),
	}.with(more)
	signed, err := b.key.sign(f) // its certificate's text is empty, so that none is put in
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (b *bench) post(path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// TestUndo_OnItsDayOnly lets the settlement day end between a payment and its undo.
func TestUndo_OnItsDayOnly(t *testing.T) {
	now := time.Date(2026, 11, 21, 14, 59, 0, 0, time.UTC) // 22:59 in Beijing
	b := newBench(t, func() time.Time { return now })
	pay := b.request(t, fields{"txnType": "01", "txnSubType": "06", "bizType": "000000", "orderId": "day00001", "txnAmt": "100", "qrNo": "62"})
	if w := b.post(pathBack, pay.encode()); !strings.Contains(w.Body.String(), "respCode=00&") {
		t.Fatalf("payment: %s", w.Body)
	}
	now = now.Add(2 * time.Minute)
	named := fields{"bizType": "000000", "txnSubType": "00", "txnAmt": "100", "origOrderId": "day00001", "origTxnTime": pay["txnTime"]}
	undo := b.request(t, named.with(fields{"txnType": "31", "orderId": "day00002"}))
	if w := b.post(pathBack, undo.encode()); !strings.Contains(w.Body.String(), "respCode=35&") {
		t.Errorf("undo on the next settlement day: %s", w.Body)
	}
	refund := b.request(t, named.with(fields{"txnType": "04", "orderId": "day00003"}))
	if w := b.post(pathBack, refund.encode()); !strings.Contains(w.Body.String(), "respCode=00&") {
		t.Errorf("refund on the next settlement day: %s", w.Body)
	}
	// Both rows are in the file of the later day only as far as the money moved on it.
	key := books.Key{Channel: Channel, Account: b.merID, OutTradeNo: "day00001"}
	now = now.Add(time.Second)
	if err := b.Expire(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	a, _ := b.accounts.Find(b.merID)
	for day, want := range map[string]int{"20261121": 1, "20261122": 1, "20261123": 0} {
		at, err := time.ParseInLocation("20060102", day, parts.Beijing())
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := b.billRows(a, at); err != nil || len(rows) != want {
			t.Errorf("%s: %d rows, %v", day, len(rows), err)
		}
	}
}

// TestSettlementDayOf: a day is named without its year, and its file is there once it is over.
func TestSettlementDayOf(t *testing.T) {
	now := time.Date(2027, 1, 1, 14, 0, 0, 0, time.UTC) // 22:00 in Beijing
	b := newBench(t, func() time.Time { return now })
	for monthDay, want := range map[string]string{"1231": "2026-12-31", "0101": "", "0102": "2026-01-02", "0229": "2024-02-29", "0230": ""} {
		day, ok := b.settlementDayOf(monthDay)
		if ok != (want != "") || (ok && day.Format(parts.DateLayout) != want) {
			t.Errorf("%s: %v, %v; want %s", monthDay, day, ok, want)
		}
	}
	now = now.Add(time.Hour)
	if day, ok := b.settlementDayOf("0101"); !ok || day.Format(parts.DateLayout) != "2027-01-01" {
		t.Errorf("0101 at 23:00: %v, %v", day, ok)
	}
}

// FuzzGateway posts anything: every answer is a signed message or an HTTP error, and nothing that isn't signed by the
// merchant gets into the books.
func FuzzGateway(f *testing.F) {
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	b := newBench(f, func() time.Time { return now })
	unsigned := fields{"txnType": "01", "txnSubType": "07", "bizType": "000000", "orderId": "fuzz0001", "txnAmt": "100"}
	f.Add(b.request(f, unsigned.with(fields{"txnSubType": "00", "txnType": "00"})).encode())
	f.Add(b.request(f, unsigned).with(fields{fieldSignature: "AAAA"}).encode())
	f.Add("")
	f.Add("version=5.1.0&encoding=UTF-8&signMethod=01&txnType=76&txnSubType=01&bizType=000000&accessType=0&merId=" + b.merID + "&certId=1&signature=%2B")
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{pathBack, pathApp, pathQuery, pathFile, pathFront} {
			w := b.post(path, body)
			text := w.Body.String()
			switch {
			case w.Code == http.StatusBadRequest:
			case w.Code != http.StatusOK:
				t.Errorf("%s: %d", path, w.Code)
			case path != pathFront && (!strings.Contains(text, "&signPubKeyCert=-----BEGIN CERTIFICATE-----\r\n") || !strings.Contains(text, "&signature=")):
				t.Errorf("%s: %s", path, text)
			}
		}
		if trades, err := b.env.Books.Trades(nil); err != nil || len(trades) != 0 {
			t.Errorf("%d trades in the books, %v", len(trades), err)
		}
	})
}
