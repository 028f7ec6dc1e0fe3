package signing_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/paymux/paymux/signing"
)

const (
	webhookSecretOld = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	webhookSecretNew = "whsec_Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
)

var webhookBody = []byte(`{"type":"payment.succeeded","data":{"subject":"茶"}}`)

func signedWebhook(t testing.TB, secrets ...string) http.Header {
	t.Helper()
	header := http.Header{}
	signing.SetWebhookHeaders(header, parseSecrets(t, secrets), "evt_1", goldenTime, webhookBody)
	return header
}

// The published library is the judge: what we sign it accepts, with either
// secret of a rotation, and what it signs we accept.
func TestWebhook_StandardLibraryAgrees(t *testing.T) {
	secrets := []string{webhookSecretOld, webhookSecretNew}
	header := signedWebhook(t, secrets...)
	for _, secret := range secrets {
		judge, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := judge.VerifyIgnoringTimestamp(webhookBody, header); err != nil {
			t.Errorf("the judge refuses ours: %v", err)
		}
		if err := judge.VerifyIgnoringTimestamp(append(bytes.Clone(webhookBody), ' '), header); err == nil {
			t.Error("the judge accepts another body")
		}
		theirs, err := judge.Sign("evt_1", goldenTime, webhookBody)
		if err != nil {
			t.Fatal(err)
		}
		one := signedWebhook(t, secret)
		one.Set(signing.HeaderWebhookSignature, theirs)
		if err := signing.VerifyWebhook(parseSecrets(t, secrets), one, webhookBody, goldenTime, time.Minute); err != nil {
			t.Errorf("we refuse the judge's: %v", err)
		}
	}
	// A fresh delivery passes the judge's own clock too.
	fresh, err := signing.NewWebhookSecret(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	judge, err := standardwebhooks.NewWebhook(fresh)
	if err != nil {
		t.Fatal(err)
	}
	now := http.Header{}
	signing.SetWebhookHeaders(now, parseSecrets(t, []string{fresh}), "evt_2", time.Now(), webhookBody)
	if err := judge.Verify(webhookBody, now); err != nil {
		t.Error(err)
	}
}

func TestVerifyWebhook_Refuses(t *testing.T) {
	secrets := parseSecrets(t, []string{webhookSecretOld})
	good := signedWebhook(t, webhookSecretOld)
	mac := good.Get(signing.HeaderWebhookSignature)
	set := func(name string, values ...string) func(h http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	for name, v := range map[string]struct {
		change func(h http.Header)
		want   error
	}{
		"other id":           {set(signing.HeaderWebhookID, "evt_2"), signing.ErrSignature},
		"dot moved":          {set(signing.HeaderWebhookID, "evt_1.1763700000"), signing.ErrSignature},
		"id missing":         {set(signing.HeaderWebhookID), signing.ErrWebhookHeaders},
		"id empty":           {set(signing.HeaderWebhookID, ""), signing.ErrWebhookHeaders},
		"id twice":           {set(signing.HeaderWebhookID, "evt_1", "evt_1"), signing.ErrWebhookHeaders},
		"timestamp missing":  {set(signing.HeaderWebhookTimestamp), signing.ErrWebhookHeaders},
		"timestamp not one":  {set(signing.HeaderWebhookTimestamp, "now"), signing.ErrWebhookHeaders},
		"timestamp signed":   {set(signing.HeaderWebhookTimestamp, "+1763700000"), signing.ErrWebhookHeaders},
		"timestamp changed":  {set(signing.HeaderWebhookTimestamp, "1763700001"), signing.ErrSignature},
		"too old":            {set(signing.HeaderWebhookTimestamp, "1763699699"), signing.ErrWebhookTimestamp},
		"too new":            {set(signing.HeaderWebhookTimestamp, "1763700301"), signing.ErrWebhookTimestamp},
		"signature missing":  {set(signing.HeaderWebhookSignature), signing.ErrWebhookHeaders},
		"signature empty":    {set(signing.HeaderWebhookSignature, ""), signing.ErrSignature},
		"version v2":         {set(signing.HeaderWebhookSignature, strings.Replace(mac, "v1", "v2", 1)), signing.ErrSignature},
		"version v1a":        {set(signing.HeaderWebhookSignature, strings.Replace(mac, "v1", "v1a", 1)), signing.ErrSignature},
		"no version":         {set(signing.HeaderWebhookSignature, strings.TrimPrefix(mac, "v1,")), signing.ErrSignature},
		"cut":                {set(signing.HeaderWebhookSignature, mac[:len(mac)-4]), signing.ErrSignature},
		"not padded":         {set(signing.HeaderWebhookSignature, strings.TrimRight(mac, "=")), signing.ErrSignature},
		"empty mac":          {set(signing.HeaderWebhookSignature, "v1,"), signing.ErrSignature},
		"far too many":       {set(signing.HeaderWebhookSignature, strings.Repeat("v1,AA== ", 17)+mac), signing.ErrWebhookHeaders},
		"the other secret's": {set(signing.HeaderWebhookSignature, signedWebhook(t, webhookSecretNew).Get(signing.HeaderWebhookSignature)), signing.ErrSignature},
	} {
		header := good.Clone()
		v.change(header)
		if err := signing.VerifyWebhook(secrets, header, webhookBody, goldenTime, 5*time.Minute); !errors.Is(err, v.want) {
			t.Errorf("%s: error %v, want %v", name, err, v.want)
		}
	}
	if err := signing.VerifyWebhook(nil, good, webhookBody, goldenTime, time.Minute); !errors.Is(err, signing.ErrSignature) {
		t.Errorf("without a secret: %v", err)
	}
	for _, shift := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		if err := signing.VerifyWebhook(secrets, good, webhookBody, goldenTime.Add(shift), 5*time.Minute); err != nil {
			t.Errorf("at the edge %v: %v", shift, err)
		}
	}
}

func TestWebhookSecret(t *testing.T) {
	made, err := signing.NewWebhookSecret(bytes.NewReader(bytes.Repeat([]byte{0xA5}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := signing.ParseWebhookSecret(made); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{0xA5}, 32)) {
		t.Errorf("secret %x, %v", got, err)
	}
	if _, err := signing.NewWebhookSecret(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("a short random source makes a secret")
	}
	for _, text := range []string{
		"", "whsec_", webhookSecretOld[6:], "WHSEC_" + webhookSecretOld[6:], "whsec_" + strings.Repeat("A", 28),
		"whsec_" + strings.Repeat("A", 88), webhookSecretOld + "\n", " " + webhookSecretOld, strings.TrimRight(webhookSecretOld, "="),
		"whsec_" + strings.Repeat("-", 44), "whsk_" + webhookSecretOld[6:],
	} {
		if _, err := signing.ParseWebhookSecret(text); !errors.Is(err, signing.ErrWebhookSecret) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzParseWebhookSecret(f *testing.F) {
	f.Add(webhookSecretOld)
	f.Add("whsec_")
	f.Add("whsec_AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := signing.ParseWebhookSecret(text)
		if err != nil {
			return
		}
		judge, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatalf("the judge cannot read a secret that we take: %v", err)
		}
		header := http.Header{}
		signing.SetWebhookHeaders(header, [][]byte{secret}, "evt", goldenTime, nil)
		if err := judge.VerifyIgnoringTimestamp(nil, header); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzVerifyWebhook(f *testing.F) {
	mac := "v1,AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	f.Add("evt_1", "1763700000", mac)
	f.Add("", "", "")
	f.Add("evt_1", "1763700000", strings.Repeat(mac+" ", 20))
	f.Fuzz(func(t *testing.T, id, timestamp, list string) {
		header := http.Header{
			signing.HeaderWebhookID: {id}, signing.HeaderWebhookTimestamp: {timestamp}, signing.HeaderWebhookSignature: {list},
		}
		if signing.VerifyWebhook(parseSecrets(t, []string{webhookSecretOld}), header, webhookBody, goldenTime, time.Minute) == nil {
			t.Fatalf("forged: %q %q %q", id, timestamp, list)
		}
	})
}
