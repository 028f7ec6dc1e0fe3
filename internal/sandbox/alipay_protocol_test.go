package sandbox_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/internal/sandbox"
)

func TestAlipay_RefusesFaultyRequests(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	resigned := func(name, value string) map[string]string {
		v := a.signed(query, numbered("p1"), nil)
		if value == "" {
			delete(v, name)
		} else {
			v[name] = value
		}
		v["sign"] = a.sign(text(v, "sign"))
		return v
	}
	for _, c := range []struct{ name, value, want string }{
		{"timestamp", "", "40001 isv.missing-timestamp"},
		{"timestamp", "2026-11-21T10:00:00Z", "40002 isv.invalid-timestamp"},
		{"timestamp", "2026-13-21 10:00:00", "40002 isv.invalid-timestamp"},
		{"sign_type", "", "40001 isv.missing-signature-type"},
		{"sign_type", "MD5", "40002 isv.invalid-signature-type"},
		{"version", "", "40001 isv.missing-version"},
		{"version", "2.0", "40002 isv.invalid-version"},
		{"charset", "latin-1", "40002 isv.invalid-charset"},
		{"format", "XML", "40002 isv.invalid-format"},
		{"notify_url", "ftp://example.com/", "40002 isv.invalid-parameter"},
		{"encrypt_type", "DES", "40002 isv.invalid-encrypt"},
		{"biz_content", "{", "40002 isv.invalid-parameter"},
		{"biz_content", "null", "40002 isv.invalid-parameter"},
		{"biz_content", `{"out_trade_no":{}}`, "40004 ACQ.INVALID_PARAMETER"},
		{"app_cert_sn", "00", "40002 isv.invalid-app-cert-sn"},
	} {
		_, node, err := a.post(query, resigned(c.name, c.value))
		if err != nil {
			t.Errorf("%s=%q: the refusal is not signed: %v", c.name, c.value, err)
			continue
		}
		var r reply
		if err := json.Unmarshal(node, &r); err != nil {
			t.Fatal(err)
		}
		if r.failure() != c.want {
			t.Errorf("%s=%q: got %s, want %s", c.name, c.value, r.failure(), c.want)
		}
	}
	for _, c := range []struct{ name, value, want string }{
		{"method", "", "40001 isv.missing-method"},
		{"app_id", "", "40001 isv.missing-app-id"},
		{"app_id", "9021000000000000", "40002 isv.invalid-app-id"},
		{"method", "alipay.trade.unknown", "40002 isv.invalid-method"},
	} {
		_, node, err := a.post(query, resigned(c.name, c.value))
		var r reply
		if uerr := json.Unmarshal(node, &r); !errors.Is(err, errUnsigned) || uerr != nil || r.failure() != c.want {
			t.Errorf("%s=%q: got %s (%v), want an unsigned %s", c.name, c.value, node, err, c.want)
		}
	}

	v := a.signed(query, numbered("p1"), nil)
	v["biz_content"] = `{"out_trade_no":"p2"}`
	_, node, err := a.post(query, v)
	if err != nil || !strings.Contains(string(node), "isv.invalid-signature") || !strings.Contains(string(node), `biz_content={\"out_trade_no\":\"p2\"}&amp;charset=utf-8&amp;`) {
		t.Errorf("refusal of a bad signature: %s, %v", node, err)
	}
	delete(v, "sign")
	if _, node, err = a.post(query, v); err != nil || !strings.Contains(string(node), "isv.missing-signature") {
		t.Errorf("refusal without a signature: %s, %v", node, err)
	}
}

func TestAlipay_RefusesFaultyOrders(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	good := order("o1", "1.00")
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"out_trade_no", "", "ACQ.INVALID_PARAMETER"},
		{"out_trade_no", strings.Repeat("a", 65), "ACQ.INVALID_PARAMETER"},
		{"out_trade_no", "a b", "ACQ.INVALID_PARAMETER"},
		{"out_trade_no", "订单", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "0.00", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "1.001", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "-1.00", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "1e2", "ACQ.INVALID_PARAMETER"},
		{"total_amount", "50000.01", "ACQ.TOTAL_FEE_EXCEED"},
		{"subject", "", "ACQ.INVALID_PARAMETER"},
		{"subject", strings.Repeat("长", 257), "ACQ.INVALID_PARAMETER"},
		{"product_code", "FAST_INSTANT_TRADE_PAY", "ACQ.INVALID_PARAMETER"},
		{"seller_id", "2088000000000000", "ACQ.SELLER_NOT_EXIST"},
		{"timeout_express", "1.5h", "ACQ.INVALID_PARAMETER"},
		{"timeout_express", "16d", "ACQ.INVALID_PARAMETER"},
		{"time_expire", "2020-01-01 00:00:00", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"},
		{"time_expire", "tomorrow", "ACQ.INVALID_PARAMETER"},
	} {
		a.refused("40004 "+c.want, precreate, good.and(c.name, c.value))
	}
	if status := s.control(http.MethodGet, "trades/o1", nil, nil); status != http.StatusNotFound {
		t.Errorf("a refused order is in the books: %d", status)
	}
	a.ok(precreate, good.and("total_amount", 50000).and("seller_id", a.cred.SellerID).and("timeout_express", "90m"))
	if tr := s.trade("o1"); tr.Amount != 5_000_000 || tr.ChannelTradeNo != nil || tr.Refunds == nil || tr.Notifications == nil {
		t.Errorf("books: %+v", tr)
	}
}

// TestAlipay_BothWaysOfSending sends all parameters in the body, in GBK, and slashes that come back escaped.
func TestAlipay_BothWaysOfSending(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	a.inBody = true
	escaped, plain := 0, 0
	for _, number := range []string{"w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9"} {
		_, node, err := a.post(precreate, a.signed(precreate, order(number, "1.00"), nil))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(node), `http:\/\/`) {
			escaped++
		} else {
			plain++
		}
	}
	if escaped == 0 || plain == 0 {
		t.Errorf("%d answers with escaped slashes, %d without: both must happen", escaped, plain)
	}

	gbk, err := simplifiedchinese.GBK.NewEncoder().String(`{"out_trade_no":"gbk1","total_amount":"1.00","subject":"咖啡"}`)
	if err != nil {
		t.Fatal(err)
	}
	v := a.signed(precreate, gbk, map[string]string{"charset": "gbk"})
	if _, _, err := a.post(precreate, v); err != nil {
		t.Fatal(err)
	}
	v = a.signed(precreate, gbk, map[string]string{"charset": "gbk"})
	v["biz_content"] += " "
	_, node, err := a.post(precreate, v)
	said, derr := simplifiedchinese.GBK.NewDecoder().Bytes(node)
	if err != nil || derr != nil || !bytes.Contains(said, []byte("验签出错")) || !bytes.Contains(said, []byte("咖啡")) {
		t.Errorf("refusal in GBK: %s, %v, %v", said, err, derr)
	}
}

func certificateSerial(t *testing.T, cert *x509.Certificate) string {
	t.Helper()
	sum := md5.Sum([]byte(cert.Issuer.String() + cert.SerialNumber.String()))
	return hex.EncodeToString(sum[:])
}

func certificates(t *testing.T, bundle string) []*x509.Certificate {
	t.Helper()
	var out []*x509.Certificate
	for rest := []byte(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, cert)
	}
}

func TestAlipay_CertificateMode(t *testing.T) {
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	app, leaf := certificates(t, a.cred.AppCert)[0], certificates(t, a.cred.AlipayCert)
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	var rootSerials []string
	for _, root := range certificates(t, a.cred.AlipayRootCert) {
		roots.AddCert(root)
		if root.SignatureAlgorithm == x509.SHA256WithRSA {
			rootSerials = append(rootSerials, certificateSerial(t, root))
		}
	}
	if len(rootSerials) != 1 || len(roots.Subjects()) != 2 { //nolint:staticcheck // our own pool
		t.Fatalf("the root file holds %d roots, %d of them RSA", len(roots.Subjects()), len(rootSerials)) //nolint:staticcheck // see above
	}
	for _, c := range leaf[1:] {
		intermediates.AddCert(c)
	}
	for _, c := range []*x509.Certificate{app, leaf[0]} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: %v", c.Subject, err)
		}
	}
	if !a.key.PublicKey.Equal(app.PublicKey) || !a.channel.Equal(leaf[0].PublicKey) {
		t.Fatal("the certificates are of other keys")
	}
	a.extra = map[string]string{"app_cert_sn": certificateSerial(t, app), "alipay_root_cert_sn": rootSerials[0]}
	parts, _, err := a.post(barcode, a.signed(barcode, byBarcode("cert1", "1.00"), notifyTo(m)))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"` + certificateSerial(t, leaf[0]) + `"`; string(parts["alipay_cert_sn"]) != want {
		t.Errorf("alipay_cert_sn is %s, want %s", parts["alipay_cert_sn"], want)
	}
	a.checkCallback(m.next(t))
	r := a.ok("alipay.open.app.alipaycert.download", biz{"alipay_cert_sn": certificateSerial(t, leaf[0])})
	if content, err := base64.StdEncoding.DecodeString(r.get("alipay_cert_content")); err != nil || string(content) != a.cred.AlipayCert {
		t.Errorf("the downloaded certificate is another one: %v", err)
	}
	a.extra["alipay_root_cert_sn"] = "0"
	a.refused("40002 isv.invalid-alipay-root-cert-sn", query, numbered("cert1"))
}

func TestAlipay_ContentEncryption(t *testing.T) {
	s := start(t, sandbox.Options{})
	a := s.alipay()
	key, err := base64.StdEncoding.DecodeString(a.cred.EncryptKey)
	if err != nil || len(key) != 16 {
		t.Fatalf("encrypt_key: %d bytes, %v", len(key), err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(plain string) string {
		pad := 16 - len(plain)%16
		data := []byte(plain + strings.Repeat(string(rune(pad)), pad))
		cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(data, data)
		return base64.StdEncoding.EncodeToString(data)
	}
	more := map[string]string{"encrypt_type": "AES"}
	for _, c := range []struct{ number, amount, want string }{{"aes1", "1.00", `"code":"10000"`}, {"aes2", "0.00", `"code":"40004"`}} {
		content := seal(`{"out_trade_no":"` + c.number + `","total_amount":"` + c.amount + `","subject":"咖啡"}`)
		_, node, err := a.post(precreate, a.signed(precreate, content, more))
		if err != nil {
			t.Fatal(err)
		}
		var sealed string
		if err := json.Unmarshal(node, &sealed); err != nil {
			t.Fatalf("the node is not a string: %s", node)
		}
		data, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil || len(data)%16 != 0 {
			t.Fatalf("cipher text %q: %v", sealed, err)
		}
		cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(data, data)
		if plain := string(data[:len(data)-int(data[len(data)-1])]); !strings.Contains(plain, c.want) {
			t.Errorf("decrypted answer: %s, want %s", plain, c.want)
		}
	}
	a.refused("40002 isv.decryption-error-unknown", precreate, "AAAA", more)
}

func TestAlipay_AccountsAreApart(t *testing.T) {
	s := start(t, sandbox.Options{})
	first := s.alipay()
	var added struct{ Alipay alipayCredentials }
	s.must(http.MethodPost, "accounts", `{"channel":"alipay"}`, &added)
	second := newAlipay(t, added.Alipay)
	if second.cred.AppID == first.cred.AppID || second.cred.SellerID == first.cred.SellerID || second.key.Equal(first.key) || second.channel.Equal(first.channel) {
		t.Fatal("the second account shares something with the first")
	}
	first.ok(barcode, byBarcode("same", "1.00"))
	second.refused("40004 ACQ.TRADE_NOT_EXIST", query, numbered("same"))
	second.ok(barcode, byBarcode("same", "2.00"))
	if r := first.ok(query, numbered("same")); r.get("total_amount") != "1.00" {
		t.Errorf("the first account's trade: %v", r)
	}
	second.refused("40004 ACQ.TRADE_NOT_EXIST", query, biz{"trade_no": first.ok(query, numbered("same")).get("trade_no")})
	var byAccount trade
	s.must(http.MethodGet, "trades/same?account="+first.cred.AppID, nil, &byAccount)
	if byAccount.Amount != 100 || s.trade("same").Amount != 200 {
		t.Error("the control API mixes the accounts up")
	}
	second.cred.AppID = first.cred.AppID
	second.channel = first.channel
	second.refused("40002 isv.invalid-signature", query, numbered("same"))
	if status := s.control(http.MethodPost, "accounts", `{"channel":"paypal"}`, nil); status != http.StatusBadRequest {
		t.Errorf("an account at an unknown channel answered %d", status)
	}
}

// TestVectors_NotificationFields holds our notifications to the fields of real ones.
func TestVectors_NotificationFields(t *testing.T) {
	dir := os.Getenv("PAYMUX_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "alipay", "notify.json"))
	if err != nil {
		t.Skipf("SKIPPED: the vectors are missing, set PAYMUX_VECTORS to their folder: %v", err)
	}
	var cases []struct {
		ID, Expect string
		Params     map[string]string
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	s := start(t, sandbox.Options{})
	a, m := s.alipay(), newMerchant(t)
	a.ok(barcode, byBarcode("v1", "1.00").and("body", "b").and("passback_params", "p%3D1"), notifyTo(m))
	ours := a.checkCallback(m.next(t))
	compared := 0
	for _, c := range cases {
		if c.Expect != "valid" || c.Params["trade_status"] != "TRADE_SUCCESS" || c.Params["refund_fee"] != "" {
			continue
		}
		compared++
		for name := range c.Params {
			if ours[name] == "" {
				t.Errorf("%s has %s, our notification lacks it", c.ID, name)
			}
		}
	}
	if compared == 0 {
		t.Error("no real notification of a payment was found")
	}
}
