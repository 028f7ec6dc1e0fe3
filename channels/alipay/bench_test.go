package alipay

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// benchGateway gives one answer, signed once: the gateway's own signing must
// not be measured.
func benchGateway(b *testing.B) string {
	body := envelope(nodeName("alipay.trade.precreate"), okNode, testKeys().alipay)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
	}))
	b.Cleanup(srv.Close)
	return srv.URL
}

// BenchmarkPrecreate compares the adapter with the bare call of the library in
// one run; the difference is what cutting, verifying and proving cost.
func BenchmarkPrecreate(b *testing.B) {
	url := benchGateway(b)
	b.Run("adapter", func(b *testing.B) {
		c, err := New(keyConfig(url), Deps{Now: time.Now})
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
		client, err := sdk.New(testAppID, adaptertest.PrivatePEM(testKeys().app), false, sdk.WithSandboxGateway(url),
			sdk.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}))
		if err != nil {
			b.Fatal(err)
		}
		if err := client.LoadAliPayPublicKey(adaptertest.PublicPEM(testKeys().alipay)); err != nil {
			b.Fatal(err)
		}
		param := sdk.TradePreCreate{Trade: sdk.Trade{
			OutTradeNo: testAttempt, TotalAmount: "88.80", Subject: "coffee", ProductCode: productFaceToFace,
			SellerId: testSellerID, TimeExpire: "2026-11-22 01:00:05", NotifyURL: "https://pay.example.com/notify/alipay/1",
		}}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if rsp, err := client.TradePreCreate(b.Context(), param); err != nil || rsp.QRCode == "" {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkParseNotification(b *testing.B) {
	c, err := New(keyConfig("https://a.example.com/g"), Deps{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	body := signForm(paidForm(), testKeys().alipay)
	b.Run("adapter", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ParseNotification(nil, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		client, err := sdk.New(testAppID, adaptertest.PrivatePEM(testKeys().app), false)
		if err != nil {
			b.Fatal(err)
		}
		if err := client.LoadAliPayPublicKey(adaptertest.PublicPEM(testKeys().alipay)); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			form, err := url.ParseQuery(string(body))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := client.DecodeNotification(b.Context(), form); err != nil {
				b.Fatal(err)
			}
		}
	})
}
