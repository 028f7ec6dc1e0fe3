package sandbox_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// unionpay is a minimal merchant's client of its own, written against the protocol and not against the simulator.
type unionpay struct {
	t      testing.TB
	s      *running
	cred   unionpayCredentials
	key    *rsa.PrivateKey
	certID string
	middle *x509.Certificate
	root   *x509.Certificate
	http   *http.Client
	now    func() time.Time
}

type unionpayCredentials struct {
	BaseURL     string `json:"base_url"`
	MerID       string `json:"mer_id"`
	PFXBase64   string `json:"pfx_base64"`
	PFXPassword string `json:"pfx_password"`
	RootCert    string `json:"root_cert"`
	MiddleCert  string `json:"middle_cert"`
	SignCert    string `json:"sign_cert"`
	FileURL     string `json:"file_url"`
}

func (s *running) unionpay() *unionpay {
	s.t.Helper()
	var all struct{ UnionPay unionpayCredentials }
	s.must(http.MethodGet, "credentials", nil, &all)
	return newUnionPay(s, all.UnionPay)
}

func newUnionPay(s *running, cred unionpayCredentials) *unionpay {
	s.t.Helper()
	u := &unionpay{t: s.t, s: s, cred: cred, now: time.Now}
	pfx, err := base64.StdEncoding.DecodeString(cred.PFXBase64)
	if err != nil {
		u.t.Fatal(err)
	}
	key, cert, chain, err := pkcs12.DecodeChain(pfx, cred.PFXPassword)
	if err != nil {
		u.t.Fatal(err)
	}
	if len(chain) != 2 {
		u.t.Errorf("the .pfx holds %d certificates beside the merchant's, want middle and root", len(chain))
	}
	u.key, u.certID = key.(*rsa.PrivateKey), cert.SerialNumber.String()
	u.middle, u.root = u.certificate(cred.MiddleCert), u.certificate(cred.RootCert)
	if err := errors.Join(cert.CheckSignatureFrom(u.middle), u.middle.CheckSignatureFrom(u.root), u.root.CheckSignatureFrom(u.root)); err != nil {
		u.t.Errorf("the merchant's chain: %v", err)
	}
	u.http = newClient(u.t)
	return u
}

func (u *unionpay) certificate(text string) *x509.Certificate {
	u.t.Helper()
	cert, err := x509.ParseCertificate(der(u.t, text))
	if err != nil {
		u.t.Fatal(err)
	}
	return cert
}

// msg is a message's fields.
type msg map[string]string

func (m msg) and(name, value string) msg {
	c := maps.Clone(m)
	if value == "" {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

// digest is what RSA signs.
func (m msg) digest() [32]byte { return sha256.Sum256([]byte(hexDigest(m))) }

// hexDigest is the hexadecimal hash of the sorted fields.
func hexDigest(m msg) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name != "signature" {
			pairs = append(pairs, name+"="+m[name])
		}
	}
	inner := sha256.Sum256([]byte(strings.Join(pairs, "&")))
	return hex.EncodeToString(inner[:])
}

func (u *unionpay) sign(m msg) msg {
	u.t.Helper()
	m = m.and("signature", "")
	sum := m.digest()
	signature, err := rsa.SignPKCS1v15(rand.Reader, u.key, crypto.SHA256, sum[:])
	if err != nil {
		u.t.Fatal(err)
	}
	return m.and("signature", base64.StdEncoding.EncodeToString(signature))
}

// verify checks a message of the channel's: its certificate's chain and name, then the signature.
func (u *unionpay) verify(m msg) error {
	if m["signature"] == "" {
		return errUnsigned
	}
	text := m["signPubKeyCert"]
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "-----END CERTIFICATE-----") {
		return fmt.Errorf("signPubKeyCert is not written as the channel writes it: %q", text)
	}
	cert := u.certificate(text)
	if err := errors.Join(cert.CheckSignatureFrom(u.middle), u.middle.CheckSignatureFrom(u.root)); err != nil {
		return err
	}
	if name := strings.Split(cert.Subject.CommonName, "@"); len(name) < 3 || name[2] != "中国银联股份有限公司" {
		return fmt.Errorf("%w: the certificate is of %s", errBadSignature, cert.Subject.CommonName)
	}
	raw, err := base64.StdEncoding.DecodeString(m["signature"])
	if err != nil {
		return err
	}
	sum := m.digest()
	if rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], raw) != nil {
		return errBadSignature
	}
	return nil
}

// The gateway's addresses.
const (
	upFront = "/gateway/api/frontTransReq.do"
	upBack  = "/gateway/api/backTransReq.do"
	upApp   = "/gateway/api/appTransReq.do"
	upQuery = "/gateway/api/queryTrans.do"
)

func upTime(t time.Time) string { return t.In(time.FixedZone("", 8*3600)).Format("20060102150405") }

func (u *unionpay) head(txnType, subType, bizType string) msg {
	return msg{
		"version": "5.1.0", "encoding": "utf-8", "signMethod": "01", "certId": u.certID, "accessType": "0", "merId": u.cred.MerID,
		"txnType": txnType, "txnSubType": subType, "bizType": bizType, "txnTime": upTime(u.now()),
	}
}

// order is a payment's request; m may be nil.
func (u *unionpay) order(subType, bizType, number, fen string, m *merchant) msg {
	o := u.head("01", subType, bizType)
	maps.Copy(o, msg{"channelType": "08", "orderId": number, "txnAmt": fen, "currencyCode": "156", "backUrl": "http://127.0.0.1:1/none"})
	if m != nil {
		o["backUrl"] = m.URL
	}
	return o
}

func (u *unionpay) code(number, fen string, m *merchant) msg {
	return u.order("07", "000000", number, fen, m)
}

func (u *unionpay) barcode(number, fen string, m *merchant) msg {
	return u.order("06", "000000", number, fen, m).and("qrNo", "6220000000000000001").and("termId", "00000001")
}

func (u *unionpay) web(number, fen string, m *merchant) msg {
	return u.order("01", "000201", number, fen, m).and("orderDesc", "一杯咖啡 <b>")
}

func (u *unionpay) refund(number string, of msg, fen string, m *merchant) msg {
	r := u.head("04", "00", of["bizType"])
	maps.Copy(r, msg{"channelType": "08", "orderId": number, "txnAmt": fen, "currencyCode": "156", "backUrl": of["backUrl"], "origQryId": u.queryID(of)})
	if m != nil {
		r["backUrl"] = m.URL
	}
	return r
}

func (u *unionpay) asking(of msg) msg {
	q := u.head("00", "00", of["bizType"])
	return q.and("orderId", of["orderId"]).and("txnTime", of["txnTime"])
}

// queryID is the channel's number of an order, as the books have it.
func (u *unionpay) queryID(of msg) string {
	u.t.Helper()
	tr := u.s.trade(of["orderId"])
	if tr.ChannelTradeNo == nil {
		return ""
	}
	return *tr.ChannelTradeNo
}

// post sends fields as they are and answers what came back, and whether it verifies.
func (u *unionpay) post(path string, m msg) (msg, error) {
	raw, err := u.send(path, form(m).Encode())
	if err != nil {
		return nil, err
	}
	answer, err := readRaw(raw)
	if err != nil {
		return nil, err
	}
	return answer, u.verify(answer)
}

func (u *unionpay) send(path, body string) (string, error) {
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodPost, u.cred.BaseURL+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	resp, err := u.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return string(raw), nil
}

// readRaw reads an answer: not encoded, nested parts in brackets keep their &.
func readRaw(raw string) (msg, error) {
	m := make(msg)
	depth, begin := byte(0), 0
	for i := 0; i <= len(raw); i++ {
		switch {
		case i == len(raw) || (raw[i] == '&' && depth == 0):
			name, value, ok := strings.Cut(raw[begin:i], "=")
			if _, twice := m[name]; !ok || twice {
				return nil, fmt.Errorf("a pair of the answer cannot be read: %q", raw[begin:i])
			}
			m[name], begin = value, i+1
		case depth == 0 && raw[i] == '{':
			depth = '}'
		case depth == 0 && raw[i] == '[':
			depth = ']'
		case raw[i] == depth:
			depth = 0
		}
	}
	return m, nil
}

func upPath(m msg) string {
	switch m["txnType"] + "/" + m["txnSubType"] {
	case "00/00":
		return upQuery
	case "01/01":
		return upApp
	default:
		return upBack
	}
}

func (u *unionpay) try(m msg) (msg, error) { return u.post(upPath(m), u.sign(m)) }

// says makes a call that must be answered with a respCode.
func (u *unionpay) says(respCode string, m msg) msg {
	u.t.Helper()
	answer, err := u.try(m)
	if err != nil {
		u.t.Fatalf("%s %s: %v", m["txnType"], m["orderId"], err)
	}
	if answer["respCode"] != respCode {
		u.t.Fatalf("%s %s: got %v, want %s", m["txnType"], m["orderId"], answer, respCode)
	}
	for _, name := range []string{"merId", "orderId", "txnTime", "encoding"} {
		if answer[name] != m[name] {
			u.t.Errorf("the answer's %s is %q, want %q", name, answer[name], m[name])
		}
	}
	return answer
}

// stands asks for a transaction and checks what became of it; "34" stands for one that is not known.
func (u *unionpay) stands(origRespCode string, of msg) msg {
	u.t.Helper()
	if origRespCode == "34" {
		answer := u.says("34", u.asking(of))
		if answer["txnType"] != "00" || answer["origRespCode"] != "" {
			u.t.Errorf("answer for what is not known: %v", answer)
		}
		return answer
	}
	answer := u.says("00", u.asking(of))
	if answer["origRespCode"] != origRespCode || answer["txnType"] != of["txnType"] || answer["txnSubType"] != of["txnSubType"] || answer["txnAmt"] != of["txnAmt"] {
		u.t.Fatalf("%s: got %v, want %s", of["orderId"], answer, origRespCode)
	}
	return answer
}

// settled waits until a refund is no longer under way.
func (u *unionpay) settled(refund msg) {
	u.t.Helper()
	tt, ok := u.t.(*testing.T)
	if !ok {
		return
	}
	eventually(tt, refund["orderId"]+" settles", func() bool {
		answer, err := u.try(u.asking(refund))
		return err == nil && answer["origRespCode"] != "05"
	})
}

// checkCallback verifies a callback as a merchant does.
func (u *unionpay) checkCallback(r received) msg {
	u.t.Helper()
	m := make(msg)
	for name, values := range r.form {
		if len(values) != 1 {
			u.t.Fatalf("%s comes %d times", name, len(values))
		}
		m[name] = values[0]
	}
	if err := u.verify(m); err != nil || m["merId"] != u.cred.MerID || m["version"] != "5.1.0" || m["signMethod"] != "01" {
		u.t.Fatalf("the callback does not hold: %v in %v", err, m)
	}
	return m
}

func (u *unionpay) formAction(m msg) M {
	return M{"type": "form", "url": u.cred.BaseURL + upFront, "fields": u.sign(m)}
}

func (s *running) upFault(f M) {
	s.t.Helper()
	f["channel"] = "unionpay"
	s.must(http.MethodPost, "faults", f, nil)
}
