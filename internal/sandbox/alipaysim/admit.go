package alipaysim

import (
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// call is one request whose sender is known.
type call struct {
	account  *account
	name     string // of the method
	method   method
	params   params
	content  content
	charset  charset
	now      time.Time
	certMode bool
	envelope envelope
}

// nodeName is the name of a method's answer.
func nodeName(method string) string { return strings.ReplaceAll(method, ".", "_") + "_response" }

// admit does what the gateway checks before a method's own business: who calls, in what form, and the signature over
// the values as they came. The call is nil where nobody is known for whom an answer could be signed.
func (s *Simulator) admit(p params) (*call, error) {
	name := p["method"]
	if name == "" {
		return nil, unsigned(missing("isv.missing-method", "缺少方法名参数"))
	}
	if p["app_id"] == "" {
		return nil, unsigned(missing("isv.missing-app-id", "缺少appId参数"))
	}
	a, ok := s.accounts.Find(p["app_id"])
	if !ok {
		return nil, unsigned(invalid("isv.invalid-app-id", "无效的AppID参数"))
	}
	m, ok := s.methods[name]
	if !ok {
		return nil, unsigned(invalid("isv.invalid-method", "不存在的方法名"))
	}
	c := &call{account: a, name: name, method: m, params: p, now: s.env.Now().UTC()}
	c.envelope = envelope{name: nodeName(name)}
	for _, check := range []func(*call) error{checkForm, checkSignature, s.checkCertificates, readContent} {
		if err := check(c); err != nil {
			return c, err
		}
	}
	return c, nil
}

func unsigned(r *refusal) *refusal {
	r.unsigned = true
	return r
}

func checkForm(c *call) error {
	p := c.params
	if p["charset"] != "" {
		var ok bool
		if c.charset, ok = parseCharset(p["charset"]); !ok {
			return invalid("isv.invalid-charset", "字符集错误")
		}
		c.envelope.charset = c.charset
	}
	for _, required := range []struct{ name, subCode, subMsg string }{
		{"sign", "isv.missing-signature", "缺少签名参数"},
		{"sign_type", "isv.missing-signature-type", "缺少签名类型参数"},
		{"timestamp", "isv.missing-timestamp", "缺少时间戳参数"},
		{"version", "isv.missing-version", "缺少版本参数"},
	} {
		if p[required.name] == "" {
			return missing(required.subCode, required.subMsg)
		}
	}
	_, timely := parseTime(p["timestamp"])
	for _, rule := range []struct {
		holds           bool
		subCode, subMsg string
	}{
		{p["sign_type"] == "RSA2", "isv.invalid-signature-type", "无效的签名类型"},
		{timely, "isv.invalid-timestamp", "非法的时间戳参数"},
		{p["version"] == "1.0", "isv.invalid-version", "版本参数无效"},
		{p["format"] == "" || strings.EqualFold(p["format"], "json"), "isv.invalid-format", "无效的数据格式"},
		{validAddress(p["notify_url"]), "isv.invalid-parameter", "参数无效：notify_url"},
		{validAddress(p["return_url"]), "isv.invalid-parameter", "参数无效：return_url"},
	} {
		if !rule.holds {
			return invalid(rule.subCode, rule.subMsg)
		}
	}
	return nil
}

// validAddress takes an absent address, and http and https ones of at most 256 characters.
func validAddress(address string) bool {
	return address == "" || parts.WebAddress(address, 256)
}

func checkSignature(c *call) error {
	text := c.params.signedText("sign")
	if keys.Verify(c.account.appPublic, []byte(text), c.params["sign"]) {
		return nil
	}
	shown, err := c.charset.decode(text)
	if err != nil {
		shown = text
	}
	return invalid(subInvalidSignature, invalidSignatureIntro+strings.ReplaceAll(shown, "&", "&amp;"))
}

// checkCertificates holds a request in certificate mode to the certificates that the account was given.
func (s *Simulator) checkCertificates(c *call) error {
	appSN, rootSN := c.params["app_cert_sn"], c.params["alipay_root_cert_sn"]
	if appSN == "" {
		return nil
	}
	if appSN != c.account.appCertSN {
		return invalid("isv.invalid-app-cert-sn", "应用公钥证书SN无效")
	}
	if rootSN == "" {
		return missing("isv.missing-alipay-root-cert-sn", "缺少支付宝根证书SN参数")
	}
	if rootSN != s.rootSN {
		return invalid("isv.invalid-alipay-root-cert-sn", "支付宝根证书SN无效")
	}
	c.certMode = true
	c.envelope.certSN = c.account.sn
	return nil
}

func readContent(c *call) error {
	text := c.params["biz_content"]
	switch c.params["encrypt_type"] {
	case "":
	case "AES":
		plain, err := decrypt(c.account.contentKey, text)
		if err != nil {
			return invalid("isv.decryption-error-unknown", "解密出错，未知异常")
		}
		text = string(plain)
		c.envelope.contentKey = c.account.contentKey
	default:
		return invalid("isv.invalid-encrypt", "加密算法无效")
	}
	decoded, err := c.charset.decode(text)
	if err == nil {
		c.content, err = parseContent([]byte(decoded))
	}
	if err != nil {
		return invalid("isv.invalid-parameter", "参数无效：biz_content")
	}
	if name, bad := c.content.malformed(contentFields()...); bad {
		return invalidParameter(name)
	}
	return nil
}

// contentFields are the fields that are read as text.
func contentFields() []string {
	return []string{
		"out_trade_no", "trade_no", "total_amount", "subject", "body", "product_code", "seller_id", "buyer_id", "buyer_open_id",
		"scene", "auth_code", "time_expire", "timeout_express", "qr_code_timeout_express", "passback_params", "quit_url",
		"operator_id", "store_id", "terminal_id", "refund_amount", "out_request_no", "refund_reason",
		"alipay_cert_sn", "bill_type", "bill_date",
	}
}
