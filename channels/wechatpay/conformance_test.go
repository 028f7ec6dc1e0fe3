package wechatpay_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/channels/wechatpay"
	"github.com/paymux/paymux/internal/sandbox"
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
			box := &channeltest.Sandbox{URL: startSandbox(t), Channel: wechatpay.Name}
			cfg, err := wechatpay.FromSandbox(box.Credentials(t), tt.mode)
			if err != nil {
				t.Fatal(err)
			}
			logs := &lockedBuffer{}
			wrong := cfg
			wrong.MerchantPrivateKey = newKey(t)
			client := open(t, cfg, logs)
			if err := client.RefreshKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			channeltest.Run(t, channeltest.Harness{
				Channel: client, WrongKey: open(t, wrong, logs), Sandbox: box, AuthCode: authCode, PayerID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
				// Payments by code are never called back about.
				Silent:  []channels.Scene{channels.SceneBarcode},
				Secrets: []string{cfg.MerchantPrivateKey, wrong.MerchantPrivateKey, cfg.APIV3Key},
				Logs:    logs.String, Hang: 250 * time.Millisecond,
			})
		})
	}
}

// startSandbox runs a sandbox of its own for the test.
func startSandbox(t *testing.T) string {
	t.Helper()
	server, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	// Not the test's context: that ends before the cleanup, in which cases
	// still speak to the sandbox.
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the sandbox ended: %v", err)
		}
	})
	return server.URL()
}

func open(t *testing.T, cfg wechatpay.Config, logs *lockedBuffer) *wechatpay.Client {
	t.Helper()
	c, err := wechatpay.New(cfg, wechatpay.Deps{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// authCode is a payer's code: 18 digits that begin with 13.
func authCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e16))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("13%016d", n)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Clone(l.b.String())
}
