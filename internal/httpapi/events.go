package httpapi

import (
	"net/http"
	"net/url"

	"github.com/paymux/paymux/internal/payment"
)

func eventTypes() []string {
	return []string{
		string(payment.PaymentSucceeded), string(payment.PaymentFailed), string(payment.PaymentClosed),
		string(payment.RefundSucceededType), string(payment.RefundFailedType), "reconciliation.ready",
	}
}

func eventStatuses() []string { return []string{"pending", "delivered", "dead", "none"} }

func (s *Server) listEvents(r *http.Request) (reply, error) {
	q := newQuery(r.URL.RawQuery)
	limit, before := q.page(s.cfg, listEvents)
	f := EventFilter{
		MerchantID:  MerchantID(r.Context()),
		Type:        q.oneOf("type", eventTypes()...),
		PaymentID:   q.number("payment_id"),
		Status:      q.oneOf("status", eventStatuses()...),
		CreatedFrom: q.moment("created_from"),
		CreatedTo:   q.moment("created_to"),
		BeforeTime:  before.at,
		BeforeID:    before.id,
		Limit:       limit + 1, // one more tells whether there is a next page
	}
	if err := s.done(q); err != nil {
		return reply{}, err
	}
	items, err := s.deps.Events.List(r.Context(), f)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: newPage(listEvents, items, limit,
		showEvent,
		func(e EventView) position { return position{e.CreatedAt, e.ID} },
	)}, nil
}

func (s *Server) getEvent(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	event, err := s.deps.Events.Get(r.Context(), MerchantID(r.Context()), id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: showEvent(event)}, nil
}

func (s *Server) resendEvent(r *http.Request) (reply, error) {
	if err := s.readNothing(r); err != nil {
		return reply{}, err
	}
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	if err := s.commitNonceFirst(r.Context()); err != nil {
		return reply{}, err
	}
	event, err := s.deps.Events.Resend(r.Context(), MerchantID(r.Context()), id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, body: showEvent(event)}, nil
}

// showEvent writes lists that are empty as such, and times in UTC.
func showEvent(e EventView) EventView {
	e.CreatedAt = e.CreatedAt.UTC()
	if e.Deliveries == nil {
		e.Deliveries = []DeliveryView{}
	}
	return e
}

type enableRequest struct{ url string }

var enableFields = []field[enableRequest]{
	text("url", func(r *enableRequest) *string { return &r.url }),
}

func (s *Server) enableEndpoint(r *http.Request) (reply, error) {
	var req enableRequest
	form, err := decode(Body(r.Context()), enableFields, &req, s.cfg.MaxJSONDepth)
	if err != nil {
		return reply{}, err
	}
	if err := s.refuseFields(together(form, req.faults())); err != nil {
		return reply{}, err
	}
	if err := s.commitNonceFirst(r.Context()); err != nil {
		return reply{}, err
	}
	endpoint, err := s.deps.Events.EnableEndpoint(r.Context(), MerchantID(r.Context()), req.url)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: endpoint}, nil
}

const maxURL = 512

func (r enableRequest) faults() []payment.FieldError {
	u, err := url.Parse(r.url)
	if err != nil || len(r.url) > maxURL || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fault("url", "must be the http or https URL that the events go to, exactly as it was given")
	}
	return nil
}
