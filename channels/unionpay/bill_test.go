package unionpay

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/billfile"
)

// billDay is a settlement day over a year's end in no column: 2026-11-20.
func billDay() channels.Day { return fileDay() }

// record makes a ZM record of a payment of 4768.00 with a fee of 28.61; changes
// are by column.
func record(changes map[int]string) string {
	content := map[int]string{
		1: "S56", 2: "88022900", 3: "00049993", 4: "005123", 5: "1120103005", 6: "622609******0048", 7: "000000476800", 8: "5999",
		9: "07", 10: testQueryID, 11: "01", 12: testAttempt, 13: "01", 16: "D000000002861", 17: "C000000473939", 18: "0001", 20: "01",
		22: "000201", 28: testMerID, 30: "000000000000000", 31: gbk("测试商户"), 32: " 000000000000", 33: "C000000473939", 34: "01080209",
		36: " 000000000000", 37: " 000000000000", 38: " 00000000000", 40: "7",
	}
	for n, text := range changes {
		content[n] = text
	}
	l := detailLayout()
	cells := make([]string, 0, len(l.width))
	for n := 1; n < len(l.width); n++ {
		cells = append(cells, fmt.Sprintf("%-*s", l.width[n], content[n])[:l.width[n]])
	}
	return strings.Join(cells, " ")
}

// refundRecord is a part of 1000.00 given back, with 6.00 of the fee.
func refundRecord() string {
	return record(map[int]string{
		5: "1120225959", 7: "000000100000", 10: "312611202259590000018", 12: testRefund, 14: "005123", 15: "1120103005",
		16: "C000000000600", 17: "D000000099400", 20: "04", 27: testQueryID, 33: "D000000099400", 41: testAttempt,
	})
}

func gbk(s string) string {
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		panic(err)
	}
	return out
}

// summaryOf is the text for one line of transactions: count, then the amounts
// as they stand in the table.
func summaryOf(merID, date, numbers string) string {
	const rule = "________________________________________\r\n"
	return gbk("     中国银联全渠道商户交易汇总表\r\n\r\n商户代码:" + merID + "       清算币种:人民币\r\n收单机构:88022900      清算日期:" + date +
		"\r\n商户名称:测试 商户      生成日期:20261121\r\n\r\n交易类型  交易笔数   交易金额\r\n" + rule +
		"自助消费 " + numbers + "\r\n" + rule + "总计   " + numbers + "\r\n\r\n卡性质   交易笔数\r\n" + rule +
		"借记卡   " + numbers + "\r\n贷记卡 0 0.00 0.00 0.00 0.00 0.00 0.00\r\n" + rule + "总计 " + numbers + "\r\n")
}

const (
	detailName  = "INN26112088ZM_" + testMerID
	errorsName  = "INN26112088ZME_" + testMerID
	summaryName = "RD201026112001_" + testMerID
	dayNumbers  = "2  1000.00  4,768.00  28.61  6.00  994.00  4739.39"
)

// member is a file of an archive, name and content.
type member struct{ name, content string }

// dayFiles are those of a good day.
func dayFiles() []member {
	return []member{
		{detailName, record(nil) + "\r\n" + refundRecord() + "\r\n"},
		{summaryName, summaryOf(testMerID, "20261120", dayNumbers)},
	}
}

func zipped(t testing.TB, files ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err == nil {
			_, err = w.Write([]byte(f.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(merID string, day channels.Day, original []byte) ([]channels.BillRow, channels.BillTotals, error) {
	var rows []channels.BillRow
	totals, err := billReading{merID, day, maxMember}.read(bytes.NewReader(original), int64(len(original)), func(r channels.BillRow) error {
		rows = append(rows, r)
		return nil
	})
	return rows, totals, err
}

func TestBillRows(t *testing.T) {
	adjusted := fmt.Sprintf("%-3s %-11s %-11s %-6s %-10s %-19s %-12s %-4s %-2s %-2s %-6s %-10s %-4s %-12s %-13s %-13s %-15s %-15s %-1s %-12s %-2s %-135s",
		"E74", "88022900", "00049993", "000001", "1119103005", "622609******0048", "000000000100", "5999", "07", "01", "005123", "1118103005",
		"1118", "000000000100", "C000000000001", "D000000000099", "", testMerID, "", " 00000000000", "", "")
	files := append(dayFiles(), member{errorsName, adjusted + "\r\n"}, member{"README.txt", "not ours to read"})
	// The last record may end with the file, and the order of members is free.
	files[0].content = strings.TrimSuffix(files[0].content, "\r\n")
	files[0], files[1] = files[1], files[0]
	rows, totals, err := read(testMerID, billDay(), zipped(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	want := []channels.BillRow{
		{
			Line: 1, Type: channels.BillPayment, AttemptID: testAttempt, ChannelTradeNo: testQueryID, Amount: adaptertest.CNY(476800),
			FeeMinor: 2861, At: time.Date(2026, 11, 20, 2, 30, 5, 0, time.UTC), Text: "01 consumption",
		},
		{
			Line: 2, Type: channels.BillRefund, AttemptID: testAttempt, RefundID: testRefund, ChannelTradeNo: testQueryID,
			ChannelRefundNo: "312611202259590000018", Amount: adaptertest.CNY(100000), FeeMinor: -600,
			At: time.Date(2026, 11, 20, 14, 59, 59, 0, time.UTC), Text: "04 refund",
		},
		{
			Line: 1, Type: channels.BillOther, Amount: adaptertest.CNY(100), FeeMinor: -1,
			At: time.Date(2026, 11, 19, 2, 30, 5, 0, time.UTC), Text: "ZME E74",
		},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("row %d\n got %+v\nwant %+v", i, rows[i], want[i])
		}
	}
	wantTotals := channels.BillTotals{
		Currency: "CNY", Rows: 3, Payments: 1, Refunds: 1, PaymentMinor: 476800, RefundMinor: 100000, FeeMinor: 2261, Stated: true,
	}
	if totals != wantTotals {
		t.Errorf("totals\n got %+v\nwant %+v", totals, wantTotals)
	}
}

// TestBillTypes: what the types of transactions are, and that an unknown one
// takes no part.
func TestBillTypes(t *testing.T) {
	for code, want := range map[string]channels.BillRowType{
		"01": channels.BillPayment, "03": channels.BillPayment, "04": channels.BillRefund, "31": channels.BillRefund,
		"33": channels.BillRefund, "12": channels.BillOther, "": channels.BillOther,
	} {
		changes := map[int]string{20: code}
		numbers := "1 0.00 4768.00 28.61 0.00 0.00 4739.39"
		if want == channels.BillRefund || code == "12" {
			changes[17], numbers = "D000000479661", "1 4768.00 0.00 28.61 0.00 4796.61 0.00"
		}
		rows, totals, err := read(testMerID, billDay(), zipped(t,
			member{detailName, record(changes) + "\n"}, member{summaryName, summaryOf(testMerID, "20261120", numbers)}))
		if err != nil || len(rows) != 1 || rows[0].Type != want || totals.Rows != 1 {
			t.Errorf("%q: %+v, %v", code, rows, err)
		}
		if want == channels.BillOther && totals.FeeMinor+totals.PaymentMinor+totals.RefundMinor != 0 {
			t.Errorf("%q is in the totals %+v", code, totals)
		}
	}
}

// TestBillYears: records have no year.
func TestBillYears(t *testing.T) {
	newYear := channels.DayAt(time.Date(2027, 1, 1, 4, 0, 0, 0, time.UTC))
	leap := channels.DayAt(time.Date(2028, 2, 29, 4, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		day        channels.Day
		text, want string
	}{
		{newYear, "1231230000", "2026-12-31T15:00:00Z"},
		{newYear, "0101003000", "2026-12-31T16:30:00Z"},
		{newYear.Add(-1), "0101003000", "2026-12-31T16:30:00Z"},
		{leap, "0229120000", "2028-02-29T04:00:00Z"},
	} {
		l := detailLayout()
		f := &fields{layout: &l, record: []byte(record(map[int]string{5: tt.text}))}
		if got := f.time(colTime, tt.day); f.err != nil || got.Format(time.RFC3339) != tt.want {
			t.Errorf("%s on %s: %v, %v", tt.text, tt.day, got, f.err)
		}
	}
}

// TestVectorsBill: a recorded archive of the test gateway parses, and its
// totals are those that it states.
func TestVectorsBill(t *testing.T) {
	original := adaptertest.Vector(t, Name, "recon/700000000000001_20170119.zip")
	day, err := channels.ParseDay("2017-01-19")
	if err != nil {
		t.Fatal(err)
	}
	rows, totals, err := read("700000000000001", day, original)
	if err != nil {
		t.Fatal(err)
	}
	want := channels.BillTotals{Currency: "CNY", Rows: 22, Payments: 22, PaymentMinor: 44, Stated: true}
	if totals != want || len(rows) != 22 {
		t.Errorf("%d rows, totals %+v", len(rows), totals)
	}
	first := channels.BillRow{
		Line: 1, Type: channels.BillPayment, AttemptID: "0001TEST0000000000000464", ChannelTradeNo: "201601201045360272978",
		Amount: adaptertest.CNY(2), At: time.Date(2017, 1, 20, 2, 45, 36, 0, time.UTC), Text: "01 consumption",
	}
	if rows[0] != first {
		t.Errorf("first row\n got %+v\nwant %+v", rows[0], first)
	}
	for name, err := range map[string]error{
		"another merchant": second(read(testMerID, day, original)),
		"another day":      second(read("700000000000001", day.Next(), original)),
	} {
		if !isBroken(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ []channels.BillRow, _ channels.BillTotals, err error) error { return err }

func isBroken(err error) bool {
	var b *channels.BrokenBillError
	return errors.As(err, &b)
}

func TestBillBroken(t *testing.T) {
	one := func(changes map[int]string) []member {
		return []member{{detailName, record(changes) + "\r\n"}, {summaryName, summaryOf(testMerID, "20261120", "1 0.00 4768.00 28.61 0.00 0.00 4739.39")}}
	}
	if _, _, err := read(testMerID, billDay(), zipped(t, one(nil)...)); err != nil {
		t.Fatalf("the undamaged one: %v", err)
	}
	detail := func(content string) []member { return []member{{detailName, content}, dayFiles()[1]} }
	stated := func(text string) []member { return []member{dayFiles()[0], {summaryName, text}} }
	numbers := func(n string) []member { return stated(summaryOf(testMerID, "20261120", n)) }
	for name, tt := range map[string]struct {
		files []member
		line  int64
	}{
		"another merchant's record": {one(map[int]string{28: "777290058110097"}), 1},
		"amount":                    {one(map[int]string{7: "00000047680x"}), 1},
		"amount with a blank":       {one(map[int]string{7: "00000047680 "}), 1},
		"fee without sign":          {one(map[int]string{16: " 000000002861"}), 1},
		"fee with a strange sign":   {one(map[int]string{16: "-000000002861"}), 1},
		"sign against the type":     {one(map[int]string{17: "D000000473939"}), 1},
		"refund that comes in":      {one(map[int]string{20: "04"}), 1},
		"net that is not the rest":  {one(map[int]string{17: "C000000473938"}), 1},
		"time":                      {one(map[int]string{5: "1332103005"}), 1},
		"time of no day":            {one(map[int]string{5: "0231103005"}), 1},
		"no queryId":                {one(map[int]string{10: ""}), 1},
		"number that is no text":    {one(map[int]string{12: "01JD\x013Y"}), 1},
		"short record":              {detail(record(nil) + "\r\n" + refundRecord()[:606] + "\r\n"), 2},
		"columns moved":             {detail(record(nil) + "\r\nx" + refundRecord() + "\r\n"), 2},
		"empty record":              {detail(record(nil) + "\r\n\r\n"), 2},
		"endless record":            {detail(record(nil) + "\r\n" + strings.Repeat(" ", billfile.MaxLine+1)), 2},
		"record twice":              {detail(dayFiles()[0].content + record(nil) + "\r\n"), 3},
		"record lost":               {detail(record(nil) + "\r\n"), 11},
		"no records at all":         {dayFiles()[1:], 11},
		"count":                     {numbers("3 1000.00 4768.00 28.61 6.00 994.00 4739.39"), 11},
		"amount in":                 {numbers("2 1000.00 4768.01 28.61 6.00 994.00 4739.39"), 11},
		"amount out":                {numbers("2 1000.01 4768.00 28.61 6.00 994.00 4739.39"), 11},
		"fees":                      {numbers("2 1000.00 4768.00 28.60 6.00 994.00 4739.39"), 11},
		"settled":                   {numbers("2 1000.00 4768.00 28.61 6.00 994.00 4739.38"), 11},
		"no number":                 {numbers("2 1000.00 4768.00 28.61 6.00 994.00 a"), 0},
		"no summary":                {dayFiles()[:1], 0},
		"empty summary":             {stated(""), 0},
		"summary of another day":    {stated(summaryOf(testMerID, "20261121", dayNumbers)), 0},
		"summary of another shop":   {stated(summaryOf("777290058110097", "20261120", dayNumbers)), 0},
		"other currency":            {stated(strings.Replace(summaryOf(testMerID, "20261120", dayNumbers), gbk("人民币"), gbk("美元"), 1)), 0},
		"total of other lines":      {stated(strings.Replace(summaryOf(testMerID, "20261120", dayNumbers), "4,768.00", "4768.01", 1)), 11},
		"two of a kind":             {append(dayFiles(), dayFiles()[0]), 0},
		"two days":                  {append(dayFiles(), member{"INN26112188ZME_" + testMerID, ""}), 0},
		"unknown records":           {append(dayFiles(), member{"INN26112088ZMX_" + testMerID, ""}), 0},
		"nothing of ours":           {[]member{{"README", "x"}}, 0},
		"too many members":          {append(dayFiles(), make([]member, maxMembers)...), 0},
		"large summary":             {stated(strings.Repeat("\r\n", maxSummary)), 0},
		"errors cut":                {append(dayFiles(), member{errorsName, "E74\r\n"}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(testMerID, billDay(), zipped(t, tt.files...))
			var b *channels.BrokenBillError
			if !errors.As(err, &b) {
				t.Fatalf("error %v", err)
			}
			if b.Line != tt.line {
				t.Errorf("line %d, want %d: %v", b.Line, tt.line, err)
			}
			if strings.Contains(b.Detail, "622609") {
				t.Errorf("a payer's card is in %q", b.Detail)
			}
		})
	}
}

// TestBillDamaged flips every byte and cuts at every length: what is still
// taken must be what it was.
func TestBillDamaged(t *testing.T) {
	good := zipped(t, dayFiles()...)
	wantRows, wantTotals, err := read(testMerID, billDay(), good)
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		damaged := bytes.Clone(good)
		damaged[at] ^= 0x41
		rows, totals, err := read(testMerID, billDay(), damaged)
		if err != nil && !isBroken(err) {
			t.Fatalf("byte %d: error is %T: %v", at, err, err)
		}
		if err == nil && (totals != wantTotals || len(rows) != 2 || rows[0] != wantRows[0] || rows[1] != wantRows[1]) {
			t.Fatalf("byte %d: %+v %+v", at, totals, rows)
		}
		if _, _, err := read(testMerID, billDay(), good[:at]); !isBroken(err) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
}

// TestBillBomb: archives made to cost more than they are.
func TestBillBomb(t *testing.T) {
	// A megabyte of zeros packs to a kilobyte; it ends at its first record.
	if _, _, err := read(testMerID, billDay(), zipped(t, member{detailName, strings.Repeat("\x00", 1<<20)}, dayFiles()[1])); !isBroken(err) {
		t.Errorf("zeros: %v", err)
	}
	// A directory with more entries than its end record tells.
	many := make([]member, 2000)
	for i := range many {
		many[i] = member{name: fmt.Sprintf("%060d", i)}
	}
	original := zipped(t, many...)
	end := original[len(original)-22:]
	copy(end[8:], []byte{1, 0, 1, 0})
	if _, _, err := read(testMerID, billDay(), original); !isBroken(err) {
		t.Errorf("a large directory: %v", err)
	}
}

// failing is an original that cannot be read to its end.
type failing struct{ *bytes.Reader }

var errDisk = errors.New("the disk is gone")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off < 600 {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off) //nolint:wrapcheck // a test's
}

// TestBillUnreadable: what cannot be read is not broken, and what the caller
// says is handed back as it is.
func TestBillUnreadable(t *testing.T) {
	c := newClient(t, testConfig("https://gateway.example.com"))
	original := zipped(t, dayFiles()...)
	nothing := func(channels.BillRow) error { return nil }
	_, err := c.ReadBill(channels.BillTrades, billDay(), failing{bytes.NewReader(original)}, int64(len(original)), nothing)
	if !errors.Is(err, errDisk) || isBroken(err) {
		t.Errorf("a failing disk: %v", err)
	}
	_, err = c.ReadBill(channels.BillTrades, billDay(), bytes.NewReader(original), int64(len(original)), func(channels.BillRow) error { return errFull })
	if err != errFull { //nolint:errorlint // exactly the same is promised
		t.Errorf("the caller's error: %v", err)
	}
	if totals, err := c.ReadBill(channels.BillTrades, billDay(), bytes.NewReader(original), int64(len(original)), nothing); err != nil || totals.Rows != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
	if _, err = c.ReadBill(channels.BillFunds, billDay(), bytes.NewReader(original), int64(len(original)), nothing); err == nil || isBroken(err) {
		t.Errorf("a bill of funds: %v", err)
	}
}

// TestBillAbsent: what "there is no file" means by the clock, and that a file is
// taken whatever the clock says.
func TestBillAbsent(t *testing.T) {
	day := billDay() // due 2026-11-21 09:00 in Beijing
	at := func(date string) time.Time {
		v, err := time.ParseInLocation(time.DateTime, date, beijing)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	none := []string{"respCode", "98", "settleDate", "1120"}
	there := []string{"respCode", "00", "settleDate", "1120", "fileName", "day.zip", "fileContent", pack(t, []byte("archive"))}
	busy := []string{"respCode", "06", "settleDate", "1120"}
	for _, tt := range []struct {
		name   string
		now    time.Time
		answer []string
		want   error
	}{
		{"the day is not over", at("2026-11-20 12:00:00"), none, channels.ErrBillAbsent},
		{"weeks ahead", at("2026-10-20 12:00:00"), there, channels.ErrBillNotReady},
		{"over, not due", at("2026-11-21 08:59:59"), none, channels.ErrBillAbsent},
		{"due", at("2026-11-21 09:00:00"), none, channels.ErrBillAbsent},
		{"late", at("2026-11-21 17:59:59"), none, channels.ErrBillAbsent},
		{"never", at("2026-11-21 18:00:00"), none, channels.ErrNoBusiness},
		{"there before the day is over", at("2026-11-19 22:00:00"), there, nil},
		{"there before it is due", at("2026-11-20 23:30:00"), there, nil},
		{"there", at("2026-12-24 12:00:00"), there, nil},
		{"busy", at("2026-12-24 12:00:00"), busy, errBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := answering(t, tt.answer...)
			cfg := testConfig("https://gateway.example.com")
			cfg.FileURL = g.URL
			c := newClient(t, cfg)
			c.now = func() time.Time { return tt.now.UTC() }
			var out bytes.Buffer
			f, err := c.FetchBill(t.Context(), channels.BillTrades, day, &out)
			var e *channels.Error
			switch {
			case tt.want == nil:
				if err != nil || out.String() != "archive" || f != (channels.BillFile{Name: "day.zip", ContentType: "application/zip"}) {
					t.Errorf("%+v %q, %v", f, out.String(), err)
				}
			case errors.Is(tt.want, errBusy):
				if !errors.As(err, &e) || e.Op != channels.OpBill || e.Outcome != channels.Unknown || silent(err) {
					t.Errorf("error %v", err)
				}
			case !errors.Is(err, tt.want) || errors.Is(err, channels.ErrNoBusiness) == errors.Is(err, channels.ErrBillNotReady):
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	c := newClient(t, testConfig("https://gateway.example.com"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"another kind":  fetchError(c.FetchBill(t.Context(), channels.BillFunds, day, &bytes.Buffer{})),
		"long ago":      fetchError(c.FetchBill(t.Context(), channels.BillTrades, day.Add(-400), &bytes.Buffer{})),
		"nobody waits":  fetchError(c.FetchBill(ctx, channels.BillTrades, day, &bytes.Buffer{})),
		"nothing there": fetchError(channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, errBusy)),
	} {
		var e *channels.Error
		if !errors.As(err, &e) || e.Op != channels.OpBill || silent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var errBusy = errors.New("busy")

func fetchError(_ channels.BillFile, err error) error { return err }

// silent tells of an error that says something of the bill, not of the call.
func silent(err error) bool {
	return errors.Is(err, channels.ErrBillNotReady) || errors.Is(err, channels.ErrNoBusiness)
}

// TestBillCalendar: days end at 23:00 in Beijing.
func TestBillCalendar(t *testing.T) {
	cal := newClient(t, testConfig("https://gateway.example.com")).BillCalendar()
	from, to := cal.Window(billDay())
	if from.Format(time.RFC3339) != "2026-11-19T15:00:00Z" || to.Format(time.RFC3339) != "2026-11-20T15:00:00Z" {
		t.Errorf("from %v to %v", from, to)
	}
	if cal.DayOf(to) != billDay().Next() || cal.DayOf(to.Add(-time.Second)) != billDay() {
		t.Error("the cut is not at 23:00")
	}
	if due := cal.DueAt(billDay()); due.Format(time.RFC3339) != "2026-11-21T01:00:00Z" {
		t.Errorf("due %v", due)
	}
}

// TestLately: a record that comes again is noticed among its neighbours.
func TestLately(t *testing.T) {
	l := newLately()
	for i := range remembered + 10 {
		if l.again(fmt.Append(nil, i)) {
			t.Fatalf("%d is new", i)
		}
	}
	if !l.again(fmt.Append(nil, remembered+9)) || !l.again(fmt.Append(nil, 10)) {
		t.Error("a record of a moment ago is forgotten")
	}
	if len(l.known) != remembered || len(l.order) != remembered {
		t.Errorf("%d and %d remembered", len(l.known), len(l.order))
	}
}
