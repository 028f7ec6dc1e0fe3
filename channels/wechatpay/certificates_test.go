package wechatpay

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

const nextSerial = "7132D72A03E93CDDF8C03BBD1F37EEDF00000002"

func entry(serial, certificate string) string {
	return entryUnder(testAPIKey, serial, certificate)
}

func entryUnder(apiKey, serial, certificate string) string {
	const nonce = "61f9c719728a"
	return fmt.Sprintf(`{"serial_no":%q,"effective_time":"2026-10-21T00:30:05+08:00","expire_time":"2027-10-21T00:30:05+08:00","encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":%q,"associated_data":"certificate","ciphertext":%q}}`,
		serial, nonce, seal(apiKey, nonce, "certificate", certificate))
}

func list(entries ...string) string { return `{"data":[` + strings.Join(entries, ",") + `]}` }

func platform(serial string) signer {
	return signer{key: testKeys().platform, id: serial, at: testNow}
}

// certificateHost answers the list of certificates with body, signed by by, and
// every other call with a paid order, signed by answers.
func certificateHost(t testing.TB, by signer, body string, answers signer) *gateway {
	return newGateway(t, func(w http.ResponseWriter, r seen) {
		if r.target == "/v3/certificates" {
			by.write(w, http.StatusOK, body)
			return
		}
		answers.write(w, http.StatusOK, transaction(nil))
	})
}

func bootConfig(base string) Config {
	cfg := certConfig(base)
	cfg.PlatformCert = ""
	return cfg
}

// TestCertificatesAreFetchedBeforeTheFirstCall: with no key of WeChat Pay's,
// nothing is sent before there is one to verify the answer with.
func TestCertificatesAreFetchedBeforeTheFirstCall(t *testing.T) {
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, platform(certSerial), list(entry(certSerial, cert)), platform(certSerial))
	c := newClient(t, bootConfig(g.URL))
	for range 2 {
		if state, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil || state.Status != channels.StatePaid {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	all := g.requests()
	if len(all) != 3 || all[0].target != "/v3/certificates" || all[1].header.Get("Wechatpay-Serial") != certSerial {
		t.Errorf("%d requests, the first %s, the key asked for %q", len(all), all[0].target, all[1].header.Get("Wechatpay-Serial"))
	}
	if e := c.Expiries(); len(e) != 1 || e[0].Serial != certSerial || !e[0].Fetched || !e[0].NotAfter.Equal(testNow.AddDate(0, -1, 0).AddDate(1, 0, 0)) {
		t.Errorf("expiries %+v", e)
	}
}

// TestBootstrapThatCannotBeTrusted: nothing is kept and nothing of the payment
// is sent.
func TestBootstrapThatCannotBeTrusted(t *testing.T) {
	keys := testKeys()
	before := testNow.AddDate(0, -1, 0)
	cert := certPEM(keys.platform, certSerial, before)
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // too short on purpose
	if err != nil {
		t.Fatal(err)
	}
	ended := certPEM(keys.platform, certSerial, testNow.AddDate(-1, 0, -1))
	stranger := signer{key: keys.stranger, id: certSerial, at: testNow}
	old := signer{key: keys.platform, id: certSerial, at: testNow.Add(-301 * time.Second)}
	for name, tt := range map[string]struct {
		by   signer
		body string
	}{
		"signed by a stranger":  {stranger, list(entry(certSerial, cert))},
		"signed by none listed": {platform(nextSerial), list(entry(certSerial, cert))},
		"old":                   {old, list(entry(certSerial, cert))},
		"sealed by a stranger":  {platform(certSerial), list(entryUnder("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", certSerial, cert))},
		"another serial":        {platform(nextSerial), list(entry(nextSerial, cert))},
		"listed as another":     {platform(certSerial), list(entry(nextSerial, cert))},
		"ended":                 {platform(certSerial), list(entry(certSerial, ended))},
		"weak":                  {platform(certSerial), list(entry(certSerial, certPEM(weak, certSerial, before)))},
		"no certificate":        {platform(certSerial), list(entry(certSerial, adaptertest.PublicPEM(keys.platform)))},
		"one of two is broken":  {platform(certSerial), list(entry(certSerial, cert), entry(nextSerial, "x"))},
		"empty":                 {platform(certSerial), list()},
		"no list":               {platform(certSerial), `{}`},
		"no object":             {platform(certSerial), `[]`},
		"too long":              {platform(certSerial), list(strings.Split(strings.Repeat(entry(certSerial, "x")+"\n", 40), "\n")[:39]...)},
		"other algorithm only":  {platform(certSerial), list(strings.Replace(entry(certSerial, cert), "AES_256", "SM4", 1))},
	} {
		t.Run(name, func(t *testing.T) {
			g := certificateHost(t, tt.by, tt.body, platform(certSerial))
			c := newClient(t, bootConfig(g.URL))
			_, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
			adaptertest.WantOutcome(t, err, channels.NotProcessed)
			if len(*c.ring.Load()) != 0 || g.count() != 1 {
				t.Errorf("%d keys are kept, %d calls were made", len(*c.ring.Load()), g.count())
			}
		})
	}
	for _, g := range []*gateway{refusing(t, 404, "RESOURCE_NOT_EXISTS"), refusing(t, 401, "SIGN_ERROR"), newGateway(t, func(w http.ResponseWriter, _ seen) {
		_, _ = io.WriteString(w, list(entry(certSerial, cert)))
	})} {
		if err := newClient(t, bootConfig(g.URL)).RefreshKeys(t.Context()); err == nil {
			t.Error("an unsigned list was taken")
		}
	}
}

// TestRotation: the next certificate is listed beside the present one, then
// alone; what is configured stays, what was fetched goes with its list.
func TestRotation(t *testing.T) {
	keys := testKeys()
	first := certPEM(keys.platform, certSerial, testNow.AddDate(0, -11, 0))
	second := certPEM(keys.wechat, nextSerial, testNow.AddDate(0, 0, -1))
	next := signer{key: keys.wechat, id: nextSerial, at: testNow}
	var by signer
	var body string
	g := newGateway(t, func(w http.ResponseWriter, _ seen) { by.write(w, http.StatusOK, body) })
	var logs bytes.Buffer
	c, err := New(bootConfig(g.URL), Deps{Now: func() time.Time { return testNow }, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	refresh := func(s signer, b string, want ...string) {
		t.Helper()
		by, body = s, b
		if err := c.RefreshKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		ring := *c.ring.Load()
		if len(ring) != len(want) {
			t.Errorf("%d keys, want %v", len(ring), want)
		}
		for _, id := range want {
			if _, ok := ring[id]; !ok {
				t.Errorf("%s is not known", id)
			}
		}
	}
	refresh(platform(certSerial), list(entry(certSerial, first)), certSerial)
	refresh(platform(certSerial), list(entry(certSerial, first), entry(nextSerial, second)), certSerial, nextSerial)
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	for _, s := range []signer{platform(certSerial), next} {
		if _, err := c.ParseNotification(s.header(text), []byte(text)); err != nil {
			t.Errorf("a notification by %s: %v", s.id, err)
		}
	}
	if id := (*c.ring.Load()).preferred("", testNow); id != nextSerial {
		t.Errorf("answers are asked for under %s, want the newest", id)
	}
	refresh(next, list(entry(nextSerial, second)), nextSerial)
	_, err = c.ParseNotification(platform(certSerial).header(text), []byte(text))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
	if got := strings.Count(logs.String(), "came into use"); got != 2 || strings.Contains(logs.String(), testAPIKey) {
		t.Errorf("%d certificates are told of: %s", got, logs.String())
	}
	// One that has ended is not taken, whoever lists it.
	refresh(next, list(entry(certSerial, certPEM(keys.platform, certSerial, testNow.AddDate(-1, 0, -1))), entry(nextSerial, second)), nextSerial)
	// A list that fails leaves all as it is.
	by, body = platform(certSerial), list(entry(certSerial, first), entry(nextSerial, "x"))
	if err := c.RefreshKeys(t.Context()); err == nil || len(*c.ring.Load()) != 1 {
		t.Errorf("%v, %d keys", err, len(*c.ring.Load()))
	}
}

// TestMissedRotation: an answer by a certificate that is not known settles
// nothing, but the next call fetches the list first, at most once a minute, and
// goes on whether or not that works.
func TestMissedRotation(t *testing.T) {
	next := signer{key: testKeys().wechat, id: nextSerial, at: testNow}
	broken := true
	const answered = channels.Outcome(-1)
	g := newGateway(t, func(w http.ResponseWriter, r seen) {
		switch {
		case r.target != "/v3/certificates":
			next.write(w, http.StatusOK, transaction(nil))
		case broken:
			refuse(w, 500, "SYSTEM_ERROR", "")
		default:
			next.write(w, http.StatusOK, list(entry(nextSerial, certPEM(testKeys().wechat, nextSerial, testNow.AddDate(0, 0, -1)))))
		}
	})
	c := newClient(t, certConfig(g.URL))
	now := testNow
	c.now = func() time.Time { return now }
	ask := func(want channels.Outcome, calls int) {
		t.Helper()
		before := g.count()
		_, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR))
		if (err == nil) != (want == answered) || err != nil && channels.OutcomeOf(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
		if got := g.count() - before; got != calls {
			t.Errorf("%d calls, want %d", got, calls)
		}
	}
	ask(channels.BadSignature, 1)
	ask(channels.BadSignature, 2) // tries to fetch, in vain
	ask(channels.BadSignature, 1)
	broken, now = false, now.Add(time.Minute)
	ask(answered, 2)
	ask(answered, 1)
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	_, err := c.ParseNotification(signer{key: testKeys().stranger, id: "AB", at: now}.header(text), []byte(text))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
	ask(answered, 1) // what a notification names is not fetched
}

// TestMigration: public key and certificates at once, in answers and
// notifications; answers are asked for under the public key.
func TestMigration(t *testing.T) {
	cfg := certConfig("")
	cfg.PublicKeyID, cfg.PublicKey = testKeyID, adaptertest.PublicPEM(testKeys().wechat)
	answers := platform(certSerial)
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, wechat(), list(entry(certSerial, cert)), answers)
	cfg.BaseURL = g.URL
	c := newClient(t, cfg)
	if err := c.RefreshKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil {
		t.Error(err)
	}
	if id := g.last().header.Get("Wechatpay-Serial"); id != testKeyID {
		t.Errorf("the answer is asked for under %q", id)
	}
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	for _, s := range []signer{platform(certSerial), wechat()} {
		if _, err := c.ParseNotification(s.header(text), []byte(text)); err != nil {
			t.Errorf("a notification by %s: %v", s.id, err)
		}
	}
	// One side's key under the other's id is nobody's.
	_, err := c.ParseNotification(signer{key: testKeys().platform, id: testKeyID, at: testNow}.header(text), []byte(text))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

func TestPublicKeyModeFetchesNothing(t *testing.T) {
	g := refusing(t, 404, "RESOURCE_NOT_EXISTS")
	if err := newClient(t, keyConfig(g.URL)).RefreshKeys(t.Context()); err != nil || g.count() != 0 {
		t.Errorf("%v, %d calls", err, g.count())
	}
}

func TestFurtherPublicKeys(t *testing.T) {
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.PublicKeys = map[string]string{"PUB_KEY_ID_2": adaptertest.PublicPEM(testKeys().platform)}
	c := newClient(t, cfg)
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	for _, s := range []signer{wechat(), {key: testKeys().platform, id: "PUB_KEY_ID_2", at: testNow}} {
		if _, err := c.ParseNotification(s.header(text), []byte(text)); err != nil {
			t.Errorf("by %s: %v", s.id, err)
		}
	}
	cfg.PublicKeys = map[string]string{testKeyID: adaptertest.PublicPEM(testKeys().platform)}
	if _, err := New(cfg, Deps{Now: time.Now}); err == nil {
		t.Error("one id stands for two keys")
	}
}

func TestExpiriesAreWarnedOf(t *testing.T) {
	var logs bytes.Buffer
	cfg := certConfig("https://api.mch.weixin.qq.com")
	cfg.PlatformCert = certPEM(testKeys().platform, certSerial, testNow.AddDate(-1, 0, 20))
	if _, err := New(cfg, Deps{Now: func() time.Time { return testNow }, Logger: slog.New(slog.NewTextHandler(&logs, nil))}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(logs.String(), certSerial) || !strings.Contains(logs.String(), testMchID) {
		t.Errorf("logs %q", logs.String())
	}
}

// TestOneBootstrapServesAll: calls that all find no key fetch the list once.
func TestOneBootstrapServesAll(t *testing.T) {
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, platform(certSerial), list(entry(certSerial, cert)), platform(certSerial))
	c := newClient(t, bootConfig(g.URL))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if g.count() != 9 {
		t.Errorf("%d requests, want the list and 8 questions", g.count())
	}
}

// TestRefreshRaces: calls, notifications and refreshes at once; a refresh waits
// for the one under way no longer than its context.
func TestRefreshRaces(t *testing.T) {
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, platform(certSerial), list(entry(certSerial, cert)), platform(certSerial))
	c := newClient(t, bootConfig(g.URL))
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	header := platform(certSerial).header(text)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil {
				t.Error(err)
			}
			if err := c.RefreshKeys(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := c.ParseNotification(header, []byte(text)); err != nil {
				t.Error(err)
			}
			_ = c.Expiries()
		})
	}
	wg.Wait()
	c.refreshing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.RefreshKeys(ctx); err == nil {
		t.Error("a refresh did not heed its context")
	}
}
