package alipay_test

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

	"github.com/paymux/paymux/channels/alipay"
	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/internal/sandbox"
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
			box := &channeltest.Sandbox{URL: startSandbox(t), Channel: alipay.Name}
			cfg, err := alipay.FromSandbox(box.Credentials(t), tt.mode)
			if err != nil {
				t.Fatal(err)
			}
			secrets := []string{cfg.AppPrivateKey, cfg.EncryptKey}
			if !tt.encrypted {
				cfg.EncryptKey = ""
			}
			logs := &lockedBuffer{}
			wrong := cfg
			wrong.AppPrivateKey = newKey(t)
			secrets = append(secrets, wrong.AppPrivateKey)
			harness := channeltest.Harness{
				Channel: open(t, cfg, logs), Sandbox: box, AuthCode: authCode, PayerID: "2088000000000009",
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

func open(t *testing.T, cfg alipay.Config, logs *lockedBuffer) *alipay.Client {
	t.Helper()
	c, err := alipay.New(cfg, alipay.Deps{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(logs, nil))})
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

// authCode is a payer's code: 18 digits that begin with 28.
func authCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e16))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("28%016d", n)
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
