package wechatpay

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// writeLargeBill writes a day's bill of so many rows into a file: every tenth
// row gives back what the row before it took.
func writeLargeBill(t testing.TB, rows int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "bill.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	zipped := gzip.NewWriter(f)
	out := bufio.NewWriterSize(zipped, 1<<20)
	lines := strings.SplitAfter(string(crlf(goodTrades)), "\r\n")
	fmt.Fprint(out, lines[0])
	var paid, back, fees int64
	yuan := func(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }
	for i := range rows {
		amount := int64(1000 + i/10%9000)
		order := i - i%10/9
		fmt.Fprintf(out, "`2026-11-21 11:00:00,`wxd678efh567hg6787,`1900007291,`0,`,`42000009252026112100%08d,`01JD3Y7F8GH2K4M6P%09d,`oUpF8,`NATIVE,", order, order)
		if i%10 == 9 {
			fmt.Fprintf(out, "`REFUND,`OTHERS,`CNY,`0.00,`0.00,`503000000020261121%010d,`01JD3Y7F8GH2K4M6R%09d,`%s,`0.00,`ORIGINAL,`SUCCESS,`一杯咖啡,`,`-0.06000,`0.60%%,`0.00,`%s,`\r\n",
				i, i, yuan(amount), yuan(amount))
			back, fees = back+amount, fees-6
			continue
		}
		fmt.Fprintf(out, "`SUCCESS,`OTHERS,`CNY,`%s,`0.00,`0,`0,`0.00,`0.00,`,`,`一杯咖啡,`,`0.06000,`0.60%%,`%s,`0.00,`\r\n", yuan(amount), yuan(amount))
		paid, fees = paid+amount, fees+6
	}
	fmt.Fprint(out, lines[7])
	fmt.Fprintf(out, "`%d,`%s,`%s,`0.00,`%s000,`%s,`%s\r\n", rows, yuan(paid), yuan(back), yuan(fees), yuan(paid), yuan(back))
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

func sizeOf(t testing.TB, f *os.File) int64 {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestReadBill_MemoryIsFlat: of a bill whose text has 50 MiB little is in memory.
func TestReadBill_MemoryIsFlat(t *testing.T) {
	const rows, mostMiB = 200_000, 32
	f := writeLargeBill(t, rows)
	peak := adaptertest.NewPeak()
	totals, err := billClient(t).ReadBill(channels.BillTrades, dayOf(t, billDay), f, sizeOf(t, f), func(channels.BillRow) error {
		peak.Look()
		return nil
	})
	if err != nil || totals.Rows != rows || totals.Refunds != rows/10 {
		t.Fatalf("%+v %v", totals, err)
	}
	if peak.MiB() > mostMiB {
		t.Errorf("%.1f MiB in use while %d rows were read", peak.MiB(), rows)
	}
}

// BenchmarkReadBill reads a million rows; Unpack is the floor below it.
func BenchmarkReadBill(b *testing.B) {
	const rows = 1_000_000
	f := writeLargeBill(b, rows)
	size := sizeOf(b, f)
	b.Run("Read", func(b *testing.B) {
		c := billClient(b)
		adaptertest.BenchmarkBill(b, rows, func(each func(channels.BillRow) error) (channels.BillTotals, error) {
			return c.ReadBill(channels.BillTrades, dayOf(b, billDay), f, size, each)
		})
	})
	b.Run("Unpack", func(b *testing.B) {
		for b.Loop() {
			text, err := gzip.NewReader(io.NewSectionReader(f, 0, size))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, text); err != nil { //nolint:gosec // made by this benchmark
				b.Fatal(err)
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
