package alipay

import (
	"bytes"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// vectorSeller is the account whose real bill is recorded.
const vectorSeller = "2088021109625633"

func vectorDay(t testing.TB) channels.Day {
	t.Helper()
	day, err := channels.ParseDay("2019-09-16")
	if err != nil {
		t.Fatal(err)
	}
	return day
}

func vectorClient(t testing.TB) *Client {
	t.Helper()
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	cfg.SellerID = vectorSeller
	return newClient(t, cfg)
}

// TestVectorsBill reads a real bill, whose footer and file of sums must agree
// with its rows.
func TestVectorsBill(t *testing.T) {
	raw := adaptertest.Vector(t, Name, "bill/20880211096256330156_20190916.csv.zip")
	c := vectorClient(t)
	var rows []channels.BillRow
	totals, err := c.ReadBill(channels.BillTrades, vectorDay(t), bytes.NewReader(raw), int64(len(raw)), func(r channels.BillRow) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := channels.BillTotals{Currency: "CNY", Rows: 10, Payments: 6, Refunds: 4, PaymentMinor: 6, RefundMinor: 4, Stated: true}
	if totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	if len(rows) != 10 {
		t.Fatalf("%d rows", len(rows))
	}
	second := channels.BillRow{
		Line: 7, Type: channels.BillRefund, AttemptID: "service_1568601259302", RefundID: "re_test_1568602607356",
		ChannelTradeNo: "2019091622001458860515315453", Amount: adaptertest.CNY(1), At: parseTime("2019-09-16 10:56:48"), Text: "退款",
	}
	if rows[1] != second {
		t.Errorf("row %+v, want %+v", rows[1], second)
	}
}
