package sandbox_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/paymux/paymux/internal/sandbox"
)

// BenchmarkAlipay_Precreate measures the simulator together with a client that signs and verifies; the four RSA
// operations of a call are nearly all of it.
func BenchmarkAlipay_Precreate(b *testing.B) {
	a := start(b, sandbox.Options{}).alipay()
	var n atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.try(precreate, order(fmt.Sprintf("p%d", n.Add(1)), "1.00"), nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
