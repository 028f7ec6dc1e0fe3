package statement

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	raw, records := csvOf(t, fixture(t))
	want := [][]string{
		{"交易时间", "交易类型", "商户订单号", "商户退款单号", "渠道", "交易状态", "币种", "金额(元)", "手续费(元)", "净额(元)", "对账结果", "商品", "支付场景", "平台支付单号", "渠道侧订单号", "渠道流水号", "渠道账户", "备注"},
		{"2025-11-21 12:05:06", "支付", "2025112100000000000001\t", "", "支付宝", "成功", "CNY", "88.00", "0.53", "87.47", "已对平", "两张电影票", "扫码支付", "01KAJ2V0M3D9T5Q8W7XZC4B6N1\t", "01KAJ2V0M4QX8Z3N7P5R1T9VYB\t", "2025112122001400002000012345\t", "acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1\t", ""},
		{"2025-11-21 13:05:06", "退款", "2025112100000000000001\t", "R-1\t", "支付宝", "成功", "CNY", "-22.05", "-0.13", "-21.92", "已对平", "两张电影票", "扫码支付", "01KAJ2V0M3D9T5Q8W7XZC4B6N1\t", "01KAJ2V0M5B8D2F6H0K4M8P1RS\t", "2025112122001400002000012345\t", "acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1\t", ""},
		{"2025-11-21 14:05:06", "支付", "-A1\t", "", "微信支付", "成功", "CNY", "0.05", "0.00", "0.05", "短款（平台有、渠道无）", `'=HYPERLINK("http://evil.test","click")`, "付款码", "01KAJ2V0M6\t", "01KAJ2V0M6X\t", "'=1+1\t", "acc_2\t", "'+86, \"x\"  =2"},
		{"2025-11-21 15:05:06", "支付", "a_x0041_b\t", "", "银联", "待确认", "CNY", "1234567890.12", "7407407.34", "1227160482.78", "待对账", "<b>&amp; \uFFFD", "APP", "01KAJ2V0M7\t", "01KAJ2V0M7X\t", "", "acc_3\t", ""},
		{"合计", "共 4 笔", "", "", "", "", "CNY", "1234567956.12", "7407407.74", "1227160548.38", "", "", "", "", "", "", "", ""},
	}
	if len(records) != len(want) {
		t.Fatalf("%d records, want %d", len(records), len(want))
	}
	for i := range want {
		if !slices.Equal(records[i], want[i]) {
			t.Errorf("record %d:\n%q, want\n%q", i, records[i], want[i])
		}
	}
	text := string(raw)
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
		t.Error("lines must end in CRLF")
	}
}

func TestCSV_IsTheSameEachTime(t *testing.T) {
	t.Parallel()
	in := fixture(t)
	first, _ := csvOf(t, in)
	second, _ := csvOf(t, in)
	if !bytes.Equal(first, second) {
		t.Error("two writings differ")
	}
}

func TestCSV_WithoutRowsTotalsNothing(t *testing.T) {
	t.Parallel()
	_, records := csvOf(t, Input{Day: parseDay(t, "2025-11-21"), Language: English})
	if len(records) != 2 || records[0][0] != "Time" || records[1][0] != "Total" || records[1][7] != "0.00" {
		t.Errorf("%q", records)
	}
}

func TestCSV_TotalsEachCurrencyByItself(t *testing.T) {
	t.Parallel()
	rows := []reconcile.StatementRow{
		{AmountMinor: 100, FeeMinor: 1, Currency: "USD"},
		{AmountMinor: 7, Currency: "JPY"},
		{AmountMinor: 100, Currency: money.CNY},
		{AmountMinor: -30, FeeMinor: -1, Currency: "USD"},
	}
	_, records := csvOf(t, Input{Rows: each(rows)})
	var totals []string
	for _, r := range records[len(rows)+1:] {
		totals = append(totals, strings.Join([]string{r[0], r[1], r[6], r[7], r[8], r[9]}, " "))
	}
	want := []string{"合计 共 1 笔 CNY 1.00 0.00 1.00", "合计 共 1 笔 JPY 7 0 7", "合计 共 2 笔 USD 0.70 0.00 0.70"}
	if !slices.Equal(totals, want) {
		t.Errorf("%q, want %q", totals, want)
	}
}

func TestTextOfOthersIsNoFormula(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "=cmd|' /C calc'!A0"} {
		got := csvCell(formText, cell{text: s})
		if !strings.HasPrefix(got, "'") {
			t.Errorf("%q is written as %q", s, got)
		}
	}
	for s, want := range map[string]string{"": "", "plain": "plain", "a=b": "a=b", "中文": "中文", "a\tb\nc": "a b c"} {
		if got := csvCell(formText, cell{text: s}); got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor    int64
		currency money.Currency
		want     string
	}{
		{0, money.CNY, "0.00"},
		{1, money.CNY, "0.01"},
		{-1, money.CNY, "-0.01"},
		{99, money.CNY, "0.99"},
		{100, money.CNY, "1.00"},
		{-12345, money.CNY, "-123.45"},
		{5, "JPY", "5"},
		{-5, "KWD", "-0.005"},
		{12345, "KWD", "12.345"},
		{-1 << 63, money.CNY, "-92233720368547758.08"},
		{1<<63 - 1, money.CNY, "92233720368547758.07"},
	} {
		if got := string(appendMajor(nil, c.minor, c.currency)); got != c.want {
			t.Errorf("%d %s is written as %s, want %s", c.minor, c.currency, got, c.want)
		}
	}
}

// narrow fails after some bytes, as a full disk does.
type narrow struct{ left int }

var errFull = errors.New("no space left")

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) > n.left {
		return 0, errFull
	}
	n.left -= len(p)
	return len(p), nil
}

func TestErrorsReachTheCaller(t *testing.T) {
	t.Parallel()
	broken := errors.New("the rows end here")
	for name, write := range map[string]func(io.Writer, Input) (int64, error){"CSV": WriteCSV, "XLSX": WriteXLSX} {
		in := fixture(t)
		for _, left := range []int{0, 2, 100, 900} {
			if _, err := write(&narrow{left}, in); !errors.Is(err, errFull) {
				t.Errorf("%s: %d bytes fit: %v", name, left, err)
			}
		}
		bad := in
		bad.Rows = func(func(reconcile.StatementRow) error) error { return broken }
		if _, err := write(io.Discard, bad); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		bad = in
		bad.Language = "fr"
		if _, err := write(io.Discard, bad); err == nil {
			t.Errorf("%s is written in a language that is not known", name)
		}
	}
	in := fixture(t)
	in.Discrepancies = func(func(reconcile.Discrepancy) error) error { return broken }
	if _, err := WriteXLSX(io.Discard, in); !errors.Is(err, broken) {
		t.Error(err)
	}
}
