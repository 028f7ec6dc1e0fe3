package wechatpay

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"

	"github.com/paymux/paymux/channels"
)

// benchGateway gives one answer, signed once: WeChat Pay's own signing must not
// be measured.
func benchGateway(b *testing.B) string {
	const body = `{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}`
	header := signer{key: testKeys().wechat, id: testKeyID, at: time.Now()}.header(body)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		_, _ = io.WriteString(w, body)
	}))
	b.Cleanup(srv.Close)
	return srv.URL
}

// BenchmarkNative compares the adapter with the bare call of the library in one
// run.
func BenchmarkNative(b *testing.B) {
	base := benchGateway(b)
	b.Run("adapter", func(b *testing.B) {
		c, err := New(keyConfig(base), Deps{Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		req := payRequest(channels.SceneQR)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Pay(b.Context(), req); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("library", func(b *testing.B) {
		svc := native.NativeApiService{Client: libraryClient(b, base, testKeys().merchant, &testKeys().wechat.PublicKey)}
		appID, mchID, text, id, notifyURL, total, currency := testAppID, testMchID, "coffee", testAttempt, testNotify, int64(8880), "CNY"
		expires := testNow.Add(time.Hour)
		req := native.PrepayRequest{
			Appid: &appID, Mchid: &mchID, Description: &text, OutTradeNo: &id, NotifyUrl: &notifyURL, TimeExpire: &expires,
			Amount: &native.Amount{Total: &total, Currency: &currency},
		}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, _, err := svc.Prepay(b.Context(), req); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkParseNotification(b *testing.B) {
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	header := signer{key: testKeys().wechat, id: testKeyID, at: time.Now()}.header(text)
	b.Run("adapter", func(b *testing.B) {
		c, err := New(keyConfig("https://api.mch.weixin.qq.com"), Deps{Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ParseNotification(header, []byte(text)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseByLibrary(b, header, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
