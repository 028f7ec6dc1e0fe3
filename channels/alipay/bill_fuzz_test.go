package alipay

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
)

// holdTogether fails unless a reading is either refused as broken, or its rows
// add up to its totals.
func holdTogether(t *testing.T, kind channels.BillKind, rows []channels.BillRow, totals channels.BillTotals, err error) {
	t.Helper()
	var broken *channels.BrokenBillError
	if err != nil {
		if !errors.As(err, &broken) || totals != (channels.BillTotals{}) {
			t.Fatalf("%T %v beside %+v", err, err, totals)
		}
		return
	}
	want := channels.BillTotals{Currency: totals.Currency, Rows: int64(len(rows)), Stated: totals.Stated}
	for _, r := range rows {
		switch r.Type {
		case channels.BillPayment:
			want.Payments++
			want.PaymentMinor += r.Amount.Minor()
			want.FeeMinor += r.FeeMinor
		case channels.BillRefund:
			want.Refunds++
			want.RefundMinor += r.Amount.Minor()
			want.FeeMinor += r.FeeMinor
		case channels.BillOther:
			// Movements of the balance say by a word whether they came in.
			if kind == channels.BillTrades {
				continue
			}
			if strings.HasPrefix(r.Text, "支出") {
				want.Refunds++
				want.RefundMinor += r.Amount.Minor()
			} else if strings.HasPrefix(r.Text, "收入") && !r.Amount.IsZero() {
				want.Payments++
				want.PaymentMinor += r.Amount.Minor()
			}
		}
	}
	if totals != want {
		t.Fatalf("totals %+v, rows add up to %+v", totals, want)
	}
}

// stored packs bytes without compressing them, so that fuzzing reaches the text.
func stored(t testing.TB, files ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		into, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
		if err == nil {
			_, err = into.Write([]byte(f.text))
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

func FuzzReadBill(f *testing.F) {
	f.Add([]byte(gbk(f, goodDetail)), []byte(gbk(f, goodSums)), false)
	f.Add([]byte(gbk(f, goodFunds)), []byte(gbk(f, goodFundSums)), true)
	f.Add([]byte(gbk(f, strings.Replace(goodDetail, "咖啡", "咖,啡", 1))), []byte(gbk(f, goodSums)), false)
	f.Add([]byte(goodDetail), []byte(goodSums), false)
	c, day := billClient(f), billDay(f)
	f.Fuzz(func(t *testing.T, detail, sums []byte, funds bool) {
		kind, files := channels.BillTrades, tradeFiles(string(detail), string(sums))
		if funds {
			kind, files = channels.BillFunds, fundFiles(string(detail), string(sums))
		}
		rows, totals, err := readRows(c, kind, day, stored(t, files...))
		holdTogether(t, kind, rows, totals, err)
	})
}

func FuzzReadBillArchive(f *testing.F) {
	f.Add(archive(f, tradeFiles(goodDetail, goodSums)...))
	f.Add(archive(f, tradeFiles(goodDetail, goodSums)[:1]...))
	f.Add([]byte("PK\x05\x06"))
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	cfg.BillMaxUnpackedBytes = 1 << 20
	c, day := newClient(f, cfg), billDay(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		rows, totals, err := readRows(c, channels.BillTrades, day, raw)
		holdTogether(t, channels.BillTrades, rows, totals, err)
	})
}
