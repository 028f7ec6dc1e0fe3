package console_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/reconcile"
)

var listed = regexp.MustCompile(`<th scope="row"><a href="/console/discrepancies/(dis_[^"]+)"`)

// Who approves had to look through every page of what is open for what waits.
func TestProposalsAreAQueue(t *testing.T) {
	w := newWorld(t)
	w.user("carl", console.Finance, mineID)
	carl := w.as("carl")
	day := channels.DayAt(w.start).Add(-1)
	var mine, ofTheDay []string
	for i := range w.books.found {
		d := &w.books.found[i]
		if d.MerchantID == mineID && d.Kind == reconcile.MissingAtChannel && d.Day == day.Add(-2) {
			d.ProposedBy, d.Resolution = "ben", "次日到账"
		}
		if d.MerchantID == mineID && d.Status == reconcile.Open && d.ProposedBy != "" {
			mine = append(mine, d.ID)
			if d.Day == day {
				ofTheDay = append(ofTheDay, d.ID)
			}
		}
	}
	if len(mine) == len(ofTheDay) || len(ofTheDay) == 0 {
		t.Fatalf("%d proposals, %d of the day", len(mine), len(ofTheDay))
	}
	hint := func(n int, query string) string {
		return fmt.Sprintf(`<a href="/console/discrepancies?%sstatus=proposed">%d 笔差异待复核</a>`, query, n)
	}
	queue := func(query string, want []string) {
		t.Helper()
		page := carl.get("/discrepancies?status=proposed" + query).body
		found := map[string]bool{}
		for _, m := range listed.FindAllStringSubmatch(page, -1) {
			found[m[1]] = true
		}
		for _, id := range want {
			if !found[id] {
				t.Errorf("%q lacks %s", query, id)
			}
		}
		if len(found) != len(want) {
			t.Errorf("%q lists %d, want %d", query, len(found), len(want))
		}
		if !strings.Contains(page, fmt.Sprintf(`<option value="proposed" selected>待复核 (%d)</option>`, len(mine))) {
			t.Errorf("%q: the choice is not shown as made, with its number", query)
		}
	}
	queue("", mine)
	queue("&day="+day.String(), ofTheDay)
	// The same number leads there from where people begin.
	for _, path := range []string{"/days", "/discrepancies"} {
		if !strings.Contains(carl.get(path).body, hint(len(mine), "")) {
			t.Errorf("%s does not tell of %d proposals", path, len(mine))
		}
	}
	if page := section(t, carl.get("/days/"+day.String()).body, "found"); !strings.Contains(page, hint(len(ofTheDay), "day="+day.String()+"&amp;")) {
		t.Error("the day does not tell of its proposals")
	}
	// A proposal is open still: it stays in what the counts of open ones lead to.
	if page := carl.get("/discrepancies?status=open").body; !strings.Contains(page, mine[0]) {
		t.Error("a proposal is not among what is open")
	}
	for _, id := range mine {
		if got := notice(carl.post("/discrepancies/"+id+"/approve", url.Values{"version": {"1"}})); got != "done.approve" {
			t.Fatalf("approved: %q", got)
		}
	}
	page := carl.get("/discrepancies?status=proposed").body
	if strings.Contains(page, mine[0]) || !strings.Contains(page, `selected>待复核</option>`) {
		t.Error("what was approved still waits")
	}
	for _, path := range []string{"/days", "/discrepancies", "/days/" + day.String()} {
		if strings.Contains(carl.get(path).body, "笔差异待复核") {
			t.Errorf("%s tells of proposals where there are none", path)
		}
	}
}

// The queue has pages like every list, and its number ends somewhere.
func TestProposals_Many(t *testing.T) {
	w := newWorld(t, func(c *console.Config) { c.PageSize = 50 })
	w.user("ops", console.Finance, "")
	for i := range 120 {
		d := w.books.found[0]
		d.ID, d.ProposedBy, d.Status = fmt.Sprintf("dis_%026d", i), "ben", reconcile.Open
		w.books.found = append(w.books.found, d)
	}
	page := html.UnescapeString(w.as("ops").get("/discrepancies?status=proposed&merchant=" + mineID).body)
	if n := len(listed.FindAllString(page, -1)); n != 50 || !strings.Contains(page, "待复核 (99+)") {
		t.Errorf("%d on a page", n)
	}
	next := regexp.MustCompile(`href="([^"]+)">[^<]*<span aria-hidden="true">›</span></a></nav>`).FindStringSubmatch(page)
	if next == nil || !strings.Contains(next[1], "status=proposed") {
		t.Errorf("the next page is %q", next)
	}
}
