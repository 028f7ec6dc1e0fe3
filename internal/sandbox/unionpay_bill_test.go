package sandbox_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/internal/sandbox"
)

// upRow is one line of a settlement file, columns by their number in UnionPay's own list.
type upRow map[int]string

// upFile is a settlement day's archive.
type upFile struct {
	rows    []upRow
	summary string
}

// upWidths are the columns' widths in bytes.
func upWidths() []int {
	return []int{
		3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32,
		13, 13, 12, 2, 1, 32, 98,
	}
}

// readUpFile reads fileContent: base64 of a zlib stream of a ZIP archive.
func readUpFile(t *testing.T, content string) upFile {
	t.Helper()
	stream, err := zlib.NewReader(bytes.NewReader(decode(t, content)))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	var f upFile
	for _, member := range archive.File {
		in, err := member.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(member.Name, "INN") && strings.Contains(member.Name, "88ZM_"):
			f.rows = append(f.rows, readUpRows(t, string(raw))...)
		case strings.HasPrefix(member.Name, "RD2010"):
			if f.summary, err = simplifiedchinese.GBK.NewDecoder().String(string(raw)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func readUpRows(t *testing.T, text string) []upRow {
	t.Helper()
	var rows []upRow
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if line == "" {
			continue
		}
		if len(line) != 607 {
			t.Fatalf("a line has %d bytes: %q", len(line), line)
		}
		row, at := make(upRow), 0
		for i, width := range upWidths() {
			row[i+1] = strings.TrimRight(line[at:at+width], " ")
			if at += width; at < len(line) && line[at] != ' ' {
				t.Fatalf("no blank behind column %d: %q", i+1, line)
			}
			at++
		}
		rows = append(rows, row)
	}
	return rows
}

// signedFen reads an amount behind its sign: C comes to the merchant, D leaves.
func signedFen(t *testing.T, text string) int64 {
	t.Helper()
	fen, err := strconv.ParseInt(strings.TrimLeft(text, "CD "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(text, "D") {
		return -fen
	}
	return fen
}

func (f upFile) find(t *testing.T, orderID string) upRow {
	t.Helper()
	for _, row := range f.rows {
		if row[12] == orderID {
			return row
		}
	}
	t.Fatalf("no row of %s in %v", orderID, f.rows)
	return nil
}

// file asks for a day's files; the answer must have the code.
func (u *unionpay) file(respCode, monthDay string) msg {
	u.t.Helper()
	m := u.head("76", "01", "000000").and("settleDate", monthDay).and("fileType", "00")
	answer, err := u.post("/", u.sign(m))
	if err != nil || answer["respCode"] != respCode || answer["settleDate"] != monthDay || answer["txnType"] != "76" {
		u.t.Fatalf("files of %s: %v, %v; want %s", monthDay, answer, err, respCode)
	}
	return answer
}

// settlesOn is the settlement day of what happens now; days end at 23:00 in Beijing.
func settlesOn() time.Time { return time.Now().In(time.FixedZone("", 8*3600)).Add(time.Hour) }

// TestUnionPayBill_RealFile shows that this test's reader reads what the channel writes.
func TestUnionPayBill_RealFile(t *testing.T) {
	dir := os.Getenv("PAYMUX_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	path := filepath.Join(dir, "unionpay", "recon", "700000000000001_20170119.fileContent.b64.txt")
	content, err := os.ReadFile(path) //nolint:gosec // a folder of test data
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: there is no real settlement file at %s; set PAYMUX_VECTORS", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := readUpFile(t, strings.TrimSpace(string(content)))
	var sum int64
	for _, row := range f.rows {
		sum += signedFen(t, row[17])
	}
	if len(f.rows) != 22 || sum != 44 || !strings.Contains(f.summary, "自助消费                  22            0.00            0.44") {
		t.Errorf("%d rows, %d fen\n%s", len(f.rows), sum, f.summary)
	}
}

func TestUnionPayBill(t *testing.T) {
	s := start(t, sandbox.Options{})
	u := s.unionpay()
	day := settlesOn()
	today := day.Format("0102")
	o := u.barcode("billed01", "10000", nil).and("reqReserved", "ab|cd")
	u.says("00", o)
	back := u.refund("billback1", o, "2500", nil)
	u.says("00", back)
	u.settled(back)
	undone := u.barcode("billed02", "300", nil)
	u.says("00", undone)
	undo := u.refund("billback2", undone, "300", nil).and("txnType", "31")
	u.says("00", undo)
	u.settled(undo)
	u.says("00", u.code("billed03", "700", nil)) // never paid: no row
	failed := u.barcode("billed04", "9007", nil)
	u.says("00", failed)
	failing := u.refund("billback4", failed, "9007", nil)
	u.says("00", failing)
	u.settled(failing)

	u.file("98", today) // not over
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	u.file("98", day.AddDate(0, 0, -3).Format("0102")) // no business
	answer := u.file("00", today)
	if answer["fileName"] != u.cred.MerID+"_"+day.Format("20060102")+".zip" {
		t.Errorf("fileName is %q", answer["fileName"])
	}
	f := readUpFile(t, answer["fileContent"])
	if len(f.rows) != 5 {
		t.Fatalf("%d rows: %v", len(f.rows), f.rows)
	}
	paid := f.find(t, "billed01")
	for column, want := range map[int]string{
		7: "000000010000", 10: u.queryID(o), 16: "D000000000060", 17: "C000000009940", 20: "01", 22: "000000", 27: "", 28: u.cred.MerID,
		33: "C000000009940", 35: "ab|cd", 41: "", 4: u.queryID(o)[14:20],
	} {
		if paid[column] != want {
			t.Errorf("payment, column %d: %q, want %q", column, paid[column], want)
		}
	}
	row := f.find(t, "billback1")
	for column, want := range map[int]string{
		7: "000000002500", 16: " 000000000000", 17: "D000000002500", 20: "04", 27: u.queryID(o), 41: "billed01", 10: u.stands("00", back)["queryId"],
	} {
		if row[column] != want {
			t.Errorf("refund, column %d: %q, want %q", column, row[column], want)
		}
	}
	if row := f.find(t, "billback2"); row[20] != "31" || row[17] != "D000000000300" {
		t.Errorf("undo: %v", row)
	}
	u.balances(f, "借记卡")

	s.must(http.MethodPost, "bills", M{"channel": "unionpay", "date": day.Format("2006-01-02"), "tamper": []M{
		{"kind": "lost_row", "out_trade_no": "billed02"},
		{"kind": "wrong_amount", "out_trade_no": "billed01"},
		{"kind": "wrong_fee", "out_trade_no": "billed04"},
		{"kind": "foreign_row", "out_trade_no": "foreign1"},
	}}, nil)
	f = readUpFile(t, u.file("00", today)["fileContent"])
	if row := f.find(t, "billed01"); row[7] != "000000010001" || row[17] != "C000000009941" {
		t.Errorf("wrong_amount: %v", row)
	}
	if row := f.find(t, "billed04"); row[16] != "D000000000055" {
		t.Errorf("wrong_fee: %v", row)
	}
	if row := f.find(t, "foreign1"); row[7] != "000000000100" || len(row[10]) != 21 {
		t.Errorf("foreign_row: %v", row)
	}
	for _, row := range f.rows {
		if row[12] == "billed02" {
			t.Errorf("lost_row: %v", row)
		}
	}
	u.balances(f, "总计")
	s.must(http.MethodPost, "bills", M{"channel": "unionpay", "date": day.Format("2006-01-02"), "tamper": []M{}}, nil)
	if f = readUpFile(t, u.file("00", today)["fileContent"]); len(f.rows) != 5 {
		t.Errorf("%d rows after the falsification was taken back", len(f.rows))
	}
	u.fileFaults(today)
}

// TestUnionPayBill_CutOff lets the settlement day, which ends at 23:00, end between a payment and its refund.
func TestUnionPayBill_CutOff(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 14, 59, 50, 0, time.UTC)} // 22:59:50 in Beijing
	s := start(t, sandbox.Options{Now: c.now})
	u := s.unionpay()
	u.now = c.now
	early := u.barcode("cutearly", "10000", nil)
	u.says("00", early)
	back := u.refund("cutback1", early, "2500", nil)
	u.says("00", back) // taken in before the end, settled after it
	c.move(10 * time.Second)
	u.settled(back)
	u.says("00", u.barcode("cutlate1", "300", nil))
	tamper := func(date, kind, number string) int {
		return s.control(http.MethodPost, "bills", M{"channel": "unionpay", "date": date, "tamper": []M{{"kind": kind, "out_trade_no": number}}}, nil)
	}
	for _, tt := range []struct {
		date, number string
		status       int
	}{
		{"2026-11-20", "cutearly", http.StatusConflict},
		{"2026-11-21", "cutearly", http.StatusOK},
		{"2026-11-21", "cutlate1", http.StatusConflict}, // the calendar's day, but after its end
		{"2026-11-22", "cutearly", http.StatusOK},       // the refund's row
		{"2026-11-22", "cutlate1", http.StatusOK},
		{"2026-11-23", "cutlate1", http.StatusConflict},
		{"2026-11-22", "nosuchno", http.StatusNotFound},
	} {
		if status := tamper(tt.date, "wrong_amount", tt.number); status != tt.status {
			t.Errorf("%s on %s: HTTP status %d, want %d", tt.number, tt.date, status, tt.status)
		}
	}
	s.must(http.MethodPost, "bills", `{"channel":"unionpay","date":"2026-11-21","tamper":[]}`, nil)
	s.must(http.MethodPost, "bills", `{"channel":"unionpay","date":"2026-11-22","tamper":[]}`, nil)

	f := readUpFile(t, u.file("00", "1121")["fileContent"]) // over, though the calendar's day is not
	if len(f.rows) != 1 || f.rows[0][12] != "cutearly" || f.rows[0][5] != "1121225950" {
		t.Errorf("the day's rows: %v", f.rows)
	}
	u.balances(f, "总计")
	u.file("98", "1122")
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	f = readUpFile(t, u.file("00", "1122")["fileContent"])
	if len(f.rows) != 2 || f.find(t, "cutlate1")[7] != "000000000300" || f.find(t, "cutback1")[41] != "cutearly" || f.find(t, "cutback1")[15] != "1121225950" {
		t.Errorf("the next day's rows: %v", f.rows)
	}
	u.balances(f, "总计")
	for _, line := range []string{
		"自助消费                   1            0.00            3.00            0.02            0.00            0.00            2.98",
		"退货                       1           25.00            0.00            0.00            0.00           25.00            0.00",
	} {
		if !strings.Contains(f.summary, line) {
			t.Errorf("the summary lacks %q:\n%s", line, f.summary)
		}
	}
	u.file("98", "1120") // without business
	// A falsified row of a refund, whose payment stands in another day's file.
	if status := tamper("2026-11-22", "wrong_amount", "cutearly"); status != http.StatusOK {
		t.Fatalf("HTTP status %d", status)
	}
	f = readUpFile(t, u.file("00", "1122")["fileContent"])
	if row := f.find(t, "cutback1"); row[7] != "000000002501" || row[17] != "D000000002501" {
		t.Errorf("a falsified refund: %v", row)
	}
	u.balances(f, "总计")
	if f = readUpFile(t, u.file("00", "1121")["fileContent"]); f.find(t, "cutearly")[7] != "000000010000" {
		t.Errorf("the payment's own day: %v", f.rows)
	}
}

// balances compares the summary's line with the rows.
func (u *unionpay) balances(f upFile, line string) {
	u.t.Helper()
	var in, out int64
	for _, row := range f.rows {
		fen, err := strconv.ParseInt(row[17][1:], 10, 64)
		if err != nil {
			u.t.Fatal(err)
		}
		if row[17][0] == 'D' {
			out += fen
		} else {
			in += fen
		}
	}
	want := fmt.Sprintf("%d.%02d%16s\r\n", out/100, out%100, fmt.Sprintf("%d.%02d", in/100, in%100))
	for text := range strings.SplitAfterSeq(f.summary, "\r\n") {
		if strings.HasPrefix(text, line) {
			if !strings.HasSuffix(text, want) {
				u.t.Errorf("summary: %q, want …%q", text, want)
			}
			return
		}
	}
	u.t.Errorf("no line %s in the summary:\n%s", line, f.summary)
}

func (u *unionpay) fileFaults(monthDay string) {
	u.t.Helper()
	u.s.upFault(M{"operation": "bill", "kind": "system_error", "count": 1})
	u.file("06", monthDay)
	u.s.upFault(M{"operation": "bill", "kind": "unsigned", "count": 1})
	m := u.head("76", "01", "000000").and("settleDate", monthDay).and("fileType", "00")
	if _, err := u.post("/", u.sign(m)); !errors.Is(err, errUnsigned) {
		u.t.Errorf("unsigned: %v", err)
	}
	for _, wrong := range []msg{m.and("settleDate", "1331"), m.and("fileType", "01"), m.and("txnTime", "20200101000000")} {
		if r, err := u.post("/", u.sign(wrong)); err != nil || r["respCode"] != "10" {
			u.t.Errorf("a faulty request: %v, %v", r, err)
		}
	}
	if status := u.s.control(http.MethodPost, "faults", `{"channel":"unionpay","operation":"bill","kind":"wrong_amount"}`, nil); status != http.StatusBadRequest {
		u.t.Errorf("a fault that files cannot show answered %d", status)
	}
}
