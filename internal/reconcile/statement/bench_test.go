package statement

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

const benchRows = 1_000_000

// many gives rows that differ from each other, made as they are asked for.
func many(n int) func(func(reconcile.StatementRow) error) error {
	return func(tell func(reconcile.StatementRow) error) error {
		for i := range n {
			r := reconcile.StatementRow{
				Type: reconcile.RowPayment, At: noon.Add(time.Duration(i) * 40 * time.Millisecond), MerchantOrderNo: fmt.Sprintf("20251121%014d", i),
				PaymentID: fmt.Sprintf("01KAJ2V0M3%016X", i*7919), Number: fmt.Sprintf("01KAJ2V0M4%016X", i*104729), Channel: "wechatpay",
				AccountID: "acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1", ChannelNumber: fmt.Sprintf("42000025%020d", i*15485863), Subject: "两张电影票",
				Scene: "qr", Status: "succeeded", AmountMinor: int64(i%1_000_000 + 1), FeeMinor: int64(i % 6000), Currency: money.CNY, Result: "matched",
			}
			if err := tell(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// peakOf runs f and gives the highest heap that was in use meanwhile.
func peakOf(f func()) uint64 {
	runtime.GC()
	var peak atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	<-stopped
	return peak.Load()
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func BenchmarkMillionRows(b *testing.B) {
	for _, c := range []struct {
		name  string
		rows  int
		write func(io.Writer, Input) (int64, error)
	}{
		{"csv", benchRows, WriteCSV},
		{"xlsx", benchRows, WriteXLSX},
		{"xlsx-2-sheets", 2 * benchRows, WriteXLSX},
	} {
		b.Run(c.name, func(b *testing.B) {
			var peak uint64
			var size counter
			for b.Loop() {
				size.n = 0
				peak = max(peak, peakOf(func() {
					if n, err := c.write(&size, Input{MerchantName: "x", Rows: many(c.rows)}); err != nil || n != int64(c.rows) {
						b.Fatal(n, err)
					}
				}))
			}
			b.ReportMetric(float64(c.rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
			b.ReportMetric(float64(size.n)/(1<<20), "file-MiB")
		})
	}
}

// TestMemoryDoesNotGrowWithRows writes a sheet whose XML alone would be larger
// than what is allowed.
func TestMemoryDoesNotGrowWithRows(t *testing.T) {
	for name, write := range map[string]func(io.Writer, Input) (int64, error){"CSV": WriteCSV, "XLSX": WriteXLSX} {
		peak := peakOf(func() {
			if _, err := write(io.Discard, Input{MerchantName: "x", Rows: many(40_000)}); err != nil {
				t.Error(err)
			}
		})
		if peak > 24<<20 {
			t.Errorf("%s: %d MiB in use for 40,000 rows", name, peak>>20)
		}
	}
}
