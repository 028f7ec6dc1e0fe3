package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/signing"
)

// fakeReconcile holds the results of a few days: one reconciliation with a
// discrepancy of the shop on each day before its own today, one of the rival.
type fakeReconcile struct {
	mu         sync.Mutex
	list       []reconcile.Reconciliation
	found      []reconcile.Discrepancy
	statements []reconcile.Statement
	files      map[string][]byte
	opened     int
	closed     int
	filter     reconcile.ListFilter
	err        error
}

func day(s string) channels.Day {
	d, err := channels.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func newFakeReconcile() *fakeReconcile {
	f := &fakeReconcile{files: map[string][]byte{}}
	at := time.Date(2025, 11, 21, 1, 5, 0, 0, time.UTC)
	amount, err := money.New(8800, money.CNY)
	if err != nil {
		panic(err)
	}
	for i := range 3 {
		d := day("2025-11-20").Add(-i)
		status := []reconcile.Status{reconcile.StatusDifferences, reconcile.StatusPending, reconcile.StatusBalanced}[i]
		f.list = append(f.list, reconcile.Reconciliation{
			ID: fmt.Sprintf("rec_%d", i), Day: d, MerchantID: shop, Channel: "alipay", AccountID: "acc_1", Version: 2, Status: status, Matched: 1, Open: 1,
			Totals:    reconcile.Totals{Currency: money.CNY, Ours: reconcile.Side{Payments: 2, Refunds: 1, PaymentMinor: 9000, RefundMinor: 100, FeeMinor: 53}},
			Bills:     []reconcile.Bill{{Kind: channels.BillTrades, Name: "bill.zip", Digest: strings.Repeat("a", 64), Size: 9, Rows: 2, FetchedAt: at}, {Kind: channels.BillFunds, FetchedAt: at}},
			CreatedAt: at.Add(-time.Duration(i) * 24 * time.Hour), UpdatedAt: at,
		})
	}
	f.list = append(f.list, reconcile.Reconciliation{ID: "rec_old", Day: day("2025-11-20"), MerchantID: shop, Channel: "alipay", AccountID: "acc_1", Version: 1, Status: reconcile.StatusFailed, Failure: reconcile.Plain("the bill is broken"), CreatedAt: at, UpdatedAt: at})
	f.list = append(f.list, reconcile.Reconciliation{ID: "rec_rival", Day: day("2025-11-20"), MerchantID: rival, Channel: "alipay", AccountID: "acc_9", Version: 1, Status: reconcile.StatusBalanced, CreatedAt: at, UpdatedAt: at})
	f.found = []reconcile.Discrepancy{
		{
			ID: "dis_2", ReconciliationID: "rec_0", Day: day("2025-11-20"), MerchantID: shop, Channel: "alipay", AccountID: "acc_1", Kind: reconcile.AmountMismatch, Status: reconcile.Resolved,
			Ours: &reconcile.Entry{PaymentID: "p", AttemptID: "a", MerchantOrderNo: "A-1", Amount: amount, FeeMinor: 53, Status: "succeeded", At: at}, Theirs: &reconcile.Entry{ChannelTradeNo: "t"},
			Detail: reconcile.Message{{Code: "amounts", Args: map[string]string{"ours": "1.00 CNY", "theirs": "2.00 CNY"}}}, ProposedBy: "finance", ApprovedBy: "boss", Resolution: "agreed", FoundAt: at, UpdatedAt: at, ResolvedAt: at,
		},
		{
			ID: "dis_1", ReconciliationID: "rec_0", Day: day("2025-11-20"), MerchantID: shop, Channel: "alipay", AccountID: "acc_1", Kind: reconcile.MissingLocally, Status: reconcile.Open,
			Theirs: &reconcile.Entry{Type: reconcile.RowRefund, ChannelTradeNo: "t", Amount: amount}, Detail: reconcile.Message{{Code: "foreign", Args: map[string]string{"what": "payment"}}}, FoundAt: at.Add(-time.Second), UpdatedAt: at,
		},
	}
	for v := 1; v <= 2; v++ {
		csv, xlsx := fmt.Appendf(nil, "CSV, version %d", v), fmt.Appendf(nil, "XLSX, version %d", v)
		f.statements = append(f.statements, reconcile.Statement{MerchantID: shop, Day: day("2025-11-20"), Version: v, CSVDigest: f.put(csv), XLSXDigest: f.put(xlsx), CreatedAt: at})
	}
	return f
}

func (f *fakeReconcile) put(content []byte) string {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	f.files[digest] = content
	return digest
}

func (f *fakeReconcile) List(_ context.Context, l reconcile.ListFilter) ([]reconcile.Reconciliation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter = l
	var out []reconcile.Reconciliation
	past := l.After == nil
	for _, r := range f.list {
		if past && r.MerchantID == l.MerchantID && (l.AllVersions || r.Version == 2) && (l.Day.IsZero() || l.Day == r.Day) && (l.Status == "" || l.Status == r.Status) {
			out = append(out, r)
		}
		past = past || l.After.ID == r.ID
	}
	return out[:min(len(out), l.Limit)], f.err
}

func (f *fakeReconcile) Get(_ context.Context, merchantID, id string) (reconcile.Reconciliation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(r reconcile.Reconciliation) bool { return r.ID == id && r.MerchantID == merchantID })
	if i < 0 {
		return reconcile.Reconciliation{}, payment.ErrNotFound
	}
	return f.list[i], f.err
}

func (f *fakeReconcile) Discrepancies(_ context.Context, d reconcile.DiscrepancyFilter) ([]reconcile.Discrepancy, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []reconcile.Discrepancy
	for _, found := range f.found {
		after := d.BeforeID == "" || found.FoundAt.Before(d.BeforeTime)
		if after && found.MerchantID == d.MerchantID && found.ReconciliationID == d.ReconciliationID && (d.Kind == "" || d.Kind == found.Kind) && (d.Status == "" || d.Status == found.Status) {
			out = append(out, found)
		}
	}
	return out[:min(len(out), d.Limit)], f.err
}

func (f *fakeReconcile) Statement(_ context.Context, merchantID string, d channels.Day, version int) (reconcile.Statement, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.statements) - 1; i >= 0; i-- {
		if s := f.statements[i]; s.MerchantID == merchantID && s.Day == d && (version == 0 || version == s.Version) {
			return s, f.err
		}
	}
	return reconcile.Statement{}, payment.ErrNotFound
}

type fakeFile struct {
	*bytes.Reader
	ctx   context.Context
	close func()
}

func (f fakeFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.Reader.Read(p)
}

func (f fakeFile) Close() error {
	f.close()
	return nil
}

func (f *fakeReconcile) OpenFile(ctx context.Context, digest string) (reconcile.File, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok := f.files[digest]
	if !ok {
		return nil, 0, payment.ErrNotFound
	}
	f.opened++
	return fakeFile{bytes.NewReader(content), ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.closed++
	}}, int64(len(content)), f.err
}

func listed[T any](t *testing.T, body []byte) (data []T, next string) {
	t.Helper()
	var p page[T]
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if p.NextCursor != nil {
		next = *p.NextCursor
	}
	return p.Data, next
}

func TestReconciliations_AreListedPageByPage(t *testing.T) {
	h := newHarness(t)
	var ids []string
	for target := "/v1/reconciliations?limit=2"; target != ""; {
		data, next := listed[ReconciliationView](t, h.do(200, "GET", target, "").Body)
		for _, r := range data {
			ids = append(ids, r.ID)
		}
		if target = ""; next != "" {
			target = "/v1/reconciliations?limit=2&cursor=" + next
		}
	}
	if want := []string{"rec_0", "rec_1", "rec_2"}; !slices.Equal(ids, want) {
		t.Errorf("listed %v, want %v", ids, want)
	}
	h.do(200, "GET", "/v1/reconciliations?date=2025-11-20&account_id=acc_1&channel=alipay&status=differences&all_versions=true&limit=100", "")
	want := reconcile.ListFilter{
		MerchantID: shop, Day: day("2025-11-20"), AccountID: "acc_1", Channel: "alipay", Status: reconcile.StatusDifferences, AllVersions: true, Limit: 101,
	}
	if h.books.filter != want {
		t.Errorf("asked for %+v, want %+v", h.books.filter, want)
	}
}

func TestReconciliation_InFull(t *testing.T) {
	h := newHarness(t)
	var got map[string]any
	if err := json.Unmarshal(h.do(200, "GET", "/v1/reconciliations/rec_0", "").Body, &got); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"id":"rec_0","date":"2025-11-20","channel":"alipay","account_id":"acc_1","version":2,"status":"differences","matched":1,
		"discrepancies_open":1,"discrepancies_repaired":0,"discrepancies_resolved":0,
		"totals":{"currency":"CNY","ours":{"payments":9000,"refunds":100,"fees":53,"net":8847,"payment_count":2,"refund_count":1},
			"theirs":{"payments":0,"refunds":0,"fees":0,"net":0,"payment_count":0,"refund_count":0}},
		"bills":[{"kind":"trades","name":"bill.zip","sha256":"`+strings.Repeat("a", 64)+`","size":9,"rows":2,"fetched_at":"2025-11-21T01:05:00Z"},
			{"kind":"funds","name":"","sha256":null,"size":0,"rows":0,"fetched_at":"2025-11-21T01:05:00Z"}],
		"failure":null,"created_at":"2025-11-21T01:05:00Z","updated_at":"2025-11-21T01:05:00Z","finished_at":null}`), &want); err != nil {
		t.Fatal(err)
	}
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s, want\n%s", g, w)
	}
	pending := h.do(200, "GET", "/v1/reconciliations/rec_1", "").Body
	if !bytes.Contains(pending, []byte(`"theirs":null`)) {
		t.Errorf("the channel's side of a bill that is not there: %s", pending)
	}
}

func TestReconciliations_RefuseAndHide(t *testing.T) {
	h := newHarness(t)
	for target, field := range map[string]string{
		"/v1/reconciliations?date=2025-02-30":                 "date",
		"/v1/reconciliations?date=20251121":                   "date",
		"/v1/reconciliations?status=done":                     "status",
		"/v1/reconciliations?channel=cash":                    "channel",
		"/v1/reconciliations?all_versions=1":                  "all_versions",
		"/v1/reconciliations?day=2025-11-20":                  "day",
		"/v1/reconciliations?limit=101":                       "limit",
		"/v1/reconciliations/rec_0/discrepancies?kind=other":  "kind",
		"/v1/reconciliations/rec_0/discrepancies?status=done": "status",
		"/v1/reconciliations/rec_0?version=1":                 "version",
		"/v1/statements/2025-11-20.csv?version=0":             "version",
		"/v1/statements/2025-11-20.csv?version=01":            "version",
		"/v1/statements/2025-11-20.xlsx?v=1":                  "v",
	} {
		a := h.do(400, "GET", target, "")
		if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != field {
			t.Errorf("%s: %q is named, want %q", target, fieldsOf(p), field)
		}
	}
	cursor := formatCursor(listReconciliations, position{h.now(), "rec_rival"})
	a := h.do(400, "GET", "/v1/reconciliations?cursor="+cursor, "")
	if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != "cursor" {
		t.Errorf("another merchant's cursor: %+v", p)
	}
	for _, target := range []string{
		"/v1/reconciliations/rec_rival", "/v1/reconciliations/rec_rival/discrepancies", "/v1/statements/2025-11-19.csv",
		"/v1/statements/2025-11-20.csv?version=3", "/v1/statements/today.csv", "/v1/statements/2025-02-30.csv", "/v1/statements/2025-11-20.pdf",
		"/v1/statements/2025-11-20", "/v1/statements/2025-11-20.csv.md5",
	} {
		h.do(404, "GET", target, "")
	}
	h.do(405, "POST", "/v1/statements/2025-11-20.csv", "")
	other, err := h.clientOf(rival, keysOnce().other).Do(t.Context(), "GET", "/v1/statements/2025-11-20.csv", nil)
	if err != nil || other.Status != 404 {
		t.Errorf("another merchant's statement: %+v %v", other, err)
	}
}

func TestDiscrepancies_AreListedPageByPage(t *testing.T) {
	h := newHarness(t)
	first, next := listed[DiscrepancyView](t, h.do(200, "GET", "/v1/reconciliations/rec_0/discrepancies?limit=1", "").Body)
	second, end := listed[DiscrepancyView](t, h.do(200, "GET", "/v1/reconciliations/rec_0/discrepancies?limit=1&cursor="+next, "").Body)
	if len(first) != 1 || len(second) != 1 || first[0].ID != "dis_2" || second[0].ID != "dis_1" || end != "" {
		t.Fatalf("%+v, %+v, %q", first, second, end)
	}
	d := first[0]
	if d.Kind != "amount_mismatch" || d.Ours.Amount != 8800 || *d.Ours.MerchantOrderNo != "A-1" || *d.Theirs.ChannelTradeNo != "t" || *d.ProposedBy != "finance" || *d.ApprovedBy != "boss" || *d.Reason != "agreed" {
		t.Errorf("%+v", d)
	}
	if second[0].Ours != nil || second[0].Theirs.Amount != 8800 || *second[0].Theirs.Type != "refund" || d.Ours.Type != nil || second[0].ResolvedAt != nil {
		t.Errorf("%+v", second[0])
	}
	if open, _ := listed[DiscrepancyView](t, h.do(200, "GET", "/v1/reconciliations/rec_0/discrepancies?status=open&kind=missing_locally", "").Body); len(open) != 1 {
		t.Errorf("%+v", open)
	}
}

func TestStatements_AreSignedFilesWithTheirHashesBeside(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct{ target, name, typ, content string }{
		{"/v1/statements/2025-11-20.csv", "statement-2025-11-20-v2.csv", "text/csv; charset=utf-8", "CSV, version 2"},
		{"/v1/statements/2025-11-20.csv?version=1", "statement-2025-11-20-v1.csv", "text/csv; charset=utf-8", "CSV, version 1"},
		{"/v1/statements/2025-11-20.xlsx", "statement-2025-11-20-v2.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX, version 2"},
	} {
		a := h.do(200, "GET", c.target, "")
		sum := sha256.Sum256([]byte(c.content))
		digest := hex.EncodeToString(sum[:])
		if string(a.Body) != c.content || a.Header.Get(signing.HeaderContentSHA256) != digest || a.Header.Get("Content-Type") != c.typ ||
			a.Header.Get("Content-Disposition") != `attachment; filename="`+c.name+`"` || a.Header.Get("Content-Length") != fmt.Sprint(len(c.content)) {
			t.Errorf("%s: %v %s", c.target, a.Header, a.Body)
		}
		path, query, _ := strings.Cut(c.target, "?")
		beside := h.do(200, "GET", strings.TrimSuffix(path+".sha256?"+query, "?"), "")
		if string(beside.Body) != digest+"  "+c.name+"\n" || beside.Header.Get("Content-Type") != textType {
			t.Errorf("%s: %v %q", c.target, beside.Header, beside.Body)
		}
		h.do(200, "HEAD", c.target, "")
	}
	if h.books.opened == 0 || h.books.opened != h.books.closed {
		t.Errorf("%d files opened, %d closed", h.books.opened, h.books.closed)
	}
}

func TestStatements_WhoseFileIsGoneAreAFault(t *testing.T) {
	h := newHarness(t)
	clear(h.books.files)
	h.do(500, "GET", "/v1/statements/2025-11-20.csv", "")
	h.books.statements[1].CSVDigest = "not a digest"
	h.do(500, "GET", "/v1/statements/2025-11-20.csv", "")
	h.books.err = payment.ErrUnavailable
	h.do(503, "GET", "/v1/statements/2025-11-20.csv", "")
}
