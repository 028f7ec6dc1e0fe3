package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/signing"
)

// A gateway whose database is cut before its first request could not sign, and
// the request ended in a panic.
func TestGateway_SignsWithTheDatabaseGoneBeforeTheFirstRequest(t *testing.T) {
	dir, err := PrepareEmbedded(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), config.Embedded(dir), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.DB.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := listen(t.Context(), "", "api", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	g, err := NewGateway(t.Context(), in, l, "http://"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	ring := g.ring()
	if ring == nil {
		t.Fatal("no keys to sign with")
	}
	for _, alg := range []signing.Algorithm{signing.RSA2, signing.Ed25519} {
		if _, err := ring.Current(alg); err != nil {
			t.Error(err)
		}
	}
}
