package router

import (
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
)

// moment is a time with what rules ask of it, worked out once when asked.
type moment struct {
	at      time.Time
	known   bool
	day     channels.Day
	minute  int
	weekday time.Weekday
}

func (m *moment) resolve() {
	if !m.known {
		m.known, m.day, m.minute, m.weekday = true, channels.DayAt(m.at), channels.MinuteAt(m.at), channels.WeekdayAt(m.at)
	}
}

// match gives the first rule that is for a payment. A rule for other channels
// than the one that the payment is bound to, by its request or by the payer's
// code, is passed over: it could only refuse what it was not written for.
func (rs *Rules) match(req *channels.RouteRequest, accounts []channels.Account) *Rule {
	if rs == nil {
		return nil
	}
	at := moment{at: req.At}
	for i := range rs.List {
		r := &rs.List[i]
		if r.When.hold(req, &at) && r.speaksOf(req.Channel, accounts) {
			return r
		}
	}
	return nil
}

// speaksOf tells whether the rule names an account at the channel that a payment
// is bound to; channel is empty for a payment that is free.
func (r *Rule) speaksOf(channel string, accounts []channels.Account) bool {
	if channel == "" || len(r.Use) == 0 {
		return true
	}
	for i := range accounts {
		if accounts[i].Channel == channel && r.target(accounts[i]) != nil {
			return true
		}
	}
	return false
}

func (c *Conditions) hold(req *channels.RouteRequest, at *moment) bool {
	minor := req.Amount.Minor()
	switch {
	case minor < c.MinAmount, c.MaxAmount > 0 && minor > c.MaxAmount:
		return false
	case len(c.Currencies) > 0 && !slices.Contains(c.Currencies, req.Amount.Currency()):
		return false
	case len(c.Scenes) > 0 && !slices.Contains(c.Scenes, req.Scene):
		return false
	case len(c.Regions) > 0 && !slices.Contains(c.Regions, req.Region):
		return false
	}
	for _, p := range c.Metadata {
		if value, ok := req.Metadata[p.Key]; !ok || !slices.Contains(p.Values, value) {
			return false
		}
	}
	return c.holdTime(at)
}

func (c *Conditions) holdTime(at *moment) bool {
	if c.From.IsZero() && c.To.IsZero() && len(c.Weekdays) == 0 && len(c.Hours) == 0 {
		return true
	}
	at.resolve()
	switch {
	case !c.From.IsZero() && at.day.Before(c.From), !c.To.IsZero() && c.To.Before(at.day):
		return false
	case len(c.Weekdays) > 0 && !slices.Contains(c.Weekdays, at.weekday):
		return false
	}
	return len(c.Hours) == 0 || slices.ContainsFunc(c.Hours, func(h channels.Hours) bool { return h.Holds(at.minute) })
}
