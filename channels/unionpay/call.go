package unionpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

// Paths of the gateway.
const (
	pathFront = "/gateway/api/frontTransReq.do"
	pathBack  = "/gateway/api/backTransReq.do"
	pathApp   = "/gateway/api/appTransReq.do"
	pathQuery = "/gateway/api/queryTrans.do"
)

// The types of transactions.
const (
	typeQuery   = "00"
	typeConsume = "01"
	typeRefund  = "04"
	typeUndo    = "31"
)

// currencyCNY is CNY in ISO 4217's numbers.
const currencyCNY = "156"

// kind is what UnionPay calls a transaction.
type kind struct {
	txnType, subType string
	bizType          string
	// channelType is 07 for computers, 08 for phones; a query has none.
	channelType string
}

// request is a message's common head, for the transaction that orderID and
// txnTime identify.
func (c *Client) request(k kind, orderID string, txnTime time.Time) map[string]string {
	return map[string]string{
		"version":     version,
		"encoding":    encoding,
		"signMethod":  signMethodRSA,
		"certId":      c.certID,
		"txnType":     k.txnType,
		"txnSubType":  k.subType,
		"bizType":     k.bizType,
		"channelType": k.channelType,
		"accessType":  "0",
		"merId":       c.cfg.MerID,
		"orderId":     orderID,
		"txnTime":     formatTime(txnTime),
	}
}

// reply is a verified answer about the transaction that was asked for.
type reply struct {
	message
	code, text string
}

// call sends one request and gives back the verified answer, whatever its
// respCode. Everything that is no such answer is an *Error.
func (c *Client) call(ctx context.Context, op channels.Operation, path string, fields map[string]string) (reply, error) {
	signed, err := c.sign(fields)
	if err != nil {
		// The signer failed, in hardware perhaps: nothing was sent.
		return reply{}, c.fail(op, channels.NotProcessed, err)
	}
	m, err := c.exchange(ctx, op, c.base+path, signed, 0)
	if err != nil {
		return reply{}, err
	}
	for _, name := range []string{"merId", "orderId", "txnTime"} {
		if m.get(name) != signed[name] {
			return reply{}, c.fail(op, channels.Unknown, errors.New("verified answer is about another transaction"))
		}
	}
	r := reply{message: m, code: m.get("respCode"), text: m.get("respMsg")}
	if r.code == "" {
		return reply{}, c.fail(op, channels.Unknown, errors.New("verified answer has no respCode"))
	}
	return r, nil
}

// exchange posts a signed request and verifies what comes back. maxAnswer is
// in bytes; zero is the transport's limit.
func (c *Client) exchange(ctx context.Context, op channels.Operation, address string, signed map[string]string, maxAnswer int64) (message, error) {
	form := url.Values{}
	for name, value := range signed {
		form.Set(name, value)
	}
	got, err := c.http.Do(ctx, transport.Request{
		Method:    http.MethodPost,
		URL:       address,
		Header:    http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}},
		Body:      []byte(form.Encode()),
		MaxAnswer: maxAnswer,
	})
	if err != nil {
		return nil, c.fail(op, transport.OutcomeOf(err), err)
	}
	if got.Status != http.StatusOK {
		// The gateway answers refusals with 200 too: another status is not its
		// word, even under a good signature.
		return nil, c.fail(op, channels.Unknown, fmt.Errorf("gateway answered HTTP status %d", got.Status))
	}
	m, err := parseBody(got.Body)
	if err != nil {
		return nil, c.fail(op, channels.Unknown, fmt.Errorf("read answer: %w", err))
	}
	if err := c.verify(m); err != nil {
		return nil, c.fail(op, channels.BadSignature, err)
	}
	return m, nil
}

// refusal is the error of a verified answer that refuses.
func (c *Client) refusal(op channels.Operation, r reply) *channels.Error {
	return &channels.Error{
		Outcome: outcomeOf(op, r.code), Channel: Name, Op: op,
		Code: texts.Clip(r.code, maxCode), Message: forPeople(r.text),
	}
}

func (c *Client) fail(op channels.Operation, outcome channels.Outcome, err error) *channels.Error {
	return &channels.Error{Outcome: outcome, Channel: Name, Op: op, Err: err}
}
