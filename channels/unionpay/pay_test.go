package unionpay

import (
	"context"
	"crypto"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/internal/money"
)

// wantFields checks exactly which fields beside the common head were sent.
func wantFields(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	rest := maps.Clone(got)
	for _, head := range []string{"version", "encoding", "signMethod", "certId", "accessType", "merId", "signature"} {
		delete(rest, head)
	}
	if !maps.Equal(rest, want) {
		t.Errorf("sent\n%v\nwant\n%v", rest, want)
	}
}

func TestPayForms(t *testing.T) {
	g := answering(t)
	for scene, channelType := range map[channels.Scene]string{channels.SceneWeb: "07", channels.SceneH5: "08"} {
		res, err := newClient(t, testConfig(g.URL+"/")).Pay(t.Context(), payRequest(scene))
		if err != nil {
			t.Fatal(err)
		}
		a := res.Action
		if res.Status != channels.PayWaiting || res.AttemptID != testAttempt || a.Type != channels.ActionForm ||
			a.URL != g.URL+"/gateway/api/frontTransReq.do" || a.CodeURL != "" || a.Params != nil {
			t.Fatalf("result %+v, action %+v", res, a)
		}
		checkRequest(t, a.Fields)
		wantFields(t, a.Fields, map[string]string{
			"txnType": "01", "txnSubType": "01", "bizType": "000201", "channelType": channelType,
			"orderId": testAttempt, "txnTime": "20261122003005", "txnAmt": "8880", "currencyCode": "156",
			"payTimeout": "20261122010005", "backUrl": "https://pay.example.com/notify/unionpay/1",
			"frontUrl": "https://shop.example.com/back?a=1&b=2", "orderDesc": "coffee ＆ ｛cake｝",
		})
	}
	if n := len(g.requests()); n != 0 {
		t.Errorf("a form is signed here and posted by the payer, yet %d calls were made", n)
	}
}

func TestPayQR(t *testing.T) {
	g := answering(t, "respCode", "00", "respMsg", "成功[0000000]", "qrCode", "https://qr.95516.com/00010001/1?a=b&c=d")
	cfg := testConfig(g.URL)
	cfg.TermID = "01080209"
	_, err := newClient(t, cfg).Pay(t.Context(), payRequest(channels.SceneQR))
	// Un-encoded "&" ends a value, so such a code would be cut short; signed, it
	// has two readings.
	adaptertest.WantOutcome(t, err, channels.BadSignature)

	g = answering(t, "respCode", "00", "respMsg", "成功[0000000]", "qrCode", "https://qr.95516.com/00010001/62211")
	cfg.BaseURL = g.URL
	res, err := newClient(t, cfg).Pay(t.Context(), payRequest(channels.SceneQR))
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != channels.PayWaiting || res.AttemptID != testAttempt || res.Action.Type != channels.ActionQRCode ||
		res.Action.CodeURL != "https://qr.95516.com/00010001/62211" {
		t.Errorf("result %+v, action %+v", res, res.Action)
	}
	sent := g.last()
	if sent.path != "/gateway/api/backTransReq.do" {
		t.Errorf("path %s", sent.path)
	}
	wantFields(t, sent.fields, map[string]string{
		"txnType": "01", "txnSubType": "07", "bizType": "000000", "channelType": "08", "termId": "01080209",
		"orderId": testAttempt, "txnTime": "20261122003005", "txnAmt": "8880", "currencyCode": "156",
		"payTimeout": "20261122010005", "backUrl": "https://pay.example.com/notify/unionpay/1",
	})
}

func TestPayApp(t *testing.T) {
	g := answering(t, "respCode", "00", "respMsg", "成功[0000000]", "tn", "612345678901234567890")
	res, err := newClient(t, testConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneApp))
	if err != nil {
		t.Fatal(err)
	}
	params, ok := res.Action.Params.(map[string]string)
	if !ok || res.Action.Type != channels.ActionApp || !maps.Equal(params, map[string]string{"tn": "612345678901234567890"}) {
		t.Errorf("action %+v", res.Action)
	}
	if sent := g.last(); sent.path != "/gateway/api/appTransReq.do" || sent.fields["channelType"] != "08" || sent.fields["frontUrl"] != "" {
		t.Errorf("sent %+v", sent)
	}
}

func TestPayBarcode(t *testing.T) {
	for code, want := range map[string]struct {
		status channels.PayStatus
		calls  int // with the query that an accepted order is asked about at once
	}{
		"00": {channels.PayUncertain, 2},
		"05": {channels.PayWaiting, 1},
	} {
		g := answering(t, "respCode", code, "respMsg", "成功[0000000]", "queryId", testQueryID)
		res, err := newClient(t, testConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		if err != nil || res.Status != want.status || res.AttemptID != testAttempt || res.Action != nil {
			t.Errorf("%s: result %+v, error %v: accepted is not paid", code, res, err)
		}
		if n := len(g.requests()); n != want.calls {
			t.Fatalf("%s: %d calls, want %d", code, n, want.calls)
		}
		wantFields(t, g.requests()[0].fields, map[string]string{
			"txnType": "01", "txnSubType": "06", "bizType": "000000", "channelType": "08", "qrNo": "6220000000000000018",
			"orderId": testAttempt, "txnTime": "20261122003005", "txnAmt": "8880", "currencyCode": "156",
			"payTimeout": "20261122010005", "backUrl": "https://pay.example.com/notify/unionpay/1",
		})
	}
}

// TestPayRefusals: signed refusals, each scene.
func TestPayRefusals(t *testing.T) {
	for code, want := range map[string]channels.Outcome{
		"01": channels.Declined, "10": channels.Declined, "64": channels.Declined, "86": channels.Declined,
		"11": channels.Misconfigured, "32": channels.Misconfigured, "37": channels.NotProcessed,
		"03": channels.Unknown, "04": channels.Unknown, "06": channels.Unknown, "12": channels.Unknown,
		"42": channels.Unknown, "70": channels.Unknown, "74": channels.Unknown, "75": channels.Unknown,
		"83": channels.Unknown, "99": channels.Unknown, "A6": channels.Unknown, "ZZ": channels.Unknown, "0": channels.Unknown,
	} {
		for _, scene := range []channels.Scene{channels.SceneQR, channels.SceneApp, channels.SceneBarcode} {
			g := answering(t, "respCode", code, "respMsg", "no, card 6216261000000000018[9100004]", "qrCode", "x", "tn", "y")
			_, err := newClient(t, testConfig(g.URL)).Pay(t.Context(), payRequest(scene))
			adaptertest.WantOutcome(t, err, want)
			var e *channels.Error
			if !errors.As(err, &e) || e.Code != code || e.Message != "no, card ***[9100004]" {
				t.Errorf("%s: %+v", code, e)
			}
		}
	}
}

// TestPayOddAnswers are signed and say nothing usable.
func TestPayOddAnswers(t *testing.T) {
	for name, pairs := range map[string][]string{
		"no code in it":     {"respCode", "00"},
		"05 for a code":     {"respCode", "05", "qrCode", "x"},
		"another order":     {"respCode", "00", "qrCode", "x", "orderId", testRefund},
		"another time":      {"respCode", "00", "qrCode", "x", "txnTime", "20261122003006"},
		"another merchant":  {"respCode", "00", "qrCode", "x", "merId", "777290058110097"},
		"another type":      {"respCode", "00", "qrCode", "x", "txnType", "04"},
		"another sub-type":  {"respCode", "00", "qrCode", "x", "txnSubType", "06"},
		"no order":          {"respCode", "01", "orderId", "-"},
		"no respCode":       {"qrCode", "x"},
		"declined of other": {"respCode", "01", "orderId", testRefund},
	} {
		g := answering(t, pairs...)
		res, err := newClient(t, testConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneQR))
		if err == nil || channels.OutcomeOf(err) != channels.Unknown {
			t.Errorf("%s: result %+v, error %v", name, res, err)
		}
	}
}

// TestPayNothingSent: what is wrong with the request is found before a byte
// leaves.
func TestPayNothingSent(t *testing.T) {
	g := answering(t, "respCode", "00", "qrCode", "x")
	c := newClient(t, testConfig(g.URL))
	usd, err := money.New(100, "USD")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*channels.PayRequest){
		"scene":    func(r *channels.PayRequest) { r.Attempt.Scene = channels.SceneJSAPI },
		"currency": func(r *channels.PayRequest) { r.Attempt.Amount = usd },
		"no limit": func(r *channels.PayRequest) { r.Attempt.ExpiresAt = time.Time{} },
		"no time":  func(r *channels.PayRequest) { r.Attempt.SubmittedAt = time.Time{} },
		"number":   func(r *channels.PayRequest) { r.Attempt.ID = "a-b_c-d-e" },
		"long":     func(r *channels.PayRequest) { r.Attempt.ID = strings.Repeat("A", 33) },
	} {
		req := payRequest(channels.SceneQR)
		spoil(&req)
		_, err := c.Pay(t.Context(), req)
		if channels.OutcomeOf(err) != channels.NotProcessed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(g.requests()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// brokenSigner is hardware that fails.
type brokenSigner struct{ crypto.Signer }

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key store said something secret")
}

func TestPaySignerFails(t *testing.T) {
	g := answering(t, "respCode", "00", "qrCode", "x")
	c, err := New(testConfig(g.URL), Deps{Now: newClient(t, testConfig(g.URL)).now, Signer: brokenSigner{testPKI().merchant.key}})
	if err != nil {
		t.Fatal(err)
	}
	for _, scene := range []channels.Scene{channels.SceneQR, channels.SceneWeb} {
		_, err = c.Pay(t.Context(), payRequest(scene))
		adaptertest.WantOutcome(t, err, channels.NotProcessed)
	}
	if _, err = c.QueryPayment(t.Context(), attempt(channels.SceneQR)); strings.Contains(err.Error(), "secret") {
		t.Errorf("the error repeats the signer's: %v", err)
	}
	if n := len(g.requests()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// TestTransportFaults: what is no verified answer.
func TestTransportFaults(t *testing.T) {
	good := func(p map[string]string) map[string]string {
		return echo(p, "respCode", "00", "respMsg", "ok", "qrCode", "x", "origRespCode", "05")
	}
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter, p map[string]string)
		want   channels.Outcome
	}{
		"500 with a good answer": {func(w http.ResponseWriter, p map[string]string) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, wireBody(signAs(testPKI().unionpay, good(p))))
		}, channels.Unknown},
		"redirect": {func(w http.ResponseWriter, _ map[string]string) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}, channels.Unknown},
		"html":            {body("<html><body>busy</body></html>"), channels.Unknown},
		"empty":           {body(""), channels.Unknown},
		"invalid request": {body("Invalid request."), channels.Unknown},
		"cut off":         {body("respCode=00&respMsg=[00"), channels.Unknown},
		"unsigned": {func(w http.ResponseWriter, p map[string]string) {
			_, _ = io.WriteString(w, wireBody(with(good(p), "signPubKeyCert", testPKI().unionpay.wirePEM())))
		}, channels.BadSignature},
		"no certificate": {func(w http.ResponseWriter, p map[string]string) {
			_, _ = io.WriteString(w, wireBody(sealAs(testPKI().unionpay, good(p))))
		}, channels.BadSignature},
		"changed after signing": {func(w http.ResponseWriter, p map[string]string) {
			_, _ = io.WriteString(w, wireBody(with(signAs(testPKI().unionpay, good(p)), "respMsg", "OK")))
		}, channels.BadSignature},
		"no answer": {func(w http.ResponseWriter, _ map[string]string) {
			panic(http.ErrAbortHandler)
		}, channels.Unknown},
		"too large": {func(w http.ResponseWriter, _ map[string]string) {
			_, _ = io.WriteString(w, strings.Repeat("a", 2<<20))
		}, channels.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ string, p map[string]string) { tt.answer(w, p) })
			c := newClient(t, testConfig(g.URL))
			_, err := c.Pay(t.Context(), payRequest(channels.SceneQR))
			adaptertest.WantOutcome(t, err, tt.want)
			_, err = c.QueryPayment(t.Context(), attempt(channels.SceneQR))
			adaptertest.WantOutcome(t, err, tt.want)
			_, err = c.Refund(t.Context(), refundRequest(channels.SceneQR))
			adaptertest.WantOutcome(t, err, tt.want)
			_, err = c.QueryRefund(t.Context(), refundRequest(channels.SceneQR))
			adaptertest.WantOutcome(t, err, tt.want)
		})
	}
	t.Run("refused connection", func(t *testing.T) {
		g := answering(t)
		c := newClient(t, testConfig(g.URL))
		g.Close()
		_, err := c.Pay(t.Context(), payRequest(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.NotProcessed)
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGateway(t, func(w http.ResponseWriter, _ string, _ map[string]string) {
			cancel()
			panic(http.ErrAbortHandler)
		})
		_, err := newClient(t, testConfig(g.URL)).Refund(ctx, refundRequest(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	})
}

func body(text string) func(http.ResponseWriter, map[string]string) {
	return func(w http.ResponseWriter, _ map[string]string) { _, _ = io.WriteString(w, text) }
}
