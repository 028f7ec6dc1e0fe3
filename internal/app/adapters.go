package app

import (
	"context"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/httpapi"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/router"
)

// merchants is httpapi.Merchants over package merchant.
type merchants struct{ service *merchant.Service }

func (m merchants) Profile(ctx context.Context, id string) (payment.Merchant, error) {
	profile, err := m.service.Profile(ctx, id)
	if err != nil {
		return payment.Merchant{}, err
	}
	return payment.Merchant{ID: profile.ID, NotifyURL: profile.NotifyURL, LatePolicy: payment.LatePolicy(profile.LatePolicy)}, nil
}

// channelStates is httpapi.ChannelStates over accounts and guards.
type channelStates struct {
	accounts *merchant.Opener
	guards   *router.Guards
}

func (c channelStates) ChannelStates(ctx context.Context, merchantID string) ([]httpapi.ChannelState, error) {
	accounts, err := c.accounts.Routes(ctx, merchantID)
	if err != nil {
		return nil, err
	}
	out := make([]httpapi.ChannelState, len(accounts))
	for i, a := range accounts {
		out[i] = c.state(a)
	}
	return out, nil
}

func (c channelStates) state(a channels.Account) httpapi.ChannelState {
	report := c.guards.Report(a.ID)
	least, most := router.Limits(a)
	s := httpapi.ChannelState{
		AccountID: a.ID, Channel: a.Channel, Enabled: a.Enabled, Scenes: router.Scenes(a), Weight: a.Weight,
		Limits:  httpapi.AccountLimits{MinAmount: least, MaxAmount: most, Currency: string(money.CNY)},
		Breaker: httpapi.Breaker(report.Breaker(channels.OpPay)), Breakers: make([]httpapi.BreakerState, len(report.Breakers)),
		CallsInFlight: report.InFlight, TakenOut: report.TakenOut, Hours: a.Hours,
	}
	for i, b := range report.Breakers {
		s.Breakers[i] = breakerState(b)
	}
	if report.SuccessRate >= 0 {
		latency := report.Latency.Milliseconds()
		s.SuccessRate, s.LatencyMS = &report.SuccessRate, &latency
	}
	return s
}

// breakerState translates a router.BreakerReport.
func breakerState(b router.BreakerReport) httpapi.BreakerState {
	s := httpapi.BreakerState{Operation: string(b.Operation), State: httpapi.Breaker(b.State)}
	for _, m := range b.Moves {
		if m.To == router.BreakerOpen {
			s.Opened += m.Count
		}
	}
	if !b.ChangedAt.IsZero() {
		s.ChangedAt = &b.ChangedAt
	}
	return s
}

// events is httpapi.Events over the desk of package notify.
type events struct{ desk *notify.Desk }

func (e events) List(ctx context.Context, f httpapi.EventFilter) ([]httpapi.EventView, error) {
	status := notify.Status(f.Status)
	if f.Status == statusNone {
		status = notify.StatusNoEndpoint
	}
	views, err := e.desk.List(ctx, notify.EventFilter{
		MerchantID: f.MerchantID, Type: payment.EventType(f.Type), PaymentID: f.PaymentID, Status: status,
		CreatedFrom: f.CreatedFrom, CreatedTo: f.CreatedTo, BeforeTime: f.BeforeTime, BeforeID: f.BeforeID, Limit: f.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := make([]httpapi.EventView, len(views))
	for i, v := range views {
		out[i] = eventView(v)
	}
	return out, nil
}

func (e events) Get(ctx context.Context, merchantID, id string) (httpapi.EventView, error) {
	v, err := e.desk.Get(ctx, merchantID, id)
	return eventView(v), err
}

func (e events) Resend(ctx context.Context, merchantID, id string) (httpapi.EventView, error) {
	v, err := e.desk.Resend(ctx, merchantID, id)
	return eventView(v), err
}

func (e events) EnableEndpoint(ctx context.Context, merchantID, url string) (httpapi.EndpointView, error) {
	err := e.desk.EnableEndpoint(ctx, merchantID, url)
	return httpapi.EndpointView{URL: url, Enabled: err == nil}, err
}

// statusNone is the status at the API of an event that goes nowhere.
const statusNone = "none"

// eventView translates a notify.EventView.
func eventView(v notify.EventView) httpapi.EventView {
	out := httpapi.EventView{
		ID: v.ID, Type: string(v.Type), CreatedAt: v.CreatedAt, Data: v.Data, NotifyURL: v.NotifyURL, Status: string(v.Status),
		PaymentID: v.PaymentID, RefundID: v.RefundID, Reason: v.Reason, NextAttemptAt: v.NextAt, Deliveries: make([]httpapi.DeliveryView, len(v.Deliveries)),
	}
	if v.Sequence != nil {
		out.Sequence = *v.Sequence
	}
	if v.Status == notify.StatusNoEndpoint {
		out.Status = statusNone
	}
	for i, d := range v.Deliveries {
		out.Deliveries[i] = httpapi.DeliveryView{At: d.At, HTTPStatus: d.HTTPStatus, Error: d.Error, DurationMS: d.DurationMS}
	}
	return out
}
