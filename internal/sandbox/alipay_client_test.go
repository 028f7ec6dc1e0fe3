package sandbox_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// alipay is a minimal merchant's client of its own, written against the protocol and not against the simulator.
type alipay struct {
	t       testing.TB
	cred    alipayCredentials
	key     *rsa.PrivateKey
	channel *rsa.PublicKey
	http    *http.Client
	extra   map[string]string // further common parameters
	inBody  bool              // all parameters in the body, as some SDKs send them
}

type alipayCredentials struct {
	BaseURL         string `json:"base_url"`
	AppID           string `json:"app_id"`
	SellerID        string `json:"seller_id"`
	AppPrivateKey   string `json:"app_private_key"`
	AlipayPublicKey string `json:"alipay_public_key"`
	AppCert         string `json:"app_cert"`
	AlipayCert      string `json:"alipay_cert"`
	AlipayRootCert  string `json:"alipay_root_cert"`
	EncryptKey      string `json:"encrypt_key"`
}

func (s *running) alipay() *alipay {
	s.t.Helper()
	var all struct{ Alipay alipayCredentials }
	s.must(http.MethodGet, "credentials", nil, &all)
	return newAlipay(s.t, all.Alipay)
}

func newAlipay(t testing.TB, cred alipayCredentials) *alipay {
	t.Helper()
	key, public := rsaKeys(t, cred.AppPrivateKey, cred.AlipayPublicKey)
	return &alipay{t: t, cred: cred, key: key, channel: public, http: newClient(t)}
}

func der(t testing.TB, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("not PEM: %q", text)
	}
	return block.Bytes
}

// text is what is signed: sorted name=value pairs without those named and without empty ones.
func text(v map[string]string, leftOut ...string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if v[name] != "" && !slices.Contains(leftOut, name) {
			pairs = append(pairs, name+"="+v[name])
		}
	}
	return strings.Join(pairs, "&")
}

func (a *alipay) sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (a *alipay) verify(text, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(a.channel, crypto.SHA256, sum[:], raw)
}

// signed builds a method's signed parameters.
func (a *alipay) signed(method string, biz any, more map[string]string) map[string]string {
	content, err := json.Marshal(biz)
	if err != nil {
		a.t.Fatal(err)
	}
	v := map[string]string{
		"app_id": a.cred.AppID, "method": method, "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
		"timestamp": time.Now().In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05"), "biz_content": string(content),
	}
	maps.Copy(v, a.extra)
	maps.Copy(v, more)
	if raw, ok := biz.(string); ok {
		v["biz_content"] = raw
	}
	v["sign"] = a.sign(text(v, "sign"))
	return v
}

func form(v map[string]string) url.Values {
	out := make(url.Values)
	for name, value := range v {
		out.Set(name, value)
	}
	return out
}

type reply map[string]any

func (r reply) get(name string) string {
	s, _ := r[name].(string)
	return s
}

func (r reply) failure() string { return r.get("code") + " " + r.get("sub_code") }

var (
	errUnsigned     = errors.New("the answer is not signed")
	errBadSignature = errors.New("the answer's signature does not hold")
)

// try makes a call; the answer counts only if its signature holds.
func (a *alipay) try(method string, biz any, more map[string]string) (reply, error) {
	v := a.signed(method, biz, more)
	_, node, err := a.post(method, v)
	if err != nil {
		return nil, err
	}
	var out reply
	if err := json.Unmarshal(node, &out); err != nil {
		return nil, fmt.Errorf("%w in %s", err, node)
	}
	return out, nil
}

// post sends parameters and answers the envelope and the verified node.
func (a *alipay) post(method string, v map[string]string) (map[string]json.RawMessage, json.RawMessage, error) {
	address, body := a.cred.BaseURL, form(v).Encode()
	if !a.inBody {
		common := maps.Clone(v)
		delete(common, "biz_content")
		address += "?" + form(common).Encode()
		body = form(map[string]string{"biz_content": v["biz_content"]}).Encode()
	}
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, nil, fmt.Errorf("%w in %s", err, raw)
	}
	node := parts[strings.ReplaceAll(method, ".", "_")+"_response"]
	if parts["error_response"] != nil {
		return parts, parts["error_response"], errUnsigned
	}
	if parts["sign"] == nil {
		return parts, node, errUnsigned
	}
	var signature string
	if err := json.Unmarshal(parts["sign"], &signature); err != nil {
		return parts, node, err
	}
	if a.verify(string(node), signature) != nil {
		return parts, node, errBadSignature
	}
	return parts, node, nil
}

// call is try for calls that must be answered.
func (a *alipay) call(method string, biz any, more ...map[string]string) reply {
	a.t.Helper()
	var m map[string]string
	if len(more) > 0 {
		m = more[0]
	}
	r, err := a.try(method, biz, m)
	if err != nil {
		a.t.Fatalf("%s: %v", method, err)
	}
	return r
}

// ok is call for calls that must succeed.
func (a *alipay) ok(method string, biz any, more ...map[string]string) reply {
	a.t.Helper()
	r := a.call(method, biz, more...)
	if r.get("code") != "10000" {
		a.t.Fatalf("%s: %v", method, r)
	}
	return r
}

// refused is call for calls that must be refused in these words.
func (a *alipay) refused(want, method string, biz any, more ...map[string]string) reply {
	a.t.Helper()
	r := a.call(method, biz, more...)
	if r.failure() != want {
		a.t.Fatalf("%s: got %v, want %s", method, r, want)
	}
	return r
}

// checkCallback verifies a callback as a merchant does.
func (a *alipay) checkCallback(r received) map[string]string {
	a.t.Helper()
	v := flat(r.form)
	if err := a.verify(text(v, "sign", "sign_type"), v["sign"]); err != nil {
		a.t.Fatalf("the callback's signature does not hold: %v", v)
	}
	if v["app_id"] != a.cred.AppID || v["seller_id"] != a.cred.SellerID {
		a.t.Fatalf("the callback is not ours: %v", v)
	}
	return v
}

func flat(in url.Values) map[string]string {
	v := make(map[string]string)
	for name := range in {
		v[name] = in.Get(name)
	}
	return v
}

const (
	precreate   = "alipay.trade.precreate"
	barcode     = "alipay.trade.pay"
	create      = "alipay.trade.create"
	pagePay     = "alipay.trade.page.pay"
	wapPay      = "alipay.trade.wap.pay"
	appPay      = "alipay.trade.app.pay"
	query       = "alipay.trade.query"
	closing     = "alipay.trade.close"
	cancelling  = "alipay.trade.cancel"
	refunding   = "alipay.trade.refund"
	refundQuery = "alipay.trade.fastpay.refund.query"
)

type biz map[string]any

func (b biz) and(name string, value any) biz {
	c := maps.Clone(b)
	c[name] = value
	return c
}

func order(number, yuan string) biz {
	return biz{"out_trade_no": number, "total_amount": yuan, "subject": "一杯咖啡 & <b>\"蛋糕\"</b>"}
}

func byBarcode(number, yuan string) biz {
	return order(number, yuan).and("scene", "bar_code").and("auth_code", "280000000000000001")
}

func numbered(number string) biz { return biz{"out_trade_no": number} }

func refundOf(number, requestNo, yuan string) biz {
	return biz{"out_trade_no": number, "out_request_no": requestNo, "refund_amount": yuan}
}

func notifyTo(m *merchant) map[string]string { return map[string]string{"notify_url": m.URL} }
