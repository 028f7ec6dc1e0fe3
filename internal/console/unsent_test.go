package console_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/reconcile"
)

// box is what a page has in the text box of a form.
func box(t *testing.T, page, act string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)/` + act + `" class="stack">.*?<textarea[^>]*>([^<]*)</textarea>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no form to %s", act)
	}
	return html.UnescapeString(m[1])
}

// contested is a large discrepancy that anna and ben work on.
func contested(t *testing.T) (w *world, anna, ben *browser, path string) {
	t.Helper()
	w = newWorld(t)
	w.user("anna", console.Finance, mineID)
	w.user("ben", console.Finance, mineID)
	for i := range w.books.found {
		if d := &w.books.found[i]; d.MerchantID == mineID && d.Kind == reconcile.AmountMismatch {
			d.ProposedBy, d.Resolution, path = "", "", "/discrepancies/"+d.ID
		}
	}
	return w, w.as("anna"), w.as("ben"), path
}

const (
	typed   = "渠道优惠 </textarea><script>\r\n凭证 4711"
	typedIn = "渠道优惠 </textarea><script>\n凭证 4711"
)

// Somebody else's assigning was enough for a long explanation to be lost: the
// page came again with an empty box.
func TestTypedTextSurvivesSomebodyElsesChange(t *testing.T) {
	_, anna, ben, path := contested(t)
	do := func(b *browser, act, field, value, version, want string) seen {
		t.Helper()
		res := b.post(path+"/"+act, url.Values{field: {value}, "version": {version}})
		if got := notice(res); got != want {
			t.Fatalf("%s: %q, want %q", act, got, want)
		}
		return res
	}
	do(ben, "assign", "assignee", "ben", "1", "done.assign")
	res := do(anna, "resolve", "reason", typed, "1", "problem.stale")
	if res.status != http.StatusConflict || res.header.Get("Cache-Control") != "no-store" || strings.Contains(res.body, "<script>") {
		t.Errorf("answered with %d, %v", res.status, res.header)
	}
	if got := box(t, res.body, "resolve"); got != typedIn {
		t.Errorf("the box has %q", got)
	}
	if box(t, res.body, "comment") != "" || strings.Contains(res.body, "您填写的内容没有提交") || !strings.Contains(res.body, "已保留在此") {
		t.Error("the text stands elsewhere, or nothing says that it is not sent")
	}
	if !strings.Contains(res.body, "<option selected>ben</option>") || !strings.Contains(res.body, `name="version" value="2"`) {
		t.Error("the page is not as it is now")
	}
	if !strings.Contains(res.body, `name="next" value="`+console.Prefix+path+`"`) {
		t.Error("another language leads away from the discrepancy")
	}
	// Sent again as the page has it, it counts.
	do(anna, "resolve", "reason", typedIn, "2", "done.propose")

	do(anna, "assign", "assignee", "anna", "3", "done.assign")
	res = do(ben, "reject", "reason", typed, "3", "problem.stale")
	if got := box(t, res.body, "reject"); got != typedIn || res.status != http.StatusConflict {
		t.Errorf("%d, the box has %q", res.status, got)
	}
	if got := box(t, anna.get(path).body, "reject"); got != "" {
		t.Errorf("another person is shown %q", got)
	}
}

// Where the box itself is gone, because a colleague was faster, the text is
// shown beside, and never as something else: an explanation is no reason to
// reject the colleague's.
func TestTypedTextWithoutItsBox(t *testing.T) {
	w, anna, ben, path := contested(t)
	step := func(b *browser, act, value, version, want string) string {
		t.Helper()
		res := b.post(path+"/"+act, url.Values{"reason": {value}, "version": {version}})
		if got := notice(res); got != want {
			t.Fatalf("%s: %q, want %q", act, got, want)
		}
		return res.body
	}
	beside := func(page, what string) {
		t.Helper()
		if !strings.Contains(page, `<div class="unsent"><h3>您填写的内容没有提交</h3><p class="said">`+html.EscapeString(typedIn)+`</p>`) {
			t.Errorf("%s is lost", what)
		}
	}
	step(ben, "resolve", "凭证 1", "1", "done.propose")
	page := step(anna, "resolve", typed, "1", "problem.not_open")
	beside(page, "an explanation")
	if got := box(t, page, "reject"); got != "" {
		t.Errorf("a reason to reject that nobody gave: %q", got)
	}
	step(ben, "reject", "写错了", "2", "done.withdraw")
	page = step(anna, "reject", typed, "2", "problem.not_open")
	beside(page, "a reason to reject")
	if got := box(t, page, "resolve"); got != "" {
		t.Errorf("an explanation that nobody gave: %q", got)
	}
	for i := range w.books.found {
		if d := &w.books.found[i]; strings.HasSuffix(path, d.ID) {
			d.Status, d.Version = reconcile.Repaired, d.Version+1
		}
	}
	beside(step(anna, "resolve", typed, "3", "problem.not_open"), "an explanation of what a run settled meanwhile")
}

// A comment cannot be stale; one that is too long was lost, and so was one of
// the length that the box allows, if it had lines: their ends were counted twice.
func TestTypedCommentIsKept(t *testing.T) {
	_, anna, _, path := contested(t)
	long := strings.Repeat("字", 2001)
	res := anna.post(path+"/comment", url.Values{"text": {long}})
	if notice(res) != "problem.no_text" || res.status != http.StatusUnprocessableEntity || box(t, res.body, "comment") != long {
		t.Errorf("%d %q", res.status, notice(res))
	}
	lines := strings.Repeat("字\r\n", 999) + "末行"
	if got := notice(anna.post(path+"/comment", url.Values{"text": {lines}})); got != "done.comment" {
		t.Errorf("2000 characters in lines: %q", got)
	}
	if got := box(t, anna.get(path).body, "comment"); got != "" {
		t.Errorf("a comment that was added is in the box again: %q", got)
	}
}
