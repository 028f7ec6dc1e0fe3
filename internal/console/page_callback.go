package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// grantTime is how long an opened message can be looked at.
const grantTime = 5 * time.Minute

type callbackView struct {
	PaymentID string
	N         notify.KeptNotification
	Header    []headerLine
	Body      string
}

type headerLine struct{ Name, Value string }

// openCallback lets the user see a raw message for a while, and keeps that it
// was seen: it may hold personal data.
func (c *Console) openCallback(v *visit) error {
	p, n, err := c.callback(v)
	if err != nil {
		return err
	}
	entry := c.deps.Staff.act(v.user.Name, "callback.open", p.MerchantID, n.ID, map[string]string{"payment_id": p.ID, "channel": n.Channel})
	if err := c.deps.Audit.RecordAudit(v.r.Context(), entry); err != nil {
		return err
	}
	q := url.Values{"grant": {v.grant(n.ID, c.deps.Now().Add(grantTime))}}
	return v.redirect(paymentPath(p.ID)+"/callbacks/"+url.PathEscape(n.ID)+"?"+q.Encode(), "")
}

// callback finds a payment's callback without its contents.
func (c *Console) callback(v *visit) (*payment.Payment, notify.KeptNotification, error) {
	p, err := c.visiblePayment(v)
	if err != nil {
		return nil, notify.KeptNotification{}, err
	}
	list, err := c.callbacksOf(v.r.Context(), p.ID)
	if err != nil {
		return nil, notify.KeptNotification{}, err
	}
	id := v.r.PathValue("callback")
	at := slices.IndexFunc(list, func(n notify.KeptNotification) bool { return n.ID == id })
	if at < 0 {
		return nil, notify.KeptNotification{}, payment.ErrNotFound
	}
	return p, list[at], nil
}

func (c *Console) callbacksOf(ctx context.Context, paymentID string) ([]notify.KeptNotification, error) {
	return c.deps.Callbacks.ListNotifications(ctx, notify.NotificationFilter{PaymentID: paymentID, Limit: mostOfOne})
}

func (c *Console) callbackPage(v *visit) error {
	p, n, err := c.callback(v)
	if err != nil {
		return err
	}
	if !v.granted(n.ID, v.query("grant"), c.deps.Now()) {
		return v.redirect(paymentPath(p.ID), "problem.grant_over")
	}
	n, err = c.deps.Callbacks.NotificationByID(v.r.Context(), n.ID)
	if err != nil {
		return err
	}
	return c.show(v, "callback", "callback.title", callbackView{PaymentID: p.ID, N: n, Header: headerLines(n.Header), Body: readable(n.Body)})
}

// headerLines reads the kept header, which is a JSON object of lists.
func headerLines(raw []byte) []headerLine {
	var header map[string][]string
	if err := json.Unmarshal(raw, &header); err != nil {
		return []headerLine{{Name: "", Value: readable(raw)}}
	}
	lines := make([]headerLine, 0, len(header))
	for name, values := range header {
		lines = append(lines, headerLine{Name: name, Value: strings.Join(values, ", ")})
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Name < lines[j].Name })
	return lines
}

// readable writes a body for people: JSON indented, a form field by field.
func readable(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") == nil {
		return out.String()
	}
	text := string(body)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	fields, err := url.ParseQuery(text)
	if err != nil || !strings.Contains(text, "=") || strings.ContainsAny(text, "\n<{") {
		return text
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		out.WriteString(name + " = " + strings.Join(fields[name], ", ") + "\n")
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}
