package httpapi

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/paymux/paymux/signing"
)

// BenchmarkCreatePayment is everything of a create but the core, the database
// and the network: reading, verifying, decoding, rendering, signing.
func BenchmarkCreatePayment(b *testing.B) {
	for _, alg := range []signing.Algorithm{signing.RSA2, signing.Ed25519} {
		b.Run(string(alg), func(b *testing.B) {
			h := newHarness(b, func(_ *Config, d *Deps) { d.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
			h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop, AnswerAlgorithm: alg} })
			const batch = 512 // signing requests is not what is measured
			requests := make([]signature, batch)
			headers := make([]string, batch)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if i%batch == 0 {
					b.StopTimer()
					h.core.change(func(c *fakeCore) { c.payments = nil }) // the fake searches one by one
					for j := range requests {
						requests[j] = h.signature(http.MethodPost, "/v1/payments", orderBody(fmt.Sprintf("B-%d", j)))
						headers[j] = requests[j].header()
					}
					b.StartTimer()
				}
				s := requests[i%batch]
				r := httptest.NewRequest(s.method, s.target, strings.NewReader(s.body))
				r.Header.Set("Authorization", headers[i%batch])
				w := httptest.NewRecorder()
				h.server.ServeHTTP(w, r)
				if w.Code != http.StatusCreated {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkDecodeCreate is the strict reading of a body alone.
func BenchmarkDecodeCreate(b *testing.B) {
	body := []byte(strings.TrimSuffix(createBody, "}") + `,"notify_url":"https://shop.test/hook","expires_at":"2025-11-21T12:30:00+08:00","metadata":{"a":"1","b":"2"}}`)
	h := newHarness(b)
	b.ReportAllocs()
	for b.Loop() {
		req := h.core.requests["none"]
		if faults, err := decode(body, createFields, &req, 32); err != nil || len(faults) > 0 {
			b.Fatal(faults, err)
		}
	}
}
