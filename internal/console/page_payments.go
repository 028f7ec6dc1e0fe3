package console

import (
	"net/url"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// paymentsView is the search for a payment, or the newest ones.
type paymentsView struct {
	Scope    scope
	Query    string
	Searched bool
	List     []*payment.Payment
	Next     string
}

func (c *Console) paymentsPage(v *visit) error {
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	view := paymentsView{Scope: sc, Query: v.query("q")}
	ctx := v.r.Context()
	switch {
	case view.Query != "":
		view.Searched = true
		if view.List, err = c.deps.Payments.SearchPayments(ctx, sc.MerchantID, view.Query, c.cfg.PageSize); err != nil {
			return err
		}
		if len(view.List) == 1 {
			return v.redirect(Prefix+"/payments/"+url.PathEscape(view.List[0].ID), "")
		}
	case sc.MerchantID != "":
		f := payment.PaymentFilter{MerchantID: sc.MerchantID, Limit: c.cfg.PageSize + 1}
		f.BeforeTime, f.BeforeID = cursor(v.query("before"))
		if view.List, err = c.deps.Payments.ListPayments(ctx, f); err != nil {
			return err
		}
		if len(view.List) > c.cfg.PageSize {
			view.List = view.List[:c.cfg.PageSize]
			last := view.List[len(view.List)-1]
			view.Next = Prefix + "/payments?" + url.Values{"before": {place(last.CreatedAt, last.ID)}}.Encode() + merchantQuery("&", sc.chosen())
		}
	}
	return c.show(v, "payments", "payments.title", view)
}

// paymentView is a payment with everything that belongs to it.
type paymentView struct {
	P         *payment.Payment
	Merchant  string
	Attempts  []*payment.Attempt
	Refunds   []*payment.Refund
	Callbacks []notify.KeptNotification
	Events    []notify.EventView
	Timeline  []moment
}

// mostOfOne bounds how much of each kind one payment's page shows.
const mostOfOne = 200

func (c *Console) paymentPage(v *visit) error {
	p, err := c.visiblePayment(v)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	sc, err := c.scopeOf(ctx, v.user, p.MerchantID)
	if err != nil {
		return err
	}
	view := paymentView{P: p, Merchant: sc.Name(p.MerchantID)}
	byPayment, err := c.deps.Payments.AttemptsOf(ctx, p.ID)
	if err != nil {
		return err
	}
	view.Attempts = byPayment[p.ID]
	if view.Refunds, err = c.deps.Payments.ListRefunds(ctx, payment.RefundFilter{MerchantID: p.MerchantID, PaymentID: p.ID, Limit: mostOfOne}); err != nil {
		return err
	}
	if view.Callbacks, err = c.deps.Callbacks.ListNotifications(ctx, notify.NotificationFilter{PaymentID: p.ID, Limit: mostOfOne}); err != nil {
		return err
	}
	if view.Events, err = c.deps.Events.List(ctx, notify.EventFilter{MerchantID: p.MerchantID, PaymentID: p.ID, Limit: mostOfOne}); err != nil {
		return err
	}
	history, err := c.deps.Payments.HistoryOf(ctx, p.ID)
	if err != nil {
		return err
	}
	acts, err := c.actsOn(v, &view)
	if err != nil {
		return err
	}
	view.Timeline = timeline(&view, history, acts)
	return c.show(v, "payment", "payment.title", view)
}

// visiblePayment reads the payment of the address, if the user may see it.
func (c *Console) visiblePayment(v *visit) (*payment.Payment, error) {
	p, err := c.deps.Payments.FindPayment(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return p, v.user.visible(p.MerchantID)
}

// actsOn reads what people did to a payment and what belongs to it.
func (c *Console) actsOn(v *visit, view *paymentView) ([]audit.Entry, error) {
	subjects := []string{view.P.ID}
	for _, a := range view.Attempts {
		subjects = append(subjects, a.ID)
	}
	for _, r := range view.Refunds {
		subjects = append(subjects, r.ID)
	}
	for _, e := range view.Events {
		subjects = append(subjects, e.ID)
	}
	for _, n := range view.Callbacks {
		subjects = append(subjects, n.ID)
	}
	var all []audit.Entry
	for _, subject := range subjects[:min(len(subjects), mostOfOne)] {
		list, err := c.deps.Audit.ListAudit(v.r.Context(), audit.Filter{MerchantID: view.P.MerchantID, Subject: subject, Limit: mostOfOne})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

func paymentPath(id string) string { return Prefix + "/payments/" + url.PathEscape(id) }

func (c *Console) askAttempt(v *visit) error {
	a, err := c.deps.Payments.AttemptByID(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := v.user.visible(a.MerchantID); err != nil {
		return err
	}
	_, err = c.deps.Operator.AskAttempt(v.r.Context(), a.ID, v.user.Name)
	return c.asked(v, err, a.PaymentID)
}

func (c *Console) askRefund(v *visit) error {
	r, err := c.deps.Payments.FindRefund(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := v.user.visible(r.MerchantID); err != nil {
		return err
	}
	_, err = c.deps.Operator.AskRefund(v.r.Context(), r.ID, v.user.Name)
	return c.asked(v, err, r.PaymentID)
}

// asked goes back after a question to a channel. No answer is nothing wrong
// here: the page says so, and the background asks on.
func (c *Console) asked(v *visit, err error, paymentID string) error {
	if err != nil {
		c.deps.Logger.InfoContext(v.r.Context(), "a channel was asked and gave no answer", "payment_id", paymentID, "error", err)
		return v.redirect(paymentPath(paymentID), "problem.no_answer")
	}
	return v.redirect(paymentPath(paymentID), "done.asked")
}

func (c *Console) resendEvent(v *visit) error {
	p, err := c.visiblePayment(v)
	if err != nil {
		return err
	}
	e, err := c.deps.Events.Get(v.r.Context(), p.MerchantID, v.r.PathValue("event"))
	if err != nil {
		return err
	}
	entry := c.deps.Staff.act(v.user.Name, "event.resend", p.MerchantID, e.ID, map[string]string{"payment_id": p.ID, "type": string(e.Type)})
	if e, err = c.deps.Events.Resend(v.r.Context(), p.MerchantID, e.ID, entry); err != nil {
		return err
	}
	if e.Status == notify.StatusNoEndpoint {
		return v.redirect(paymentPath(p.ID), "problem.no_endpoint")
	}
	return v.redirect(paymentPath(p.ID), "done.resend")
}
