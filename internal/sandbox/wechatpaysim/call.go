package wechatpaysim

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/sandbox/books"
)

const maxRequest = 256 << 10 // bytes of a body

// call is one request whose sender is known.
type call struct {
	endpoint *endpoint
	account  *account
	signer   signer // signs the answer
	body     object
	query    url.Values
	path     func(name string) string
	now      time.Time
	flaw     flaw // of the answer's signature
	// abnormal: the refund that this call makes is to end ABNORMAL; shown once a refund took it over.
	abnormal, abnormalShown bool
}

// reply is a good answer: an object, nothing (204), or a file.
type reply struct {
	status int
	object object
	file   []byte
}

func ok(o object) reply { return reply{status: http.StatusOK, object: o} }

// admit does what the API checks before a call's own business: the signature, who calls for whom, and the form of body
// and query.
func (s *Simulator) admit(r *http.Request, e *endpoint) (*call, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRequest {
		return nil, parameterError("", "body", "请求包体过大", "")
	}
	a, err := s.authorize(r, body)
	if err != nil {
		return nil, err
	}
	c := &call{endpoint: e, account: a, path: r.PathValue, now: s.env.Now().UTC()}
	var known bool
	if c.signer, known = s.signer(a, r.Header.Get("Wechatpay-Serial")); !known {
		return nil, parameterError("Wechatpay-Serial", "header", "平台证书序列号Wechatpay-Serial错误", r.Header.Get("Wechatpay-Serial"))
	}
	if err := c.readQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := c.readBody(body); err != nil {
		return nil, err
	}
	return c, c.checkIdentity()
}

func (c *call) readQuery(raw string) error {
	var err error
	if c.query, err = url.ParseQuery(raw); err != nil {
		return parameterError("", "query", "请求参数格式错误", raw)
	}
	for name, values := range c.query {
		if !slices.Contains(c.endpoint.query, name) && !slices.Contains(c.endpoint.optional, name) {
			return extraParameter(name, "query")
		}
		if len(values) > 1 {
			return parameterError(name, "query", "参数重复", values[0])
		}
	}
	for _, name := range c.endpoint.query {
		if c.query.Get(name) == "" {
			return parameterError(name, "query", "缺少必填参数", "")
		}
	}
	return nil
}

func (c *call) readBody(raw []byte) error {
	if c.endpoint.body == nil {
		if len(raw) > 0 {
			return extraParameter("", "body")
		}
		return nil
	}
	var err error
	if c.body, err = parseObject(raw); err != nil || !utf8.Valid(raw) {
		return parameterError("", "body", "请求包体不是有效的JSON", "")
	}
	if no := c.endpoint.body.check(c.body, ""); no != nil {
		return no
	}
	return nil
}

// checkIdentity holds what the call says of the merchant to who signed it.
func (c *call) checkIdentity() error {
	mchid, appid := "mchid", "appid"
	if c.endpoint.partner {
		mchid, appid = "sp_mchid", "sp_appid"
	}
	if named, there := c.named(mchid); there && named != c.account.mchid {
		return parameterError(mchid, "body", "商户号与Http头Authorization中的mchid不一致", named)
	}
	if named, there := c.named(appid); there && named != c.account.AppID {
		return appIDNotMatch()
	}
	return nil
}

// named reads what the call names, in its body or its query.
func (c *call) named(name string) (string, bool) {
	if v := textAt(c.body, name); v != "" {
		return v, true
	}
	v := c.query.Get(name)
	return v, v != ""
}

func (c *call) key(outTradeNo string) books.Key {
	return books.Key{Channel: Channel, Account: c.account.mchid, OutTradeNo: outTradeNo}
}

// number is the order number that the call names, for the log and for amounts with a fixed outcome.
func (c *call) number() string {
	if n := textAt(c.body, "out_trade_no"); n != "" {
		return n
	}
	return c.path("out_trade_no")
}

func isRefusal(err error) (*refusal, bool) {
	var no *refusal
	found := errors.As(err, &no)
	return no, found
}
