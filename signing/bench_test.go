package signing_test

import (
	"context"
	"testing"

	"github.com/paymux/paymux/signing"
)

func BenchmarkAuthenticate(b *testing.B) {
	a, _ := newAuthenticator(b)
	r := signedRequest(b, goldenTime.Unix())
	headers := []string{signing.FormatAuthorization(r.auth)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(context.Background(), r.method, r.target, headers, r.body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthenticateUnknownKey stands beside BenchmarkAuthenticate: the two
// must cost about the same.
func BenchmarkAuthenticateUnknownKey(b *testing.B) {
	a, _ := newAuthenticator(b)
	r := signedRequest(b, goldenTime.Unix())
	r.auth.Serial = "unknown"
	headers := []string{signing.FormatAuthorization(r.auth)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(context.Background(), r.method, r.target, headers, r.body); err == nil {
			b.Fatal("an unknown key is accepted")
		}
	}
}

func BenchmarkParseAuthorization(b *testing.B) {
	headers := []string{signing.FormatAuthorization(signedRequest(b, goldenTime.Unix()).auth)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signing.ParseAuthorization(headers); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignAnswerRSA2(b *testing.B)    { benchmarkSignAnswer(b, "platform-rsa2") }
func BenchmarkSignAnswerEd25519(b *testing.B) { benchmarkSignAnswer(b, "platform-ed25519") }

func benchmarkSignAnswer(b *testing.B, name string) {
	key := examplePlatformKey(b, name)
	body := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signing.SignAnswer(key, goldenTime, goodNonce, 201, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWebhookSignature(b *testing.B) {
	secrets := parseSecrets(b, []string{webhookSecretOld})
	body := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		signing.WebhookSignature(secrets, "evt_1", goldenTime, body)
	}
}
