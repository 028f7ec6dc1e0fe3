package adaptertest

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/paymux/paymux/channels"
)

// heapMetric is the memory of all objects, dead ones that were not collected
// yet among them.
const heapMetric = "/memory/classes/heap/objects:bytes"

// Peak watches how much memory is in use. Its zero value is not ready: see
// NewPeak.
type Peak struct {
	sample      []metrics.Sample
	first, most uint64
	calls       int
}

// NewPeak starts from what is in use now.
func NewPeak() *Peak {
	p := &Peak{sample: []metrics.Sample{{Name: heapMetric}}}
	runtime.GC()
	p.look()
	p.first = p.most
	return p
}

// lookEvery is how many calls of Look pass between two looks.
const lookEvery = 4096

// Look may be called for every row.
func (p *Peak) Look() {
	if p.calls++; p.calls%lookEvery == 0 {
		p.look()
	}
}

func (p *Peak) look() {
	metrics.Read(p.sample)
	p.most = max(p.most, p.sample[0].Value.Uint64())
}

// MiB is the most that was in use beyond the beginning.
func (p *Peak) MiB() float64 { return float64(p.most-p.first) / (1 << 20) }

// BenchmarkBill reads a bill over and over and reports rows per second and the
// most memory that was in use.
func BenchmarkBill(b *testing.B, rows int64, read func(each func(channels.BillRow) error) (channels.BillTotals, error)) {
	b.Helper()
	peak := NewPeak()
	b.ReportAllocs()
	for b.Loop() {
		totals, err := read(func(channels.BillRow) error {
			peak.Look()
			return nil
		})
		if err != nil || totals.Rows != rows {
			b.Fatalf("%d rows of %d: %v", totals.Rows, rows, err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(peak.MiB(), "peak-MiB")
}
