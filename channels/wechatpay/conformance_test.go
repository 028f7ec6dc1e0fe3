package wechatpay_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/channels/wechatpay"
)

// TestConformance runs the suite over real HTTP against the simulator, in every
// way in which WeChat Pay's side can be known.
func TestConformance(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode wechatpay.Mode
	}{
		{"PublicKey", wechatpay.PublicKeyMode},
		{"Certificates", wechatpay.CertificateMode},
		{"Migration", wechatpay.MigrationMode},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // each has a sandbox of its own, and mostly waits
			box := adaptertest.StartSandbox(t, wechatpay.Name)
			cfg, err := wechatpay.FromSandbox(box.Credentials(t), tt.mode)
			if err != nil {
				t.Fatal(err)
			}
			logs := &adaptertest.Logs{}
			wrong := cfg
			wrong.MerchantPrivateKey = adaptertest.PrivateKey(t)
			client := open(t, cfg, logs)
			if err := client.RefreshKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			channeltest.Run(t, channeltest.Harness{
				Channel: client, WrongKey: open(t, wrong, logs), Sandbox: box, AuthCode: adaptertest.AuthCodes("13", 18), PayerID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
				// Payments by code are never called back about.
				Silent:  []channels.Scene{channels.SceneBarcode},
				Secrets: []string{cfg.MerchantPrivateKey, wrong.MerchantPrivateKey, cfg.APIV3Key},
				Logs:    logs.String, Hang: 250 * time.Millisecond,
			})
		})
	}
}

func open(t *testing.T, cfg wechatpay.Config, logs *adaptertest.Logs) *wechatpay.Client {
	t.Helper()
	c, err := wechatpay.New(cfg, wechatpay.Deps{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
