package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

const (
	accountID  = "acc_1"
	merchantID = "mer_1"
	ratePPM    = 6000
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) add(d time.Duration) { c.set(c.Now().Add(d)) }

func day(t testing.TB, s string) channels.Day {
	t.Helper()
	d, err := channels.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func cny(fen int64) money.Amount {
	a, err := money.New(fen, money.CNY)
	if err != nil {
		panic(err)
	}
	return a
}

// bank is a channel's books and bills: what it tells is what it has.
type bank struct {
	mu       sync.Mutex
	calendar channels.BillCalendar
	rows     map[channels.Day][]channels.BillRow
	// fetchErr and readErr are what fetching and reading a day fail with.
	fetchErr map[channels.Day]error
	readErr  error
	// onFetch is called in the middle of a fetch.
	onFetch func()
	fetched int
}

func newBank() *bank {
	return &bank{
		calendar: channels.BillCalendar{Kinds: []channels.BillKind{channels.BillTrades}, Due: 9 * time.Hour},
		rows:     map[channels.Day][]channels.BillRow{}, fetchErr: map[channels.Day]error{},
	}
}

func (b *bank) BillCalendar() channels.BillCalendar {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calendar
}

func (b *bank) FetchBill(_ context.Context, _ channels.BillKind, day channels.Day, w io.Writer) (channels.BillFile, error) {
	b.mu.Lock()
	err, rows, hook := b.fetchErr[day], slices.Clone(b.rows[day]), b.onFetch
	b.fetched++
	b.mu.Unlock()
	if hook != nil {
		hook()
	}
	if err != nil {
		return channels.BillFile{}, err
	}
	_, err = fmt.Fprintf(w, "%s %+v", day, rows)
	return channels.BillFile{Name: day.String() + ".txt", ContentType: "text/plain"}, err
}

func (b *bank) ReadBill(_ channels.BillKind, day channels.Day, _ io.ReaderAt, _ int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	b.mu.Lock()
	rows, err := slices.Clone(b.rows[day]), b.readErr
	b.mu.Unlock()
	t := channels.BillTotals{Currency: money.CNY}
	for i, r := range rows {
		r.Line = int64(i + 1)
		if err := each(r); err != nil {
			return t, err
		}
		t.Rows++
		t.FeeMinor += r.FeeMinor
		if r.Type == channels.BillRefund {
			t.Refunds++
			t.RefundMinor += r.Amount.Minor()
		} else {
			t.Payments++
			t.PaymentMinor += r.Amount.Minor()
		}
	}
	return t, err
}

func (b *bank) change(fn func(b *bank)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(b)
}

// world is reconciliation over a database, with a channel and merchants of the
// test's own.
type world struct {
	testing.TB
	db       *store.DB
	clock    *clock
	bank     *bank
	core     *core
	accounts []reconcile.Account
	notify   string
	// repeatable is the channel's capability.
	repeatable bool
	cfg        reconcile.Config
	wakes      int
}

func config() reconcile.Config {
	return reconcile.Config{
		RetryLadder: []time.Duration{5 * time.Minute, 10 * time.Minute}, DueMargin: 10 * time.Minute, LateAfter: 3 * time.Hour,
		EdgeMargin: 10 * time.Minute, CatchUpDays: 3, FetchTimeout: time.Minute, MaxBillBytes: 8 << 20, MaxDifferences: 1000, MaxRepairs: 100,
		SecondEyesAbove: 100_000, StatementQuiet: 5 * time.Minute, Lease: time.Minute, Poll: time.Second, Concurrency: 2,
	}
}

// noon is a moment in the middle of the business day 2026-11-20.
var noon = time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, db *store.DB, c *clock) *world {
	w := &world{
		TB: t, db: db, clock: c, bank: newBank(), repeatable: true, cfg: config(), notify: "https://shop.example/hook",
		accounts: []reconcile.Account{{
			ID: accountID, MerchantID: merchantID, MerchantName: "Shop", Channel: "alipay", Enabled: true, FeeRatePPM: ratePPM,
			CreatedAt: noon.AddDate(0, -1, 0),
		}},
	}
	w.core = &core{w: w, answers: map[string]string{}}
	return w
}

// eachStore runs a test on both databases.
func eachStore(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	c := &clock{at: noon.Add(24 * time.Hour)}
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		c.set(noon.Add(24 * time.Hour))
		test(t, newWorld(t, db, c))
	}, func(cfg *store.Config) { cfg.Now = c.Now })
}

func onSQLite(t testing.TB) *world {
	t.Helper()
	c := &clock{at: noon.Add(24 * time.Hour)}
	return newWorld(t, storetest.OpenSQLite(t, func(cfg *store.Config) { cfg.Now = c.Now }), c)
}

func (w *world) service() *reconcile.Service { return w.serviceOn(w.db, "host/1") }

func (w *world) serviceOn(db reconcile.Store, owner string) *reconcile.Service {
	return reconcile.New(w.cfg, w.deps(db, owner, writeText))
}

// deps is what a service works with, with its writer of the second file.
func (w *world) deps(db reconcile.Store, owner string, second reconcile.StatementWriter) reconcile.Deps {
	return reconcile.Deps{
		Store: db, Directory: w, Core: w.core, WriteCSV: writeText, WriteXLSX: second, NewID: storetest.NewID, Now: w.clock.Now,
		Owner: owner, Logger: slog.New(slog.DiscardHandler), Wake: func() { w.wakes++ },
		Sleep: func(ctx context.Context, _ time.Duration) error {
			<-ctx.Done() // no lease is renewed, and nobody waits
			return context.Cause(ctx)
		},
	}
}

// writeText is a statement that shows everything it is given.
func writeText(out io.Writer, in reconcile.StatementInput) (rows int64, err error) {
	if _, err := fmt.Fprintf(out, "%s %s v%d\n", in.MerchantName, in.Day, in.Version); err != nil {
		return 0, err
	}
	err = in.Rows(func(r reconcile.StatementRow) error {
		rows++
		_, err := fmt.Fprintf(out, "%s %s %d %d %s\n", r.Type, r.Number, r.AmountMinor, r.FeeMinor, r.Result)
		return err
	})
	return rows, err
}

func (w *world) AccountsOf(_ context.Context, merchant string) ([]reconcile.Account, error) {
	return slices.DeleteFunc(slices.Clone(w.accounts), func(a reconcile.Account) bool { return merchant != "" && a.MerchantID != merchant }), nil
}

func (w *world) AccountByID(_ context.Context, id string) (reconcile.Account, error) {
	for _, a := range w.accounts {
		if a.ID == id {
			return a, nil
		}
	}
	return reconcile.Account{}, payment.ErrNotFound
}

func (w *world) Bills(context.Context, string) (channels.BillSource, bool, error) {
	return w.bank, w.repeatable, nil
}

func (w *world) Merchant(context.Context, string) (name, notifyURL string, err error) {
	return "Shop", w.notify, nil
}

// core is the core's part of a repair: a question's answer is a status that the
// test has set.
type core struct {
	w       *world
	mu      sync.Mutex
	answers map[string]string
	asked   []string
	settled []payment.RefundEvidence
	// underWay are refunds whose call may not have ended.
	underWay map[string]bool
}

var errNoAnswer = errors.New("no answer")

func (c *core) AskAttempt(ctx context.Context, id, _ string) (*payment.Attempt, error) {
	c.mu.Lock()
	c.asked = append(c.asked, id)
	answer := c.answers[id]
	c.mu.Unlock()
	if answer == "" {
		return nil, errNoAnswer
	}
	a, err := c.w.db.AttemptByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.Status = payment.AttemptStatus(answer); a.Status == payment.AttemptSucceeded {
		a.PaidAt = noon
	}
	return a, c.w.db.InTx(ctx, func(tx payment.Tx) error { return tx.UpdateAttempt(ctx, a) })
}

func (c *core) AskRefund(ctx context.Context, id, _ string) (*payment.Refund, error) {
	c.mu.Lock()
	c.asked = append(c.asked, id)
	answer := c.answers[id]
	c.mu.Unlock()
	if answer == "" {
		return nil, errNoAnswer
	}
	return c.setRefund(ctx, id, payment.RefundStatus(answer), noon)
}

func (c *core) SettleRefund(ctx context.Context, e payment.RefundEvidence) (*payment.Refund, error) {
	c.mu.Lock()
	underWay := c.underWay[e.RefundID]
	if !underWay {
		c.settled = append(c.settled, e)
	}
	c.mu.Unlock()
	if underWay {
		return nil, &payment.Error{Code: payment.CodeStatusConflict, Message: "a call may still be under way"}
	}
	status := payment.RefundFailed
	if e.Succeeded {
		status = payment.RefundSucceeded
	}
	return c.setRefund(ctx, e.RefundID, status, e.At)
}

func (c *core) setRefund(ctx context.Context, id string, status payment.RefundStatus, at time.Time) (*payment.Refund, error) {
	r, err := c.w.db.RefundByID(ctx, merchantID, id)
	if err != nil {
		return nil, err
	}
	if r.Status = status; status == payment.RefundSucceeded {
		r.SucceededAt = at
	}
	return r, c.w.db.InTx(ctx, func(tx payment.Tx) error { return tx.UpdateRefund(ctx, r) })
}

// book writes a paid payment of ours and gives its attempt.
func (w *world) book(fen int64, at time.Time, changes ...func(*payment.Attempt)) *payment.Attempt {
	w.Helper()
	p := storetest.NewBarePayment(w, merchantID)
	p.Amount, p.Status = cny(fen), payment.Succeeded
	a := &payment.Attempt{
		ID: storetest.NewID(), PaymentID: p.ID, MerchantID: merchantID, Channel: "alipay", AccountID: accountID, Scene: p.Scene, Amount: p.Amount,
		Status: payment.AttemptSucceeded, Counted: true, CreatedAt: at.Add(-time.Minute), SubmittedAt: at.Add(-time.Minute).Truncate(time.Second), PaidAt: at,
	}
	a.ChannelTradeNo = "T" + a.ID
	p.CurrentAttemptID, p.CountedAttemptID = a.ID, a.ID
	for _, change := range changes {
		change(a)
	}
	w.tx(func(ctx context.Context, tx payment.Tx) error {
		return errors.Join(tx.InsertPayment(ctx, p), tx.InsertAttempt(ctx, a))
	})
	return a
}

// refund writes a refund of ours that succeeded.
func (w *world) refund(a *payment.Attempt, fen int64, at time.Time, changes ...func(*payment.Refund)) *payment.Refund {
	w.Helper()
	id := storetest.NewID()
	r := &payment.Refund{
		ID: id, PaymentID: a.PaymentID, AttemptID: a.ID, MerchantID: merchantID, Channel: a.Channel, AccountID: a.AccountID, MerchantRefundNo: "r-" + id,
		Initiator: payment.ByMerchant, Amount: cny(fen), RequestHash: "h", Status: payment.RefundSucceeded, ChannelRefundNo: "R" + id,
		SubmittedAt: at.Add(-time.Second).Truncate(time.Second), CreatedAt: at.Add(-time.Second), SucceededAt: at, Version: 1,
	}
	for _, change := range changes {
		change(r)
	}
	w.tx(func(ctx context.Context, tx payment.Tx) error { return tx.InsertRefund(ctx, r) })
	return r
}

func (w *world) tx(fn func(ctx context.Context, tx payment.Tx) error) {
	w.Helper()
	if err := w.db.InTx(w.Context(), func(tx payment.Tx) error { return fn(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

func fee(fen int64) int64 { return (fen*ratePPM + 500_000) / 1_000_000 }

// row is the bill's row of an attempt as it should be.
func row(a *payment.Attempt) channels.BillRow {
	return channels.BillRow{
		Type: channels.BillPayment, AttemptID: a.ID, ChannelTradeNo: a.ChannelTradeNo, Amount: a.Amount, FeeMinor: fee(a.Amount.Minor()), At: a.PaidAt, Text: "paid",
	}
}

// back is the bill's row of a refund as it should be.
func back(r *payment.Refund, a *payment.Attempt) channels.BillRow {
	return channels.BillRow{
		Type: channels.BillRefund, AttemptID: a.ID, RefundID: r.ID, ChannelTradeNo: a.ChannelTradeNo, ChannelRefundNo: r.ChannelRefundNo,
		Amount: r.Amount, At: r.SucceededAt, Text: "refund",
	}
}

func (w *world) bill(d channels.Day, rows ...channels.BillRow) {
	w.bank.change(func(b *bank) { b.rows[d] = rows })
}

func (w *world) run(d channels.Day) reconcile.Reconciliation {
	w.Helper()
	r, err := w.service().Run(w.Context(), reconcile.Job{AccountID: accountID, Day: d})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// found lists what a version found: "kind status subject ours/theirs".
func (w *world) found(r reconcile.Reconciliation) []string {
	w.Helper()
	list, err := w.service().Discrepancies(w.Context(), reconcile.DiscrepancyFilter{ReconciliationID: r.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	out := make([]string, len(list))
	for i, d := range list {
		subject := strings.Replace(d.SubjectID, "bill:"+d.Day.String()+"/", "bill:", 1)
		out[i] = strings.Join([]string{string(d.Kind), string(d.Status), subject, side(d.Ours) + "/" + side(d.Theirs)}, " ")
	}
	slices.Sort(out)
	return out
}

func side(e *reconcile.Entry) string {
	if e == nil {
		return "-"
	}
	return fmt.Sprint(e.Amount.Minor())
}

func (w *world) want(r reconcile.Reconciliation, status reconcile.Status, version int, matched int64, found ...string) {
	w.Helper()
	if r.Status != status || r.Version != version || r.Matched != matched {
		w.Errorf("%s version %d with %d matched (%s), want %s version %d with %d", r.Status, r.Version, r.Matched, r.Failure, status, version, matched)
	}
	slices.Sort(found)
	if got := w.found(r); !slices.Equal(got, found) {
		w.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(found, "\n"))
	}
	if got := r.Open + r.Repaired + r.Resolved; got != int64(len(found)) {
		w.Errorf("%d discrepancies are counted, %d found", got, len(found))
	}
}
