package console_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// What a finance employee was misled by, or could not find a way out of.

// section is the part of a page under a heading.
func section(t *testing.T, body, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `<section class="card" aria-labelledby="`+heading+`">`)
	if !ok {
		t.Fatalf("no section %s", heading)
	}
	part, _, _ := strings.Cut(rest, "</section>")
	return part
}

// A result without a bill has no sums; the page had zeros for our books, a total
// without the account, and said that the day had no discrepancies.
func TestDayWithoutABillClaimsNothing(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	day := channels.DayAt(w.start).Add(-1)
	w.books.found = nil
	for i := range w.books.results {
		if r := &w.books.results[i]; r.Day == day && r.Channel == "unionpay" {
			r.Totals = reconcile.Totals{Currency: money.CNY}
		}
	}
	page := w.as("anna").get("/days/" + day.String()).body
	both := section(t, page, "both")
	if !strings.Contains(both, "账单到达并对账后汇总") || strings.Contains(both, ">0.00</td><td class=\"n\">0</td>") {
		t.Error("an account without a bill has sums")
	}
	if strings.Contains(both, "我方合计") {
		t.Error("a total leaves out an account")
	}
	if strings.Contains(section(t, page, "chart"), "银联") {
		t.Error("the chart has bars of nothing")
	}
	if found := section(t, page, "found"); strings.Contains(found, "没有差异") || !strings.Contains(found, "尚有账户未完成对账") {
		t.Error("a day that is not reconciled has no discrepancies")
	}
	for _, r := range w.books.results {
		if r.Day == day.Add(-1) && r.Open > 0 {
			t.Fatal("the day before should be balanced")
		}
	}
	page = w.as("anna").get("/days/" + day.Add(-1).String()).body
	if both := section(t, page, "both"); !strings.Contains(both, "合计差额") {
		t.Error("the totals have no difference")
	}
	if !strings.Contains(section(t, page, "found"), "没有差异") {
		t.Error("a balanced day does not say so")
	}
}

// A run that found no bill, or a broken one, was told as done.
func TestRunAgain_TellsThatTheBillIsNotThere(t *testing.T) {
	for want, outcome := range map[string]reconcile.Reconciliation{
		"done.run":            {Status: reconcile.StatusDifferences},
		"problem.run_pending": {Status: reconcile.StatusPending},
		"problem.run_failed":  {Status: reconcile.StatusFailed},
	} {
		w := newWorld(t)
		w.user("ops", console.Operations, "")
		w.books.outcome = outcome
		run := func() string {
			return notice(w.as("ops").post("/days/"+channels.DayAt(w.start).String()+"/run", url.Values{"account": {"acc_alipay_main"}}))
		}
		if got := run(); got != want {
			t.Errorf("%s: %q, want %q", outcome.Status, got, want)
		}
	}
}

// A proposal stood in the history as "resolved", and who had made it could not
// take it back.
func TestProposalCanBeWithdrawnAndIsCalledOne(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	anna := w.as("anna")
	var id string
	for i := range w.books.found {
		if d := &w.books.found[i]; d.MerchantID == mineID && d.Kind == reconcile.AmountMismatch {
			d.ProposedBy, d.Resolution, id = "", "", d.ID
		}
	}
	path := "/discrepancies/" + id
	if got := notice(anna.post(path+"/resolve", url.Values{"reason": {"优惠卷"}, "version": {"1"}})); got != "done.propose" {
		t.Fatalf("proposed: %q", got)
	}
	page := anna.get(path).body
	if past := section(t, page, "past"); !strings.Contains(past, "提出处理说明") {
		t.Error("the history does not call it a proposal")
	}
	if work := section(t, page, "work"); !strings.Contains(work, "撤回") || strings.Contains(work, "驳回") {
		t.Error("the proposer is not offered to withdraw")
	}
	if got := notice(anna.post(path+"/reject", url.Values{"reason": {"写错了"}, "version": {"2"}})); got != "done.withdraw" {
		t.Errorf("withdrawn: %q", got)
	}
	page = anna.get(path).body
	if !strings.Contains(section(t, page, "past"), "撤回处理说明") || !strings.Contains(section(t, page, "work"), "/resolve") {
		t.Error("a withdrawn proposal cannot be replaced")
	}
}

// The list showed two equal amounts for a discrepancy of fees, and the page our
// state in English.
func TestDiscrepancyShowsWhatDiffers(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	anna := w.as("anna")
	list := anna.get("/discrepancies?kind=fee_mismatch").body
	if !strings.Contains(list, "<small>手续费 6.63</small>") || !strings.Contains(list, "<small>手续费 7.20</small>") {
		t.Error("the list lacks the fees that differ")
	}
	if other := anna.get("/discrepancies?kind=missing_at_channel").body; strings.Contains(other, "<small>手续费") {
		t.Error("the list has fees where something else differs")
	}
	for _, d := range w.books.found {
		if d.MerchantID == mineID && d.Kind == reconcile.FeeMismatch {
			if page := section(t, anna.get("/discrepancies/"+d.ID).body, "compare"); !strings.Contains(page, "已付款") || strings.Contains(page, "succeeded") || !strings.Contains(page, "TRADE_SUCCESS") {
				t.Error("our state is not in the page's language, or the channel's is not its own")
			}
			return
		}
	}
	t.Fatal("no discrepancy of fees")
}

// Who sent a form after the login had ended was told to reload the page.
func TestFormAfterTheLoginEndedLeadsToTheLogin(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	anna := w.as("anna")
	path := "/discrepancies/" + w.books.found[0].ID + "/comment"
	w.pass(16 * time.Minute)
	res := anna.post(path, url.Values{"text": {"问过渠道了"}})
	if !strings.HasPrefix(res.location, console.Prefix+"/login?") || notice(res) != "problem.not_saved" {
		t.Errorf("led to %q", res.location)
	}
	if len(w.books.comments) != 0 {
		t.Error("a comment without a login")
	}
	if page := anna.get("/login?notice=problem.not_saved"); !strings.Contains(page.body, "没有保存") {
		t.Error("the login does not say that nothing was saved")
	}
}

// The operator's staff could not tell whose the discrepancies of a list were.
func TestDiscrepanciesOfSeveralMerchantsNameThem(t *testing.T) {
	w := newWorld(t)
	w.user("root", console.Finance, "")
	w.user("anna", console.Finance, mineID)
	day := channels.DayAt(w.start).Add(-1).String()
	for _, path := range []string{"/discrepancies", "/days/" + day} {
		if page := w.as("root").get(path).body; !strings.Contains(page, "</code><small>清茗茶业</small></td>") {
			t.Errorf("%s names no merchant", path)
		}
		if page := w.as("anna").get(path).body; strings.Contains(page, "</code><small>清茗茶业</small></td>") {
			t.Errorf("%s names the only merchant on every line", path)
		}
	}
}

// What was explained after a statement was made seemed to be lost in it.
func TestDayTellsWhenExplanationsComeIntoTheStatement(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	anna, day := w.as("anna"), channels.DayAt(w.start).Add(-1)
	if part := section(t, anna.get("/days/"+day.String()).body, "statements"); !strings.Contains(part, "之后的处理结果在最后一次处理数分钟后") {
		t.Error("a day with discrepancies does not tell")
	}
	if part := section(t, anna.get("/days/"+day.Add(-1).String()).body, "statements"); strings.Contains(part, "之后的处理结果") {
		t.Error("a day without discrepancies tells")
	}
}

// A refund could not be told from a payment: a bill's row without a number of
// its own had nothing that said so.
func TestDiscrepancySaysWhetherItIsARefund(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	anna := w.as("anna")
	var old *reconcile.Discrepancy
	for i := range w.books.found {
		d := &w.books.found[i]
		if d.MerchantID != mineID || d.Kind != reconcile.MissingLocally && d.Kind != reconcile.MissingAtChannel {
			continue
		}
		old = d
		want, other := "付款", "退款"
		if d.Kind == reconcile.MissingLocally {
			want, other = other, want
		}
		page := section(t, anna.get("/discrepancies/"+d.ID).body, "compare")
		if !strings.Contains(page, `交易类型</th><td class=""><span class="none">–</span></td><td class="">`+want) && !strings.Contains(page, `交易类型</th><td class="">`+want) {
			t.Errorf("the page of %s does not say %s", d.Kind, want)
		}
		list := anna.get("/discrepancies?kind=" + string(d.Kind)).body
		if !strings.Contains(list, "</a><small>"+want+"</small></th>") || strings.Contains(list, "</a><small>"+other+"</small></th>") {
			t.Errorf("the list of %s does not say %s", d.Kind, want)
		}
	}
	// One of before there were types says nothing, and is shown all the same.
	old.Theirs, old.Ours = &reconcile.Entry{ChannelTradeNo: "T", Amount: cny(5)}, nil
	if page := section(t, anna.get("/discrepancies/"+old.ID).body, "compare"); strings.Contains(page, "交易类型") {
		t.Error("a type from nowhere")
	}
}
