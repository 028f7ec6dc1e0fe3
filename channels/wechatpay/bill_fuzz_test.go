package wechatpay

import (
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
)

func FuzzReadBill(f *testing.F) {
	f.Add(crlf(goodTrades), false)
	f.Add([]byte(goodFunds), true)
	f.Add(gzipped(f, crlf(goodTrades)), false)
	f.Add([]byte("\ufeff交易时间\n`1\n"), false)
	f.Add(crlf(strings.Replace(goodTrades, "`REVOKED", "`REVERSED", 1)), false)
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.BillMaxUnpackedBytes = 1 << 20
	c, day := newClient(f, cfg), dayOf(f, billDay)
	f.Fuzz(func(t *testing.T, raw []byte, funds bool) {
		kind := channels.BillTrades
		if funds {
			kind = channels.BillFunds
		}
		rows, totals, err := read(c, kind, day, raw)
		if err != nil {
			var broken *channels.BrokenBillError
			if !errors.As(err, &broken) || totals != (channels.BillTotals{}) {
				t.Fatalf("%T %v beside %+v", err, err, totals)
			}
			return
		}
		want := channels.BillTotals{Currency: "CNY", Rows: int64(len(rows)), Stated: true}
		for _, r := range rows {
			add(&want, r)
		}
		if totals != want {
			t.Fatalf("totals %+v, rows add up to %+v", totals, want)
		}
	})
}

// add counts a row as the totals are documented to.
func add(t *channels.BillTotals, r channels.BillRow) {
	switch {
	case r.Type == channels.BillPayment, r.Type == channels.BillOther && strings.HasPrefix(r.Text, "收入 "):
		t.Payments++
		t.PaymentMinor += r.Amount.Minor()
		t.FeeMinor += r.FeeMinor
	case r.Type == channels.BillRefund && !r.Failed, r.Type == channels.BillOther && strings.HasPrefix(r.Text, "支出 "):
		t.Refunds++
		t.RefundMinor += r.Amount.Minor()
		t.FeeMinor += r.FeeMinor
	}
}
