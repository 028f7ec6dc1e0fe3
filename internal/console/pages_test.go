package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/router"
)

// The way of a difference: assigned, commented, proposed, approved by another.
func TestDiscrepancy_Workflow(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	w.user("ben", console.Finance, mineID)
	anna, ben := w.as("anna"), w.as("ben")
	var id string
	for i := range w.books.found {
		if d := &w.books.found[i]; d.MerchantID == mineID && d.Kind == reconcile.AmountMismatch {
			d.ProposedBy, d.Resolution, id = "", "", d.ID
		}
	}
	step := func(b *browser, act, field, value, version, want string) {
		t.Helper()
		form := url.Values{field: {value}, "version": {version}}
		if got := notice(b.post("/discrepancies/"+id+"/"+act, form)); got != want {
			t.Errorf("%s: %q, want %q", act, got, want)
		}
	}
	step(anna, "assign", "assignee", "nobody-here", "1", "problem.assignee")
	step(anna, "assign", "assignee", "anna", "1", "done.assign")
	step(anna, "assign", "assignee", "ben", "1", "problem.stale")
	step(anna, "comment", "text", "   ", "2", "problem.no_text")
	step(anna, "comment", "text", strings.Repeat("字", 2001), "2", "problem.no_text")
	step(anna, "comment", "text", "问过渠道了", "2", "done.comment")
	step(anna, "resolve", "reason", "", "2", "problem.no_text")
	step(anna, "resolve", "reason", "优惠券", "2", "done.propose")
	step(anna, "approve", "x", "", "3", "problem.second_person")
	step(ben, "reject", "reason", "", "3", "problem.no_text")
	step(ben, "reject", "reason", "没有凭证", "3", "done.reject")
	step(anna, "resolve", "reason", "优惠券，凭证 4711", "4", "done.propose")
	if page := anna.get("/discrepancies/" + id); strings.Contains(page.body, "/approve") || !strings.Contains(page.body, "须由其他同事复核") {
		t.Error("the proposer is offered to approve")
	}
	if page := ben.get("/discrepancies/" + id); !strings.Contains(page.body, "/approve") || !strings.Contains(page.body, "凭证 4711") {
		t.Error("the second person is not offered to approve")
	}
	step(ben, "approve", "x", "", "5", "done.approve")
	step(ben, "resolve", "reason", "again", "6", "problem.not_open")
	page := ben.get("/discrepancies/" + id)
	for _, must := range []string{"问过渠道了", "复核人 ben", "已处理", "2,022.00", "2,021.00", "-1.00 CNY"} {
		if !strings.Contains(page.body, must) {
			t.Errorf("the page lacks %q", must)
		}
	}
}

// Every page of a long list is reached, each item once, under a filter too.
func TestPaging(t *testing.T) {
	w := newWorld(t, func(c *console.Config) { c.PageSize = 4 })
	w.user("root", console.Admin, "")
	b := w.as("root")
	links := map[string]*regexp.Regexp{
		"/discrepancies?status=all":                                       regexp.MustCompile(`href="/console/discrepancies/(dis_[^"]+)"`),
		"/discrepancies?status=open&kind=fee_mismatch&merchant=" + mineID: regexp.MustCompile(`href="/console/discrepancies/(dis_[^"]+)"`),
		"/audit":                       regexp.MustCompile(`<td>(\d{4}-\d\d-\d\d [^<]+</td><td>[^<]*</td><td>.*)`),
		"/payments?merchant=" + mineID: regexp.MustCompile(`href="/console/payments/(pay_[^"]+)"`),
	}
	next := regexp.MustCompile(`href="([^"]+)">[^<]*<span aria-hidden="true">›</span></a></nav>`)
	want := map[string]int{"/discrepancies?status=all": len(w.books.found)}
	for _, d := range w.books.found {
		if d.Status == reconcile.Open && d.Kind == reconcile.FeeMismatch && d.MerchantID == mineID {
			want["/discrepancies?status=open&kind=fee_mismatch&merchant="+mineID]++
		}
	}
	for start, item := range links {
		if strings.HasPrefix(start, "/payments") {
			continue // the fake knows no pages
		}
		seenItems, path := map[string]int{}, start
		for range 40 {
			res := b.get(path)
			for _, m := range item.FindAllStringSubmatch(res.body, -1) {
				seenItems[m[1]]++
			}
			m := next.FindStringSubmatch(res.body)
			if m == nil {
				path = ""
				break
			}
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
		if path != "" {
			t.Errorf("%s does not end", start)
		}
		for key, n := range seenItems {
			if n != 1 && start != "/audit" {
				t.Errorf("%s: %s stands %d times", start, key, n)
			}
		}
		if n := want[start]; n != 0 && len(seenItems) != n {
			t.Errorf("%s shows %d items, want %d", start, len(seenItems), n)
		}
	}
}

func TestDownloads(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	w.user("ops", console.Finance, "")
	b, ops := w.as("anna"), w.as("ops")
	day := channels.DayAt(w.start).Add(-2).String()
	base := "/days/" + day + "/statements/2/statement."
	for file, want := range map[string]string{"csv": "\ufeff类型,金额\n", "xlsx": "PK\x03\x04xlsx", "csv.sha256": digestCSV + "  paymux-" + day + "-" + mineID + "-v2.csv\n", "xlsx.sha256": digestXLSX + "  paymux-" + day + "-" + mineID + "-v2.xlsx\n"} {
		res := b.get(base + file)
		name := fmt.Sprintf(`attachment; filename="paymux-%s-%s-v2.%s"`, day, mineID, file)
		if res.status != http.StatusOK || res.body != want || res.header.Get("Content-Disposition") != name {
			t.Errorf("%s: %d %q as %s", file, res.status, res.body, res.header.Get("Content-Disposition"))
		}
	}
	for _, bad := range []string{base + "txt", base + "csv.md5", "/days/" + day + "/statements/9/statement.csv", "/days/" + day + "/statements/0/statement.csv", "/days/" + day + "/statements/x/statement.csv", "/days/never/statements/1/statement.csv"} {
		if res := b.get(bad); res.status != http.StatusNotFound {
			t.Errorf("%s: %d", bad, res.status)
		}
	}
	rec := w.books.results[0].ID
	if res := ops.get("/reconciliations/" + rec + "/bills/" + digestBill); res.status != http.StatusOK || res.body != "original" {
		t.Errorf("an original: %d %q", res.status, res.body)
	}
	if res := ops.get("/reconciliations/" + rec + "/bills/" + digestCSV); res.status != http.StatusNotFound {
		t.Errorf("a file that is no bill of that day: %d", res.status)
	}
	if res := b.get("/reconciliations/" + rec + "/bills/" + digestBill); res.status != http.StatusForbidden {
		t.Errorf("an original for a merchant's user: %d", res.status)
	}
}

// A run is waited for shortly; what comes of it is said, and it goes on without
// the page.
func TestRunAgain(t *testing.T) {
	w := newWorld(t, func(c *console.Config) { c.RunWait = time.Nanosecond })
	w.user("ops", console.Operations, "")
	b := w.as("ops")
	day := channels.DayAt(w.start).Add(-1)
	release, begun := make(chan struct{}), make(chan struct{}, 10)
	w.books.run = func(ctx context.Context, _ reconcile.Job) error {
		begun <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	path := "/days/" + day.String() + "/run"
	if got := notice(b.post(path, url.Values{"account": {"acc_alipay_main"}})); got != "done.run_goes_on" {
		t.Errorf("a run that lasts: %q", got)
	}
	<-begun
	if len(w.books.ran) != 1 || w.books.ran[0].Day != day || w.books.ran[0].AccountID != "acc_alipay_main" {
		t.Errorf("ran %+v", w.books.ran)
	}
	for range 3 {
		b.post(path, url.Values{"account": {"acc_alipay_main"}})
		<-begun
	}
	if got := notice(b.post(path, url.Values{"account": {"acc_alipay_main"}})); got != "problem.run_busy" {
		t.Errorf("a fifth run at once: %q", got)
	}
	close(release)
	if res := b.post(path, url.Values{"account": {"acc_nobody"}}); res.status != http.StatusNotFound {
		t.Errorf("nobody's account: %d", res.status)
	}
}

func TestRunAgain_Answers(t *testing.T) {
	for want, err := range map[string]error{"done.run": nil, "problem.run_busy": fmt.Errorf("x: %w", reconcile.ErrBusy), "problem.run_failed": errors.New("broken")} {
		w := newWorld(t)
		w.user("ops", console.Operations, "")
		w.books.run = func(context.Context, reconcile.Job) error { return err }
		if got := notice(w.as("ops").post("/days/"+channels.DayAt(w.start).String()+"/run", url.Values{"account": {"acc_alipay_main"}})); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestPaymentPage(t *testing.T) {
	w := newWorld(t)
	w.user("ops", console.Operations, "")
	w.user("fin", console.Finance, "")
	b := w.as("ops")
	if res := b.get("/payments?q=SO-20261120-0193"); res.location != "/console/payments/"+thePayment {
		t.Errorf("a number that is one payment's leads to %q", res.location)
	}
	if res := b.get("/payments?q=nothing"); res.status != http.StatusOK || !strings.Contains(res.body, "没有找到该单号") {
		t.Errorf("a number of nothing: %d", res.status)
	}
	page := b.get("/payments/" + thePayment)
	for _, must := range []string{"2,688.00", "big-orders", "连续失败，已熔断", "选中：权重 100 / 150", "按权重", "接收方应答 500", "结果未知", "i/o timeout", "共收到 2 次", "HTTP 500", "5 s 内没有应答", "RF-7781", "向渠道查询", "重新发送"} {
		if !strings.Contains(page.body, must) {
			t.Errorf("the page lacks %q", must)
		}
	}
	if page := w.as("fin").get("/payments/" + thePayment); strings.Contains(page.body, "向渠道查询") || strings.Contains(page.body, "重新发送") || strings.Contains(page.body, "查看原始报文") {
		t.Error("finance is offered what it may not do")
	}
	if got := notice(b.post("/attempts/"+theAttempt+"/ask", nil)); got != "done.asked" || w.desk.asked[0] != theAttempt+" by ops" {
		t.Errorf("asked: %q, %v", got, w.desk.asked)
	}
	w.desk.askError = errors.New("no answer")
	if got := notice(b.post("/refunds/"+theRefund+"/ask", nil)); got != "problem.no_answer" {
		t.Errorf("no answer: %q", got)
	}
	if got := notice(b.post("/payments/"+thePayment+"/events/"+theEvent+"/resend", nil)); got != "done.resend" || len(w.desk.resent) != 1 {
		t.Errorf("resent: %q, %v", got, w.desk.resent)
	}
	w.desk.events[0].Status = notify.StatusNoEndpoint
	if got := notice(b.post("/payments/"+thePayment+"/events/"+theEvent+"/resend", nil)); got != "problem.no_endpoint" {
		t.Errorf("without an address: %q", got)
	}
	if page := b.get("/payments/" + thePayment); !strings.Contains(page.body, "重发商户通知") {
		t.Error("what people did is not in the timeline")
	}
}

// Both languages are complete, say what their arguments need, and hold nothing
// that no page shows.
func TestMessages(t *testing.T) {
	messages := console.Messages()
	if len(messages) != console.CountMessages() {
		t.Errorf("%d keys in %d messages: one stands in two tables", len(messages), console.CountMessages())
	}
	verb := regexp.MustCompile(`%[a-z]`)
	for key, m := range messages {
		if m[0] == "" || m[1] == "" {
			t.Errorf("%s lacks a language: %q", key, m)
		}
		if a, b := verb.FindAllString(m[0], -1), verb.FindAllString(m[1], -1); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%s takes %v in one language and %v in the other", key, a, b)
		}
		if regexp.MustCompile(`\p{Han}`).MatchString(m[1]) {
			t.Errorf("%s: the English text is %q", key, m[1])
		}
	}
	called := regexp.MustCompile(`\.T "([a-z_.]+)"`)
	names, err := fs.Glob(console.Files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := console.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range called.FindAllStringSubmatch(string(content), -1) {
			if _, ok := messages[m[1]]; !ok {
				t.Errorf("%s asks for %s, which there is not", name, m[1])
			}
		}
	}
	for set, values := range sets() {
		for _, v := range values {
			if _, ok := messages[set+"."+v]; !ok {
				t.Errorf("%s has no word for %s", set, v)
			}
		}
	}
}

// A message that nothing asks for is left over.
func TestMessages_AreAllUsed(t *testing.T) {
	var all strings.Builder
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, "texts_") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
	}
	// Made from a set and a value.
	made := []string{"act.", "cause.", "subject.", "matter.", "weekday."}
	for set := range sets() {
		made = append(made, set+".")
	}
	for key := range console.Messages() {
		fromSet := slices.ContainsFunc(made, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if !fromSet && !strings.Contains(all.String(), `"`+key+`"`) {
			t.Errorf("nothing asks for %s", key)
		}
	}
}

// sets are the values of the domain that pages have words for.
func sets() map[string][]string {
	return map[string][]string{
		"status": {"pending", "balanced", "differences", "failed"}, "chip": {"pending", "balanced", "differences", "failed"},
		"discrepancy_status": {"open", "repaired", "resolved"}, "role": {"finance", "operations", "admin"}, "role_may": {"finance", "operations", "admin"},
		"kind":    {"missing_at_channel", "missing_locally", "amount_mismatch", "status_mismatch", "fee_mismatch", "duplicate_payment", "late_success"},
		"explain": {"missing_at_channel", "missing_locally", "amount_mismatch", "status_mismatch", "fee_mismatch", "duplicate_payment", "late_success"},
		"type":    texts([]reconcile.StatementRowType{reconcile.RowPayment, reconcile.RowRefund}),
		"channel": {"alipay", "wechatpay", "unionpay"}, "scene": texts(channels.Scenes()), "bill": {"trades", "funds"},
		"payment": texts([]payment.Status{payment.Processing, payment.Pending, payment.Succeeded, payment.Failed, payment.Closed, payment.Unsent}),
		"attempt": texts([]payment.AttemptStatus{
			payment.AttemptDispatched, payment.AttemptUnknown, payment.AttemptPending, payment.AttemptSucceeded, payment.AttemptDeclined,
			payment.AttemptNotProcessed, payment.AttemptClosed, payment.AttemptReversed,
		}),
		"refund":    texts([]payment.RefundStatus{payment.RefundPending, payment.RefundProcessing, payment.RefundSucceeded, payment.RefundFailed}),
		"initiator": texts([]payment.Initiator{payment.ByMerchant, payment.ByGateway, payment.ByOperator}), "event": texts(notify.Statuses()),
		"verdict":  texts([]payment.Verdict{payment.VerdictApplied, payment.VerdictIgnored, payment.VerdictQuarantined}),
		"strategy": texts(router.Strategies()),
		"answer":   {"uncertain", "not_found", "waiting", "paid", "closed", "reversed", "succeeded", "failed", "abnormal"},
		"rejection": texts([]channels.Rejection{
			channels.RejectedChannel, channels.RejectedScene, channels.RejectedCurrency, channels.RejectedAmount, channels.RejectedDisabled, channels.RejectedWindow,
			channels.RejectedTried, channels.RejectedBreaker, channels.RejectedRule, channels.RejectedRefused, channels.NotChosen,
		}),
	}
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// A page in English has no Chinese but what people wrote, and the other way
// round each page says its language.
func TestLanguages(t *testing.T) {
	w := newWorld(t)
	w.user("root", console.Admin, mineID)
	b := w.as("root")
	if res := b.get("/users"); !strings.Contains(res.body, `<html lang="zh-CN">`) {
		t.Error("the pages are not Chinese at first")
	}
	res := b.post("/language", url.Values{"language": {"en"}, "next": {"/console/users"}})
	if res.location != "/console/users" {
		t.Errorf("the switch leads to %s", res.location)
	}
	han := regexp.MustCompile(`\p{Han}+`)
	for _, path := range []string{"/users", "/days", "/days/" + channels.DayAt(w.start).Add(-1).String(), "/discrepancies", "/audit", "/account", "/nothing"} {
		res := b.get(path)
		body := strings.NewReplacer(">中文<", "><", "清茗茶业", "").Replace(res.body)
		if !strings.Contains(body, `<html lang="en">`) || han.MatchString(body) {
			t.Errorf("%s: %q in an English page", path, han.FindAllString(body, 5))
		}
	}
}

func TestFormatMinor(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency money.Currency
		want     string
	}{
		{0, "CNY", "0.00"},
		{5, "CNY", "0.05"},
		{-5, "CNY", "-0.05"},
		{123, "CNY", "1.23"},
		{100_000, "CNY", "1,000.00"},
		{-123_456_789, "CNY", "-1,234,567.89"},
		{math.MinInt64, "CNY", "-92,233,720,368,547,758.08"},
		{math.MaxInt64, "CNY", "92,233,720,368,547,758.07"},
		{7, "", "0.07"},
	} {
		if got := console.FormatMinor(c.minor, c.currency); got != c.want {
			t.Errorf("%d %s: %s, want %s", c.minor, c.currency, got, c.want)
		}
	}
}

func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"../../etc/passwd": "etc_passwd", "账单.zip": "zip", "a\"b\r\nc.csv": "a_b__c.csv", "": "", "..": "", strings.Repeat("a", 300): strings.Repeat("a", 100),
	} {
		if got := console.SafeName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestReadable(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1}`: "{\n  \"a\": 1\n}", "b=2&a=1%201": "a = 1 1\nb = 2\n", "<xml>a=b</xml>": "<xml>a=b</xml>", "plain": "plain", "\xff": "\uFFFD", "": "",
	} {
		if got := console.Readable([]byte(body)); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	for _, body := range []string{`{"a":1}`, "a=b&c=%zz", "<xml/>", "\xff\xfe"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := console.Readable(body); json.Valid(body) && !json.Valid([]byte(got)) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

func FuzzLocal(f *testing.F) {
	for _, target := range []string{"/console/days", "//evil/console/", "/console/../x", "https://x/console/", "\\\\x", "/console/%2e%2e/"} {
		f.Add(target)
	}
	base, err := url.Parse("http://here.example/console/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := base.Parse(console.Local(target))
		if err != nil || u.Host != "here.example" || u.Scheme != "http" || !strings.HasPrefix(u.Path, "/console/") {
			t.Errorf("%q leads to %v, %v", target, u, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("1700000000000.dis_01")
	f.Add("x.y")
	f.Fuzz(func(t *testing.T, text string) {
		at, id := console.Cursor(text)
		if id == "" {
			return
		}
		if again, same := console.Cursor(console.Place(at, id)); !again.Equal(at) || same != id {
			t.Errorf("%q: %v %q, again %v %q", text, at, id, again, same)
		}
	})
}
