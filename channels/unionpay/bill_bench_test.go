package unionpay

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/paymux/paymux/channels"
)

// writeDay writes the archive of a day with so many payments, of which each
// tenth is refunded in part.
func writeDay(b *testing.B, rows int) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "day.zip")) //nolint:gosec // the test's own folder
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	z := zip.NewWriter(f)
	member := func(name string, write func(io.Writer)) {
		w, err := z.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		buffered := bufio.NewWriter(w)
		write(buffered)
		if err := buffered.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	var in, out, fees int64
	member(detailName, func(w io.Writer) {
		// One record is changed in place: writing columns anew takes ten times as long.
		pay, back := []byte(record(nil)), []byte(refundRecord())
		l := detailLayout()
		for i := range rows {
			line, amount, fee := pay, int64(476800), int64(2861)
			if i%10 == 9 {
				line, amount, fee = back, 100000, -600
				out += amount
			} else {
				in += amount
			}
			fees += fee
			copy(line[l.at[colQueryID]:], fmt.Sprintf("31261120103005%06d8", i%1_000_000))
			copy(line[l.at[colOrderID]:], fmt.Sprintf("01JD3Y7F8GH2K4%012d", i*7919))
			_, _ = w.Write(line)
			_, _ = io.WriteString(w, "\r\n")
		}
	})
	member(summaryName, func(w io.Writer) {
		yuan := func(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }
		numbers := fmt.Sprintf("%d %s %s %s 0.00 0.00 %s", rows, yuan(out), yuan(in), yuan(fees), yuan(in-out-fees))
		_, _ = io.WriteString(w, summaryOf(testMerID, "20261120", numbers))
	})
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkReadBill reads archives of different sizes; heap-MiB is the most
// that is in use while reading and must not grow with them.
func BenchmarkReadBill(b *testing.B) {
	for _, rows := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			f := writeDay(b, rows)
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			c := newClient(b, testConfig("https://gateway.example.com"))
			runtime.GC()
			var m runtime.MemStats
			var most uint64
			for b.Loop() {
				n := 0
				totals, err := c.ReadBill(channels.BillTrades, billDay(), f, info.Size(), func(channels.BillRow) error {
					if n++; n%50_000 == 0 {
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapInuse)
					}
					return nil
				})
				if err != nil || totals.Rows != int64(rows) {
					b.Fatalf("%+v, %v", totals, err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
			b.ReportMetric(float64(info.Size())/(1<<20), "packed-MiB")
		})
	}
}
