package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// callLimit bounds a merchant's request; a gateway that waits for its database
// needs some of it.
const callLimit = 10 * time.Second

// merchants are the backends of the merchant, with a connection to each
// gateway.
type merchants struct {
	clients []*signing.Client
	began   time.Time
	// policy is what becomes of money that comes after an order's end.
	policy LatePolicy
}

func newMerchants(ctx context.Context, p Profile, policy LatePolicy, gateways []*gateway) (*merchants, error) {
	text, err := os.ReadFile(p.KeyFile)
	if err != nil {
		return nil, err
	}
	key, err := signing.ParsePrivateKeyPEM(text)
	if err != nil {
		return nil, err
	}
	m := &merchants{began: now(), policy: policy}
	for _, g := range gateways {
		c := &signing.Client{
			BaseURL: "http://" + g.address, MerchantID: p.MerchantID, Serial: p.KeySerial, Key: key,
			HTTP: &http.Client{Timeout: callLimit, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		}
		if c.PlatformKeys, err = c.FetchPlatformKeys(ctx); err != nil {
			return nil, err
		}
		m.clients = append(m.clients, c)
	}
	return m, nil
}

// answer is a payment, or what a refund has in common with one.
type answer = Payment

// call makes a signed request at a gateway and notes in r what came of it.
func (m *merchants) call(ctx context.Context, r *Request, method, target string, in any) answer {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			panic(err) // our own maps of strings and numbers
		}
	}
	r.Began = now().Sub(m.began)
	got, err := m.clients[r.Gateway].Do(ctx, method, target, body)
	r.Ended = now().Sub(m.began)
	var out answer
	if unverified, ok := errors.AsType[*signing.UnverifiedError](err); ok {
		r.Status, r.Fault = unverified.Answer.Status, err.Error()
		return out
	}
	if err != nil {
		r.Fault = err.Error()
		return out
	}
	r.Status = got.Status
	if got.Status/100 == 2 {
		err = json.Unmarshal(got.Body, &out)
		r.Resource, r.State, r.Refunded = out.ID, out.Status, out.RefundedAmount
	} else {
		var problem struct {
			Code string `json:"code"`
		}
		err = json.Unmarshal(got.Body, &problem)
		r.Code = problem.Code
	}
	if err != nil {
		r.Fault = fmt.Sprintf("not the expected JSON: %.200s", got.Body)
	}
	return out
}

// shopper is a merchant at work on one order.
type shopper struct {
	m    *merchants
	sim  *simulators
	rng  *rand.Rand
	body map[string]any

	mu    sync.Mutex
	order Order
}

// ask makes a request about the order at some gateway.
func (s *shopper) ask(ctx context.Context, r Request, method, target string, in any) (Request, answer) {
	out := s.m.call(ctx, &r, method, target, in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order.Requests = append(s.order.Requests, r)
	return r, out
}

func (s *shopper) history() Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order
	o.Requests = append([]Request(nil), o.Requests...)
	return o
}

// somewhere picks a gateway.
func (s *shopper) somewhere() int { return s.rng.IntN(len(s.m.clients)) }

func (s *shopper) create(ctx context.Context, gateway int) (Request, answer) {
	return s.ask(ctx, Request{Gateway: gateway, What: Create, Amount: s.order.Amount}, http.MethodPost, "/v1/payments", s.body)
}

func (s *shopper) get(ctx context.Context, id string) (Request, answer) {
	return s.ask(ctx, Request{Gateway: s.somewhere(), What: Get}, http.MethodGet, "/v1/payments/"+id, nil)
}

func (s *shopper) closeOrder(ctx context.Context, gateway int, id string) (Request, answer) {
	return s.ask(ctx, Request{Gateway: gateway, What: Close}, http.MethodPost, "/v1/payments/"+id+"/close", map[string]any{})
}

func (s *shopper) refund(ctx context.Context, gateway int, id, no string, amount int64) (Request, answer) {
	return s.ask(ctx, Request{Gateway: gateway, What: Return, RefundNo: no, Amount: amount}, http.MethodPost, "/v1/refunds",
		map[string]any{"merchant_refund_no": no, "payment_id": id, "amount": amount, "notify_url": s.body["notify_url"]})
}

// list reads every page of a list, through whichever gateway answers.
func list[T any](ctx context.Context, m *merchants, path string, query url.Values) ([]T, error) {
	var all []T
	query.Set("limit", "100")
	for {
		var page struct {
			Data       []T     `json:"data"`
			NextCursor *string `json:"next_cursor"`
		}
		var last error
		for i := range 3 * len(m.clients) {
			got, err := m.clients[i%len(m.clients)].Do(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
			if last = err; err != nil {
				continue
			}
			if got.Status != http.StatusOK {
				last = fmt.Errorf("GET %s was answered %d: %.300s", path, got.Status, got.Body)
				continue
			}
			if last = json.Unmarshal(got.Body, &page); last == nil {
				break
			}
		}
		if last != nil {
			return nil, last
		}
		all = append(all, page.Data...)
		if page.NextCursor == nil {
			return all, nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}

func readSecret(path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // named by the binary under test
	if err != nil {
		return nil, err
	}
	return signing.ParseWebhookSecret(strings.TrimSpace(string(text)))
}
