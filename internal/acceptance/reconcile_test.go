package acceptance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

var threeChannels = []string{"alipay", "wechatpay", "unionpay"}

// businessDay is the day in whose bill something stands that happens now.
// UnionPay's days end at 23:00.
func businessDay(channel string) string {
	at := time.Now()
	if channel == "unionpay" {
		at = at.Add(time.Hour)
	}
	return at.In(shanghai).Format(time.DateOnly)
}

// sameDayAhead waits where a channel's day ends before the test has done its
// business: its rows would stand in two bills.
func sameDayAhead(t *testing.T) {
	t.Helper()
	const needed = 2 * time.Minute
	now := time.Now().In(shanghai)
	if left := time.Until(now.Truncate(time.Minute).Add(time.Duration(60-now.Minute()) * time.Minute)); now.Hour() >= 22 && left < needed {
		t.Logf("a business day ends in %s; waiting for it", left)
		time.Sleep(left)
	}
}

// command runs the binary to its end.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	// Also what happens minutes before a day's end is found at once.
	cmd.Env = append(os.Environ(), "PAYMUX_RECONCILIATION_EDGE_MARGIN=1ms")
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("paymux %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), diagnostics.String(), cmd.ProcessState.ExitCode()
}

// books is a merchant with business on every channel, and the installation's
// command line.
type books struct {
	*merchant
	t *testing.T
	// where names the installation: --data DIR or --config FILE.
	where []string
	// open is each channel's attempt that was paid and not refunded.
	open map[string]string
}

// openBooks pays twice on each channel and refunds a part of one.
func openBooks(t *testing.T, m *merchant, where ...string) *books {
	t.Helper()
	sameDayAhead(t)
	b := &books{merchant: m, t: t, where: where, open: map[string]string{}}
	for _, channel := range threeChannels {
		first := m.call(http.MethodPost, "/v1/payments", m.orderAt(channel, "books-"+channel+"-1", "qr", 10000), http.StatusCreated)
		m.pay(first["action"])
		m.await(first.text("id"), "succeeded")
		status, r, err := m.try(http.MethodPost, "/v1/refunds", object{
			"merchant_refund_no": "books-" + channel + "-r", "payment_id": first.text("id"), "amount": 2500,
		})
		if err != nil || status/100 != 2 {
			t.Fatalf("refund at %s: %d %v %v", channel, status, r, err)
		}
		second := m.call(http.MethodPost, "/v1/payments", m.orderAt(channel, "books-"+channel+"-2", "qr", 8000), http.StatusCreated)
		m.pay(second["action"])
		b.open[channel] = m.await(second.text("id"), "succeeded").attemptID()
		m.awaitThat("the refund at "+channel, "/v1/refunds/"+r.text("id"), func(o object) bool { return o.text("status") == "succeeded" })
	}
	return b
}

// reconcile runs the command for a day, or an account's, and gives its JSON.
func (b *books) reconcile(day string, code int, more ...string) map[string]object {
	b.t.Helper()
	args := slices.Concat([]string{"reconcile", "--date", day, "--json"}, b.where, more)
	stdout, stderr, exit := command(b.t, args...)
	if exit != code {
		b.t.Fatalf("paymux %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), exit, code, stdout, stderr)
	}
	var out object
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		b.t.Fatalf("paymux reconcile printed %q: %v", stdout, err)
	}
	results := map[string]object{}
	for _, r := range list(out["reconciliations"]) {
		if r.text("merchant_id") == b.client.MerchantID {
			results[r.text("channel")] = r
		}
	}
	return results
}

// newest reads a channel's result of its day by the API.
func (b *books) newest(channel string) object {
	b.t.Helper()
	found := list(b.call(http.MethodGet, "/v1/reconciliations?channel="+channel+"&date="+businessDay(channel), nil, http.StatusOK)["data"])
	if len(found) != 1 {
		b.t.Fatalf("%d results of %s: %v", len(found), channel, found)
	}
	return found[0]
}

func (b *books) tamper(channel string, falsified ...object) {
	b.t.Helper()
	if falsified == nil {
		falsified = []object{}
	}
	b.control(http.MethodPost, "/_control/bills", object{"channel": channel, "date": businessDay(channel), "tamper": falsified}, 0)
}

// balanced demands that a channel's day is.
func (b *books) balanced(channel string, r object) {
	b.t.Helper()
	totals, _ := r["totals"].(map[string]any)
	ours, theirs := fmt.Sprint(totals["ours"]), fmt.Sprint(totals["theirs"])
	if r.text("status") != "balanced" || r.number("matched") != 3 || r.number("discrepancies_open")+r.number("discrepancies_repaired")+r.number("discrepancies_resolved") != 0 || ours != theirs {
		b.t.Fatalf("%s is not balanced: %v\n%v", channel, r, b.call(http.MethodGet, "/v1/reconciliations/"+r.text("id")+"/discrepancies", nil, http.StatusOK))
	}
	if o, _ := totals["ours"].(map[string]any); object(o).number("payments") != 18000 || object(o).number("refunds") != 2500 || object(o).number("payment_count") != 2 || object(o).number("refund_count") != 1 {
		b.t.Errorf("%s: our side is %v", channel, ours)
	}
}

// everyDay is each day on which a channel has rows, once.
func everyDay() []string {
	days := []string{}
	for _, channel := range threeChannels {
		if day := businessDay(channel); !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return days
}

func TestBooksAreClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	b := openBooks(t, p.merchant(), "--data", dir)
	b.notDue()
	b.control(http.MethodPost, "/_control/clock", object{"advance": "48h"}, 0)
	b.close()
	b.again()
	b.files()
	workbook := businessDay("alipay") + ".xlsx"
	if stdout, stderr, code := command(t, "call", "--profile", filepath.Join(dir, "profile.json"), "GET", "/v1/statements/"+workbook); code != 0 || stdout != b.file(workbook) {
		t.Errorf("paymux call prints another file: exit %d, %d bytes, %s", code, len(stdout), stderr)
	}
	for _, channel := range threeChannels {
		b.falsified(channel)
	}
	b.othersSeeNothing(dir, p.ready)
}

func TestBooksAreClosedOnMariaDB(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, m := c.serve()
	c.serve()
	b := openBooks(t, m, "--config", c.config)
	b.control(http.MethodPost, "/_control/clock", object{"advance": "48h"}, 0)
	b.close()
	b.again()
	b.files()
	b.falsified("wechatpay")
}

// notDue: a day that is not over has no bill.
func (b *books) notDue() {
	b.t.Helper()
	for _, day := range everyDay() {
		for channel, r := range b.reconcile(day, 1) {
			if businessDay(channel) == day && (r.text("status") != "pending" || r.text("failure") == "" || b.newest(channel).text("status") != "pending") {
				b.t.Errorf("%s, not due: %v", channel, r)
			}
		}
		b.call(http.MethodGet, "/v1/statements/"+day+".csv", nil, http.StatusNotFound)
	}
}

// close runs the command twice at the same time: both finish.
func (b *books) close() {
	b.t.Helper()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for _, day := range everyDay() {
				args := slices.Concat([]string{"reconcile", "--date", day}, b.where)
				if stdout, stderr, code := command(b.t, args...); code != 0 {
					b.t.Errorf("exit %d:\n%s\n%s", code, stdout, stderr)
				}
			}
		})
	}
	both.Wait()
	for _, channel := range threeChannels {
		b.balanced(channel, b.newest(channel))
	}
}

// again: the same result is the same version, and the same statement.
func (b *books) again() {
	b.t.Helper()
	for _, day := range everyDay() {
		before := b.digests(day)
		versions := map[string]object{}
		for _, channel := range threeChannels {
			versions[channel] = b.newest(channel)
		}
		for channel, r := range b.reconcile(day, 0) {
			if old := versions[channel]; businessDay(channel) == day && (r.text("id") != old.text("id") || r.number("version") != old.number("version")) {
				b.t.Errorf("%s: %v, before it was %v", channel, r, old)
			}
		}
		if after := b.digests(day); after != before {
			b.t.Errorf("the statement of %s changed from %q to %q", day, before, after)
		}
	}
}

// digests is both files' hashes with their names, which have the version.
func (b *books) digests(day string) string {
	b.t.Helper()
	return b.file(day+".csv.sha256") + b.file(day+".xlsx.sha256")
}

// file fetches a statement's file, whose signature is checked with it.
func (b *books) file(name string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := b.client.Do(ctx, http.MethodGet, "/v1/statements/"+name, nil)
	if err != nil || answer.Status != http.StatusOK || !answer.Signed {
		b.t.Fatalf("%s: %+v %v", name, answer, err)
	}
	return string(answer.Body)
}

// files checks the statement of Alipay's day.
func (b *books) files() {
	b.t.Helper()
	day := businessDay("alipay")
	for _, form := range []string{"csv", "xlsx"} {
		sum := sha256.Sum256([]byte(b.file(day + "." + form)))
		beside, name, _ := strings.Cut(strings.TrimSpace(b.file(day+"."+form+".sha256")), "  ")
		if beside != hex.EncodeToString(sum[:]) || !strings.HasSuffix(name, "."+form) {
			b.t.Errorf("beside the %s stands %q %q, its SHA-256 is %x", form, beside, name, sum)
		}
	}
	text, ok := strings.CutPrefix(b.file(day+".csv"), "\uFEFF")
	if !ok {
		b.t.Error("the CSV has no byte order mark")
	}
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	rows := map[string]int{}
	for _, r := range records[1:] {
		rows[strings.Join([]string{r[1], r[2], r[3], r[4], r[7], r[10]}, " ")]++
	}
	for _, want := range []string{
		"支付 books-alipay-1\t  支付宝 100.00 已对平", "退款 books-alipay-1\t books-alipay-r\t 支付宝 -25.00 已对平", "支付 books-alipay-2\t  支付宝 80.00 已对平",
	} {
		if rows[want] != 1 {
			b.t.Errorf("no row %q in %v", want, rows)
		}
	}
	total := records[len(records)-1]
	if perChannel := int64(len(records)-2) / 3; total[0] != "合计" || total[7] != fmt.Sprintf("%d.00", 155*perChannel) {
		b.t.Errorf("the last row is %q", total)
	}
}

// falsified lets the channel falsify its bill in every way there is.
func (b *books) falsified(channel string) {
	b.t.Helper()
	day, order := businessDay(channel), b.open[channel]
	account := b.newest(channel).text("account_id")
	for _, c := range []struct {
		tamper, number, kind string
		// right tells whether the two sides are what the falsification makes of them.
		right func(ours, theirs object) bool
	}{
		{"lost_row", order, "missing_at_channel", func(ours, theirs object) bool { return ours.number("amount") == 8000 && theirs == nil }},
		{"foreign_row", "FOREIGN0000000000000000001", "missing_locally", func(ours, theirs object) bool { return ours == nil && theirs.number("amount") > 0 }},
		{"wrong_amount", order, "amount_mismatch", func(ours, theirs object) bool {
			return ours.number("amount") == 8000 && theirs.number("amount") != 8000
		}},
		{"wrong_fee", order, "fee_mismatch", func(ours, theirs object) bool {
			return ours.number("amount") == 8000 && theirs.number("amount") == 8000 && ours.number("fee_amount") != theirs.number("fee_amount")
		}},
	} {
		before, statement := b.newest(channel), b.digests(day)
		b.tamper(channel, object{"kind": c.tamper, "out_trade_no": c.number, "account": b.books(order).text("account")})
		r := b.reconcile(day, 0, "--account", account)[channel]
		if r.text("status") != "differences" || r.number("discrepancies_open") != 1 || r.number("version") != before.number("version")+1 {
			b.t.Errorf("%s at %s: %v", c.tamper, channel, r)
		}
		found := list(b.call(http.MethodGet, "/v1/reconciliations/"+r.text("id")+"/discrepancies", nil, http.StatusOK)["data"])
		if len(found) != 1 || found[0].text("kind") != c.kind || found[0].text("status") != "open" || !c.right(sideOf(found[0], "ours"), sideOf(found[0], "theirs")) {
			b.t.Errorf("%s at %s is found as %v", c.tamper, channel, found)
		}
		for _, other := range threeChannels {
			if other != channel {
				b.balanced(other, b.newest(other))
			}
		}
		if b.digests(day) == statement {
			b.t.Errorf("%s at %s: the statement is the one of before", c.tamper, channel)
		}
		b.tamper(channel)
		again := b.reconcile(day, 0, "--account", account)[channel]
		b.balanced(channel, b.newest(channel))
		if again.number("version") != before.number("version")+2 {
			b.t.Errorf("%s at %s, restored: %v, before it was version %d", c.tamper, channel, again, before.number("version"))
		}
	}
	versions := list(b.call(http.MethodGet, "/v1/reconciliations?all_versions=true&limit=100&channel="+channel, nil, http.StatusOK)["data"])
	if newest := versions[0].number("version"); int64(len(versions)) != newest || newest < 9 {
		b.t.Errorf("%d versions of %s are listed, the newest is %d", len(versions), channel, newest)
	}
	if first := b.file(day + ".csv?version=1"); !strings.Contains(first, "books-"+channel+"-2\t") {
		b.t.Errorf("the first version of the statement is not kept: %s", first)
	}
}

func sideOf(discrepancy object, name string) object {
	side, _ := discrepancy[name].(map[string]any)
	return side
}

// othersSeeNothing asks as another merchant of the installation.
func (b *books) othersSeeNothing(dir string, r ready) {
	b.t.Helper()
	stdout, stderr, code := command(b.t, "merchant", "create", "--data", dir, "--name", "Tea shop", "--out", filepath.Join(b.t.TempDir(), "other"), "--json")
	if code != 0 {
		b.t.Fatalf("merchant create: exit %d: %s", code, stderr)
	}
	other := ready{}
	if err := json.Unmarshal([]byte(stdout), &other); err != nil {
		b.t.Fatal(err)
	}
	other.API, other.Sandbox = r.API, r.Sandbox
	stranger := newMerchant(b.t, other)
	id := b.newest("alipay").text("id")
	stranger.call(http.MethodGet, "/v1/reconciliations/"+id, nil, http.StatusNotFound)
	stranger.call(http.MethodGet, "/v1/reconciliations/"+id+"/discrepancies", nil, http.StatusNotFound)
	stranger.call(http.MethodGet, "/v1/statements/"+businessDay("alipay")+".csv", nil, http.StatusNotFound)
	if seen := list(stranger.call(http.MethodGet, "/v1/reconciliations?all_versions=true", nil, http.StatusOK)["data"]); len(seen) != 0 {
		b.t.Errorf("another merchant sees %v", seen)
	}
	b.call(http.MethodGet, "/v1/reconciliations?date=yesterday", nil, http.StatusBadRequest)
}
