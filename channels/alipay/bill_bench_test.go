package alipay

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// writeLargeBill writes a day's archive of so many rows into a file: every
// tenth row gives back what the row before it took.
func writeLargeBill(t testing.TB, rows int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "bill.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	w := zip.NewWriter(f)
	lines, sumLines := strings.SplitAfter(goodDetail, "\n"), strings.SplitAfter(goodSums, "\n")
	names := tradeFiles("", "")
	var paid, back, paidSum, backSum, fees int64
	yuan := func(fen int64) string {
		sign := ""
		if fen < 0 {
			sign, fen = "-", -fen
		}
		return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
	}
	writeGBK(t, w, names[0].name, func(out io.Writer) {
		fmt.Fprint(out, strings.Join(lines[:5], ""))
		for i := range rows {
			amount, kind, request, fee := int64(1000+i/10%9000), "交易", "\t", int64(6)
			if i%10 == 9 {
				amount, kind, request, fee = -amount, "退款", fmt.Sprintf("01JD3Y7F8GH2K4M6R%09d", i), 0
				back, backSum = back+1, backSum+amount
			} else {
				paid, paidSum = paid+1, paidSum+amount
			}
			fees += fee
			order := i - i%10/9
			fmt.Fprintf(out, "20261121220014000000%08d\t,01JD3Y7F8GH2K4M6P%09d\t,%s\t,一杯咖啡,2026-11-21 10:00:00,2026-11-21 10:00:05,s1\t,一店\t,\t,\t,*明(138***@qq.com)\t,"+
				"%s,%s,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,%s,%s,0.00,早餐\n", order, order, kind, yuan(amount), yuan(amount), request, yuan(-fee))
		}
		fmt.Fprint(out, lines[8])
		fmt.Fprintf(out, "#交易合计：%d笔，商家实收共%s元，商家优惠共0.00元\n#退款合计：%d笔，商家实收退款共%s元，商家优惠退款共0.00元\n", paid, yuan(paidSum), back, yuan(backSum))
	})
	writeGBK(t, w, names[1].name, func(out io.Writer) {
		fmt.Fprint(out, strings.Join(sumLines[:5], ""))
		for _, store := range []string{"s1\t,一店\t", "合计\t,\t"} {
			net := paidSum + backSum
			fmt.Fprintf(out, "%s,%d,%d,%s,%s,0.00,0.00,0.00,%s,0.00,%s\n", store, paid, back, yuan(net), yuan(net), yuan(-fees), yuan(net-fees))
		}
		fmt.Fprint(out, sumLines[8])
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

func writeGBK(t testing.TB, w *zip.Writer, name string, write func(io.Writer)) {
	t.Helper()
	into, err := w.CreateHeader(&zip.FileHeader{Name: gbk(t, name), NonUTF8: true, Method: zip.Deflate})
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriterSize(simplifiedchinese.GB18030.NewEncoder().Writer(into), 1<<20)
	write(out)
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
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
	totals, err := billClient(t).ReadBill(channels.BillTrades, billDay(t), f, sizeOf(t, f), func(channels.BillRow) error {
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
			return c.ReadBill(channels.BillTrades, billDay(b), f, size, each)
		})
	})
	b.Run("Unpack", func(b *testing.B) {
		for b.Loop() {
			archive, err := zip.NewReader(f, size)
			if err != nil {
				b.Fatal(err)
			}
			content, err := archive.File[0].Open()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, content); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
