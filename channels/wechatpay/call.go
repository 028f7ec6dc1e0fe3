package wechatpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

// call is one question to WeChat Pay.
type call struct {
	op     channels.Operation
	method string
	// path is escaped and begins with /v3.
	path  string
	query url.Values
	// body is written as JSON; nil: none.
	body any
	// order is our number of the order that the call is about.
	order string
}

// reply is what came back: a verified answer, or a refusal beside its error.
type reply struct {
	object
	status int
	// signed: the refusal was signed (an answer always is).
	signed bool
	// code is the refusal's, or USERPAYING under 202.
	code string
}

// call sends one request and gives the verified answer when WeChat Pay did
// what was asked, or answers that the payer is typing a password. Everything
// else is an *Error; refusals keep their reply, so that a caller may know
// better.
func (c *Client) call(ctx context.Context, q call) (reply, error) {
	if err := c.haveKeys(ctx); err != nil {
		return reply{}, c.fail(q.op, channels.NotProcessed, err)
	}
	r, err := c.exchange(ctx, q)
	if err != nil && refusesTheKey(r) {
		return r, c.confirmed(ctx, q, err)
	}
	return r, err
}

// exchange sends one request and judges what comes back.
func (c *Client) exchange(ctx context.Context, q call) (reply, error) {
	body, err := encode(q.body)
	if err != nil {
		return reply{}, c.fail(q.op, channels.NotProcessed, fmt.Errorf("write request: %w", err))
	}
	target := c.target(q)
	got, err := c.send(ctx, q.method, target, body, c.ring.Load().preferred(c.cfg.PublicKeyID, c.now()))
	if err != nil {
		return reply{}, c.fail(q.op, transport.OutcomeOf(err), err)
	}
	switch got.Status / 100 {
	case 2:
		return c.answered(q, digestOf(q.method, target, string(body)), got)
	case 4:
		return c.refused(q, got)
	default:
		e := c.fail(q.op, channels.Unknown, statusError(got))
		e.Code, e.Message = wordsOf(got.Body)
		return reply{status: got.Status}, e
	}
}

// errSign is the cause when our own key failed, in hardware perhaps: nothing
// was sent.
var errSign = errors.New("sign request")

func (c *Client) send(ctx context.Context, method, target string, body []byte, keyID string) (transport.Answer, error) {
	authorization, err := c.authorization(method, target, body)
	if err != nil {
		return transport.Answer{}, &transport.Error{Outcome: channels.NotProcessed, Err: fmt.Errorf("%w: %w", errSign, err)}
	}
	header := http.Header{
		consts.Authorization: {authorization},
		consts.Accept:        {consts.ApplicationJSON},
		consts.UserAgent:     {"paymux"},
	}
	if len(body) > 0 {
		header[consts.ContentType] = []string{consts.ApplicationJSON}
	}
	if keyID != "" {
		header[consts.WechatPaySerial] = []string{keyID}
	}
	return c.http.Do(ctx, transport.Request{Method: method, URL: c.origin + target, Header: header, Body: body})
}

// target is what the request line holds, and what the signature covers.
func (c *Client) target(q call) string {
	target := c.prefix + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	return target
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

// answered judges a 2xx. asked is the question, to which a signed answer
// belongs for good.
func (c *Client) answered(q call, asked digest, got transport.Answer) (reply, error) {
	s, err := c.verify(*c.ring.Load(), got.Header, got.Body)
	if err == nil && !c.answers.belongs(digestOf("answer", string(s.value)), asked) {
		err = errors.New("answer is one that came for another call")
	}
	if err != nil {
		if errors.Is(err, errUnknownKey) && c.cfg.ownsCertificates() {
			c.missed.Store(true)
		}
		return reply{}, c.fail(q.op, channels.BadSignature, err)
	}
	r := reply{object: object{}, status: got.Status, signed: true}
	if len(got.Body) > 0 {
		if r.object, err = readObject(got.Body); err != nil {
			return reply{}, c.fail(q.op, channels.Unknown, fmt.Errorf("read verified answer: %w", err))
		}
	}
	switch {
	case got.Status == http.StatusOK, got.Status == http.StatusNoContent:
		return r, nil
	case got.Status == http.StatusAccepted && q.op == channels.OpPay && r.text("code") == codeUserPaying:
		r.code = codeUserPaying
		return r, nil
	default:
		e := c.fail(q.op, channels.Unknown, statusError(got))
		e.Code, e.Message = wordsOf(got.Body)
		return r, e
	}
}

// refused judges a 4xx. One without a signature is taken by its code, as
// WeChat Pay documents no signature for it; one with a signature must verify.
func (c *Client) refused(q call, got transport.Answer) (reply, error) {
	signed := got.Header.Get(consts.WechatPaySignature) != ""
	if signed {
		if _, err := c.verify(*c.ring.Load(), got.Header, got.Body); err != nil {
			return reply{}, c.fail(q.op, channels.BadSignature, err)
		}
	}
	r := reply{status: got.Status, signed: signed}
	e := c.fail(q.op, channels.Unknown, statusError(got))
	if o, err := readObject(got.Body); err == nil {
		r.object, r.code = o, o.text("code")
		e.Code, e.Message = wordsOf(got.Body)
		e.Outcome = outcomeOf(q.op, got.Status, r.code, fineCode(got.Header))
	}
	return r, e
}

// statusError names the status and WeChat Pay's number of the request, by which
// its people find it.
func statusError(got transport.Answer) error {
	id := got.Header.Get(consts.RequestID)
	if !texts.Is(id, 1, 128, func(r rune) bool { return isKeyID(r) || r == '-' }) {
		return fmt.Errorf("WeChat Pay answered HTTP status %d", got.Status)
	}
	return fmt.Errorf("WeChat Pay answered HTTP status %d (request %s)", got.Status, id)
}

// wordsOf are a refusal's code and message; empty where it has none.
func wordsOf(body []byte) (code, message string) {
	o, err := readObject(body)
	if err != nil {
		return "", ""
	}
	return texts.Clip(o.text("code"), maxCode), messageOf(o.text("message"))
}

func (c *Client) fail(op channels.Operation, outcome channels.Outcome, err error) *channels.Error {
	return &channels.Error{Outcome: outcome, Channel: Name, Op: op, Err: err}
}
