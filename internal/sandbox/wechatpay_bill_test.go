package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

// wbill asks for a bill, fetches it and checks its hash.
func (w *wechatpay) wbill(query string) (titles []string, rows [][]string, summary []string) {
	w.t.Helper()
	r := w.ok(http.MethodGet, "/v3/bill/"+query, nil)
	target, found := strings.CutPrefix(r.get("download_url").(string), w.base)
	if !found || r.get("hash_type") != "SHA1" {
		w.t.Fatalf("answer: %s", r.raw)
	}
	file := w.call(http.MethodGet, target, nil)
	raw := file.raw
	if file.status != 200 || file.header.Get("Wechatpay-Signature") != "" {
		w.t.Fatalf("download: %d %v", file.status, file.header)
	}
	if strings.Contains(query, "tar_type=GZIP") {
		unzip, err := gzip.NewReader(bytes.NewReader(raw))
		if err == nil {
			raw, err = io.ReadAll(unzip)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if sum := sha1.Sum(raw); hex.EncodeToString(sum[:]) != r.get("hash_value") {
		w.t.Errorf("the hash is not the file's")
	}
	text, marked := strings.CutPrefix(string(raw), "\ufeff")
	lines := strings.Split(text, "\r\n")
	if !marked || len(lines) < 4 || lines[len(lines)-1] != "" || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		w.t.Fatalf("file:\n%s", raw)
	}
	cells := func(line string) []string {
		if !strings.HasPrefix(line, "`") {
			w.t.Errorf("a line without a mark: %s", line)
		}
		return strings.Split(strings.TrimPrefix(line, "`"), ",`")
	}
	titles = strings.Split(lines[0], ",")
	for _, line := range lines[1 : len(lines)-3] {
		row := cells(line)
		if len(row) != len(titles) {
			w.t.Errorf("%d cells under %d titles: %s", len(row), len(titles), line)
		}
		rows = append(rows, row)
	}
	return titles, rows, cells(lines[len(lines)-2])
}

func joined(rows [][]string, columns ...int) string {
	var out []string
	for _, row := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, row[c])
		}
		out = append(out, strings.Join(cells, " "))
	}
	return strings.Join(out, "\n")
}

func TestWechatpay_Bill(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 15, 59, 50, 0, time.UTC)} // ten seconds before midnight in Beijing
	s := start(t, sandbox.Options{Now: c.now})
	w := s.wechatpay()
	w.now = c.now
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("bill-001", 1000).and("description", "咖啡, \"蛋糕\"").and("attach", "a`b"))
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("bill-002", 2000))
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("bill-003", 500))
	w.reverse("bill-003")
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("bill-004", 9007))
	w.ok(http.MethodPost, wrefund, wrefundOf("bill-004", "br4", 9007, 9007)) // fails: no row
	w.ok(http.MethodPost, wrefund, wrefundOf("bill-001", "br1", 333, 1000))
	w.ok(http.MethodPost, wpay+"native", w.order("bill-005", 700)) // never paid: no row
	const today = "bill_date=2026-11-21"
	w.refused("400 STATEMENT_CREATING", http.MethodGet, "/v3/bill/tradebill?"+today, nil)
	w.refused("400 INVALID_REQUEST", http.MethodGet, "/v3/bill/tradebill?bill_date=2026-11-22", nil)
	c.move(20 * time.Second)
	eventually(t, "the refunds are settled", func() bool { return w.refundStatus("br1") == "SUCCESS" && w.refundStatus("br4") == "CLOSED" })
	w.ok(http.MethodPost, wrefund, wrefundOf("bill-002", "br2", 2000, 2000)) // on the next day

	titles, rows, summary := w.wbill("tradebill?" + today + "&bill_type=ALL")
	if len(titles) != 27 {
		t.Errorf("%d titles: %q", len(titles), titles)
	}
	got := joined(rows, 6, 8, 9, 12, 14, 15, 16, 18, 19, 20, 21, 22, 24, 25)
	for _, line := range []string{
		"bill-001 MICROPAY SUCCESS 10.00 0 0 0.00   咖啡, \"蛋糕\" a'b 0.06000 10.00 0.00",
		"br1 3.33 ORIGINAL SUCCESS 咖啡, \"蛋糕\" a'b -0.02000 0.00 3.33",
		"bill-003 MICROPAY REVOKED 0.00 ", "bill-003 5.00 ORIGINAL SUCCESS", "-0.03000 0.00 5.00",
		"bill-004 MICROPAY SUCCESS 90.07 0 0 0.00", "0.54000 90.07 0.00",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("the bill lacks %q:\n%s", line, got)
		}
	}
	if len(rows) != 6 || strings.Join(summary, " ") != "6 125.07 8.33 0.00 0.70000 125.07 8.33" {
		t.Errorf("%d rows, summary %q\n%s", len(rows), summary, got)
	}
	for _, row := range rows {
		if row[0] != "2026-11-21 23:59:50" || row[1] != w.cred.AppID || row[2] != w.cred.MchID || row[3] != "0" || len(row[5]) != 28 || row[23] != "0.60%" {
			t.Errorf("row %q", row)
		}
	}
	titles, rows, summary = w.wbill("tradebill?" + today + "&bill_type=SUCCESS&tar_type=GZIP")
	if len(titles) != 20 || len(rows) != 4 || summary[0] != "4" || summary[2] != "0.00" {
		t.Errorf("SUCCESS: %d titles, %d rows, %q", len(titles), len(rows), summary)
	}
	titles, rows, summary = w.wbill("tradebill?" + today + "&bill_type=REFUND")
	if len(titles) != 29 || len(rows) != 2 || rows[0][14] != "2026-11-21 23:59:50" || rows[0][15] == "" || summary[2] != "8.33" {
		t.Errorf("REFUND: %q %q", titles, rows)
	}
	titles, rows, summary = w.wbill("fundflowbill?" + today + "&account_type=BASIC&tar_type=GZIP")
	if len(titles) != 11 || len(rows) != 12 || rows[len(rows)-1][7] != "116.04" || strings.Join(summary, " ") != "12 6 125.12 6 9.08" {
		t.Errorf("fund flow: %d rows, %q\n%s", len(rows), summary, joined(rows, 3, 4, 5, 6, 7, 10))
	}
	w.refused("400 PARAM_ERROR", http.MethodGet, "/v3/bill/fundflowbill?"+today+"&bill_type=ALL", nil)
	w.refused("400 PARAM_ERROR", http.MethodGet, "/v3/bill/tradebill?bill_date=20261121", nil)
	w.refused("400 PARAM_ERROR", http.MethodGet, "/v3/bill/tradebill?"+today+"&tar_type=ZIP", nil)

	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	if _, rows, _ := w.wbill("tradebill?bill_date=2026-11-22"); len(rows) != 1 || rows[0][16] != "20.00" || rows[0][22] != "-0.12000" {
		t.Errorf("the next day's bill: %q", rows)
	}
	s.must(http.MethodPost, "clock", `{"advance":"24h"}`, nil)
	if _, rows, summary := w.wbill("tradebill?bill_date=2026-11-23"); len(rows) != 0 || summary[0] != "0" {
		t.Errorf("a bill of a day without business: %q", rows)
	}
	w.refused("400 NO_STATEMENT_EXIST", http.MethodGet, "/v3/bill/tradebill?bill_date=2026-11-01", nil)
	w.refused("400 INVALID_REQUEST", http.MethodGet, "/v3/bill/tradebill?bill_date=2026-07-01", nil)

	address := w.ok(http.MethodGet, "/v3/bill/tradebill?"+today, nil).get("download_url").(string)
	c.move(30 * time.Second)
	w.refused("400 INVALID_REQUEST", http.MethodGet, strings.TrimPrefix(address, w.base), nil)
	if resp := get(t, address); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a download without a signature answered %d", resp.StatusCode)
	}
	s.wfault(M{"operation": "bill", "kind": "system_error", "count": 1})
	w.refused("500 SYSTEM_ERROR", http.MethodGet, "/v3/bill/tradebill?"+today, nil)
}

func TestWechatpay_BillTampering(t *testing.T) {
	c := &clock{at: clockStart}
	s := start(t, sandbox.Options{Now: c.now})
	w := s.wechatpay()
	w.now = c.now
	for _, number := range []string{"tamper1", "tamper2", "tamper3", "tamper4"} {
		w.ok(http.MethodPost, wpay+"codepay", w.byCode(number, 1000))
	}
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	s.must(http.MethodPost, "bills", `{"channel":"wechatpay","date":"2026-11-21","tamper":[
		{"kind":"lost_row","out_trade_no":"tamper1"},{"kind":"wrong_amount","out_trade_no":"tamper2"},
		{"kind":"wrong_fee","out_trade_no":"tamper3"},{"kind":"foreign_row","out_trade_no":"tamper9"}]}`, nil)
	_, rows, summary := w.wbill("tradebill?bill_date=2026-11-21")
	if got := joined(rows, 6, 24, 22); got != "tamper2 10.01 0.06000\ntamper3 10.00 0.07000\ntamper4 10.00 0.06000\ntamper9 1.00 0.01000" {
		t.Errorf("rows:\n%s", got)
	}
	if strings.Join(summary, " ") != "4 31.01 0.00 0.00 0.20000 31.01 0.00" {
		t.Errorf("summary %q", summary)
	}
	s.must(http.MethodPost, "bills", `{"channel":"wechatpay","date":"2026-11-21","tamper":[]}`, nil)
	if _, rows, _ := w.wbill("tradebill?bill_date=2026-11-21"); len(rows) != 4 {
		t.Errorf("%d rows after the bill was restored", len(rows))
	}
}

// TestWechatpay_FalsifiedRefund: refunds stand in the bill of the day on which they were taken in, settled or not.
func TestWechatpay_FalsifiedRefund(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)}
	s := start(t, sandbox.Options{Now: c.now})
	w := s.wechatpay()
	w.now = c.now
	w.ok(http.MethodPost, wpay+"codepay", w.byCode("edge-001", 1000))
	c.move(24*time.Hour + 59*time.Minute + 59*time.Second) // one second before the next midnight in Beijing
	w.ok(http.MethodPost, wrefund, wrefundOf("edge-001", "edge-r1", 333, 1000))
	c.move(10 * time.Second)
	eventually(t, "the refund is settled", func() bool { return w.refundStatus("edge-r1") == "SUCCESS" })
	for date, want := range map[string]int{
		"2026-11-20": http.StatusOK, "2026-11-21": http.StatusOK, "2026-11-22": http.StatusConflict,
	} {
		body := M{"channel": "wechatpay", "date": date, "tamper": []M{{"kind": "lost_row", "out_trade_no": "edge-001"}}}
		if status := s.control(http.MethodPost, "bills", body, nil); status != want {
			t.Errorf("%s: HTTP status %d, want %d", date, status, want)
		}
	}
	if _, rows, _ := w.wbill("tradebill?bill_date=2026-11-21"); len(rows) != 0 {
		t.Errorf("the refund's row is still there: %q", rows)
	}
}
