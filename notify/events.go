package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// Desk serves people's and merchants' questions about events.
type Desk struct {
	Events Events
	// DefaultURL is where a merchant's webhooks go now; empty: nowhere.
	DefaultURL func(ctx context.Context, merchantID string) (string, error)
	Now        func() time.Time
	// Wake tells the sender that something became due; see [Outbound.Wake].
	Wake func()
}

// List gives a page of a merchant's events, newest first.
func (d *Desk) List(ctx context.Context, f EventFilter) ([]EventView, error) {
	events, err := d.Events.ListEvents(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	views := make([]EventView, len(events))
	for i, e := range events {
		views[i] = NewEventView(e)
	}
	return views, nil
}

// Get gives a merchant's event with every delivery tried; payment.ErrNotFound.
func (d *Desk) Get(ctx context.Context, merchantID, id string) (EventView, error) {
	e, err := d.Events.EventByID(ctx, merchantID, id)
	if err != nil {
		return EventView{}, fmt.Errorf("read event: %w", err)
	}
	return NewEventView(e), nil
}

// Resend makes an event due at once, whatever became of it, and gives it as it
// stands then. An event without an address takes the merchant's default one; an
// endpoint that is disabled gets this one try and stays disabled.
// payment.ErrNotFound.
func (d *Desk) Resend(ctx context.Context, merchantID, id string) (EventView, error) {
	e, err := d.Events.EventByID(ctx, merchantID, id)
	if err != nil {
		return EventView{}, fmt.Errorf("read event to resend: %w", err)
	}
	url := ""
	if e.NotifyURL == "" {
		if url, err = d.DefaultURL(ctx, merchantID); err != nil {
			return EventView{}, fmt.Errorf("read the merchant's webhook address: %w", err)
		}
	}
	if err := d.Events.ResendEvent(ctx, merchantID, id, url, d.Now()); err != nil {
		return EventView{}, fmt.Errorf("resend event: %w", err)
	}
	d.Wake()
	return d.Get(ctx, merchantID, id)
}

// EnableEndpoint lets a merchant's exact URL be sent to again. Events that died
// meanwhile stay dead until they are resent.
func (d *Desk) EnableEndpoint(ctx context.Context, merchantID, url string) error {
	if err := d.Events.EnableEndpoint(ctx, EndpointOf(merchantID, url)); err != nil {
		return fmt.Errorf("enable webhook endpoint: %w", err)
	}
	return nil
}

// EventView is an event as the public API shows it.
type EventView struct {
	ID        string            `json:"id"`
	Type      payment.EventType `json:"type"`
	CreatedAt time.Time         `json:"created_at"`
	// Sequence is absent for reconciliation.ready.
	Sequence    *int64          `json:"sequence,omitempty"`
	PaymentID   *string         `json:"payment_id"`
	RefundID    *string         `json:"refund_id"`
	Status      Status          `json:"status"`
	Reason      *string         `json:"reason"`
	NotifyURL   *string         `json:"notify_url"`
	Attempts    int             `json:"attempts"`
	NextAt      *time.Time      `json:"next_at"`
	DeliveredAt *time.Time      `json:"delivered_at"`
	LastError   *string         `json:"last_error"`
	Data        json.RawMessage `json:"data"`
	Deliveries  []DeliveryView  `json:"deliveries"`
}

// DeliveryView is one try to deliver an event.
type DeliveryView struct {
	Number     int       `json:"number"`
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms"`
	HTTPStatus *int      `json:"http_status"`
	Error      *string   `json:"error"`
	Response   *string   `json:"response"`
}

// NewEventView renders an event.
func NewEventView(e *Event) EventView {
	v := EventView{
		ID: e.ID, Type: e.Type, CreatedAt: e.CreatedAt.UTC(), PaymentID: optional(e.PaymentID), RefundID: optional(e.RefundID),
		Sequence: optional(e.Sequence), Status: e.Status, Reason: optional(e.Reason), NotifyURL: optional(e.NotifyURL),
		Attempts: e.Attempts, NextAt: moment(e.NextAt), DeliveredAt: moment(e.DeliveredAt), LastError: optional(e.LastError),
		Data: dataOf(e.Body), Deliveries: make([]DeliveryView, len(e.Deliveries)),
	}
	for i, d := range e.Deliveries {
		v.Deliveries[i] = DeliveryView{
			Number: d.Number, At: d.At.UTC(), DurationMS: d.Duration.Milliseconds(),
			HTTPStatus: optional(d.HTTPStatus), Error: optional(d.Error), Response: optional(d.Response),
		}
	}
	return v
}

// dataOf cuts the resource out of a webhook's body.
func dataOf(body []byte) json.RawMessage {
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || len(envelope.Data) == 0 {
		return json.RawMessage("null")
	}
	return envelope.Data
}

func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
