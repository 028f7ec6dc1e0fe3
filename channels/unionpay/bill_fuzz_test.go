package unionpay

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
)

// holds checks what must be true of whatever is taken: totals are what the rows
// add up to, and what is refused is refused as broken.
func holds(t *testing.T, rows []channels.BillRow, totals channels.BillTotals, err error) {
	t.Helper()
	if err != nil {
		var b *channels.BrokenBillError
		if !errors.As(err, &b) || b.Line < 0 || b.Detail == "" {
			t.Fatalf("error is %T: %v", err, err)
		}
		return
	}
	want := channels.BillTotals{Currency: totals.Currency, Rows: int64(len(rows)), Stated: totals.Stated}
	for _, r := range rows {
		if r.Line < 1 || r.At.IsZero() || r.Amount.Currency() != totals.Currency {
			t.Fatalf("row %+v", r)
		}
		switch r.Type {
		case channels.BillPayment:
			want.Payments, want.PaymentMinor = want.Payments+1, want.PaymentMinor+r.Amount.Minor()
			want.FeeMinor += r.FeeMinor
		case channels.BillRefund:
			want.Refunds, want.RefundMinor = want.Refunds+1, want.RefundMinor+r.Amount.Minor()
			want.FeeMinor += r.FeeMinor
		case channels.BillOther:
		}
	}
	if totals != want {
		t.Fatalf("totals %+v, but the rows add up to %+v", totals, want)
	}
}

// FuzzReadBill feeds whole archives.
func FuzzReadBill(f *testing.F) {
	good := zipped(f, dayFiles()...)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(zipped(f, dayFiles()[1]))
	f.Add(zipped(f, append(dayFiles(), member{errorsName, ""})...))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, original []byte) {
		rows, totals, err := read(testMerID, billDay(), original)
		holds(t, rows, totals, err)
	})
}

// FuzzRecords feeds the content of both members with records, past the ZIP's
// checksums.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(record(nil)+"\r\n"+refundRecord()+"\r\n"), false)
	f.Add([]byte(record(map[int]string{20: "12"})), false)
	f.Add([]byte(strings.Repeat(" ", errorLayout().least)), true)
	f.Add([]byte("\n"), true)
	f.Fuzz(func(t *testing.T, content []byte, adjustments bool) {
		var rows []channels.BillRow
		r := newRecordReader(testMerID, billDay(), func(row channels.BillRow) error {
			rows = append(rows, row)
			return nil
		})
		read := r.readDetail
		if adjustments {
			read = r.readErrors
		}
		err := read(bytes.NewReader(content))
		holds(t, rows, r.totals, err)
	})
}

// FuzzSummary feeds the summary's text.
func FuzzSummary(f *testing.F) {
	f.Add([]byte(summaryOf(testMerID, "20261120", dayNumbers)))
	f.Add([]byte(gbk("总计 1 0.00 0.01 0.00 0.00 0.00 0.01")))
	f.Add([]byte("\xff\xff 1 -1.00 1,000.00 .00 0.00 0.00 0.0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := readSummary(bytes.NewReader(text))
		if err == nil {
			if len(s.totals) == 0 {
				t.Fatal("taken without a total")
			}
			err = s.check(testMerID, billDay(), sums{})
		}
		if err != nil && !isBroken(err) {
			t.Fatalf("error is %T: %v", err, err)
		}
	})
}
