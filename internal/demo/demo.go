package demo

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/paymux/paymux/signing"
)

// Target is the gateway and sandbox to walk through, and the merchant to be.
type Target struct {
	API, Sandbox  string
	MerchantID    string
	KeySerial     string
	Key           crypto.Signer
	PlatformKeys  map[string]crypto.PublicKey
	WebhookSecret []byte
	// Receiver is where the merchant's webhooks go by default.
	Receiver *Receiver
	// Reconcile closes the books of a day, 2006-01-02, as an operator does; nil:
	// the books stay open.
	Reconcile func(ctx context.Context, day string) error
}

// stepLimit bounds each step.
const stepLimit = 20 * time.Second

// ErrNotRight is the error of a walk in which a step did not come out right.
var ErrNotRight = errors.New("not every step came out right")

type demo struct {
	target   Target
	client   *signing.Client
	screen   *screen
	run      string
	orders   int
	channels []string // in the order in which they were walked
	done     map[string]business
}

// Run walks every scene of every channel that the merchant's accounts offer, then
// a few requests that must be refused, and closes the day's books. It returns
// ErrNotRight when a step failed, after all of them were tried.
func Run(ctx context.Context, target Target, out io.Writer, colour bool) error {
	target.Receiver.trust(target.WebhookSecret)
	d := &demo{
		target: target, screen: &screen{out: out, colour: colour},
		run: strconv.FormatInt(time.Now().UnixMilli(), 36), done: map[string]business{},
		client: &signing.Client{
			BaseURL: target.API, MerchantID: target.MerchantID, Serial: target.KeySerial, Key: target.Key, PlatformKeys: target.PlatformKeys,
		},
	}
	return d.walk(ctx)
}

func (d *demo) walk(ctx context.Context) error {
	var offer struct {
		Data []channel `json:"data"`
	}
	if _, err := d.call(ctx, http.MethodGet, "/v1/channels", nil, &offer, http.StatusOK); err != nil {
		return err
	}
	if len(offer.Data) == 0 {
		return fmt.Errorf("the merchant has no account at any channel: %w", ErrNotRight)
	}
	start := time.Now()
	for _, c := range offer.Data {
		d.channels = append(d.channels, c.Channel)
		for _, scene := range c.Scenes {
			d.loop(ctx, c.Channel, scene)
		}
	}
	d.refusals(ctx)
	d.closeBooks(ctx, start)
	d.screen.table()
	if d.screen.failed {
		return ErrNotRight
	}
	return nil
}

// loop is one payment's way from the order to the partial refund.
func (d *demo) loop(ctx context.Context, channel, scene string) {
	s := d.screen.section(channel, scene)
	amount := int64(8800 + 10*d.orders)
	order := d.orderNo()
	var p payment
	s.step(ctx, "merchant orders "+yuan(amount), func(ctx context.Context) (string, error) {
		// 202: UnionPay only accepts a scanned code, and tells of the money by its callback, which comes before its answer or after.
		_, err := d.call(ctx, http.MethodPost, "/v1/payments", d.request(order, channel, scene, amount), &p, http.StatusCreated, http.StatusAccepted)
		return p.ID + " is " + p.Status, err
	})
	if p.Status == "pending" {
		s.step(ctx, "payer pays at the channel", func(ctx context.Context) (string, error) {
			return "with what the merchant was given in action", d.control(ctx, http.MethodPost, "/_control/pay",
				map[string]any{"action": p.Action, "result": "pay"}, nil)
		})
	}
	s.step(ctx, "merchant is told", func(ctx context.Context) (string, error) {
		e, err := d.target.Receiver.await(ctx, "payment.succeeded", p.ID)
		return "signed webhook " + e.Type + ", sequence " + strconv.FormatInt(e.Sequence, 10), err
	})
	s.step(ctx, "merchant asks", func(ctx context.Context) (string, error) {
		_, err := d.call(ctx, http.MethodGet, "/v1/payments/"+p.ID, nil, &p, http.StatusOK)
		if err == nil && p.Status != "succeeded" {
			err = fmt.Errorf("the payment is %s", p.Status)
		}
		return "payment is " + p.Status + ", trade " + p.ChannelTradeNo, err
	})
	part := amount / 4
	s.step(ctx, "merchant refunds "+yuan(part), func(ctx context.Context) (string, error) { return d.refundPart(ctx, p.ID, order, part) })
	s.step(ctx, "both sides' books agree", func(ctx context.Context) (string, error) { return d.compareBooks(ctx, p, part) })
	b := d.done[channel]
	b.payments, b.paymentMinor = b.payments+1, b.paymentMinor+amount
	b.refunds, b.refundMinor = b.refunds+1, b.refundMinor+part
	d.done[channel] = b
}

func (d *demo) request(order, channel, scene string, amount int64) map[string]any {
	req := map[string]any{
		"merchant_order_no": order, "amount": amount, "subject": "演示订单 " + order, "scene": scene, "channel": channel,
		"notify_url": d.target.Receiver.url, "metadata": map[string]string{"demo": d.run},
	}
	switch scene {
	case "barcode":
		req["auth_code"] = authCodes[channel]
		req["expires_at"] = time.Now().Add(5 * time.Minute).UTC().Format(time.RFC3339)
	case "jsapi":
		req["payer_id"] = payers[channel]
	case "h5":
		req["client_ip"] = "203.0.113.7"
	}
	return req
}

// Codes and ids of payers, by the forms that each channel gives them.
var (
	authCodes = map[string]string{"alipay": "281234567890123456", "wechatpay": "131234567890123456", "unionpay": "6212345678901234567"}
	payers    = map[string]string{"alipay": "2088102146225135", "wechatpay": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
)

func (d *demo) refundPart(ctx context.Context, paymentID, order string, part int64) (string, error) {
	var r refund
	_, err := d.call(ctx, http.MethodPost, "/v1/refunds", map[string]any{
		"merchant_refund_no": order + "-r1", "payment_id": paymentID, "amount": part, "reason": "demo", "notify_url": d.target.Receiver.url,
	}, &r, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return "", err
	}
	if _, err := d.target.Receiver.await(ctx, "refund.succeeded", r.ID); err != nil {
		return "", err
	}
	return "refund " + r.ID + " succeeded, signed webhook arrived", nil
}

// compareBooks holds the gateway's payment against the simulator's own trade.
func (d *demo) compareBooks(ctx context.Context, p payment, part int64) (string, error) {
	if len(p.Attempts) == 0 {
		return "", errors.New("the payment has no attempt")
	}
	var t trade
	var returned int64
	read := func() error {
		if err := d.control(ctx, http.MethodGet, "/_control/trades/"+p.Attempts[0].ID, struct{}{}, &t); err != nil {
			return err
		}
		returned = 0
		for _, r := range t.Refunds {
			if r.Status == "succeeded" {
				returned += r.Amount
			}
		}
		_, err := d.call(ctx, http.MethodGet, "/v1/payments/"+p.ID, nil, &p, http.StatusOK)
		return err
	}
	agree := func() bool {
		return t.Status == "paid" && t.TimesPaid == 1 && t.Amount == p.Amount && returned == part && p.RefundedAmount == part
	}
	if err := eventually(ctx, read, agree); err != nil {
		return "", fmt.Errorf("channel: %s, paid %d times %s, returned %s; gateway: %s of %s returned: %w",
			t.Status, t.TimesPaid, yuan(t.Amount), yuan(returned), yuan(p.RefundedAmount), yuan(p.Amount), err)
	}
	return fmt.Sprintf("paid once %s, returned %s", yuan(t.Amount), yuan(returned)), nil
}

// refusals shows what must not pass.
func (d *demo) refusals(ctx context.Context) {
	s := d.screen.section("gateway", "refuses")
	order := d.orderNo()
	first := d.request(order, "", "qr", 100)
	delete(first, "channel")
	var p payment
	s.step(ctx, "a repeated order is not charged again", func(ctx context.Context) (string, error) {
		if _, err := d.call(ctx, http.MethodPost, "/v1/payments", first, &p, http.StatusCreated); err != nil {
			return "", err
		}
		var again payment
		answer, err := d.call(ctx, http.MethodPost, "/v1/payments", first, &again, http.StatusOK)
		if err == nil && (again.ID != p.ID || answer.Header.Get("Idempotent-Replayed") != "true") {
			err = fmt.Errorf("the repeat gave %s, the first was %s", again.ID, p.ID)
		}
		return "same payment, Idempotent-Replayed: true", err
	})
	s.step(ctx, "its number with another amount", func(ctx context.Context) (string, error) {
		other := d.request(order, "", "qr", 200)
		delete(other, "channel")
		return "409 order_conflict", d.refused(ctx, http.MethodPost, "/v1/payments", other, http.StatusConflict, "order_conflict")
	})
	s.step(ctx, "a replayed request", d.replayed)
	s.step(ctx, "a refund of what was not paid", func(ctx context.Context) (string, error) {
		in := map[string]any{"merchant_refund_no": order + "-x", "payment_id": p.ID, "amount": 1}
		return "409 status_conflict", d.refused(ctx, http.MethodPost, "/v1/refunds", in, http.StatusConflict, "status_conflict")
	})
	s.step(ctx, "an order that is closed takes no money", func(ctx context.Context) (string, error) {
		_, err := d.call(ctx, http.MethodPost, "/v1/payments/"+p.ID+"/close", struct{}{}, &p, http.StatusOK)
		return "payment is " + p.Status, err
	})
}

// replayed sends the same signed bytes twice.
func (d *demo) replayed(ctx context.Context) (string, error) {
	twice := &twiceTransport{}
	client := *d.client
	client.HTTP = &http.Client{Transport: twice, Timeout: stepLimit}
	answer, err := client.Do(ctx, http.MethodGet, "/v1/payments?limit=1", nil)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusUnauthorized || twice.first != http.StatusOK {
		return "", fmt.Errorf("the request was answered %d, its replay %d", twice.first, answer.Status)
	}
	return "401 nonce_reused", nil
}

// twiceTransport sends each request twice and gives the second answer.
type twiceTransport struct{ first int }

func (t *twiceTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req.Clone(req.Context()))
	if err != nil {
		return nil, err
	}
	t.first = res.StatusCode
	_ = res.Body.Close()
	return http.DefaultTransport.RoundTrip(req)
}

func (d *demo) orderNo() string {
	d.orders++
	return "demo-" + d.run + "-" + strconv.Itoa(d.orders)
}

// yuan writes fen for people.
func yuan(fen int64) string { return fmt.Sprintf("¥%d.%02d", fen/100, fen%100) }
