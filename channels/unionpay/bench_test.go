package unionpay

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// BenchmarkForm is a web order: one RSA signature.
func BenchmarkForm(b *testing.B) {
	c := newClient(b, testConfig("https://gateway.example.com"))
	req := payRequest(channels.SceneWeb)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Pay(b.Context(), req); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkQuery is a whole call over HTTP, with an answer signed once: the
// gateway's own signing must not be measured.
func BenchmarkQuery(b *testing.B) {
	fields := map[string]string{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "bizType": "000201",
		"merId": testMerID, "orderId": testAttempt, "txnTime": formatTime(testNow),
	}
	answer := wireBody(signAs(testPKI().unionpay, with(fields, donePairs()...)))
	c, err := New(testConfig(serveRaw(b, answer)), Deps{Now: func() time.Time { return testNow }})
	if err != nil {
		b.Fatal(err)
	}
	ref := attempt(channels.SceneWeb)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.QueryPayment(b.Context(), ref); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkParseNotification compares a certificate that is known with one
// that is checked for the first time.
func BenchmarkParseNotification(b *testing.B) {
	c := newClient(b, testConfig("https://gateway.example.com"))
	body := wireForm(signAs(testPKI().unionpay, paidNotice()))
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ParseNotification(nil, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.trust.known = nil
			if _, err := c.ParseNotification(nil, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
