package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// createFields are the fields of a payment to create.
var createFields = []field[payment.CreateRequest]{
	text("merchant_order_no", func(r *payment.CreateRequest) *string { return &r.MerchantOrderNo }),
	integer("amount", func(r *payment.CreateRequest) *int64 { return &r.Amount }),
	filled("currency", func(r *payment.CreateRequest) *string { return &r.Currency }),
	text("subject", func(r *payment.CreateRequest) *string { return &r.Subject }),
	text("scene", func(r *payment.CreateRequest) *string { return &r.Scene }),
	filled("channel", func(r *payment.CreateRequest) *string { return &r.Channel }),
	text("auth_code", func(r *payment.CreateRequest) *string { return &r.AuthCode }),
	text("payer_id", func(r *payment.CreateRequest) *string { return &r.PayerID }),
	text("client_ip", func(r *payment.CreateRequest) *string { return &r.ClientIP }),
	filled("return_url", func(r *payment.CreateRequest) *string { return &r.ReturnURL }),
	filled("notify_url", func(r *payment.CreateRequest) *string { return &r.NotifyURL }),
	moment("expires_at", func(r *payment.CreateRequest) **time.Time { return &r.ExpiresAt }),
	filled("customer_id", func(r *payment.CreateRequest) *string { return &r.CustomerID }),
	text("region", func(r *payment.CreateRequest) *string { return &r.Region }),
	pairs("metadata", func(r *payment.CreateRequest) *map[string]string { return &r.Metadata }),
}

func (s *Server) createPayment(r *http.Request) (reply, error) {
	req, err := s.readCreate(r, nil)
	if err != nil {
		return reply{}, err
	}
	merchant, err := s.deps.Merchants.Profile(r.Context(), MerchantID(r.Context()))
	if err != nil {
		return reply{}, err
	}
	res, err := s.deps.Payments.Create(r.Context(), merchant, req)
	if err != nil {
		return reply{}, err
	}
	return reply{
		status:   createdStatus(res.Payment.Status == payment.Processing, res.Replayed),
		body:     payment.NewView(res.Payment, res.Attempts),
		replayed: res.Replayed,
	}, nil
}

// readCreate reads a payment's fields. Where the form is wrong it names the
// faults of the content too; where only the content is, the core refuses: it
// knows whether the request repeats an earlier one, whose limit was in bounds
// then. fill may complete the request in between.
func (s *Server) readCreate(r *http.Request, fill func(*payment.CreateRequest)) (payment.CreateRequest, error) {
	var req payment.CreateRequest
	form, err := decode(Body(r.Context()), createFields, &req, s.cfg.MaxJSONDepth)
	if err != nil {
		return req, err
	}
	form = slices.DeleteFunc(form, func(f payment.FieldError) bool { return f.Message == mustBeString && unused(f.Field, req.Scene) })
	if fill != nil {
		fill(&req)
	}
	if len(form) > 0 {
		return req, s.refuseFields(together(form, s.deps.Payments.ValidateCreate(req, s.deps.Now())))
	}
	return req, nil
}

// payerFields are the fields that one scene uses, by that scene.
var payerFields = map[string]channels.Scene{
	"auth_code": channels.SceneBarcode, "payer_id": channels.SceneJSAPI, "client_ip": channels.SceneH5,
}

// unused tells whether a known scene does not use a field, whatever it holds.
func unused(field, scene string) bool {
	uses, ok := payerFields[field]
	return ok && string(uses) != scene && slices.Contains(channels.Scenes(), channels.Scene(scene))
}

// createdStatus is the status of a create's answer: 202 while the outcome is
// not certain, else 201, or 200 for a repeat.
func createdStatus(uncertain, replayed bool) int {
	switch {
	case uncertain:
		return http.StatusAccepted
	case replayed:
		return http.StatusOK
	default:
		return http.StatusCreated
	}
}

func (s *Server) getPayment(r *http.Request) (reply, error) {
	return s.onPayment(r, s.deps.Payments.Get, func(payment.Status) int { return http.StatusOK })
}

func (s *Server) closePayment(r *http.Request) (reply, error) {
	if err := s.readNothing(r); err != nil {
		return reply{}, err
	}
	return s.onPayment(r, s.deps.Payments.Close, func(status payment.Status) int {
		if status == payment.Closed {
			return http.StatusOK
		}
		return http.StatusAccepted
	})
}

func (s *Server) onPayment(
	r *http.Request, do func(ctx context.Context, merchantID, id string) (payment.Result, error), status func(payment.Status) int,
) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	res, err := do(r.Context(), MerchantID(r.Context()), id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: status(res.Payment.Status), body: payment.NewView(res.Payment, res.Attempts)}, nil
}

// readNothing accepts an empty body and {}.
func (s *Server) readNothing(r *http.Request) error {
	body := Body(r.Context())
	if len(body) == 0 {
		return nil
	}
	faults, err := decode(body, nil, &struct{}{}, s.cfg.MaxJSONDepth)
	if err != nil {
		return err
	}
	return s.refuseFields(faults)
}

func (s *Server) listPayments(r *http.Request) (reply, error) {
	q := newQuery(r.URL.RawQuery)
	limit, before := q.page(s.cfg, listPayments)
	f := payment.PaymentFilter{
		MerchantID:      MerchantID(r.Context()),
		MerchantOrderNo: q.number("merchant_order_no"),
		Status: payment.Status(q.oneOf("status",
			string(payment.Pending), string(payment.Processing), string(payment.Succeeded), string(payment.Failed), string(payment.Closed))),
		Channel:     q.oneOf("channel", knownChannels()...),
		CustomerID:  q.text("customer_id", 64),
		CreatedFrom: q.moment("created_from"),
		CreatedTo:   q.moment("created_to"),
		BeforeTime:  before.at,
		BeforeID:    before.id,
		Limit:       limit + 1, // one more tells whether there is a next page
	}
	if err := s.done(q); err != nil {
		return reply{}, err
	}
	items, err := s.deps.Payments.List(r.Context(), f)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: newPage(listPayments, items, limit,
		func(res payment.Result) payment.View { return payment.NewView(res.Payment, res.Attempts) },
		func(res payment.Result) position { return position{res.Payment.CreatedAt, res.Payment.ID} },
	)}, nil
}

func knownChannels() []string { return []string{"alipay", "wechatpay", "unionpay"} }
