package sandbox_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

// TestUnionPay_Shape holds the bytes of an answer against what the channel is known to send.
func TestUnionPay_Shape(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	o := u.barcode("shape001", "100", nil).and("encoding", "UTF-8").and("reqReserved", "{x=1&y=2}")
	raw, err := u.send(upBack, form(u.sign(o)).Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(raw, "accessType=0&bizType=000000&currencyCode=156&encoding=UTF-8&merId="+u.cred.MerID+"&orderId=shape001&") ||
		!strings.Contains(raw, "&reqReserved={x=1&y=2}&respCode=00&respMsg=成功[0000000]&signMethod=01&") ||
		!strings.Contains(raw, "&version=5.1.0&signPubKeyCert=-----BEGIN CERTIFICATE-----\r\n") ||
		!strings.Contains(raw, "\r\n-----END CERTIFICATE-----&signature=") {
		t.Errorf("answer:\n%s", raw)
	}
	// A refusal repeats the request; one that knows no transaction does not.
	r, err := u.post(upBack, u.sign(o).and("txnAmt", "101"))
	if err != nil || r["respCode"] != "11" || r["respMsg"] != "[9100004]Signature verification failed" || r["txnAmt"] != "101" ||
		r["qrNo"] == "" || r["reqReserved"] != "{x=1&y=2}" || r["certId"] != "" {
		t.Errorf("refusal: %v, %v", r, err)
	}
	if r = u.says("34", u.asking(o.and("orderId", "shape002"))); r["respMsg"] != "查无此交易[2600000]" || len(r) != 14 {
		t.Errorf("answer for what is not known: %d fields %v", len(r), r)
	}
	// YS's library sends queries about codes to the other address.
	if r, err = u.post(upBack, u.sign(u.asking(o))); err != nil || r["origRespCode"] != "00" {
		t.Errorf("query by the other address: %v, %v", r, err)
	}
}

func TestUnionPay_RefusesFaultyRequests(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	good := u.code("fault001", "100", nil)
	for _, c := range []struct{ name, value, want string }{
		{"version", "", "13"},
		{"encoding", "", "13"},
		{"signMethod", "", "13"},
		{"txnType", "", "13"},
		{"bizType", "", "13"},
		{"merId", "", "13"},
		{"certId", "", "13"},
		{"accessType", "", "13"},
		{"txnAmt", "", "13"},
		{"currencyCode", "", "13"},
		{"orderId", "", "13"},
		{"txnTime", "", "13"},
		{"backUrl", "", "13"},
		{"channelType", "", "13"},
		{"version", "5.0.0", "10"},
		{"signMethod", "11", "10"},
		{"encoding", "GBK", "10"},
		{"bizType", "000201", "10"},
		{"certId", "1", "11"},
		{"merId", "777000000000000", "31"},
		{"txnType", "02", "32"},
		{"txnSubType", "99", "32"},
		{"accessType", "1", "32"},
		{"orderId", "short", "10"},
		{"orderId", "with-dash-1", "10"},
		{"orderId", strings.Repeat("a", 41), "10"},
		{"orderId", "订单订单订单", "10"},
		{"txnAmt", "0", "10"},
		{"txnAmt", "1.00", "10"},
		{"txnAmt", "-1", "10"},
		{"txnAmt", "+1", "10"},
		{"txnAmt", "1234567890123", "10"},
		{"txnAmt", "5000001", "33"},
		{"currencyCode", "CNY", "10"},
		{"channelType", "99", "10"},
		{"backUrl", "ftp://example.com/", "10"},
		{"backUrl", "/here", "10"},
		{"txnTime", "20260231000000", "10"},
		{"txnTime", "2026112110", "10"},
		{"txnTime", "2026-11-21 10:0", "10"},
		{"txnTime", upTime(time.Now().Add(-time.Hour)), "10"},
		{"txnTime", upTime(time.Now().Add(time.Hour)), "10"},
		{"payTimeout", "tomorrow", "10"},
		{"payTimeout", "20200101000000", "10"},
		{"reqReserved", strings.Repeat("长", 1025), "10"},
	} {
		r, err := u.post(upBack, u.sign(good.and(c.name, c.value)))
		if err != nil || r["respCode"] != c.want {
			t.Errorf("%s=%q: got %s %s (%v), want %s", c.name, c.value, r["respCode"], r["respMsg"], err, c.want)
		}
	}
	if r, err := u.post(upBack, good); err != nil || r["respCode"] != "13" {
		t.Errorf("without a signature: %v, %v", r, err)
	}
	if r, err := u.post(upApp, u.sign(good)); err != nil || r["respCode"] != "32" {
		t.Errorf("at another address: %v, %v", r, err)
	}
	if status := s.control(http.MethodGet, "trades/fault001", nil, nil); status != http.StatusNotFound {
		t.Errorf("a refused order is in the books: %d", status)
	}

	signed := form(u.sign(good)).Encode()
	for name, body := range map[string]string{
		"field twice": signed + "&txnAmt=100", "unknown field": signed + "&extra=1", "bad escape": signed + "&reserved=%zz",
		"not UTF-8": signed + "&reserved=%ff%fe", "too long": signed + "&reserved=" + strings.Repeat("a", 64<<10),
	} {
		if raw, err := u.send(upBack, body); err == nil || err.Error() != "HTTP 400" {
			t.Errorf("%s: %v %s", name, err, raw)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.cred.BaseURL+upBack, strings.NewReader(signed))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := u.http.Do(req) // without a Content-Type
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without a Content-Type: %d", resp.StatusCode)
	}
	u.says("00", good)
	if tr := s.trade("fault001"); tr.Amount != 100 || tr.Currency != "CNY" || tr.Refunds == nil {
		t.Errorf("books: %+v", tr)
	}
}

// TestUnionPay_OtherMerchantsKey lets one merchant speak for another, whose certificate comes from the same authority.
func TestUnionPay_OtherMerchantsKey(t *testing.T) {
	s := start(t, sandbox.Options{})
	first := s.unionpay()
	var added struct{ UnionPay unionpayCredentials }
	s.must(http.MethodPost, "accounts", `{"channel":"unionpay"}`, &added)
	second := newUnionPay(s, added.UnionPay)
	if first.certID == second.certID || first.cred.MerID == second.cred.MerID || first.cred.RootCert != second.cred.RootCert {
		t.Fatal("the second account is not one of its own under the same authority")
	}
	o := second.barcode("other001", "100", nil).and("merId", first.cred.MerID)
	if r, err := first.post(upBack, second.sign(o)); err != nil || r["respCode"] != "11" {
		t.Errorf("another merchant's key: %v, %v", r, err)
	}
	if r, err := first.post(upBack, second.sign(o.and("certId", first.certID))); err != nil || r["respCode"] != "11" {
		t.Errorf("another merchant's key under the first one's number: %v, %v", r, err)
	}
	// The same number at two accounts is two orders, and neither sees the other's.
	mine, theirs := first.barcode("other002", "100", nil), second.barcode("other002", "200", nil)
	first.says("00", mine)
	queryID := first.queryID(mine)
	second.says("00", theirs)
	second.says("34", second.asking(theirs).and("orderId", "other003"))
	back := second.refund("other004", theirs, "100", nil).and("origQryId", queryID)
	second.says("35", back)
	if r := second.stands("00", theirs); r["txnAmt"] != "200" {
		t.Errorf("the second account's order: %v", r)
	}
}

func TestUnionPay_Restart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, sandbox.Options{Dir: dir})
	u, m := s.unionpay(), newMerchant(t)
	o, paid := u.code("again001", "300", nil), u.barcode("again002", "500", m)
	codeURL := u.says("00", o)["qrCode"]
	u.says("00", paid)
	u.checkCallback(m.next(t))
	back := u.refund("again003", paid, "200", m)
	u.says("00", back)
	s.stop() // most likely before the refund has settled

	s = start(t, sandbox.Options{Dir: dir})
	same := s.unionpay()
	if same.cred != u.cred {
		t.Error("the credentials are others after a restart")
	}
	same.settled(back)
	same.stands("00", back)
	if v := same.checkCallback(m.next(t)); v["orderId"] != "again003" || v["respCode"] != "00" {
		t.Errorf("callback after the restart: %v", v)
	}
	same.says("12", o)
	same.says("12", paid)
	same.says("12", back)
	s.must(http.MethodPost, "pay", payWith(M{"type": "qr_code", "code_url": codeURL}), nil)
	same.stands("00", o)
}

// TestUnionPay_PFX opens the merchant's file with OpenSSL, as people do.
func TestUnionPay_PFX(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: no openssl here; the .pfx is opened by Go's reader alone")
	}
	u := start(t, sandbox.Options{}).unionpay()
	raw, err := base64.StdEncoding.DecodeString(u.cred.PFXBase64)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "merchant.pfx")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, openssl, "pkcs12", "-in", path, "-nodes", "-passin", "pass:"+u.cred.PFXPassword).CombinedOutput() //nolint:gosec // our own file
	if err != nil || strings.Count(string(out), "BEGIN CERTIFICATE") != 3 || !strings.Contains(string(out), "PRIVATE KEY") {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

func TestUnionPay_CallbackForgedAndRepeated(t *testing.T) {
	s := start(t, sandbox.Options{})
	u, m := s.unionpay(), newMerchant(t)
	m.say = func(n int) (int, string) {
		if n < 3 {
			return 500, "ok"
		}
		return 200, ""
	}
	s.must(http.MethodPost, "notifications", `{"channel":"unionpay","forge":true}`, nil)
	u.says("00", u.barcode("forge001", "100", m))
	forged := make(msg)
	for name, values := range m.next(t).form {
		forged[name] = values[0]
	}
	// The forger's certificate is of the same authority; only its name is not the channel's.
	cert := u.certificate(forged["signPubKeyCert"])
	if err := cert.CheckSignatureFrom(u.middle); err != nil || !errors.Is(u.verify(forged), errBadSignature) {
		t.Errorf("the forged callback: chain %v, %v", err, u.verify(forged))
	}
	if cert.CheckSignature(x509.SHA256WithRSA, []byte(hexDigest(forged)), decode(t, forged["signature"])) != nil {
		t.Error("the forged callback isn't even signed by its own key")
	}
	u.checkCallback(m.next(t))
	s.must(http.MethodPost, "notifications", `{}`, nil)
	for range 2 { // until it is acknowledged, whatever the body
		u.checkCallback(m.next(t))
	}
	eventually(t, "the tries are in the books", func() bool {
		n := s.trade("forge001").Notifications
		return len(n) == 3 && !n[0].Acknowledged && n[2].Acknowledged
	})
	var answer struct {
		HTTPStatus int `json:"http_status"`
	}
	s.must(http.MethodPost, "trades/forge001/notify", nil, &answer)
	if got := m.next(t); answer.HTTPStatus != 200 || !strings.Contains(got.raw, "signPubKeyCert=-----BEGIN+CERTIFICATE-----%0D%0A") {
		t.Errorf("callback on demand: %+v %s", answer, got.raw)
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestUnionPay_CodesLeadNowhereElse tries what stands in addresses.
func TestUnionPay_CodesLeadNowhereElse(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	paid := u.barcode("nowhere1", "100", nil)
	u.says("00", paid)
	u.says("00", u.refund("nowhere2", paid, "10", nil))
	for _, token := range []string{"x", url.PathEscape("unionpay/refund/" + u.cred.MerID + "/nowhere2"), "..", "%00"} {
		resp := get(t, s.server.URL()+"/unionpay/qr/"+token)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Errorf("token %q leads somewhere", token)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, u.says("00", u.code("nowhere3", "100", nil))["qrCode"], nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := noRedirects().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	s.expectStatus("nowhere3", "issued")
}
