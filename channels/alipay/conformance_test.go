package alipay_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/alipay"
	"github.com/paymux/paymux/channels/channeltest"
)

// TestConformance runs the suite over real HTTP against the simulator, in both
// ways in which the two sides know each other's keys, encrypted and not.
func TestConformance(t *testing.T) {
	for _, tt := range []struct {
		name      string
		mode      alipay.Mode
		encrypted bool
	}{
		{"PublicKey", alipay.PublicKeyMode, false},
		{"CertificateEncrypted", alipay.CertificateMode, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			box := adaptertest.StartSandbox(t, alipay.Name)
			cfg, err := alipay.FromSandbox(box.Credentials(t), tt.mode)
			if err != nil {
				t.Fatal(err)
			}
			secrets := []string{cfg.AppPrivateKey, cfg.EncryptKey}
			if !tt.encrypted {
				cfg.EncryptKey = ""
			}
			logs := &adaptertest.Logs{}
			wrong := cfg
			wrong.AppPrivateKey = adaptertest.PrivateKey(t)
			secrets = append(secrets, wrong.AppPrivateKey)
			harness := channeltest.Harness{
				Channel: open(t, cfg, logs), Sandbox: box, AuthCode: adaptertest.AuthCodes("28", 18), PayerID: "2088000000000009",
				Secrets: secrets, Logs: logs.String, Hang: 250 * time.Millisecond,
			}
			if tt.mode == alipay.PublicKeyMode {
				// In certificate mode a key that is not the certificate's is
				// refused before it is ever used.
				harness.WrongKey = open(t, wrong, logs)
			}
			channeltest.Run(t, harness)
		})
	}
}

func open(t *testing.T, cfg alipay.Config, logs *adaptertest.Logs) *alipay.Client {
	t.Helper()
	c, err := alipay.New(cfg, alipay.Deps{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
