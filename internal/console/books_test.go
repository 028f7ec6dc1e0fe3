package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// books is console.Reconciliations with made-up days.
type books struct {
	mu       sync.Mutex
	accounts []reconcile.Account
	results  []reconcile.Reconciliation
	found    []reconcile.Discrepancy
	comments map[string][]reconcile.Comment
	files    map[string][]byte
	trail    *memory
	now      func() time.Time
	// run is what Run does, outcome what it finds.
	run     func(ctx context.Context, job reconcile.Job) error
	outcome reconcile.Reconciliation
	ran     []reconcile.Job
}

const twoEyesAbove = 100_000

func (b *books) Run(ctx context.Context, job reconcile.Job) (reconcile.Reconciliation, error) {
	b.mu.Lock()
	b.ran = append(b.ran, job)
	run := b.run
	b.mu.Unlock()
	if run != nil {
		return b.outcome, run(ctx, job)
	}
	return b.outcome, nil
}

func (b *books) Accounts(_ context.Context, merchantID string) ([]reconcile.Account, error) {
	var list []reconcile.Account
	for _, a := range b.accounts {
		if merchantID == "" || a.MerchantID == merchantID {
			list = append(list, a)
		}
	}
	return list, nil
}

func (b *books) List(_ context.Context, f reconcile.ListFilter) ([]reconcile.Reconciliation, error) {
	var list []reconcile.Reconciliation
	for _, r := range b.results {
		if (f.MerchantID == "" || r.MerchantID == f.MerchantID) && (f.Day.IsZero() || r.Day == f.Day) &&
			(f.From.IsZero() || !r.Day.Before(f.From)) && (f.To.IsZero() || !f.To.Before(r.Day)) {
			list = append(list, r)
		}
	}
	if f.After != nil {
		at := slices.IndexFunc(list, func(r reconcile.Reconciliation) bool { return r.ID == f.After.ID })
		list = list[at+1:]
	}
	return list[:min(len(list), f.Limit)], nil
}

func (b *books) Get(_ context.Context, merchantID, id string) (reconcile.Reconciliation, error) {
	for _, r := range b.results {
		if r.ID == id && (merchantID == "" || r.MerchantID == merchantID) {
			return r, nil
		}
	}
	return reconcile.Reconciliation{}, payment.ErrNotFound
}

func (b *books) Discrepancies(_ context.Context, f reconcile.DiscrepancyFilter) ([]reconcile.Discrepancy, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []reconcile.Discrepancy
	for _, d := range b.found {
		if (f.MerchantID == "" || d.MerchantID == f.MerchantID) && (f.AccountID == "" || d.AccountID == f.AccountID) &&
			(f.Day.IsZero() || d.Day == f.Day) && (f.Kind == "" || d.Kind == f.Kind) && (f.Status == "" || d.Status == f.Status) &&
			(!f.Proposed || d.Status == reconcile.Open && d.ProposedBy != "") && (f.Assignee == "" || d.Assignee == f.Assignee) &&
			(f.BeforeTime.IsZero() || d.FoundAt.Before(f.BeforeTime) || d.FoundAt.Equal(f.BeforeTime) && d.ID < f.BeforeID) {
			list = append(list, d)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].FoundAt.Equal(list[j].FoundAt) {
			return list[i].FoundAt.After(list[j].FoundAt)
		}
		return list[i].ID > list[j].ID
	})
	return list[:min(len(list), f.Limit)], nil
}

func (b *books) Discrepancy(_ context.Context, merchantID, id string) (reconcile.Discrepancy, []reconcile.Comment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, err := b.one(merchantID, id)
	if err != nil {
		return reconcile.Discrepancy{}, nil, err
	}
	return *d, b.comments[id], nil
}

func (b *books) one(merchantID, id string) (*reconcile.Discrepancy, error) {
	for i := range b.found {
		if b.found[i].ID == id && (merchantID == "" || b.found[i].MerchantID == merchantID) {
			return &b.found[i], nil
		}
	}
	return nil, payment.ErrNotFound
}

// act changes a discrepancy as the service does: of one's merchant, as it was
// read, with an entry.
func (b *books) act(id string, version int64, actor reconcile.Actor, action string, do func(d *reconcile.Discrepancy, note map[string]string) error) (reconcile.Discrepancy, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, err := b.one(actor.MerchantID, id)
	if err != nil {
		return reconcile.Discrepancy{}, err
	}
	changed := *d
	note := map[string]string{}
	if err := do(&changed, note); err != nil {
		return reconcile.Discrepancy{}, err
	}
	if version != d.Version {
		return reconcile.Discrepancy{}, payment.ErrStale
	}
	changed.Version++
	*d = changed
	detail, err := json.Marshal(note)
	if err != nil {
		return reconcile.Discrepancy{}, err
	}
	_ = b.trail.RecordAudit(context.Background(), audit.Entry{
		ID: audit.IDPrefix + newID(), At: b.now(), Actor: actor.Name, Action: action, MerchantID: d.MerchantID, Subject: id, Detail: string(detail),
	})
	return changed, nil
}

func (b *books) Assign(_ context.Context, id string, version int64, actor reconcile.Actor, assignee string) (reconcile.Discrepancy, error) {
	return b.act(id, version, actor, "discrepancy.assign", func(d *reconcile.Discrepancy, _ map[string]string) error {
		d.Assignee = assignee
		return nil
	})
}

func (b *books) Comment(_ context.Context, id string, actor reconcile.Actor, text string) (reconcile.Comment, error) {
	if text == "" || len([]rune(text)) > 2000 {
		return reconcile.Comment{}, reconcile.ErrNoText
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := reconcile.Comment{ID: newID(), DiscrepancyID: id, Author: actor.Name, Text: text, At: b.now()}
	b.comments[id] = append(b.comments[id], c)
	return c, nil
}

func (b *books) Resolve(_ context.Context, id string, version int64, actor reconcile.Actor, reason string) (reconcile.Discrepancy, error) {
	return b.act(id, version, actor, "discrepancy.resolve", func(d *reconcile.Discrepancy, note map[string]string) error {
		switch {
		case reason == "":
			return reconcile.ErrNoText
		case d.Status != reconcile.Open || d.ProposedBy != "":
			return reconcile.ErrNotOpen
		}
		d.ProposedBy, d.Resolution = actor.Name, reason
		var minor int64
		for _, e := range []*reconcile.Entry{d.Ours, d.Theirs} {
			if e != nil {
				minor = max(minor, e.Amount.Minor())
			}
		}
		if minor <= twoEyesAbove {
			d.Status, d.ResolvedAt = reconcile.Resolved, b.now()
		} else {
			note["waits_for"] = "approval by another person"
		}
		return nil
	})
}

func (b *books) Approve(_ context.Context, id string, version int64, actor reconcile.Actor) (reconcile.Discrepancy, error) {
	return b.act(id, version, actor, "discrepancy.approve", func(d *reconcile.Discrepancy, _ map[string]string) error {
		switch {
		case d.Status != reconcile.Open || d.ProposedBy == "":
			return reconcile.ErrNotOpen
		case d.ProposedBy == actor.Name:
			return reconcile.ErrSecondPerson
		}
		d.Status, d.ApprovedBy, d.ResolvedAt = reconcile.Resolved, actor.Name, b.now()
		return nil
	})
}

func (b *books) Reject(_ context.Context, id string, version int64, actor reconcile.Actor, reason string) (reconcile.Discrepancy, error) {
	return b.act(id, version, actor, "discrepancy.reject", func(d *reconcile.Discrepancy, note map[string]string) error {
		switch {
		case reason == "":
			return reconcile.ErrNoText
		case d.Status != reconcile.Open || d.ProposedBy == "":
			return reconcile.ErrNotOpen
		}
		note["proposed_by"] = d.ProposedBy
		d.ProposedBy, d.Resolution = "", ""
		return nil
	})
}

func (b *books) Statements(_ context.Context, merchantID string, day channels.Day) ([]reconcile.Statement, error) {
	if merchantID != mineID || !slices.ContainsFunc(b.results, func(r reconcile.Reconciliation) bool { return r.Day == day && !r.FinishedAt.IsZero() }) {
		return nil, nil
	}
	var list []reconcile.Statement
	for v := 2; v >= 1; v-- {
		list = append(list, reconcile.Statement{
			MerchantID: merchantID, Day: day, Version: v, CSVDigest: digestCSV, XLSXDigest: digestXLSX, CSVSize: 48_213, XLSXSize: 31_977,
			Rows: 412, CreatedAt: day.Next().Start().Add(time.Duration(10+v) * time.Hour),
		})
	}
	return list, nil
}

func (b *books) Statement(ctx context.Context, merchantID string, day channels.Day, version int) (reconcile.Statement, error) {
	list, err := b.Statements(ctx, merchantID, day)
	for _, s := range list {
		if s.Version == version {
			return s, nil
		}
	}
	if err == nil {
		err = payment.ErrNotFound
	}
	return reconcile.Statement{}, err
}

func (b *books) SettlementSummary(ctx context.Context, merchantID string, from, to channels.Day) ([]reconcile.AccountSummary, error) {
	list, err := b.List(ctx, reconcile.ListFilter{MerchantID: merchantID, From: from, To: to, Limit: 1000})
	byAccount := map[string]*reconcile.AccountSummary{}
	var order []string
	for _, r := range list {
		s := byAccount[r.AccountID]
		if s == nil {
			s = &reconcile.AccountSummary{MerchantID: r.MerchantID, AccountID: r.AccountID, Channel: r.Channel, Currency: money.CNY, Status: reconcile.StatusBalanced}
			byAccount[r.AccountID] = s
			order = append(order, r.AccountID)
		}
		s.Ours, s.Theirs = addSide(s.Ours, r.Totals.Ours), addSide(s.Theirs, r.Totals.Theirs)
		s.Days++
		s.Open += r.Open
		if r.Open > 0 {
			s.Status = reconcile.StatusDifferences
		}
	}
	out := make([]reconcile.AccountSummary, 0, len(order))
	for _, id := range order {
		out = append(out, *byAccount[id])
	}
	return out, err
}

func addSide(a, b reconcile.Side) reconcile.Side {
	return reconcile.Side{
		Payments: a.Payments + b.Payments, Refunds: a.Refunds + b.Refunds, PaymentMinor: a.PaymentMinor + b.PaymentMinor,
		RefundMinor: a.RefundMinor + b.RefundMinor, FeeMinor: a.FeeMinor + b.FeeMinor,
	}
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func (b *books) OpenFile(_ context.Context, digest string) (reconcile.File, int64, error) {
	content, ok := b.files[digest]
	if !ok {
		return nil, 0, payment.ErrNotFound
	}
	return file{bytes.NewReader(content)}, int64(len(content)), nil
}

// The files of the fake.
const (
	digestCSV  = "6f5902ac237024bdd0c176cb93063dc46f5902ac237024bdd0c176cb93063dc4"
	digestXLSX = "9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de"
	digestBill = "0f4c2a6e1d7b43c8a9e05f61b2d3c4e50f4c2a6e1d7b43c8a9e05f61b2d3c4e5"
)

// fill makes a month up to a day: mostly balanced, with what needs somebody.
func (b *books) fill(today channels.Day) {
	b.files = map[string][]byte{digestCSV: []byte("\ufeff类型,金额\n"), digestXLSX: []byte("PK\x03\x04xlsx"), digestBill: []byte("original")}
	b.comments = map[string][]reconcile.Comment{}
	for back := 1; back <= 24; back++ {
		for i, a := range b.accounts {
			b.results = append(b.results, b.day(today.Add(-back), a, i, back))
		}
	}
}

func (b *books) day(day channels.Day, a reconcile.Account, i, back int) reconcile.Reconciliation {
	n := int64(900 - 170*i + 31*(back%7))
	ours := reconcile.Side{Payments: n, Refunds: n / 24, PaymentMinor: n * 15_873, RefundMinor: n / 24 * 12_040}
	ours.FeeMinor = (ours.PaymentMinor - ours.RefundMinor) * 6 / 1000
	r := reconcile.Reconciliation{
		ID: fmt.Sprintf("rec_%s_%s", a.ID, day), Day: day, MerchantID: a.MerchantID, Channel: a.Channel, AccountID: a.ID, Version: 1,
		Status: reconcile.StatusBalanced, Matched: n + n/24, Totals: reconcile.Totals{Currency: money.CNY, Ours: ours, Theirs: ours},
		CreatedAt: day.Next().Start().Add(9 * time.Hour), UpdatedAt: day.Next().Start().Add(10 * time.Hour), FinishedAt: day.Next().Start().Add(10*time.Hour + 12*time.Second),
		Bills: []reconcile.Bill{{
			Kind: channels.BillTrades, Name: a.Channel + "-" + day.String() + ".zip", Digest: digestBill, Size: 182_400, Rows: n + n/24,
			FetchedAt: day.Next().Start().Add(10 * time.Hour),
		}},
	}
	switch {
	case back == 1 && a.Channel == "unionpay":
		r.Status, r.FinishedAt, r.Bills, r.Matched = reconcile.StatusPending, time.Time{}, nil, 0
		r.Totals.Theirs = reconcile.Side{}
		r.Failure = reconcile.Message{{Code: "not_ready"}}
	case back == 6 && a.Channel == "wechatpay":
		r.Status, r.Failure = reconcile.StatusFailed, reconcile.Message{{Code: "broken_line", Args: map[string]string{"line": "88", "cause": "the row has 20 cells instead of 24"}}}
	case back == 1 || back == 3 || back == 9 && i == 0:
		b.differ(&r, back)
	}
	return r
}

// differ adds one difference of each kind to a day.
func (b *books) differ(r *reconcile.Reconciliation, back int) {
	kinds := []reconcile.Kind{reconcile.MissingAtChannel, reconcile.FeeMismatch, reconcile.AmountMismatch, reconcile.MissingLocally, reconcile.LateSuccess}
	for k, kind := range kinds {
		if (k+back+len(r.Channel))%3 != 0 && k > 1 {
			continue
		}
		minor := int64(18_800 + 91_700*k)
		ours := &reconcile.Entry{
			Type: reconcile.RowPayment, PaymentID: thePayment, MerchantOrderNo: fmt.Sprintf("SO-202611%02d-%04d", k+3, 7*k+back), AttemptID: newID(), ChannelTradeNo: fmt.Sprintf("20261120220014%012d", 8_812_331*k+back),
			Amount: cny(minor), FeeMinor: minor * 6 / 1000, Status: "succeeded", At: r.Day.Start().Add(11 * time.Hour),
		}
		theirs := *ours
		theirs.MerchantOrderNo, theirs.Status = "", "TRADE_SUCCESS"
		d := reconcile.Discrepancy{
			ID: "dis_" + newID(), ReconciliationID: r.ID, Day: r.Day, MerchantID: r.MerchantID, Channel: r.Channel, AccountID: r.AccountID,
			Kind: kind, Status: reconcile.Open, SubjectID: ours.AttemptID, Ours: ours, Theirs: &theirs,
			FoundAt: r.FinishedAt.Add(time.Duration(k) * time.Millisecond), UpdatedAt: r.FinishedAt, Version: 1,
		}
		switch kind {
		case reconcile.MissingAtChannel:
			d.Theirs, d.Detail = nil, reconcile.Message{
				{Code: "missing", Args: map[string]string{"what": "payment", "day": r.Day.String()}},
				{Code: "missing_before", Args: map[string]string{"day": r.Day.Add(-1).String()}},
			}
			r.Totals.Theirs.Payments--
			r.Totals.Theirs.PaymentMinor -= minor
			r.Totals.Theirs.FeeMinor -= ours.FeeMinor
		case reconcile.FeeMismatch:
			theirs.FeeMinor += 57
			d.Assignee, d.Detail = "anna", reconcile.Message{{Code: "fees", Args: map[string]string{"rate": "0.6%", "ours": "6.63 CNY", "theirs": "7.20 CNY"}}}
			r.Totals.Theirs.FeeMinor += 57
		case reconcile.AmountMismatch:
			theirs.Amount = cny(minor - 100)
			r.Totals.Theirs.PaymentMinor -= 100
			d.ProposedBy, d.Resolution = "ben", "渠道侧使用了商户优惠券，差额由营销费用承担，凭证见工单 4711。"
		case reconcile.MissingLocally:
			d.Ours, theirs.Type = nil, reconcile.RowRefund
			r.Totals.Theirs.Payments++
			r.Totals.Theirs.PaymentMinor += minor
		case reconcile.LateSuccess:
			d.Status, d.Evidence = reconcile.Repaired, reconcile.Message{{Code: "refunded", Args: map[string]string{"id": newID()}}}
		case reconcile.StatusMismatch, reconcile.DuplicatePayment:
		}
		if d.Status == reconcile.Open {
			r.Open++
		} else {
			r.Repaired++
		}
		b.found = append(b.found, d)
	}
	r.Status = reconcile.StatusDifferences
}

func cny(minor int64) money.Amount {
	a, err := money.New(minor, money.CNY)
	if err != nil {
		panic(err)
	}
	return a
}
