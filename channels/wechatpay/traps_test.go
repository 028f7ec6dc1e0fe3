package wechatpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/transport"
)

// The traps of client libraries for this protocol, each closed.

// The library's host is a constant: here the address of the credentials counts,
// path and all (TestBaseAddressWithPathIsSigned), and redirects go nowhere.
func TestTrap_NothingFollowsARedirect(t *testing.T) {
	elsewhere := answering(t, http.StatusOK, transaction(nil))
	for _, status := range []int{301, 302, 307, 308} {
		g := newGateway(t, func(w http.ResponseWriter, _ seen) {
			w.Header().Set("Location", elsewhere.URL+"/v3/pay/transactions/codepay")
			wechat().write(w, status, `{}`)
		})
		_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
	if elsewhere.count() != 0 {
		t.Errorf("%d requests went elsewhere", elsewhere.count())
	}
}

// The library's certificate downloader is one for the whole process, with its
// own client and clock: here every account fetches its own, through its own
// carrier, and nothing happens behind its back.
func TestTrap_NoGlobalDownloader(t *testing.T) {
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, platform(certSerial), list(entry(certSerial, cert)), platform(certSerial))
	one, two := newClient(t, bootConfig(g.URL)), newClient(t, bootConfig(g.URL))
	if g.count() != 0 {
		t.Error("making a client calls WeChat Pay")
	}
	if err := one.RefreshKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(*one.ring.Load()) != 1 || len(*two.ring.Load()) != 0 {
		t.Errorf("%d and %d keys", len(*one.ring.Load()), len(*two.ring.Load()))
	}
}

// A notification never leads to a call, also when its key is not known: whoever
// forges serials must not buy our calls with it.
func TestTrap_NotificationMakesNoCall(t *testing.T) {
	cert := certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	g := certificateHost(t, platform(certSerial), list(entry(certSerial, cert)), platform(certSerial))
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	for _, cfg := range []Config{bootConfig(g.URL), keyConfig(g.URL), certConfig(g.URL)} {
		_, err := newClient(t, cfg).ParseNotification(platform(nextSerial).header(text), []byte(text))
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	}
	if g.count() != 0 {
		t.Errorf("notifications led to %d calls", g.count())
	}
}

// The library's error for a refusal is unverified: a tampered or unsigned 2xx,
// also the empty 204, and a signed answer that is too old, leave the outcome
// open although the call may have had its effect.
func TestTrap_BadAnswerSignatureAfterAnEffect(t *testing.T) {
	paid := transaction(nil)
	with := func(s signer, status int, body, sent string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for name, values := range s.header(body) {
				w.Header()[name] = values
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, sent)
		}
	}
	shifted := func(d time.Duration) signer {
		return signer{key: testKeys().wechat, id: testKeyID, at: testNow.Add(d)}
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"tampered":     with(wechat(), 200, paid, strings.Replace(paid, "8880", "8881", 1)),
		"line's end":   with(wechat(), 200, strings.TrimSpace(paid), paid),
		"stranger":     with(signer{key: testKeys().stranger, id: testKeyID, at: testNow}, 200, paid, paid),
		"unknown key":  with(signer{key: testKeys().wechat, id: certSerial, at: testNow}, 200, paid, paid),
		"too old":      with(shifted(-301*time.Second), 200, paid, paid),
		"too new":      with(shifted(301*time.Second), 200, paid, paid),
		"unsigned":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, paid) },
		"unsigned 202": func(w http.ResponseWriter) { w.WriteHeader(202); _, _ = io.WriteString(w, `{"code":"USERPAYING"}`) },
		"unsigned 204": func(w http.ResponseWriter) { w.WriteHeader(204) },
		"tampered 204": func(w http.ResponseWriter) {
			for name, values := range wechat().header("{}") {
				w.Header()[name] = values
			}
			w.WriteHeader(204)
		},
		"probe": func(w http.ResponseWriter) {
			h := wechat().header(paid)
			h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+h.Get("Wechatpay-Signature"))
			for name, values := range h {
				w.Header()[name] = values
			}
			_, _ = io.WriteString(w, paid)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, keyConfig(newGateway(t, func(w http.ResponseWriter, _ seen) { answer(w) }).URL))
			_, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			_, err = c.QueryPayment(t.Context(), attempt(channels.SceneBarcode))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			_, err = c.Refund(t.Context(), refundRequest())
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			if res, err := c.ClosePayment(t.Context(), attempt(channels.SceneQR)); res != channels.CloseUncertain || channels.OutcomeOf(err) != channels.BadSignature {
				t.Errorf("close: %v, %v", res, err)
			}
			if res, err := c.ReversePayment(t.Context(), attempt(channels.SceneBarcode)); res != channels.ReverseUncertain || channels.OutcomeOf(err) != channels.BadSignature {
				t.Errorf("reverse: %v, %v", res, err)
			}
		})
	}
	for _, d := range []time.Duration{-300 * time.Second, 300 * time.Second} {
		g := newGateway(t, func(w http.ResponseWriter, _ seen) { shifted(d).write(w, 200, paid) })
		if _, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil {
			t.Errorf("%v off: %v", d, err)
		}
	}
}

// The library takes any status of the 200s for success.
func TestTrap_OtherStatusIsNoSuccess(t *testing.T) {
	for _, status := range []int{201, 202, 203, 206, 302, 500, 502, 503, 504} {
		g := answering(t, status, transaction(nil))
		_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
	_, err := newClient(t, keyConfig(answering(t, 204, "").URL)).Pay(t.Context(), payRequest(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
	for _, scene := range []channels.Scene{channels.SceneQR, channels.SceneApp, channels.SceneH5, channels.SceneJSAPI} {
		_, err := newClient(t, keyConfig(answering(t, 202, `{"code":"USERPAYING"}`).URL)).Pay(t.Context(), payRequest(scene))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
	c := newClient(t, keyConfig(answering(t, 202, `{"code":"USERPAYING"}`).URL))
	_, err = c.Refund(t.Context(), refundRequest())
	adaptertest.WantOutcome(t, err, channels.Unknown)
	_, err = c.ClosePayment(t.Context(), attempt(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

// Pages of proxies and other bodies that are no answer.
func TestTrap_WhatIsNoAnswerIsUnknown(t *testing.T) {
	for name, body := range map[string]string{
		"html": "<html>502</html>", "array": "[]", "text": `"ok"`, "null": "null", "followed": "{}{}", "twice": `{"code_url":"a","code_url":"b"}`,
		"cut": `{"code_url":"weixin`, "empty": `{}`, "other case": `{"Code_URL":"weixin://a"}`, "number": `{"code_url":1}`, "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, keyConfig(answering(t, 200, body).URL)).Pay(t.Context(), payRequest(channels.SceneQR))
			adaptertest.WantOutcome(t, err, channels.Unknown)
		})
		for _, status := range []int{400, 403, 404, 429, 500, 502} {
			g := newGateway(t, func(w http.ResponseWriter, _ seen) { w.WriteHeader(status); _, _ = io.WriteString(w, body) })
			_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneQR))
			adaptertest.WantOutcome(t, err, channels.Unknown)
		}
	}
	for _, h5 := range []string{"weixin://a", "javascript:alert(1)", "/relative", "https://", "%"} {
		_, err := newClient(t, keyConfig(answering(t, 200, `{"h5_url":"`+h5+`"}`).URL)).Pay(t.Context(), payRequest(channels.SceneH5))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

// The library's handler panics on a signed body without a resource.
func TestTrap_NotificationWithoutResource(t *testing.T) {
	c := offline(t)
	for _, resource := range []string{"", `,"resource":null`, `,"resource":{}`, `,"resource":"x"`, `,"resource":[]`, `,"resource":{"algorithm":"AEAD_AES_256_GCM"}`} {
		body := `{"id":"EV-1","event_type":"TRANSACTION.SUCCESS"` + resource + `}`
		_, err := c.ParseNotification(wechat().header(body), []byte(body))
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	}
}

// The library panics on a nonce that is not 12 bytes long.
func TestTrap_NonceOfAnotherLength(t *testing.T) {
	c := offline(t)
	for _, nonce := range []string{"1", "fdasflkja48", "fdasflkja4841", strings.Repeat("n", 64)} {
		body := `{"id":"EV-1","event_type":"TRANSACTION.SUCCESS","resource":` + sealWithNonce(t, nonce, transaction(nil)) + `}`
		_, err := c.ParseNotification(wechat().header(body), []byte(body))
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	}
}

// The library takes AES keys of 16 and 24 bytes.
func TestTrap_ShortAPIKeys(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33} {
		cfg := keyConfig("https://api.mch.weixin.qq.com")
		cfg.APIV3Key = strings.Repeat("k", n)
		if _, err := New(cfg, Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "api_v3_key") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	short := "0123456789abcdef"
	o, err := readObject([]byte(sealed(short, "", "x")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openResource(short, o); err == nil {
		t.Error("16 bytes open a resource")
	}
}

// The library's error text dumps the whole request.
func TestTrap_ErrorsHoldNoSecrets(t *testing.T) {
	var logs bytes.Buffer
	var mu sync.Mutex
	var answer func(w http.ResponseWriter)
	g := newGateway(t, func(w http.ResponseWriter, _ seen) { mu.Lock(); defer mu.Unlock(); answer(w) })
	cfg := keyConfig(g.URL)
	c, err := New(cfg, Deps{Now: func() time.Time { return testNow }, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	req := payRequest(channels.SceneBarcode)
	var texts []string
	note := func(err error) {
		if err == nil {
			t.Error("no error to search")
			return
		}
		var e *channels.Error
		if errors.As(err, &e) {
			texts = append(texts, e.Message, e.Code)
		}
		texts = append(texts, err.Error(), fmt.Sprintf("%+v", err))
	}
	for _, f := range []func(w http.ResponseWriter){
		func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = fmt.Fprintf(w, `{"code":"PARAM_ERROR","message":"付款码 %s 无效","detail":{"value":%q}}`, req.AuthCode, req.AuthCode)
		},
		func(w http.ResponseWriter) { w.WriteHeader(500); _, _ = io.WriteString(w, req.AuthCode+cfg.APIV3Key) },
		func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		answer = f
		_, err := c.Pay(t.Context(), req)
		note(err)
	}
	text := noticeUnder("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "TRANSACTION.SUCCESS", transaction(nil))
	_, err = c.ParseNotification(wechat().header(text), []byte(text))
	note(err)
	texts = append(texts, logs.String(), fmt.Sprintf("%v|%+v|%#v", cfg, cfg, cfg))
	for _, secret := range []string{req.AuthCode, cfg.APIV3Key, cfg.MerchantPrivateKey[60:100], "Authorization", "signature="} {
		for _, s := range texts {
			if strings.Contains(s, secret) {
				t.Errorf("%q is in %.200s", secret, s)
			}
		}
	}
}

// The library does not check a certificate's time: outside of it, with the
// difference of clocks that timestamps have, it signs nothing.
func TestTrap_EndedCertificates(t *testing.T) {
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	for name, tt := range map[string]struct {
		from time.Time
		ok   bool
	}{
		"valid":           {testNow.AddDate(0, -1, 0), true},
		"just ended":      {testNow.Add(-299*time.Second).AddDate(-1, 0, 0), true},
		"ended":           {testNow.Add(-302*time.Second).AddDate(-1, 0, 0), false},
		"begins at once":  {testNow.Add(299 * time.Second), true},
		"not yet begun":   {testNow.Add(302 * time.Second), false},
		"ended years ago": {testNow.AddDate(-5, 0, 0), false},
	} {
		cfg := certConfig("https://api.mch.weixin.qq.com")
		cfg.PlatformCert = certPEM(testKeys().platform, certSerial, tt.from)
		_, err := newClient(t, cfg).ParseNotification(platform(certSerial).header(text), []byte(text))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The library looks at neither event_type nor mchid nor trade_state: see
// TestNotificationKinds and TestNotificationOfSomebodyElse. An event that is
// not read is not opened either.
func TestTrap_EventTypeDecides(t *testing.T) {
	c := offline(t)
	for _, event := range []string{"TRANSACTION.REFUND", "transaction.success", "TRANSACTION", "PAYSCORE.USER_PAID", "REFUND.PROCESSING"} {
		body := notice(event, transaction(nil))
		n, err := c.ParseNotification(wechat().header(body), []byte(body))
		if err != nil || n.Kind != channels.NotificationIgnored || n.AttemptID != "" {
			t.Errorf("%s: %+v, %v", event, n, err)
		}
	}
	body := notice("REFUND.SUCCESS", transaction(nil))
	var mismatch *channels.MismatchError
	if _, err := c.ParseNotification(wechat().header(body), []byte(body)); !errors.As(err, &mismatch) {
		t.Errorf("an order is taken for a refund: %v", err)
	}
}

// A call ends although its context has no deadline.
func TestTrap_EveryCallHasADeadline(t *testing.T) {
	release := make(chan struct{})
	g := newGateway(t, func(http.ResponseWriter, seen) { <-release })
	defer close(release)
	c, err := New(keyConfig(g.URL), Deps{Now: func() time.Time { return testNow }, HTTP: transport.New(transport.Limits{Total: 50 * time.Millisecond}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Pay(context.Background(), payRequest(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

// Nothing is sent when the channel cannot be reached.
func TestRefusedConnectionIsNotProcessed(t *testing.T) {
	g := answering(t, http.StatusOK, transaction(nil))
	cfg := keyConfig(g.URL)
	g.Close()
	_, err := newClient(t, cfg).Pay(t.Context(), payRequest(channels.SceneBarcode))
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
}

// A signed answer does not say what it answers: one of another call, sent again
// by whatever stands between, settles nothing; the same answer to the same
// question does.
func TestTrap_AnswerOfAnotherCall(t *testing.T) {
	kept := wechat().header("")
	g := newGateway(t, func(w http.ResponseWriter, _ seen) {
		for name, values := range kept {
			w.Header()[name] = values
		}
		w.WriteHeader(204)
	})
	c := newClient(t, keyConfig(g.URL))
	first, second := attempt(channels.SceneQR), attempt(channels.SceneQR)
	second.ID = testRefund
	for range 2 {
		if res, err := c.ClosePayment(t.Context(), first); err != nil || res != channels.CloseAcknowledged {
			t.Fatalf("%v, %v", res, err)
		}
	}
	res, err := c.ClosePayment(t.Context(), second)
	adaptertest.WantOutcome(t, err, channels.BadSignature)
	if res != channels.CloseUncertain {
		t.Errorf("another order's answer closed this one: %v", res)
	}
}

// Nor do code_url, prepay_id and h5_url say whose they are: the payer of this
// order must not be sent to pay another one.
func TestTrap_CodeOfAnotherOrder(t *testing.T) {
	g := prepaid(t) // signs each answer anew
	c := newClient(t, keyConfig(g.URL))
	for _, scene := range []channels.Scene{channels.SceneQR, channels.SceneApp, channels.SceneH5} {
		req := payRequest(scene)
		for range 2 {
			if _, err := c.Pay(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		req.Attempt.ID = testRefund
		_, err := c.Pay(t.Context(), req)
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var r recent
	id := func(i int) digest { return digestOf(fmt.Sprint(i)) }
	for i := range 3 * maxRecent {
		if !r.belongs(id(i), id(0)) {
			t.Fatal("new, yet somebody's")
		}
	}
	if n := len(r.young) + len(r.old); n > 2*maxRecent {
		t.Errorf("%d are remembered", n)
	}
	last := id(3*maxRecent - 1)
	if r.belongs(last, id(1)) || !r.belongs(last, id(0)) || !r.belongs(id(0), id(1)) {
		t.Error("the latest are not remembered, or the first are not forgotten")
	}
	var wg sync.WaitGroup
	owners := make(chan int, 16)
	for i := range 16 {
		wg.Go(func() {
			if r.belongs(digestOf("raced"), id(i)) {
				owners <- i
			}
		})
	}
	wg.Wait()
	if len(owners) != 1 {
		t.Errorf("%d calls own one answer", len(owners))
	}
}

// What the payer's own client is given cannot be signed: the order is placed,
// so it is to be asked for.
func TestSignerThatFails(t *testing.T) {
	g := prepaid(t)
	c := newClient(t, keyConfig(g.URL))
	calls := 0
	c.nonce = func() (string, error) {
		if calls++; calls > 1 {
			return "", errors.New("no randomness")
		}
		return strings.Repeat("n", 32), nil
	}
	_, err := c.Pay(t.Context(), payRequest(channels.SceneApp))
	adaptertest.WantOutcome(t, err, channels.Unknown)
	_, err = c.Pay(t.Context(), payRequest(channels.SceneApp))
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
	if g.count() != 1 {
		t.Errorf("%d requests", g.count())
	}
}

func TestSafeForConcurrentUse(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r seen) {
		if strings.Contains(r.target, "/refunds") {
			wechat().write(w, 200, refunded(nil))
			return
		}
		wechat().write(w, 200, transaction(nil))
	})
	c := newClient(t, keyConfig(g.URL))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if res, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode)); err != nil || !reflect.DeepEqual(res.Paid.Amount, adaptertest.CNY(8880)) {
				t.Error(err)
			}
			if _, err := c.Refund(t.Context(), refundRequest()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
