package statement

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

var noon = time.Date(2025, 11, 21, 4, 5, 6, 789e6, time.UTC) // 12:05:06 in Shanghai

func parseDay(t testing.TB, s string) channels.Day {
	t.Helper()
	d, err := channels.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func yuan(t testing.TB, minor int64) money.Amount {
	t.Helper()
	a, err := money.New(minor, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fixture is a day with every kind of row.
func fixture(t testing.TB) Input {
	t.Helper()
	rows := []reconcile.StatementRow{
		{
			Type: reconcile.RowPayment, At: noon, MerchantOrderNo: "2025112100000000000001", PaymentID: "01KAJ2V0M3D9T5Q8W7XZC4B6N1",
			Number: "01KAJ2V0M4QX8Z3N7P5R1T9VYB", Channel: "alipay", AccountID: "acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1", ChannelNumber: "2025112122001400002000012345",
			Subject: "两张电影票", Scene: "qr", Status: "succeeded", AmountMinor: 8800, FeeMinor: 53, Currency: money.CNY, Result: "matched",
		},
		{
			Type: reconcile.RowRefund, At: noon.Add(time.Hour), MerchantOrderNo: "2025112100000000000001", MerchantRefundNo: "R-1", PaymentID: "01KAJ2V0M3D9T5Q8W7XZC4B6N1",
			Number: "01KAJ2V0M5B8D2F6H0K4M8P1RS", Channel: "alipay", AccountID: "acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1", ChannelNumber: "2025112122001400002000012345",
			Subject: "两张电影票", Scene: "qr", Status: "succeeded", AmountMinor: -2205, FeeMinor: -13, Currency: money.CNY, Result: "matched",
		},
		{
			Type: reconcile.RowPayment, At: noon.Add(2 * time.Hour), MerchantOrderNo: "-A1", PaymentID: "01KAJ2V0M6", Number: "01KAJ2V0M6X", Channel: "wechatpay",
			AccountID: "acc_2", ChannelNumber: "=1+1", Subject: `=HYPERLINK("http://evil.test","click")`, Scene: "barcode", Status: "succeeded",
			AmountMinor: 5, FeeMinor: 0, Currency: money.CNY, Result: string(reconcile.MissingAtChannel), Remark: reconcile.Plain("+86, \"x\"\r\n=2"),
		},
		{
			Type: reconcile.RowPayment, At: noon.Add(3 * time.Hour), MerchantOrderNo: "a_x0041_b", PaymentID: "01KAJ2V0M7", Number: "01KAJ2V0M7X", Channel: "unionpay",
			AccountID: "acc_3", Subject: "<b>&amp;\x01\xff", Scene: "app", Status: "unknown", AmountMinor: 123456789012, FeeMinor: 740740734, Currency: money.CNY, Result: "pending",
		},
	}
	differences := []reconcile.Discrepancy{
		{
			ID: "dis_1", Kind: reconcile.MissingAtChannel, Status: reconcile.Open, Channel: "wechatpay", AccountID: "acc_2",
			Ours:   &reconcile.Entry{Type: reconcile.RowPayment, MerchantOrderNo: "-A1", AttemptID: "01KAJ2V0M6X", Amount: yuan(t, 5), Status: "succeeded"},
			Detail: reconcile.Message{{Code: "missing", Args: map[string]string{"what": "payment", "day": "2026-11-20"}}}, FoundAt: noon,
		},
		{
			ID: "dis_2", Kind: reconcile.AmountMismatch, Status: reconcile.Resolved, Channel: "alipay", AccountID: "acc_1",
			Ours:   &reconcile.Entry{Type: reconcile.RowRefund, RefundID: "r", ChannelRefundNo: "cr", Amount: yuan(t, 2205), FeeMinor: -13, Status: "succeeded"},
			Theirs: &reconcile.Entry{Amount: yuan(t, 2206), FeeMinor: -13, Status: "退款成功"}, ProposedBy: "finance", ApprovedBy: "boss", Resolution: "rounding at the channel",
			FoundAt: noon, ResolvedAt: noon.Add(time.Hour),
		},
	}
	ours := reconcile.Side{Payments: 1, Refunds: 1, PaymentMinor: 8800, RefundMinor: 2205, FeeMinor: 40}
	theirs := ours
	theirs.RefundMinor++
	return Input{
		MerchantID: "m_1", MerchantName: "示例商户", Day: parseDay(t, "2025-11-21"), Version: 2,
		Rows:          each(rows),
		Discrepancies: each(differences),
		Accounts: []reconcile.AccountSummary{
			{AccountID: "acc_1", Channel: "alipay", Currency: money.CNY, Ours: ours, Theirs: theirs, Status: reconcile.StatusDifferences},
			{AccountID: "acc_2", Channel: "wechatpay", Currency: money.CNY, Ours: reconcile.Side{Payments: 1, PaymentMinor: 5}, Theirs: reconcile.Side{Payments: 1, PaymentMinor: 5}, Status: reconcile.StatusBalanced},
			{AccountID: "acc_3", Channel: "unionpay", Status: reconcile.StatusPending},
		},
	}
}

func each[T any](items []T) func(func(T) error) error {
	return func(tell func(T) error) error {
		for _, item := range items {
			if err := tell(item); err != nil {
				return err
			}
		}
		return nil
	}
}

func csvOf(t testing.TB, in Input) ([]byte, [][]string) {
	t.Helper()
	var out bytes.Buffer
	if _, err := WriteCSV(&out, in); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(out.String(), "\uFEFF")
	if !ok {
		t.Fatalf("no byte order mark: %q", out.String()[:10])
	}
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), records
}

func xlsxOf(t testing.TB, in Input, perSheet int) ([]byte, *excelize.File) {
	t.Helper()
	var out bytes.Buffer
	if _, err := writeXLSX(&out, in, perSheet); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return out.Bytes(), f
}
