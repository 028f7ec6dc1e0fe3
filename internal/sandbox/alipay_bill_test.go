package sandbox_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/internal/sandbox"
)

const billURL = "alipay.data.dataservice.bill.downloadurl.query"

func billOf(date string) biz { return biz{"bill_type": "trade", "bill_date": date} }

// bill fetches a day's bill and answers the detail file's rows, cells trimmed, and the texts of both files.
func (a *alipay) bill(date string) (rows [][]string, detail, summary string) {
	a.t.Helper()
	return a.archive("trade", "业务明细", 25, date)
}

// archive fetches a day's archive of two files whose names end with word, and whose rows have so many cells.
func (a *alipay) archive(kind, word string, width int, date string) (rows [][]string, detail, summary string) {
	a.t.Helper()
	resp := get(a.t, a.ok(billURL, biz{"bill_type": kind, "bill_date": date}).get("bill_download_url"))
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || len(archive.File) != 2 {
		a.t.Fatalf("archive: %v", err)
	}
	texts := make([]string, 2)
	for i, f := range archive.File {
		name, err := simplifiedchinese.GBK.NewDecoder().String(f.Name)
		want := a.cred.SellerID + "0156_" + strings.ReplaceAll(date, "-", "") + []string{"_" + word + ".csv", "_" + word + "(汇总).csv"}[i]
		if err != nil || name != want || f.Flags&0x800 != 0 {
			a.t.Errorf("entry %q (%x), want %q", name, f.Flags, want)
		}
		r, err := f.Open()
		if err != nil {
			a.t.Fatal(err)
		}
		content, err := io.ReadAll(simplifiedchinese.GB18030.NewDecoder().Reader(r))
		if err != nil {
			a.t.Fatal(err)
		}
		texts[i] = string(content)
	}
	for i, line := range strings.Split(texts[0], "\r\n") {
		if i < 5 || line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, ",")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		if len(cells) != width {
			a.t.Errorf("a row of %d cells: %s", len(cells), line)
		}
		rows = append(rows, cells)
	}
	return rows, texts[0], texts[1]
}

// movements checks the account movements of the day that TestAlipay_Bill has made.
func (a *alipay) movements(date string) {
	a.t.Helper()
	rows, detail, summary := a.archive("signcustomer", "账务明细", 12, date)
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join([]string{r[2], r[6], r[7], r[8], r[10], r[11]}, " "))
	}
	want := []string{
		"b1 10.00 0.00 10.00 在线支付 ", "b1 0.00 -0.06 9.94 收费 ", "b1 0.00 -3.00 6.94 交易退款 rf1", "b2 20.00 0.00 26.94 在线支付 ",
		"b2 0.00 -0.12 26.82 收费 ", "b3 5.00 0.00 31.82 在线支付 ", "b3 0.00 -0.03 31.79 收费 ", "b3 0.00 -5.00 26.79 交易退款 b3",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		a.t.Errorf("movements:\n%s", strings.Join(got, "\n"))
	}
	for text, lines := range map[string][]string{
		detail:  {"#支付宝账务明细查询\r\n", "#支出合计：5笔，共-8.21元\r\n#收入合计：3笔，共35.00元\r\n"},
		summary: {"#支付宝账务汇总查询\r\n", "\r\n收费,0,0.00,3,-0.21,-0.21\r\n", "\r\n合计,3,35.00,5,-8.21,26.79\r\n"},
	} {
		for _, line := range lines {
			if !strings.Contains(text, line) {
				a.t.Errorf("the bill lacks %q:\n%s", line, text)
			}
		}
	}
}

func TestAlipay_Bill(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 15, 59, 50, 0, time.UTC)} // ten seconds before midnight in Beijing
	s := start(t, sandbox.Options{Now: c.now})
	a := s.alipay()
	a.ok(barcode, byBarcode("b1", "10.00").and("subject", "咖啡, 蛋糕 😀").and("store_id", "shop1"))
	a.ok(barcode, byBarcode("b2", "20.00"))
	a.ok(barcode, byBarcode("b3", "5.00"))
	a.ok(cancelling, numbered("b3"))
	a.ok(refunding, refundOf("b1", "rf1", "3.00"))
	a.ok(precreate, order("b4", "7.00")) // never paid: no row
	a.refused("40004 isv.invalid_arguments", billURL, billOf("2026-11-21"))
	c.move(20 * time.Second)
	a.ok(refunding, refundOf("b2", "rf2", "20.00")) // on the next day

	rows, detail, summary := a.bill("2026-11-21")
	if len(rows) != 5 {
		t.Fatalf("%d rows:\n%s", len(rows), detail)
	}
	want := [][]string{ // number, kind, subject, amount, received, request number, fee
		{"b1", "交易", "咖啡， 蛋糕 😀", "10.00", "10.00", "", "-0.06"},
		{"b1", "退款", "咖啡， 蛋糕 😀", "-3.00", "-3.00", "rf1", "0.00"},
		{"b2", "交易", "一杯咖啡 & <b>\"蛋糕\"</b>", "20.00", "20.00", "", "-0.12"},
		{"b3", "交易", "一杯咖啡 & <b>\"蛋糕\"</b>", "5.00", "5.00", "", "-0.03"},
		{"b3", "退款", "一杯咖啡 & <b>\"蛋糕\"</b>", "-5.00", "-5.00", "b3", "0.00"},
	}
	for i, r := range rows {
		got := []string{r[1], r[2], r[3], r[11], r[12], r[21], r[22]}
		if strings.Join(got, "|") != strings.Join(want[i], "|") || r[4] != "2026-11-21 23:59:50" || len(r[0]) != 28 {
			t.Errorf("row %d: %q", i, r)
		}
	}
	for _, line := range []string{
		"#支付宝业务明细查询\r\n", "#起始日期：[2026年11月21日 00:00:00]   终止日期：[2026年11月22日 00:00:00]\r\n",
		"#交易合计：3笔，商家实收共35.00元，商家优惠共0.00元\r\n", "#退款合计：2笔，商家实收退款共-8.00元，商家优惠退款共0.00元\r\n",
	} {
		if !strings.Contains(detail, line) {
			t.Errorf("the bill lacks %q:\n%s", line, detail)
		}
	}
	if !strings.Contains(summary, "合计\t,\t,3,2,27.00,27.00,0.00,0.00,0.00,-0.21,0.00,26.79\r\n") {
		t.Errorf("summary:\n%s", summary)
	}

	// The calendar moves which days are over; trades stay where they are.
	a.refused("40004 isv.invalid_arguments", billURL, billOf("2026-11-22"))
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	if rows, _, _ := a.bill("2026-11-22"); len(rows) != 1 || rows[0][11] != "-20.00" {
		t.Errorf("the next day's bill: %q", rows)
	}
	s.must(http.MethodPost, "clock", `{"advance":"24h"}`, nil)
	if rows, _, _ := a.bill("2026-11-23"); len(rows) != 0 {
		t.Errorf("a bill of a day without business: %q", rows)
	}
	a.refused("40004 isp.bill_not_exist", billURL, billOf("2026-11-01"))
	a.refused("40004 isv.invalid_arguments", billURL, biz{"bill_type": "settlement", "bill_date": "2026-11-21"})
	a.movements("2026-11-21")

	link := a.ok(billURL, billOf("2026-11-21")).get("bill_download_url")
	c.move(30 * time.Second)
	if resp := get(t, link); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a bill's address after 30 seconds answered %d", resp.StatusCode)
	}
}

func TestAlipay_BillTampering(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
	s := start(t, sandbox.Options{Now: c.now})
	a := s.alipay()
	for _, number := range []string{"t1", "t2", "t3", "t4"} {
		a.ok(barcode, byBarcode(number, "10.00"))
	}
	s.must(http.MethodPost, "clock", `{"advance":"26h"}`, nil)
	s.must(http.MethodPost, "bills", `{"channel":"alipay","date":"2026-11-21","tamper":[
		{"kind":"lost_row","out_trade_no":"t1"},{"kind":"wrong_amount","out_trade_no":"t2"},
		{"kind":"wrong_fee","out_trade_no":"t3"},{"kind":"foreign_row","out_trade_no":"t9"}]}`, nil)
	rows, detail, _ := a.bill("2026-11-21")
	got := make(map[string]string)
	for _, r := range rows {
		got[r[1]] = r[11] + " " + r[22]
	}
	for number, want := range map[string]string{"t1": "", "t2": "10.01 -0.06", "t3": "10.00 -0.07", "t4": "10.00 -0.06", "t9": "1.00 -0.01"} {
		if got[number] != want {
			t.Errorf("%s: %q, want %q", number, got[number], want)
		}
	}
	if !strings.Contains(detail, "#交易合计：4笔，商家实收共31.01元") {
		t.Errorf("the totals do not fit the rows:\n%s", detail)
	}
	s.must(http.MethodPost, "bills", `{"channel":"alipay","date":"2026-11-21","tamper":[]}`, nil)
	if rows, _, _ := a.bill("2026-11-21"); len(rows) != 4 {
		t.Errorf("%d rows after the bill was restored", len(rows))
	}
	for body, want := range map[string]int{
		`{"channel":"alipay","date":"2026-11-21","tamper":[{"kind":"lost_row","out_trade_no":"none"}]}`: 404,
		`{"channel":"alipay","date":"2026-11-20","tamper":[{"kind":"lost_row","out_trade_no":"t1"}]}`:   409,
		`{"channel":"alipay","date":"2026-11-21","tamper":[{"kind":"burnt","out_trade_no":"t1"}]}`:      400,
		`{"channel":"alipay","date":"today"}`: 400,
		`{"date":"2026-11-21"}`:               400,
	} {
		if status := s.control(http.MethodPost, "bills", body, nil); status != want {
			t.Errorf("%s answered %d, want %d", body, status, want)
		}
	}
	if rows, _, _ := a.bill("2026-11-21"); len(rows) != 4 {
		t.Error("a refused falsification changed the bill")
	}
	s.fault(M{"operation": "bill", "kind": "system_error", "count": 1})
	a.refused("20000 isp.unknow-error", billURL, billOf("2026-11-21"))
}
