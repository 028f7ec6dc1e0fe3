package alipay

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

const billHeadings = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）," +
	"支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"

// The two files of a day with two payments, of which one went back in part.
const (
	goodDetail = `#支付宝业务明细查询
#账号：[20880000000000010156]
#起始日期：[2026年11月21日 00:00:00]   终止日期：[2026年11月22日 00:00:00]
#-----------------------------------------业务明细列表----------------------------------------
` + billHeadings + `
2026112122001400000000000001	,01JD3Y7F8GH2K4M6N8P0QRSTVA	,交易	,咖啡,2026-11-21 10:00:00,2026-11-21 10:00:05,s1	,一店	,	,	,*明(138***@qq.com)	,88.80,88.80,0.00,0.00,0.00,0.00,0.00,,0.00	,0.00,	,-0.53,0.00,早餐
2026112122001400000000000002	,01JD3Y7F8GH2K4M6N8P0QRSTVB	,交易	,茶,2026-11-21 11:00:00,2026-11-21 11:00:05,	,	,	,	,*红(139***)	,10.00,10.00,0.00,0.00,0.00,0.00,0.00,,0.00	,0.00,	,-0.06,0.00,
2026112122001400000000000001	,01JD3Y7F8GH2K4M6N8P0QRSTVA	,退款	,咖啡,2026-11-21 10:00:00,2026-11-21 12:00:05,s1	,一店	,	,	,*明(138***@qq.com)	,-30.00,-30.00,0.00,0.00,0.00,0.00,0.00,,0.00	,0.00,01JD3Y7F8GH2K4M6N8P0QRSTVC,0.00,0.00,
#-----------------------------------------业务明细列表结束------------------------------------
#交易合计：2笔，商家实收共98.80元，商家优惠共0.00元
#退款合计：1笔，商家实收退款共-30.00元，商家优惠退款共0.00元
#导出时间：[2026年11月22日 05:46:49]
`
	goodSums = `#支付宝业务汇总查询
#账号：[20880000000000010156]
#起始日期：[2026年11月21日 00:00:00]   终止日期：[2026年11月22日 00:00:00]
#-----------------------------------------业务汇总列表----------------------------------------
门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）
s1	,一店	,1,1,58.80,58.80,0.00,0.00,0.00,-0.53,0.00,58.27
	,	,1,0,10.00,10.00,0.00,0.00,0.00,-0.06,0.00,9.94
合计	,	,2,1,68.80,68.80,0.00,0.00,0.00,-0.59,0.00,68.21
#----------------------------------------业务汇总列表结束-------------------------------------
#导出时间：[2026年11月22日 05:46:49]
`
	goodFunds = `#支付宝账务明细查询
#账号：[20880000000000010156]
#起始日期：[2026年11月21日 00:00:00]   终止日期：[2026年11月22日 00:00:00]
#-----------------------------------------账务明细列表----------------------------------------
账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注
1	,2026112122001400000000000001	,01JD3Y7F8GH2K4M6N8P0QRSTVA	,咖啡	,2026-11-21 10:00:05,*明	,88.80,,1088.80,支付宝,在线支付,
2	,2026112122001400000000000001	,01JD3Y7F8GH2K4M6N8P0QRSTVA	,咖啡	,2026-11-21 10:00:05,	,0.00,-0.53,1088.27,支付宝,收费,
#----------------------------------------账务明细列表结束-------------------------------------
#支出合计：1笔，共-0.53元,,,,,,,
#收入合计：1笔，共88.80元,,,,,,,
#导出时间：[2026年11月22日 05:46:49]
`
	goodFundSums = `#支付宝账务汇总查询
#账号：[20880000000000010156]
#起始日期：[2026年11月21日 00:00:00]   终止日期：[2026年11月22日 00:00:00]
#-----------------------------------------账务汇总列表----------------------------------------
类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）
在线支付,1,88.80,0,0.00,88.80
收费,0,0.00,1,-0.53,-0.53
合计,1,88.80,1,-0.53,88.27
#----------------------------------------账务汇总列表结束-------------------------------------
#导出时间：[2026年11月22日 05:46:49]
`
)

// entry is one file of an archive, as text.
type entry struct{ name, text string }

func gbk(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// archive packs files as Alipay does: names and texts in GBK, lines ended by
// CRLF, no flag that says UTF-8.
func archive(t testing.TB, files ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		into, err := w.CreateHeader(&zip.FileHeader{Name: gbk(t, f.name), NonUTF8: true, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(into, gbk(t, strings.ReplaceAll(f.text, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tradeFiles(detail, sums string) []entry {
	return []entry{{"20880000000000010156_20261121_业务明细.csv", detail}, {"20880000000000010156_20261121_业务明细(汇总).csv", sums}}
}

func fundFiles(detail, sums string) []entry {
	// The sums come first, as they do in some archives.
	return []entry{{"20880000000000010156_20261121_账务明细(汇总).csv", sums}, {"20880000000000010156_20261121_账务明细.csv", detail}}
}

func billDay(t testing.TB) channels.Day {
	t.Helper()
	day, err := channels.ParseDay("2026-11-21")
	if err != nil {
		t.Fatal(err)
	}
	return day
}

func billClient(t testing.TB) *Client {
	t.Helper()
	return newClient(t, keyConfig("https://openapi.alipay.com/gateway.do"))
}

// readRows gives a bill's rows beside its totals.
func readRows(c *Client, kind channels.BillKind, day channels.Day, raw []byte) (rows []channels.BillRow, _ channels.BillTotals, _ error) {
	totals, err := c.ReadBill(kind, day, bytes.NewReader(raw), int64(len(raw)), func(r channels.BillRow) error {
		rows = append(rows, r)
		return nil
	})
	return rows, totals, err
}

func TestReadBill_Trades(t *testing.T) {
	rows, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(goodDetail, goodSums)...))
	if err != nil {
		t.Fatal(err)
	}
	if want := (channels.BillTotals{
		Currency: "CNY", Rows: 3, Payments: 2, Refunds: 1, PaymentMinor: 9880, RefundMinor: 3000, FeeMinor: 59, Stated: true,
	}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	want := []channels.BillRow{
		{
			Line: 6, Type: channels.BillPayment, AttemptID: "01JD3Y7F8GH2K4M6N8P0QRSTVA", ChannelTradeNo: "2026112122001400000000000001",
			Amount: adaptertest.CNY(8880), FeeMinor: 53, At: parseTime("2026-11-21 10:00:05"), Text: "交易",
		},
		{
			Line: 7, Type: channels.BillPayment, AttemptID: "01JD3Y7F8GH2K4M6N8P0QRSTVB", ChannelTradeNo: "2026112122001400000000000002",
			Amount: adaptertest.CNY(1000), FeeMinor: 6, At: parseTime("2026-11-21 11:00:05"), Text: "交易",
		},
		{
			Line: 8, Type: channels.BillRefund, AttemptID: "01JD3Y7F8GH2K4M6N8P0QRSTVA", RefundID: "01JD3Y7F8GH2K4M6N8P0QRSTVC",
			ChannelTradeNo: "2026112122001400000000000001", Amount: adaptertest.CNY(3000), At: parseTime("2026-11-21 12:00:05"), Text: "退款",
		},
	}
	for i := range want {
		if i >= len(rows) || rows[i] != want[i] {
			t.Errorf("row %d of %+v, want %+v", i, rows, want[i])
		}
	}
}

func TestReadBill_Funds(t *testing.T) {
	rows, totals, err := readRows(billClient(t), channels.BillFunds, billDay(t), archive(t, fundFiles(goodFunds, goodFundSums)...))
	if err != nil {
		t.Fatal(err)
	}
	if want := (channels.BillTotals{
		Currency: "CNY", Rows: 2, Payments: 1, Refunds: 1, PaymentMinor: 8880, RefundMinor: 53, Stated: true,
	}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	want := channels.BillRow{
		Line: 7, Type: channels.BillOther, AttemptID: "01JD3Y7F8GH2K4M6N8P0QRSTVA", ChannelTradeNo: "2026112122001400000000000001",
		Amount: adaptertest.CNY(53), At: parseTime("2026-11-21 10:00:05"), Text: "支出 收费",
	}
	if len(rows) != 2 || rows[1] != want {
		t.Errorf("rows %+v, want the second %+v", rows, want)
	}
}

// TestReadBill_OrderOfColumns: headings decide where a column is.
func TestReadBill_OrderOfColumns(t *testing.T) {
	var turned []string
	for _, line := range strings.Split(goodDetail, "\n") {
		if cells := strings.Split(line, ","); len(cells) == 25 {
			for i, j := 0, len(cells)-1; i < j; i, j = i+1, j-1 {
				cells[i], cells[j] = cells[j], cells[i]
			}
			line = strings.Join(cells, ",")
		}
		turned = append(turned, line)
	}
	text := strings.NewReplacer("（", "(", "）", ")").Replace(strings.Join(turned, "\n"))
	rows, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(text, goodSums)...))
	if err != nil || totals.FeeMinor != 59 || rows[2].RefundID != "01JD3Y7F8GH2K4M6N8P0QRSTVC" {
		t.Errorf("%v %+v %+v", err, totals, rows)
	}
}

// TestReadBill_Commas: values are not quoted. What a comma in a text cannot
// make uncertain is read, what it can is refused.
func TestReadBill_Commas(t *testing.T) {
	for name, tt := range map[string]struct {
		old, new string
		certain  bool
	}{
		"Subject":          {",咖啡,2026-11-21 10:00:00,2026-11-21 10:00:05", ",咖啡, 大, 热,2026-11-21 10:00:00,2026-11-21 10:00:05", true},
		"Remark":           {",早餐", ",早餐,加糖,", true},
		"Both":             {",茶,2026-11-21 11:00:00", ",茶,红,2026-11-21 11:00:00", true},
		"RemarkOfNumbers":  {",早餐", ",1.00,2.00,3.00,4.00,5.00,6.00,7.00,,8.00,9.00,x,1.00,2.00,早餐", false},
		"SubjectLikeTimes": {",咖啡,2026-11-21 10:00:00,2026-11-21 10:00:05,s1", ",咖啡,2026-11-21 10:00:00,2026-11-21 10:00:05,2026-11-21 10:00:05,s1", false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(goodDetail, tt.old, tt.new, 1)
			if changed == goodDetail {
				t.Fatal("the case changes nothing")
			}
			rows, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(changed, goodSums)...))
			if tt.certain && (err != nil || totals.PaymentMinor != 9880 || rows[0].AttemptID != "01JD3Y7F8GH2K4M6N8P0QRSTVA") {
				t.Errorf("%v %+v", err, totals)
			}
			if !tt.certain {
				wantBroken(t, err, 6, "commas")
			}
		})
	}
}

// TestReadBill_NoBusiness: a day without business has a file without rows, in
// either of the two forms that there are.
func TestReadBill_NoBusiness(t *testing.T) {
	head := strings.Join(strings.SplitAfterN(goodDetail, "\n", 6)[:5], "")
	ended := head + "#---业务明细列表结束---\n#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元\n#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元\n"
	sumsHead := strings.Join(strings.SplitAfterN(goodSums, "\n", 6)[:5], "")
	for name, files := range map[string][]entry{
		"HeadingsAlone": tradeFiles(head, sumsHead),
		"NoSums":        tradeFiles(head, "")[:1],
		"Totals":        tradeFiles(ended, sumsHead+"合计\t,\t,0,0,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00\n#--业务汇总列表结束--\n"),
	} {
		t.Run(name, func(t *testing.T) {
			rows, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, files...))
			if err != nil || len(rows) != 0 || totals.Rows != 0 || totals.PaymentMinor != 0 {
				t.Errorf("%v %+v %+v", err, rows, totals)
			}
		})
	}
}

// manyStores is a detail and its sums for so many stores.
func manyStores(n int) (detail, sums string) {
	lines := strings.SplitAfter(goodDetail, "\n")
	var rows, of strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "20261121220014000000%08d\t,o%d\t,交易\t,茶,2026-11-21 11:00:00,2026-11-21 11:00:05,s%d\t,\t,\t,\t,x\t,1.00,1.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-0.01,0.00,\n", i, i, i)
		fmt.Fprintf(&of, "s%d\t,\t,1,0,1.00,1.00,0.00,0.00,0.00,-0.01,0.00,0.99\n", i)
	}
	total := fmt.Sprintf("%d.00", n)
	detail = strings.Join(lines[:5], "") + rows.String() + lines[8] + "#交易合计：" + fmt.Sprint(n) + "笔，商家实收共" + total + "元，商家优惠共0.00元\n" +
		"#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元\n"
	sumLines := strings.SplitAfter(goodSums, "\n")
	fee := fmt.Sprintf("-%d.%02d", n/100, n%100)
	net := fmt.Sprintf("%d.%02d", n*99/100, n*99%100)
	sums = strings.Join(sumLines[:5], "") + of.String() + "合计\t,\t," + fmt.Sprint(n) + ",0," + total + "," + total + ",0.00,0.00,0.00," + fee + ",0.00," + net + "\n" + sumLines[8]
	return detail, sums
}

// TestReadBill_ManyStores: beyond a bound the sums of all stores are compared,
// not of each.
func TestReadBill_ManyStores(t *testing.T) {
	for _, n := range []int{100, maxStores + 100} {
		detail, sums := manyStores(n)
		_, totals, err := readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(detail, sums)...))
		if err != nil || totals.Rows != int64(n) {
			t.Errorf("%d stores: %v %+v", n, err, totals)
		}
		wrong := strings.Replace(sums, "合计\t,\t,"+fmt.Sprint(n), "合计\t,\t,"+fmt.Sprint(n+1), 1)
		_, _, err = readRows(billClient(t), channels.BillTrades, billDay(t), archive(t, tradeFiles(detail, wrong)...))
		wantBroken(t, err, int64(6+n), headPaidCount)
	}
}
