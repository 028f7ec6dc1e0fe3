package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

// The codes of a call that was done.
const (
	codeDone    = "10000"
	codeWaiting = "10003"
)

// request is a call's parameters: the library's, with the account's own.
type request struct {
	sdk.Param
	common map[string]string
}

// Params are the public parameters.
func (r request) Params() map[string]string {
	params := r.Param.Params()
	for name, value := range r.common {
		params[name] = value
	}
	return params
}

// MarshalJSON leaves out empty texts: the library writes some optional fields
// even when they are empty, and an empty field is not an absent one.
func (r request) MarshalJSON() ([]byte, error) {
	raw, err := json.Marshal(r.Param)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for name, value := range fields {
		if string(value) == `""` {
			delete(fields, name)
		}
	}
	return json.Marshal(fields)
}

func (c *Client) request(param sdk.Param) request {
	return request{Param: param, common: c.common}
}

// reply is a verified answer of the gateway.
type reply struct {
	node
	code, subCode string
	message       string
}

// call sends one request and gives back the verified answer when the gateway
// did the call (10000, or 10003 where waiting is an answer). Everything else
// is an *Error; refusals keep their reply, so that a caller may know better.
func (c *Client) call(ctx context.Context, op channels.Operation, param sdk.Param) (reply, error) {
	values, err := c.requests.URLValues(c.request(param))
	if err != nil {
		// The signer failed, in hardware perhaps: nothing was sent.
		return reply{}, c.fail(op, channels.NotProcessed, fmt.Errorf("sign request: %w", err))
	}
	got, err := c.http.Do(ctx, transport.Request{
		Method: http.MethodPost,
		URL:    c.cfg.GatewayURL,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=utf-8"}},
		Body:   []byte(values.Encode()),
	})
	if err != nil {
		return reply{}, c.fail(op, transport.OutcomeOf(err), err)
	}
	if got.Status != http.StatusOK {
		// The gateway answers refusals with 200 too: another status is not its
		// word, even under a good signature.
		return reply{}, c.fail(op, channels.Unknown, fmt.Errorf("gateway answered HTTP status %d", got.Status))
	}
	a, err := cutAnswer(got.Body, param.APIName())
	if err != nil {
		return reply{}, c.fail(op, channels.Unknown, err)
	}
	if len(a.signature) == 0 {
		return reply{}, c.unsigned(op, a)
	}
	if err := c.ring.verify(a.certSN, a.signed, a.signature); err != nil {
		return reply{}, c.fail(op, channels.BadSignature, err)
	}
	r, err := c.open(a)
	if err != nil {
		return reply{}, c.fail(op, channels.Unknown, err)
	}
	if !a.isError && (r.code == codeDone || r.code == codeWaiting && op == channels.OpPay) {
		return r, nil
	}
	return r, c.refusal(op, r)
}

// open decrypts and reads a verified answer.
func (c *Client) open(a answer) (reply, error) {
	text := []byte(a.signed)
	if text[0] == '"' {
		var cipherText string
		if err := json.Unmarshal(text, &cipherText); err != nil || c.encryptKey == nil {
			return reply{}, errDecrypt
		}
		plain, err := decrypt(cipherText, c.encryptKey)
		if err != nil {
			return reply{}, err
		}
		text = plain
	}
	n, err := readNode(text)
	if err != nil {
		return reply{}, err
	}
	return reply{node: n, code: n.text("code"), subCode: n.text("sub_code"), message: messageOf(n)}, nil
}

// unsigned is the outcome of an answer without a signature. The gateway sends
// error_response so when it does not know for whom to sign; as anybody could
// write one, it settles nothing, and its code is kept for people only.
func (c *Client) unsigned(op channels.Operation, a answer) error {
	if !a.isError {
		return c.fail(op, channels.BadSignature, errUnsigned)
	}
	e := c.fail(op, channels.Unknown, errUnsignedNotice)
	if n, err := readNode(a.signed); err == nil {
		e.Code, e.Message = codeText(n.text("code"), n.text("sub_code")), messageOf(n)
	}
	return e
}

func (c *Client) refusal(op channels.Operation, r reply) *channels.Error {
	return &channels.Error{
		Outcome: outcomeOf(op, r.code, r.subCode),
		Channel: Name,
		Op:      op,
		Code:    codeText(r.code, r.subCode),
		Message: r.message,
	}
}

func (c *Client) fail(op channels.Operation, outcome channels.Outcome, err error) *channels.Error {
	return &channels.Error{Outcome: outcome, Channel: Name, Op: op, Err: err}
}

// about checks that an answer speaks of our order. Results that carry no
// number to the core are checked here, or a stale answer about another order
// could be taken for this one's.
func (c *Client) about(op channels.Operation, r reply, attemptID string) error {
	if r.text("out_trade_no") == attemptID {
		return nil
	}
	return c.fail(op, channels.Unknown, errors.New("verified answer is about another order"))
}
