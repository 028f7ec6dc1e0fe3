package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// Reconciliations gives what reconciliation found. Errors: payment.ErrNotFound,
// payment.ErrUnavailable.
type Reconciliations interface {
	// List gives a page, newest day first.
	List(ctx context.Context, f reconcile.ListFilter) ([]reconcile.Reconciliation, error)
	Get(ctx context.Context, merchantID, id string) (reconcile.Reconciliation, error)
	// Discrepancies gives a page, newest first.
	Discrepancies(ctx context.Context, f reconcile.DiscrepancyFilter) ([]reconcile.Discrepancy, error)
}

// ReconciliationView is a reconciliation as the API shows it.
type ReconciliationView struct {
	ID        string           `json:"id"`
	Date      channels.Day     `json:"date"`
	Channel   string           `json:"channel"`
	AccountID string           `json:"account_id"`
	Version   int              `json:"version"`
	Status    reconcile.Status `json:"status"`
	// Matched counts our rows that the bill has and agrees with.
	Matched  int64      `json:"matched"`
	Open     int64      `json:"discrepancies_open"`
	Repaired int64      `json:"discrepancies_repaired"`
	Resolved int64      `json:"discrepancies_resolved"`
	Totals   TotalsView `json:"totals"`
	Bills    []BillView `json:"bills"`
	// Failure says why it is pending or failed, or, of a result that stays, why
	// the newest run could not repeat it; null otherwise.
	Failure   *string   `json:"failure"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// FinishedAt is when the bill was matched; null while it was not.
	FinishedAt *time.Time `json:"finished_at"`
}

// TotalsView is a day's sums; Theirs is null while no bill was read.
type TotalsView struct {
	Currency money.Currency `json:"currency"`
	Ours     SideView       `json:"ours"`
	Theirs   *SideView      `json:"theirs"`
}

// SideView is one side's sums in minor units, and numbers of rows.
type SideView struct {
	Payments     int64 `json:"payments"`
	Refunds      int64 `json:"refunds"`
	Fees         int64 `json:"fees"`
	Net          int64 `json:"net"`
	PaymentCount int64 `json:"payment_count"`
	RefundCount  int64 `json:"refund_count"`
}

// BillView is an original file that was read.
type BillView struct {
	Kind channels.BillKind `json:"kind"`
	Name string            `json:"name"`
	// SHA256 is null where the channel has no file, because nothing was done.
	SHA256    *string   `json:"sha256"`
	Size      int64     `json:"size"`
	Rows      int64     `json:"rows"`
	FetchedAt time.Time `json:"fetched_at"`
}

// DiscrepancyView is a difference between the books as the API shows it.
type DiscrepancyView struct {
	ID               string                      `json:"id"`
	ReconciliationID string                      `json:"reconciliation_id"`
	Date             channels.Day                `json:"date"`
	Channel          string                      `json:"channel"`
	AccountID        string                      `json:"account_id"`
	Kind             reconcile.Kind              `json:"kind"`
	Status           reconcile.DiscrepancyStatus `json:"status"`
	// Ours and Theirs are null where a side has nothing.
	Ours   *EntryView `json:"ours"`
	Theirs *EntryView `json:"theirs"`
	Detail string     `json:"detail"`
	// Evidence is what settled it by itself; Reason is a person's explanation.
	Evidence   *string    `json:"evidence"`
	Assignee   *string    `json:"assignee"`
	Reason     *string    `json:"reason"`
	ProposedBy *string    `json:"proposed_by"`
	ApprovedBy *string    `json:"approved_by"`
	FoundAt    time.Time  `json:"found_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	ResolvedAt *time.Time `json:"resolved_at"`
}

// EntryView is one side of a discrepancy. Amounts are minor units.
type EntryView struct {
	// Type is payment or refund; null of what was found before there were types.
	Type            *string        `json:"type"`
	PaymentID       *string        `json:"payment_id"`
	MerchantOrderNo *string        `json:"merchant_order_no"`
	AttemptID       *string        `json:"attempt_id"`
	RefundID        *string        `json:"refund_id"`
	ChannelTradeNo  *string        `json:"channel_trade_no"`
	ChannelRefundNo *string        `json:"channel_refund_no"`
	Amount          int64          `json:"amount"`
	Currency        money.Currency `json:"currency"`
	FeeAmount       int64          `json:"fee_amount"`
	Status          *string        `json:"status"`
	At              *time.Time     `json:"at"`
}

func reconcileStatuses() []string {
	return []string{
		string(reconcile.StatusPending), string(reconcile.StatusBalanced), string(reconcile.StatusDifferences), string(reconcile.StatusFailed),
	}
}

func discrepancyStatuses() []string {
	return []string{string(reconcile.Open), string(reconcile.Repaired), string(reconcile.Resolved)}
}

func discrepancyKinds() []string {
	return []string{
		string(reconcile.MissingAtChannel), string(reconcile.MissingLocally), string(reconcile.AmountMismatch), string(reconcile.StatusMismatch),
		string(reconcile.FeeMismatch), string(reconcile.DuplicatePayment), string(reconcile.LateSuccess),
	}
}

func (s *Server) listReconciliations(r *http.Request) (reply, error) {
	q := newQuery(r.URL.RawQuery)
	limit, before := q.page(s.cfg, listReconciliations)
	f := reconcile.ListFilter{
		MerchantID:  MerchantID(r.Context()),
		Day:         q.day("date"),
		AccountID:   q.number("account_id"),
		Channel:     q.oneOf("channel", knownChannels()...),
		Status:      reconcile.Status(q.oneOf("status", reconcileStatuses()...)),
		AllVersions: q.oneOf("all_versions", "true", "false") == "true",
		Limit:       limit + 1, // one more tells whether there is a next page
	}
	if err := s.done(q); err != nil {
		return reply{}, err
	}
	if before.id != "" {
		last, err := s.deps.Reconciliations.Get(r.Context(), f.MerchantID, before.id)
		switch {
		case errors.Is(err, payment.ErrNotFound): // somebody else's cursor
			return reply{}, s.refuseFields(fault("cursor", errCursor.Error()))
		case err != nil:
			return reply{}, err
		}
		f.After = &last
	}
	items, err := s.deps.Reconciliations.List(r.Context(), f)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: newPage(listReconciliations, items, limit,
		NewReconciliationView,
		func(rec reconcile.Reconciliation) position { return position{rec.CreatedAt, rec.ID} },
	)}, nil
}

func (s *Server) getReconciliation(r *http.Request) (reply, error) {
	rec, err := s.reconciliation(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: NewReconciliationView(rec)}, nil
}

// reconciliation reads the one in the path.
func (s *Server) reconciliation(r *http.Request) (reconcile.Reconciliation, error) {
	id, err := pathID(r)
	if err != nil {
		return reconcile.Reconciliation{}, err
	}
	return s.deps.Reconciliations.Get(r.Context(), MerchantID(r.Context()), id)
}

func (s *Server) listDiscrepancies(r *http.Request) (reply, error) {
	q := newQuery(r.URL.RawQuery)
	limit, before := q.page(s.cfg, listDiscrepancies)
	f := reconcile.DiscrepancyFilter{
		MerchantID: MerchantID(r.Context()),
		Status:     reconcile.DiscrepancyStatus(q.oneOf("status", discrepancyStatuses()...)),
		Kind:       reconcile.Kind(q.oneOf("kind", discrepancyKinds()...)),
		BeforeTime: before.at,
		BeforeID:   before.id,
		Limit:      limit + 1, // one more tells whether there is a next page
	}
	if err := s.done(q); err != nil {
		return reply{}, err
	}
	rec, err := s.reconciliation(r)
	if err != nil {
		return reply{}, err
	}
	f.ReconciliationID = rec.ID
	items, err := s.deps.Reconciliations.Discrepancies(r.Context(), f)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: newPage(listDiscrepancies, items, limit,
		newDiscrepancyView,
		func(d reconcile.Discrepancy) position { return position{d.FoundAt, d.ID} },
	)}, nil
}

// NewReconciliationView renders a reconciliation.
func NewReconciliationView(r reconcile.Reconciliation) ReconciliationView {
	v := ReconciliationView{
		ID: r.ID, Date: r.Day, Channel: r.Channel, AccountID: r.AccountID, Version: r.Version, Status: r.Status,
		Matched: r.Matched, Open: r.Open, Repaired: r.Repaired, Resolved: r.Resolved,
		Totals:  TotalsView{Currency: r.Totals.Currency, Ours: newSideView(r.Totals.Ours)},
		Bills:   make([]BillView, len(r.Bills)),
		Failure: optionalText(r.Failure.String()), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), FinishedAt: optionalTime(r.FinishedAt),
	}
	if v.Totals.Currency == "" {
		v.Totals.Currency = money.CNY
	}
	if r.Status == reconcile.StatusBalanced || r.Status == reconcile.StatusDifferences {
		theirs := newSideView(r.Totals.Theirs)
		v.Totals.Theirs = &theirs
	}
	for i, b := range r.Bills {
		v.Bills[i] = BillView{Kind: b.Kind, Name: b.Name, SHA256: optionalText(b.Digest), Size: b.Size, Rows: b.Rows, FetchedAt: b.FetchedAt.UTC()}
	}
	return v
}

func newSideView(s reconcile.Side) SideView {
	return SideView{
		Payments: s.PaymentMinor, Refunds: s.RefundMinor, Fees: s.FeeMinor, Net: s.NetMinor(),
		PaymentCount: s.Payments, RefundCount: s.Refunds,
	}
}

func newDiscrepancyView(d reconcile.Discrepancy) DiscrepancyView {
	return DiscrepancyView{
		ID: d.ID, ReconciliationID: d.ReconciliationID, Date: d.Day, Channel: d.Channel, AccountID: d.AccountID,
		Kind: d.Kind, Status: d.Status, Ours: newEntryView(d.Ours), Theirs: newEntryView(d.Theirs), Detail: d.Detail.String(),
		Evidence: optionalText(d.Evidence.String()), Assignee: optionalText(d.Assignee), Reason: optionalText(d.Resolution),
		ProposedBy: optionalText(d.ProposedBy), ApprovedBy: optionalText(d.ApprovedBy),
		FoundAt: d.FoundAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), ResolvedAt: optionalTime(d.ResolvedAt),
	}
}

func newEntryView(e *reconcile.Entry) *EntryView {
	if e == nil {
		return nil
	}
	v := EntryView{
		Type: optionalText(string(e.Type)), PaymentID: optionalText(e.PaymentID), MerchantOrderNo: optionalText(e.MerchantOrderNo), AttemptID: optionalText(e.AttemptID),
		RefundID: optionalText(e.RefundID), ChannelTradeNo: optionalText(e.ChannelTradeNo), ChannelRefundNo: optionalText(e.ChannelRefundNo),
		Amount: e.Amount.Minor(), Currency: e.Amount.Currency(), FeeAmount: e.FeeMinor, Status: optionalText(e.Status), At: optionalTime(e.At),
	}
	if v.Currency == "" {
		v.Currency = money.CNY
	}
	return &v
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
