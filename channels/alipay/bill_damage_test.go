package alipay

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
)

// wantBroken ends the test unless err is a broken bill at the line, and nothing
// that could be taken for a bill that is not there.
func wantBroken(t testing.TB, err error, line int64, detail string) {
	t.Helper()
	var broken *channels.BrokenBillError
	if !errors.As(err, &broken) {
		t.Fatalf("error is %T (%v), want *BrokenBillError", err, err)
	}
	if broken.Line != line || !strings.Contains(broken.Detail, detail) {
		t.Errorf("line %d: %q, want line %d: %q", broken.Line, broken.Detail, line, detail)
	}
	if errors.Is(err, channels.ErrBillNotReady) || errors.Is(err, channels.ErrNoBusiness) {
		t.Errorf("%v says that there is no bill", err)
	}
	for _, private := range []string{"138***", "咖啡", "早餐"} {
		if strings.Contains(err.Error(), private) {
			t.Errorf("%v tells of the payer", err)
		}
	}
}

// damage is a change of a text; both of its files are good but for it.
type damage struct {
	// sums: it is one of the file of sums.
	sums     bool
	old, new string
	line     int64
	detail   string
}

func (d damage) apply(t *testing.T, detail, sums string) (string, string) {
	t.Helper()
	text := &detail
	if d.sums {
		text = &sums
	}
	changed := strings.Replace(*text, d.old, d.new, 1)
	if changed == *text {
		t.Fatal("the case changes nothing")
	}
	*text = changed
	return detail, sums
}

func TestReadBill_DamagedTrades(t *testing.T) {
	for name, d := range map[string]damage{
		"PaidTotal":        {false, "商家实收共98.80元", "商家实收共98.81元", 10, "what was received"},
		"PaidCount":        {false, "#交易合计：2笔", "#交易合计：3笔", 10, "the number of payments"},
		"DiscountTotal":    {false, "商家优惠共0.00元", "商家优惠共0.01元", 10, "discounts"},
		"BackTotal":        {false, "商家实收退款共-30.00元", "商家实收退款共30.00元", 11, "what was given back"},
		"BackCount":        {false, "#退款合计：1笔", "#退款合计：0笔", 11, "the number of refunds"},
		"BackDiscount":     {false, "商家优惠退款共0.00元", "商家优惠退款共-1.00元", 11, "the discounts given back"},
		"TotalsUnreadable": {false, "#交易合计：2笔，商家实收共98.80元", "#交易合计：2笔，实收98.80元", 10, "cannot be read"},
		"AllSums":          {true, "合计\t,\t,2,1,68.80,68.80", "合计\t,\t,2,1,68.80,68.81", 8, headReceived},
		"AllCount":         {true, "合计\t,\t,2,1", "合计\t,\t,2,2", 8, headBackCount},
		"AllFee":           {true, "-0.59", "-0.58", 8, headFee},
		"AllNet":           {true, "68.21", "68.80", 8, headNet},
		"StoreSums":        {true, "1,1,58.80,58.80", "1,1,58.80,58.81", 6, headReceived},
		"StoreOther":       {true, "s1\t,一店", "s2\t,一店", 6, "of one store"},
		"StoreMissing":     {true, "\t,\t,1,0,10.00,10.00,0.00,0.00,0.00,-0.06,0.00,9.94\n", "", 0, "a store of the rows has no sums"},
		"AllMissing":       {true, "合计\t,\t,2,1,68.80,68.80,0.00,0.00,0.00,-0.59,0.00,68.21\n", "", 0, "合计"},
		"AllTwice":         {true, "#-----------------------------------------业务汇总列表", "#-业务汇总列表", 0, ""},
		"OtherAccount":     {false, "20880000000000010156", "20880000000000020156", 2, "another account"},
		"OtherSums":        {true, "20880000000000010156", "20880000000000020156", 2, "汇总"},
		"LongerAccount":    {false, "20880000000000010156", "208800000000000101567", 2, "another account"},
		"OtherDay":         {false, "2026年11月21日", "2026年11月20日", 3, "not of 2026-11-21"},
		"TwoDays":          {false, "2026年11月22日", "2026年11月23日", 3, "not of 2026-11-21"},
		"NobodysFile":      {false, "#账号：[20880000000000010156]\n", "", 4, "whose it is"},
		"OtherTitle":       {false, "业务明细查询", "账务明细查询", 1, "another file"},
		"FewerCells":       {false, ",-0.06,0.00,\n", ",-0.06\n", 7, "a row of 23 cells under 25 headings"},
		"Amount":           {false, "88.80,88.80", "88.80,88.8O", 6, headReceived},
		"AmountPlaces":     {false, "10.00,10.00", "10.00,10.000", 7, headReceived},
		"FeeEmpty":         {false, "-0.53", "", 6, headFee},
		"PositiveRefund":   {false, "-30.00,-30.00", "30.00,30.00", 8, "sign"},
		"NegativePayment":  {false, "10.00,10.00", "-10.00,-10.00", 7, "sign"},
		"Time":             {false, "2026-11-21 11:00:05", "2026-11-31 11:00:05", 7, headDone},
		"NoNumbers":        {false, "2026112122001400000000000002	,01JD3Y7F8GH2K4M6N8P0QRSTVB	", "\t,\t", 7, "names no order"},
		"Heading":          {false, "商家实收（元）", "商户实收（元）", 5, headReceived},
		"HeadingTwice":     {false, "集分宝（元）", "商家实收（元）", 5, "twice"},
		"EndMissing":       {false, "#-----------------------------------------业务明细列表结束------------------------------------\n", "", 9, "a row of"},
		"FooterMissing":    {false, "#退款合计：1笔，商家实收退款共-30.00元，商家优惠退款共0.00元\n", "", 0, "cut off"},
		"RowBehindEnd":     {false, "#导出时间", "2026112122001400000000000009\t,x\n#导出时间", 12, "after the end"},
		"LongLine":         {false, "早餐", strings.Repeat("早餐", 40_000), 6, "longer than the limit"},
	} {
		if name == "AllTwice" {
			d = damage{true, "合计\t,\t,2,1", "合计\t,\t,0,0,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00\n合计\t,\t,2,1", 9, "twice"}
		}
		t.Run(name, func(t *testing.T) {
			detail, sums := d.apply(t, goodDetail, goodSums)
			_, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(detail, sums)...))
			wantBroken(t, err, d.line, d.detail)
			if totals != (channels.BillTotals{}) {
				t.Errorf("totals %+v beside an error", totals)
			}
		})
	}
}

func TestReadBill_DamagedFunds(t *testing.T) {
	for name, d := range map[string]damage{
		"OutCount":   {false, "#支出合计：1笔", "#支出合计：2笔", 9, "the number of expenses"},
		"OutTotal":   {false, "共-0.53元", "共-0.54元", 9, "what went out"},
		"InCount":    {false, "#收入合计：1笔", "#收入合计：0笔", 10, "the number of incomes"},
		"InTotal":    {false, "共88.80元", "共88.81元", 10, "what came in"},
		"AllSums":    {true, "合计,1,88.80", "合计,1,88.81", 8, "what came in"},
		"TypeSums":   {true, "收费,0,0.00,1,-0.53", "收费,0,0.00,1,-0.54", 8, "of all types"},
		"AllMissing": {true, "合计,1,88.80,1,-0.53,88.27\n", "", 0, "合计"},
		"Both":       {false, "88.80,,", "88.80,1.00,", 6, "comes in and goes out"},
		"Amount":     {false, "88.80,,", "x,,", 6, "收入金额"},
		"Time":       {false, "2026-11-21 10:00:05", "2026-11-21", 6, headAt},
		"CutOff":     {false, "#支出合计：1笔，共-0.53元,,,,,,,\n", "", 0, "cut off"},
		"OtherDay":   {false, "2026年11月21日", "2026年11月20日", 3, "not of 2026-11-21"},
	} {
		t.Run(name, func(t *testing.T) {
			detail, sums := d.apply(t, goodFunds, goodFundSums)
			_, _, err := readRows(billClient(t), channels.BillFunds, billDay(t), archive(t, fundFiles(detail, sums)...))
			wantBroken(t, err, d.line, d.detail)
		})
	}
}

func TestReadBill_DamagedArchive(t *testing.T) {
	good := tradeFiles(goodDetail, goodSums)
	raw := archive(t, good...)
	many := make([]entry, maxEntries+1)
	for i := range many {
		many[i] = entry{fmt.Sprintf("%d_业务明细.csv", i), goodDetail}
	}
	for name, tt := range map[string]struct {
		raw    []byte
		detail string
	}{
		"Empty":      {nil, "no ZIP"},
		"HTML":       {[]byte("<html><body>502 Bad Gateway</body></html>"), "no ZIP"},
		"Truncated":  {raw[:len(raw)-10], "no ZIP"},
		"HeadCutOff": {raw[100:], ""},
		"UTF8": {
			zipped(t, entry{"20880000000000010156_20261121_业务明细.csv", goodDetail}, entry{"20880000000000010156_20261121_业务明细(汇总).csv", goodSums}),
			"another encoding",
		},
		"NoDetail":   {archive(t, good[1:]...), "no file 业务明细"},
		"NoSums":     {archive(t, good[:1]...), "no file of sums"},
		"Twice":      {archive(t, good[0], good[0], good[1]), "twice"},
		"Another":    {archive(t, good[0], good[1], entry{"readme.txt", "x"}), "neither"},
		"OtherKind":  {archive(t, fundFiles(goodFunds, goodFundSums)...), "neither"},
		"Many":       {archive(t, many...), "9 entries"},
		"Directory":  {hugeDirectory(t), "more than the limit|it unpacks"},
		"Encrypted":  {flagged(t, raw), "encrypted"},
		"Unreadable": {deflateBroken(t, raw), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readRows(billClient(t), channels.BillTrades, billDay(t), tt.raw)
			var broken *channels.BrokenBillError
			if !errors.As(err, &broken) {
				t.Fatalf("error is %T (%v)", err, err)
			}
			found := false
			for _, part := range strings.Split(tt.detail, "|") {
				found = found || strings.Contains(broken.Detail, part)
			}
			if !found {
				t.Errorf("detail %q, want %q", broken.Detail, tt.detail)
			}
		})
	}
}

// zipped packs texts as they are, with UTF-8 names.
func zipped(t testing.TB, files ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		into, err := w.Create(f.name)
		if err == nil {
			_, err = io.WriteString(into, f.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// hugeDirectory is an archive that lists far more entries than a bill has.
func hugeDirectory(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := range 20_000 {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d_业务明细.csv", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// flagged says of the entries that they are encrypted.
func flagged(t testing.TB, raw []byte) []byte {
	t.Helper()
	raw = bytes.Clone(raw)
	at := bytes.Index(raw, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("no directory")
	}
	raw[at+8] |= 1
	return raw
}

// deflateBroken damages the packed text of the first entry.
func deflateBroken(t testing.TB, raw []byte) []byte {
	t.Helper()
	raw = bytes.Clone(raw)
	for i := 100; i < 140; i++ {
		raw[i] ^= 0xff
	}
	return raw
}

// TestReadBill_Bomb: what unpacks to more than the limit is refused while it
// is unpacked.
func TestReadBill_Bomb(t *testing.T) {
	row := strings.SplitAfter(goodDetail, "\n")[5]
	head := strings.Join(strings.SplitAfter(goodDetail, "\n")[:5], "")
	raw := archive(t, tradeFiles(head+strings.Repeat(row, 20_000), goodSums)...)
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	cfg.BillMaxUnpackedBytes = 1 << 20
	rows, _, err := readRows(newClient(t, cfg), channels.BillTrades, billDay(t), raw)
	var broken *channels.BrokenBillError
	if !errors.As(err, &broken) || !strings.Contains(broken.Detail, "unpacks to more than the limit") || broken.Line < 1000 {
		t.Errorf("error %v", err)
	}
	if len(rows) > 8000 {
		t.Errorf("%d rows were read from the first MiB", len(rows))
	}
}

// failingReader cannot read from a place on.
type failingReader struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("disk is gone")

func (r failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.from {
		return 0, errDisk
	}
	return r.Reader.ReadAt(p, off)
}

// TestReadBill_OriginalCannotBeRead: a failing store is no broken bill.
func TestReadBill_OriginalCannotBeRead(t *testing.T) {
	raw := archive(t, tradeFiles(goodDetail, goodSums)...)
	for from := int64(0); from < int64(len(raw)); from += 50 {
		_, err := billClient(t).ReadBill(channels.BillTrades, billDay(t), failingReader{bytes.NewReader(raw), from}, int64(len(raw)),
			func(channels.BillRow) error { return nil })
		var broken *channels.BrokenBillError
		if !errors.Is(err, errDisk) || errors.As(err, &broken) {
			t.Fatalf("from byte %d: %v", from, err)
		}
	}
}
