package wechatpay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func gzipped(t testing.TB, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(raw)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A day with two payments, one of which was reversed, a refund of a payment of
// another day, one under way and one that failed.
const goodTrades = "\ufeff" + `交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注
` + "`2026-11-21 10:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611210000000001,`01JD3Y7F8GH2K4M6N8P0QRSTVA,`oUpF8,`NATIVE,`SUCCESS,`OTHERS,`CNY,`80.00,`8.80,`0,`0,`0.00,`0.00,`,`,`咖啡, \"大\",`{\"a\":1,\"b\":2},`0.53000,`0.60%,`88.80,`0.00,`\n" +
	"`2026-11-21 11:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611210000000002,`01JD3Y7F8GH2K4M6N8P0QRSTVB,`oUpF8,`MICROPAY,`SUCCESS,`OTHERS,`CNY,`10.00,`0.00,`0,`0,`0.00,`0.00,`,`,`茶,`,`0.06000,`0.60%,`10.00,`0.00,`\n" +
	"`2026-11-21 11:00:30,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611210000000002,`01JD3Y7F8GH2K4M6N8P0QRSTVB,`oUpF8,`MICROPAY,`REVOKED,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000001,`01JD3Y7F8GH2K4M6N8P0QRSTVB,`10.00,`0.00,`ORIGINAL,`SUCCESS,`茶,`,`-0.06000,`0.60%,`0.00,`10.00,`\n" +
	"`2026-11-21 12:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611200000000003,`01JD3Y7F8GH2K4M6N8P0QRSTVD,`oUpF8,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000002,`01JD3Y7F8GH2K4M6N8P0QRSTVE,`45.00,`0.50,`ORIGINAL,`SUCCESS,`书,`,`-0.27000,`0.60%,`0.00,`45.50,`\n" +
	"`2026-11-21 13:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611200000000004,`01JD3Y7F8GH2K4M6N8P0QRSTVF,`oUpF8,`APP,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000003,`01JD3Y7F8GH2K4M6N8P0QRSTVG,`1.00,`0.00,`ORIGINAL,`PROCESSING,`书,`,`-0.01000,`0.60%,`0.00,`1.00,`\n" +
	"`2026-11-21 14:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`4200000925202611200000000005,`01JD3Y7F8GH2K4M6N8P0QRSTVH,`oUpF8,`APP,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000004,`01JD3Y7F8GH2K4M6N8P0QRSTVJ,`2.00,`0.00,`ORIGINAL,`FAIL,`书,`,`0.00000,`0.60%,`0.00,`2.00,`\n" + `总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额
` + "`6.0,`90.00,`58.00,`0.50,`0.25000,`98.80,`58.50\n"

const goodFunds = "\ufeff" + `记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号
` + "`2026-11-21 10:00:00,`4200000925202611210000000001,`4200000925202611210000000001,`交易,`交易,`收入,`88.80,`188.80,`system,`,`01JD3Y7F8GH2K4M6N8P0QRSTVA\n" +
	"`2026-11-21 10:00:00,`4200000925202611210000000001,`4200000925202611210000000002,`交易,`扣除交易手续费,`支出,`0.53,`188.27,`system,`,`01JD3Y7F8GH2K4M6N8P0QRSTVA\n" + `资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额
` + "`2,`1,`88.80,`1,`0.53\n"

func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

const billDay = "2026-11-21"

func billClient(t testing.TB) *Client {
	t.Helper()
	return newClient(t, keyConfig("https://api.mch.weixin.qq.com"))
}

func TestReadBill_Trades(t *testing.T) {
	// The mark at the beginning, the kind of line ends and the packing do not count.
	for name, raw := range map[string][]byte{
		"Plain": crlf(goodTrades), "GZIP": gzipped(t, crlf(goodTrades)), "LF": []byte(goodTrades), "NoMark": crlf(goodTrades[3:]),
	} {
		t.Run(name, func(t *testing.T) {
			rows, totals, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), raw)
			if err != nil {
				t.Fatal(err)
			}
			if want := (channels.BillTotals{
				Currency: "CNY", Rows: 6, Payments: 2, Refunds: 3, PaymentMinor: 9880, RefundMinor: 5650, FeeMinor: 25, Stated: true,
			}); totals != want {
				t.Errorf("totals %+v, want %+v", totals, want)
			}
			at := func(s string) channels.BillRow {
				return channels.BillRow{At: parseTime("2026-11-21T" + s + "+08:00")}
			}
			row := func(line int64, at channels.BillRow, kind channels.BillRowType, attempt, trade string, minor, fee int64, text string) channels.BillRow {
				at.Line, at.Type, at.AttemptID, at.ChannelTradeNo, at.Amount, at.FeeMinor, at.Text = line, kind, "01JD3Y7F8GH2K4M6N8P0QRST"+attempt, "42000009252026112"+trade, adaptertest.CNY(minor), fee, text
				return at
			}
			want := []channels.BillRow{
				row(2, at("10:00:00"), channels.BillPayment, "VA", "10000000001", 8880, 53, "SUCCESS"),
				row(3, at("11:00:00"), channels.BillPayment, "VB", "10000000002", 1000, 6, "SUCCESS"),
				row(4, at("11:00:30"), channels.BillRefund, "VB", "10000000002", 1000, -6, "REVOKED"),
				row(5, at("12:00:00"), channels.BillRefund, "VD", "00000000003", 4550, -27, "REFUND"),
				row(6, at("13:00:00"), channels.BillRefund, "VF", "00000000004", 100, -1, "REFUND PROCESSING"),
				row(7, at("14:00:00"), channels.BillRefund, "VH", "00000000005", 200, 0, "REFUND FAIL"),
			}
			for i, refund := range []string{"VB", "VE", "VG", "VJ"} {
				want[i+2].RefundID = "01JD3Y7F8GH2K4M6N8P0QRST" + refund
				want[i+2].ChannelRefundNo = "5030000000202611210000000000" + string(rune('1'+i))
			}
			want[4].Pending, want[5].Failed = true, true
			for i := range want {
				if i >= len(rows) || rows[i] != want[i] {
					t.Errorf("row %d of\n%+v, want\n%+v", i, rows, want[i])
				}
			}
		})
	}
}

// TestReadBill_Reversals: one may state no refund of its own, and may carry the
// time of what it reverses.
func TestReadBill_Reversals(t *testing.T) {
	text := strings.Replace(goodTrades, "`2026-11-21 11:00:30", "`2026-11-20 23:59:59", 1)
	text = strings.Replace(text, "`0.00,`0.00,`50300000002026112100000000001,`01JD3Y7F8GH2K4M6N8P0QRSTVB,`10.00,`0.00,`ORIGINAL,`SUCCESS,`茶,`,`-0.06000,`0.60%,`0.00,`10.00",
		"`10.00,`0.00,`0,`0,`0.00,`0.00,`,`,`茶,`,`-0.06000,`0.60%,`10.00,`0.00", 1)
	text = strings.Replace(text, "`6.0,`90.00,`58.00,`0.50,`0.25000,`98.80,`58.50", "`6,`100.00,`48.00,`0.50,`0.25000,`108.80,`48.50", 1)
	rows, totals, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), crlf(text))
	if err != nil || totals.RefundMinor != 5650 || totals.PaymentMinor != 9880 {
		t.Fatalf("%v %+v", err, totals)
	}
	if r := rows[2]; r.Type != channels.BillRefund || r.Pending || r.Failed || r.RefundID != "" || r.Amount.Minor() != 1000 {
		t.Errorf("%+v", r)
	}
}

func TestReadBill_Funds(t *testing.T) {
	rows, totals, err := read(billClient(t), channels.BillFunds, dayOf(t, billDay), crlf(goodFunds))
	if err != nil {
		t.Fatal(err)
	}
	if want := (channels.BillTotals{Currency: "CNY", Rows: 2, Payments: 1, Refunds: 1, PaymentMinor: 8880, RefundMinor: 53, Stated: true}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	if len(rows) != 2 || rows[1].Text != "支出 扣除交易手续费" || rows[1].Type != channels.BillOther || rows[1].Amount.Minor() != 53 || rows[1].AttemptID != "01JD3Y7F8GH2K4M6N8P0QRSTVA" {
		t.Errorf("%+v", rows)
	}
}

func TestReadBill_NoBusiness(t *testing.T) {
	lines := strings.SplitAfter(goodTrades, "\n")
	text := lines[0] + lines[7] + "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00\n"
	rows, totals, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), gzipped(t, crlf(text)))
	if err != nil || len(rows) != 0 || totals != (channels.BillTotals{Currency: "CNY", Stated: true}) {
		t.Errorf("%v %+v %+v", err, rows, totals)
	}
}

// TestReadBill_OrderOfColumns: headings decide where a column is.
func TestReadBill_OrderOfColumns(t *testing.T) {
	var turned []string
	for i, line := range strings.Split(strings.TrimPrefix(goodTrades, "\ufeff"), "\n") {
		separator, lead := ",`", "`"
		if !strings.HasPrefix(line, "`") {
			separator, lead = ",", ""
		}
		if cells := strings.Split(strings.TrimPrefix(line, lead), separator); i < 7 {
			for i, j := 0, len(cells)-1; i < j; i, j = i+1, j-1 {
				cells[i], cells[j] = cells[j], cells[i]
			}
			line = lead + strings.Join(cells, separator)
		}
		turned = append(turned, line)
	}
	_, totals, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), crlf(strings.Join(turned, "\n")))
	if err != nil || totals.FeeMinor != 25 {
		t.Errorf("%v %+v", err, totals)
	}
}

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
	for _, private := range []string{"oUpF8", "咖啡"} {
		if strings.Contains(err.Error(), private) {
			t.Errorf("%v tells of the payer", err)
		}
	}
}

func TestReadBill_DamagedTrades(t *testing.T) {
	for name, d := range map[string]struct {
		old, new string
		line     int64
		detail   string
	}{
		"Rows":            {"`6.0,`90.00", "`7,`90.00", 9, "总交易单数"},
		"RowsOfAHalf":     {"`6.0,`90.00", "`6.5,`90.00", 9, "总交易单数"},
		"Settled":         {"`6.0,`90.00", "`6.0,`90.01", 9, "应结订单总金额"},
		"Returned":        {"`58.00", "`58.01", 9, "退款总金额"},
		"Coupons":         {"`58.00,`0.50", "`58.00,`0.51", 9, "充值券退款总金额"},
		"Fees":            {"`0.25000", "`0.25001", 9, "手续费总金额"},
		"Ordered":         {"`98.80", "`98.81", 9, "订单总金额"},
		"Requested":       {"`58.50", "`58.49", 9, "申请退款总金额"},
		"RowLost":         {"`2026-11-21 13:00:00", "总", 6, "twice"},
		"OtherMerchant":   {"`1900007291", "`1900007292", 2, "another merchant"},
		"OtherDay":        {"`2026-11-21 10:00:00", "`2026-11-20 23:59:59", 2, "not of 2026-11-21"},
		"NextDay":         {"`2026-11-21 14:00:00", "`2026-11-22 00:00:00", 7, "not of 2026-11-21"},
		"FewerCells":      {"`0.60%,`88.80,`0.00,`\n", "`0.60%,`88.80\n", 2, "a row of 25 cells under 27 headings"},
		"MoreCells":       {"`0.60%,`88.80,`0.00,`\n", "`0.60%,`88.80,`0.00,`,`\n", 2, "more than 27 cells"},
		"NoBacktick":      {"`6.0,`90.00", "6.0,`90.00", 9, "backtick"},
		"Amount":          {"`88.80,`0.00", "`88,80,`0.00", 2, "订单金额"},
		"NegativeAmount":  {"`88.80,`0.00", "`-88.80,`0.00", 2, "sign"},
		"FeePlaces":       {"`0.53000", "`0.530000", 2, "手续费"},
		"Time":            {"`2026-11-21 10:00:00", "`2026/11/21 10:00:00", 2, "交易时间"},
		"Currency":        {"`CNY,`80.00", "`USD,`80.00", 2, "currency"},
		"NoNumbers":       {"`4200000925202611210000000001,`01JD3Y7F8GH2K4M6N8P0QRSTVA", "`,`", 2, "names no order"},
		"Heading":         {"商户订单号", "订单号", 1, "商户订单号"},
		"HeadingOfTotals": {"手续费总金额", "手续费", 8, "手续费总金额"},
		"NoTotals":        {"总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n`6.0,`90.00,`58.00,`0.50,`0.25000,`98.80,`58.50\n", "", 7, "cut off"},
		"HalfOfTotals":    {"`6.0,`90.00,`58.00,`0.50,`0.25000,`98.80,`58.50\n", "", 8, "cut off"},
		"Behind":          {"`58.50\n", "`58.50\n`1\n", 10, "after the totals"},
		"LongLine":        {"咖啡", strings.Repeat("咖啡", 20_000), 2, "longer than the limit"},
		"ForeignEncoding": {"交易时间", "\xbd\xbb\xd2\xd7\xca\xb1\xbc\xe4", 1, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(goodTrades, d.old, d.new, 1)
			if changed == goodTrades {
				t.Fatal("the case changes nothing")
			}
			_, totals, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), gzipped(t, crlf(changed)))
			wantBroken(t, err, d.line, d.detail)
			if totals != (channels.BillTotals{}) {
				t.Errorf("totals %+v beside an error", totals)
			}
		})
	}
}

func TestReadBill_DamagedFunds(t *testing.T) {
	for name, d := range map[string]struct {
		old, new string
		line     int64
		detail   string
	}{
		"Rows":      {"`2,`1,`88.80", "`3,`1,`88.80", 5, "资金流水总笔数"},
		"Ins":       {"`2,`1,`88.80", "`2,`2,`88.80", 5, "收入笔数"},
		"In":        {"`2,`1,`88.80", "`2,`1,`88.81", 5, "收入金额"},
		"Outs":      {"`1,`0.53\n", "`0,`0.53\n", 5, "支出笔数"},
		"Out":       {"`1,`0.53\n", "`1,`0.54\n", 5, "支出金额"},
		"Direction": {"`收入,", "`转入,", 2, "neither"},
		"Sign":      {"`收入,`88.80", "`收入,`-88.80", 2, "sign"},
		"OtherDay":  {"`2026-11-21", "`2026-11-22", 2, "not of"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(goodFunds, d.old, d.new, 1)
			if changed == goodFunds {
				t.Fatal("the case changes nothing")
			}
			_, _, err := read(billClient(t), channels.BillFunds, dayOf(t, billDay), crlf(changed))
			wantBroken(t, err, d.line, d.detail)
		})
	}
}

func TestReadBill_DamagedFile(t *testing.T) {
	good := gzipped(t, crlf(goodTrades))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-8] ^= 1 // the CRC
	for name, tt := range map[string]struct {
		raw    []byte
		line   int64
		detail string
	}{
		"Empty":     {nil, 0, "empty"},
		"HTML":      {[]byte("<html><body>502 Bad Gateway</body></html>"), 1, "no column"},
		"Truncated": {good[:len(good)-9], 9, "ends early"},
		"HeadOnly":  {good[:12], 0, "ends early"},
		"CRC":       {flipped, 9, "checksum"},
		"Rubbish":   {append(bytes.Clone(good), "rubbish"...), 9, ""},
		"Twice":     {append(bytes.Clone(good), good...), 10, "after the totals"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(billClient(t), channels.BillTrades, dayOf(t, billDay), tt.raw)
			wantBroken(t, err, tt.line, tt.detail)
		})
	}
}

// TestReadBill_Partner: a service provider's bill of one merchant has that
// merchant's rows alone.
func TestReadBill_Partner(t *testing.T) {
	c := newClient(t, partnerConfig("https://api.mch.weixin.qq.com"))
	mine := strings.ReplaceAll(goodTrades, "`1900007291,`0,", "`1900007291,`1900000109,")
	if _, totals, err := read(c, channels.BillTrades, dayOf(t, billDay), crlf(mine)); err != nil || totals.Rows != 6 {
		t.Errorf("%+v %v", totals, err)
	}
	_, _, err := read(c, channels.BillTrades, dayOf(t, billDay), crlf(goodTrades))
	wantBroken(t, err, 2, "another sub-merchant")
	if kinds := c.BillCalendar().Kinds; len(kinds) != 1 || kinds[0] != channels.BillTrades {
		t.Errorf("kinds %v: the fund flow is the provider's own", kinds)
	}
}

// TestReadBill_Bomb: what unpacks to more than the limit is refused while it is
// unpacked.
func TestReadBill_Bomb(t *testing.T) {
	lines := strings.SplitAfter(goodTrades, "\n")
	raw := gzipped(t, []byte(lines[0]+strings.Repeat(lines[1], 20_000)))
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.BillMaxUnpackedBytes = 1 << 20
	rows, _, err := read(newClient(t, cfg), channels.BillTrades, dayOf(t, billDay), raw)
	var broken *channels.BrokenBillError
	if !errors.As(err, &broken) || !strings.Contains(broken.Detail, "unpacks to more than the limit") || len(rows) > 8000 {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
}

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
	raw := gzipped(t, crlf(goodTrades))
	_, err := billClient(t).ReadBill(channels.BillTrades, dayOf(t, billDay), failingReader{bytes.NewReader(raw), 10}, int64(len(raw)),
		func(channels.BillRow) error { return nil })
	var broken *channels.BrokenBillError
	if !errors.Is(err, errDisk) || errors.As(err, &broken) {
		t.Fatal(err)
	}
}
