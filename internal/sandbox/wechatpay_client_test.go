package sandbox_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wechatpay is a minimal merchant's client of its own, written against the protocol and not against the simulator.
type wechatpay struct {
	t       testing.TB
	cred    wechatpayCredentials
	key     *rsa.PrivateKey
	keys    map[string]*rsa.PublicKey // the channel's, by id
	asks    string                    // Wechatpay-Serial of requests
	base    string
	http    *http.Client
	now     func() time.Time
	tampers func(*http.Request) // after signing
}

type wechatpayCredentials struct {
	BaseURL            string `json:"base_url"`
	MchID              string `json:"mchid"`
	AppID              string `json:"appid"`
	Serial             string `json:"serial"`
	MerchantPrivateKey string `json:"merchant_private_key"`
	APIV3Key           string `json:"api_v3_key"`
	PublicKeyID        string `json:"public_key_id"`
	PublicKey          string `json:"public_key"`
	PlatformCert       string `json:"platform_cert"`
}

func (s *running) wechatpay() *wechatpay {
	s.t.Helper()
	var all struct{ Wechatpay wechatpayCredentials }
	s.must(http.MethodGet, "credentials", nil, &all)
	return newWechatpay(s.t, all.Wechatpay)
}

func newWechatpay(t testing.TB, cred wechatpayCredentials) *wechatpay {
	t.Helper()
	key, public := rsaKeys(t, cred.MerchantPrivateKey, cred.PublicKey)
	cert, err := x509.ParseCertificate(der(t, cred.PlatformCert))
	if err != nil {
		t.Fatal(err)
	}
	return &wechatpay{
		t: t, cred: cred, key: key, base: cred.BaseURL, http: newClient(t), asks: cred.PublicKeyID, now: time.Now,
		keys: map[string]*rsa.PublicKey{
			cred.PublicKeyID: public, fmt.Sprintf("%X", cert.SerialNumber): cert.PublicKey.(*rsa.PublicKey),
		},
	}
}

func (w *wechatpay) sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, w.key, crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func nonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// request builds a signed request; target is path and query.
func (w *wechatpay) request(method, target string, body []byte) *http.Request {
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+target, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	at, n := strconv.FormatInt(w.now().Unix(), 10), nonce()
	signature := w.sign(method + "\n" + req.URL.RequestURI() + "\n" + at + "\n" + n + "\n" + string(body) + "\n")
	req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		w.cred.MchID, n, signature, at, w.cred.Serial))
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if w.asks != "" {
		req.Header.Set("Wechatpay-Serial", w.asks)
	}
	if w.tampers != nil {
		w.tampers(req)
	}
	return req
}

var errOld = errors.New("the answer's timestamp is off")

// check verifies a message's headers as a merchant does.
func (w *wechatpay) check(h http.Header, body []byte) error {
	at, err := strconv.ParseInt(h.Get("Wechatpay-Timestamp"), 10, 64)
	key := w.keys[h.Get("Wechatpay-Serial")]
	signature, err2 := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	if h.Get("Wechatpay-Signature") == "" {
		return errUnsigned
	}
	if err != nil || err2 != nil || key == nil {
		return errBadSignature
	}
	sum := sha256.Sum256([]byte(h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return errBadSignature
	}
	if off := w.now().Sub(time.Unix(at, 0)); off > 300*time.Second || off < -300*time.Second {
		return errOld
	}
	return nil
}

type wreply struct {
	status int
	header http.Header
	raw    []byte
	object M
}

func (r wreply) get(path ...string) any {
	var v any = r.object
	for _, name := range path {
		o, _ := v.(M)
		v = o[name]
	}
	return v
}

func (r wreply) code() string {
	code, _ := r.object["code"].(string)
	return strconv.Itoa(r.status) + " " + code
}

// try makes a call; a 2xx answer counts only if its signature holds.
func (w *wechatpay) try(method, target string, body any) (wreply, error) {
	var raw []byte
	if text, ok := body.(string); ok {
		raw = []byte(text)
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return wreply{}, err
		}
		raw = append(raw, '\n') // as some SDKs send it
	}
	resp, err := w.http.Do(w.request(method, target, raw))
	if err != nil {
		return wreply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	r := wreply{status: resp.StatusCode, header: resp.Header}
	if r.raw, err = io.ReadAll(resp.Body); err != nil {
		return r, err
	}
	if resp.StatusCode/100 == 2 && !strings.HasPrefix(target, "/v3/billdownload/") {
		if err := w.check(resp.Header, r.raw); err != nil {
			return r, err
		}
	}
	if len(r.raw) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(r.raw, &r.object); err != nil {
			return r, fmt.Errorf("%w in %s", err, r.raw)
		}
	}
	return r, nil
}

func (w *wechatpay) call(method, target string, body any) wreply {
	w.t.Helper()
	r, err := w.try(method, target, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

func (w *wechatpay) ok(method, target string, body any) wreply {
	w.t.Helper()
	r := w.call(method, target, body)
	if r.status != http.StatusOK {
		w.t.Fatalf("%s %s: %d %s", method, target, r.status, r.raw)
	}
	if id := r.header["Request-Id"]; len(id) != 1 || !strings.HasSuffix(id[0], "-0") {
		w.t.Errorf("%s: Request-ID %q", target, id)
	}
	return r
}

func (w *wechatpay) refused(want, method, target string, body any) wreply {
	w.t.Helper()
	r := w.call(method, target, body)
	if r.code() != want {
		w.t.Fatalf("%s %s: got %d %s, want %s", method, target, r.status, r.raw, want)
	}
	if r.header.Get("Wechatpay-Signature") != "" || r.object["message"] == "" {
		w.t.Errorf("%s: a refusal with headers %v and body %s", target, r.header, r.raw)
	}
	return r
}

const (
	wpay    = "/v3/pay/transactions/"
	wrefund = "/v3/refund/domestic/refunds"
)

func (w *wechatpay) order(number string, total int64) biz {
	return biz{
		"appid": w.cred.AppID, "mchid": w.cred.MchID, "description": "一杯咖啡 & <b>\"蛋糕\"</b>", "out_trade_no": number,
		"notify_url": "http://127.0.0.1:1/", "amount": M{"total": total, "currency": "CNY"},
	}
}

func (w *wechatpay) byCode(number string, total int64) biz {
	b := w.order(number, total).and("payer", M{"auth_code": "130000000000000001"}).and("scene_info", M{"store_info": M{"id": "0001"}})
	delete(b, "notify_url")
	return b
}

func (w *wechatpay) byNumber(number string) string {
	return wpay + "out-trade-no/" + number + "?mchid=" + w.cred.MchID
}

func (w *wechatpay) state(number string) string {
	w.t.Helper()
	state, _ := w.ok(http.MethodGet, w.byNumber(number), nil).object["trade_state"].(string)
	return state
}

func (w *wechatpay) close(number string) wreply {
	w.t.Helper()
	return w.call(http.MethodPost, wpay+"out-trade-no/"+number+"/close", M{"mchid": w.cred.MchID})
}

func (w *wechatpay) reverse(number string) wreply {
	w.t.Helper()
	return w.call(http.MethodPost, wpay+"out-trade-no/"+number+"/reverse", M{"appid": w.cred.AppID, "mchid": w.cred.MchID})
}

func wrefundOf(number, refundNumber string, refund, total int64) biz {
	return biz{"out_trade_no": number, "out_refund_no": refundNumber, "amount": M{"refund": refund, "total": total, "currency": "CNY"}}
}

// jsapiParams are what a page hands to the wallet.
func (w *wechatpay) jsapiParams(prepayID string) M {
	at, n, p := strconv.FormatInt(w.now().Unix(), 10), nonce(), "prepay_id="+prepayID
	return M{
		"appId": w.cred.AppID, "timeStamp": at, "nonceStr": n, "package": p, "signType": "RSA",
		"paySign": w.sign(w.cred.AppID + "\n" + at + "\n" + n + "\n" + p + "\n"),
	}
}

// appParams are what an app hands to the wallet.
func (w *wechatpay) appParams(prepayID string) M {
	at, n := strconv.FormatInt(w.now().Unix(), 10), nonce()
	return M{
		"appid": w.cred.AppID, "partnerid": w.cred.MchID, "prepayid": prepayID, "package": "Sign=WXPay", "noncestr": n, "timestamp": at,
		"sign": w.sign(w.cred.AppID + "\n" + at + "\n" + n + "\n" + prepayID + "\n"),
	}
}

// open decrypts a resource.
func (w *wechatpay) open(resource M) ([]byte, error) {
	ciphertext, _ := resource["ciphertext"].(string)
	n, _ := resource["nonce"].(string)
	associated, _ := resource["associated_data"].(string)
	raw, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil || len(n) != 12 || resource["algorithm"] != "AEAD_AES_256_GCM" {
		return nil, fmt.Errorf("resource %v: %w", resource, err)
	}
	block, err := aes.NewCipher([]byte(w.cred.APIV3Key))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, []byte(n), raw, []byte(associated))
}

type wnotice struct {
	event, id string
	serial    string
	M
}

// checkNotice verifies and decrypts a notification as a merchant does.
func (w *wechatpay) checkNotice(r received) wnotice {
	w.t.Helper()
	if err := w.check(r.header, []byte(r.raw)); err != nil {
		w.t.Fatalf("notification: %v: %s", err, r.raw)
	}
	var outer M
	if err := json.Unmarshal([]byte(r.raw), &outer); err != nil {
		w.t.Fatal(err)
	}
	if h := r.header; h.Get("Wechatpay-Signature-Type") != "WECHATPAY2-SHA256-RSA2048" || h.Get("User-Agent") != "Mozilla/4.0" {
		w.t.Errorf("headers of a notification: %v", h)
	}
	resource, _ := outer["resource"].(M)
	plain, err := w.open(resource)
	if err != nil {
		w.t.Fatal(err)
	}
	n := wnotice{serial: r.header.Get("Wechatpay-Serial")}
	if err := json.Unmarshal(plain, &n.M); err != nil {
		w.t.Fatal(err)
	}
	n.event, _ = outer["event_type"].(string)
	n.id, _ = outer["id"].(string)
	what := "transaction"
	if strings.HasPrefix(n.event, "REFUND.") {
		what = "refund"
	}
	if outer["resource_type"] != "encrypt-resource" || resource["original_type"] != what || resource["associated_data"] != what || outer["summary"] == "" {
		w.t.Errorf("notification: %s", r.raw)
	}
	return n
}

// wfault sets a fault of the wechatpay channel.
func (s *running) wfault(f M) {
	s.t.Helper()
	f = maps.Clone(f)
	f["channel"] = "wechatpay"
	s.must(http.MethodPost, "faults", f, nil)
}

func qr(u any) M { return M{"type": "qr_code", "code_url": u} }
