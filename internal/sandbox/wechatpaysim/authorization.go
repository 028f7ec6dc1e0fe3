package wechatpaysim

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

const (
	scheme       = "WECHATPAY2-SHA256-RSA2048"
	clockWindow  = 300 * time.Second
	longestNonce = 32
	shownText    = 1024 // characters of the signed text that a refusal shows
)

// authorization is the header by which a merchant proves who it is.
type authorization struct {
	mchid, nonce, signature, timestamp, serial string
}

var errAuthorization = errors.New("the Authorization header has not the form that the protocol demands")

func parseAuthorization(header string) (authorization, error) {
	var a authorization
	rest, ok := strings.CutPrefix(header, scheme+" ")
	if !ok {
		return a, errAuthorization
	}
	wanted := map[string]*string{
		"mchid": &a.mchid, "nonce_str": &a.nonce, "signature": &a.signature, "timestamp": &a.timestamp, "serial_no": &a.serial,
	}
	for pair := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		target := wanted[name]
		if target == nil || len(value) < 3 || value[0] != '"' || value[len(value)-1] != '"' {
			return a, errAuthorization // unknown, doubled, empty or unquoted
		}
		*target = value[1 : len(value)-1]
		delete(wanted, name)
	}
	if len(wanted) > 0 {
		return a, errAuthorization
	}
	return a, nil
}

// authorize finds out which merchant sent a request, by the signature over its raw bytes.
func (s *Simulator) authorize(r *http.Request, body []byte) (*account, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return nil, signError("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
	}
	auth, err := parseAuthorization(headers[0])
	if err != nil || len(auth.nonce) > longestNonce {
		return nil, signError("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
	}
	a, ok := s.accounts.Find(auth.mchid)
	if !ok {
		return nil, signError("商户号不存在，请检查Http头Authorization中的mchid")
	}
	seconds, err := strconv.ParseInt(auth.timestamp, 10, 64)
	if off := s.env.Now().Sub(time.Unix(seconds, 0)); err != nil || off > clockWindow || off < -clockWindow {
		return nil, signError("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
	}
	if auth.serial != a.Serial {
		return nil, signError("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
	}
	for _, target := range signedTargets(r) {
		if keys.Verify(a.merchant, requestText(r.Method, target, auth, body), auth.signature) {
			return a, nil
		}
	}
	return nil, notSigned(r, requestText(r.Method, signedTargets(r)[0], auth, body))
}

// signedTargets are the request targets that a merchant may have signed: the one it sent, and, where it reached us under
// the sandbox's own address, the same without the channel's name.
func signedTargets(r *http.Request) []string {
	target := r.RequestURI
	if u, err := url.Parse(target); err == nil && u.Host != "" { // the absolute form, as proxies get it
		target = u.RequestURI()
	}
	if inner, ok := strings.CutPrefix(target, "/"+Channel); ok && strings.HasPrefix(inner, "/") {
		return []string{target, inner}
	}
	return []string{target}
}

func requestText(method, target string, auth authorization, body []byte) []byte {
	return []byte(method + "\n" + target + "\n" + auth.timestamp + "\n" + auth.nonce + "\n" + string(body) + "\n")
}

// notSigned refuses a signature and shows the text that it should have been over.
func notSigned(r *http.Request, signed []byte) *refusal {
	no := signError("错误的签名，验签失败")
	no.detail = object{
		"detail": object{"issue": "sign not match"}, "field": "signature", "location": "authorization",
		"sign_information": object{
			"method": r.Method, "url": r.RequestURI, "sign_message_length": len(signed),
			"truncated_sign_message": string(signed[:min(len(signed), shownText)]),
		},
	}
	return no
}
