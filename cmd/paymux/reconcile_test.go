package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// fakeReconciler gives what a test has put there for each account.
type fakeReconciler struct {
	accounts []reconcile.Account
	results  map[string]reconcile.Reconciliation
	errs     map[string]error
	ran      []string
	written  []string
}

func (f *fakeReconciler) Accounts(_ context.Context, merchantID string) ([]reconcile.Account, error) {
	var out []reconcile.Account
	for _, a := range f.accounts {
		if merchantID == "" || a.MerchantID == merchantID {
			out = append(out, a)
		}
	}
	return out, nil
}

func (f *fakeReconciler) Run(_ context.Context, job reconcile.Job) (reconcile.Reconciliation, error) {
	f.ran = append(f.ran, job.AccountID)
	job.Progress(reconcile.Progress{Step: reconcile.StepFetch, Done: 1234567})
	job.Progress(reconcile.Progress{Step: reconcile.StepFetch, Done: 2234567})
	job.Progress(reconcile.Progress{Step: reconcile.StepMatch, Done: 1, Total: 2})
	job.Progress(reconcile.Progress{Step: reconcile.StepDone})
	r := f.results[job.AccountID]
	r.Day, r.AccountID = job.Day, job.AccountID
	return r, f.errs[job.AccountID]
}

func (f *fakeReconciler) WriteStatement(_ context.Context, merchantID string, _ channels.Day) (reconcile.Statement, error) {
	f.written = append(f.written, merchantID)
	return reconcile.Statement{MerchantID: merchantID}, f.errs[merchantID]
}

func newFakeReconciler() *fakeReconciler {
	side := reconcile.Side{Payments: 2, PaymentMinor: 10000, FeeMinor: 60}
	less := reconcile.Side{Refunds: 1, RefundMinor: 5}
	return &fakeReconciler{
		accounts: []reconcile.Account{
			{ID: "acc_1", MerchantID: "m_1", Channel: "alipay"}, {ID: "acc_2", MerchantID: "m_1", Channel: "wechatpay"}, {ID: "acc_3", MerchantID: "m_2", Channel: "unionpay"},
		},
		results: map[string]reconcile.Reconciliation{
			"acc_1": {ID: "rec_1", Channel: "alipay", Version: 1, Status: reconcile.StatusBalanced, Matched: 2, Totals: reconcile.Totals{Currency: money.CNY, Ours: side, Theirs: side}},
			"acc_2": {ID: "rec_2", Channel: "wechatpay", Version: 2, Status: reconcile.StatusDifferences, Open: 1, Totals: reconcile.Totals{Currency: money.CNY, Ours: less}},
			"acc_3": {ID: "rec_3", Channel: "unionpay", Version: 1, Status: reconcile.StatusBalanced},
		},
		errs: map[string]error{},
	}
}

func reconcileWith(t *testing.T, f *fakeReconciler, o reconcileOptions) (stdout, stderr string, err error) {
	t.Helper()
	day, err := channels.ParseDay("2025-11-21")
	if err != nil {
		t.Fatal(err)
	}
	var out, diagnostics bytes.Buffer
	env := &environment{stdout: &out, stderr: &diagnostics}
	err = env.reconcile(t.Context(), f, day, o)
	return out.String(), diagnostics.String(), err
}

func TestReconcile_TableAndProgress(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := reconcileWith(t, newFakeReconciler(), reconcileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"alipay     acc_1    1        balanced     2        0     0         0         99.40 CNY  99.40 CNY",
		"wechatpay  acc_2    2        differences  0        1     0         0         -0.05 CNY  0.00 CNY",
	} {
		if !strings.Contains(stdout, line) {
			t.Errorf("no line %q in\n%s", line, stdout)
		}
	}
	want := "alipay acc_1: fetching the bill\nalipay acc_1: matching\nalipay acc_1: balanced\n"
	if !strings.HasPrefix(stderr, want) {
		t.Errorf("progress:\n%s\nwant it to begin with\n%s", stderr, want)
	}
}

func TestReconcile_FailsUnlessEveryRunFinished(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fakeReconciler){
		"pending": func(f *fakeReconciler) {
			f.results["acc_2"] = reconcile.Reconciliation{Channel: "wechatpay", Status: reconcile.StatusPending, Failure: reconcile.Plain("the channel has no bill yet")}
		},
		"broken": func(f *fakeReconciler) {
			f.results["acc_2"] = reconcile.Reconciliation{Channel: "wechatpay", Status: reconcile.StatusFailed, Failure: reconcile.Plain("line 7 is cut")}
		},
		"a fault of ours": func(f *fakeReconciler) { f.errs["acc_2"] = errors.New("no connection") },
	} {
		f := newFakeReconciler()
		change(f)
		stdout, stderr, err := reconcileWith(t, f, reconcileOptions{})
		if !errors.Is(err, errReported) || len(f.ran) != 3 {
			t.Errorf("%s: %v after %v; the others must be reconciled nevertheless", name, err, f.ran)
		}
		if !strings.Contains(stdout, "acc_2") || !strings.Contains(stderr, "wechatpay acc_2: ") {
			t.Errorf("%s:\n%s\n%s", name, stdout, stderr)
		}
	}
}

func TestReconcile_WritesOneStatementAMerchant(t *testing.T) {
	t.Parallel()
	f := newFakeReconciler()
	f.results["acc_3"] = reconcile.Reconciliation{Channel: "unionpay", Status: reconcile.StatusPending}
	f.results["acc_2"] = reconcile.Reconciliation{Channel: "wechatpay", Status: reconcile.StatusFailed}
	if _, _, err := reconcileWith(t, f, reconcileOptions{}); !errors.Is(err, errReported) || !slices.Equal(f.written, []string{"m_1"}) {
		t.Errorf("statements of %v, want m_1's: m_2 has no bill (%v)", f.written, err)
	}
	f.errs["m_1"] = errors.New("disk full")
	if _, _, err := reconcileWith(t, f, reconcileOptions{}); !errors.Is(err, f.errs["m_1"]) {
		t.Error(err)
	}
}

func TestReconcile_ChoosesAccounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    reconcileOptions
		want []string
	}{
		{reconcileOptions{merchant: "m_1"}, []string{"acc_1", "acc_2"}},
		{reconcileOptions{account: "acc_3"}, []string{"acc_3"}},
		{reconcileOptions{merchant: "m_1", account: "acc_3"}, nil},
		{reconcileOptions{merchant: "m_9"}, nil},
	} {
		f := newFakeReconciler()
		_, _, err := reconcileWith(t, f, c.o)
		if !slices.Equal(f.ran, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%+v: ran %v, want %v (%v)", c.o, f.ran, c.want, err)
		}
	}
}

func TestReconcile_JSON(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := reconcileWith(t, newFakeReconciler(), reconcileOptions{asJSON: true, account: "acc_2"})
	if err != nil || stderr != "" {
		t.Fatalf("%v %q", err, stderr)
	}
	var got struct {
		Date            string
		Reconciliations []map[string]any
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Reconciliations) != 1 || got.Date != "2025-11-21" {
		t.Fatalf("%s", stdout)
	}
	if r := got.Reconciliations[0]; r["merchant_id"] != "m_1" || r["status"] != "differences" || r["discrepancies_open"] != 1.0 || r["id"] != "rec_2" {
		t.Errorf("%v", r)
	}
}

func TestReconcile_Usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"reconcile"}, {"reconcile", "--date", "21.11.2025"}, {"reconcile", "--date", "2025-02-30"}, {"reconcile", "--date", "2025-11-21", "x"}} {
		var out, diagnostics bytes.Buffer
		if code := run(t.Context(), &environment{stdout: &out, stderr: &diagnostics}, args); code != exitUsage {
			t.Errorf("%q: exit %d: %s", args, code, &diagnostics)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
