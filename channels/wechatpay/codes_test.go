package wechatpay

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// TestOutcomesOfRefusals sends each refusal as an unsigned answer, in both
// spellings, through the whole path of a call.
func TestOutcomesOfRefusals(t *testing.T) {
	const pay, refund = channels.OpPay, channels.OpRefund
	for _, tt := range []struct {
		status int
		code   string
		fine   string
		op     channels.Operation
		want   channels.Outcome
	}{
		{400, "PARAM_ERROR", "268435461", pay, channels.Declined},
		{400, "INVALID_REQUEST", "", pay, channels.Declined},
		{400, "INVALID_REQUEST", "268498688", pay, channels.Unknown},
		{400, "INVALID_REQUEST", "268449538", pay, channels.Unknown},
		{403, "RULE_LIMIT", "268498689", pay, channels.Unknown},
		{400, "APPID_MCHID_NOT_MATCH", "268445527", pay, channels.Misconfigured},
		{400, "ORDER_CLOSED", "", pay, channels.Unknown},
		{400, "ORDER_REVERSED", "", pay, channels.Unknown},
		{400, "ALREADY_EXISTS", "", pay, channels.Unknown},
		{400, "ORDER_PAID", "", pay, channels.Unknown},
		{400, "AUTH_CODE_INVALID", "", pay, channels.Declined},
		{403, "AUTH_CODE_EXPIRE", "", pay, channels.Declined},
		{403, "NO_AUTH", "", pay, channels.Misconfigured},
		{403, "RULE_LIMIT", "", pay, channels.Declined},
		{403, "TRADE_ERROR", "", pay, channels.Declined},
		{403, "NOT_ENOUGH", "", pay, channels.Declined},
		{403, "ACCOUNT_ERROR", "", pay, channels.Declined},
		{403, "USER_ACCOUNT_ABNORMAL", "", pay, channels.Declined},
		{403, "REQUEST_BLOCKED", "", pay, channels.Declined},
		{403, "OUT_TRADE_NO_USED", "", pay, channels.Unknown},
		{404, "MCH_NOT_EXISTS", "", pay, channels.Misconfigured},
		{404, "ORDER_NOT_EXIST", "", pay, channels.Unknown},
		{429, "FREQUENCY_LIMITED", "268447840", pay, channels.NotProcessed},
		{429, "RATELIMIT_EXCEEDED", "", pay, channels.NotProcessed},
		{429, "FREQUENCY_LIMIT_EXCEED", "", refund, channels.NotProcessed},
		{429, "FREQUENCY_LIMITED", "268449538", pay, channels.Unknown},
		{429, "NEVER_HEARD_OF", "", pay, channels.Unknown},
		{429, "", "", pay, channels.Unknown},
		{403, "FREQUENCY_LIMITED", "", pay, channels.Unknown},
		{500, "FREQUENCY_LIMITED", "", pay, channels.Unknown},
		{400, "NEVER_HEARD_OF", "", pay, channels.Unknown},
		{400, "", "", pay, channels.Unknown},
		{400, "USERPAYING", "", pay, channels.Unknown},
		{500, "SYSTEM_ERROR", "", pay, channels.Unknown},
		{500, "BANK_ERROR", "", pay, channels.Unknown},
		{500, "BIZ_ERR_NEED_RETRY", "", refund, channels.Unknown},
		{500, "OPENID_MISMATCH", "", pay, channels.Unknown},
		{400, "OPENID_MISMATCH", "", pay, channels.Declined},
		{502, "PARAM_ERROR", "", pay, channels.Unknown},
		{503, "NO_AUTH", "", pay, channels.Unknown},
		{302, "PARAM_ERROR", "", pay, channels.Unknown},
		{400, "PARAM_ERROR", "", refund, channels.Declined},
		{400, "INVALID_REQUEST", "", refund, channels.Declined},
		{403, "NOT_ENOUGH", "", refund, channels.Unknown},
		{403, "NO_AUTH", "", refund, channels.Misconfigured},
		{403, "USER_ACCOUNT_ABNORMAL", "", refund, channels.Declined},
		{404, "USER_NOT_EXISTS", "", refund, channels.Declined},
		{404, "RESOURCE_NOT_EXISTS", "", refund, channels.Unknown},
		{404, "ORDER_NOT_EXIST", "", refund, channels.Unknown},
		{403, "ACCOUNT_ERROR", "", refund, channels.Unknown},
		{403, "AUTH_CODE_INVALID", "", refund, channels.Unknown},
	} {
		for _, code := range []string{tt.code, strings.ReplaceAll(tt.code, "_", "")} {
			g := newGateway(t, func(w http.ResponseWriter, _ seen) { refuse(w, tt.status, code, tt.fine) })
			c := newClient(t, keyConfig(g.URL))
			var err error
			if tt.op == pay {
				_, err = c.Pay(t.Context(), payRequest(channels.SceneBarcode))
			} else {
				_, err = c.Refund(t.Context(), refundRequest())
			}
			var e *channels.Error
			if !errors.As(err, &e) || e.Outcome != tt.want {
				t.Errorf("%s %d %s %s: %v, want %v", tt.op, tt.status, code, tt.fine, err, tt.want)
				continue
			}
			if e.Code != code || e.Message != "原因" || e.Op != tt.op || e.Channel != Name {
				t.Errorf("error %+v", e)
			}
			if tt.fine != "" && !strings.Contains(err.Error(), tt.fine) {
				t.Errorf("the error does not name WeChat Pay's request: %v", err)
			}
			if g.count() != 1 {
				t.Errorf("%d calls", g.count())
			}
		}
	}
}

// TestSignedRefusalMeansTheSame: some refusals are signed; then the signature
// must hold.
func TestSignedRefusalMeansTheSame(t *testing.T) {
	for body, want := range map[string]channels.Outcome{
		`{"code":"RULE_LIMIT"}`: channels.Declined,
		`{"code":"ORDER_PAID"}`: channels.Unknown,
	} {
		_, err := newClient(t, keyConfig(answering(t, 403, body).URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, want)
	}
	for name, header := range map[string]http.Header{
		"stranger": signer{key: testKeys().stranger, id: testKeyID, at: testNow}.header(`{"code":"RULE_LIMIT"}`),
		"other":    wechat().header(`{"code":"RULE_LIMIT" }`),
		"probe":    {"Wechatpay-Signature": {"WECHATPAY/SIGNTEST/abc="}},
	} {
		g := newGateway(t, func(w http.ResponseWriter, _ seen) {
			for k, v := range header {
				w.Header()[k] = v
			}
			refuse(w, 403, "RULE_LIMIT", "")
		})
		_, err := newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneBarcode))
		if channels.OutcomeOf(err) != channels.BadSignature {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusedKey: one refusal of our signature takes no account out; two in a
// row, the second of a question signed anew, do.
func TestRefusedKey(t *testing.T) {
	for name, tt := range map[string]struct {
		again func(w http.ResponseWriter)
		want  channels.Outcome
	}{
		"refused again": {func(w http.ResponseWriter) { refuse(w, 401, "SIGN_ERROR", "268443699") }, channels.Misconfigured},
		"no such order": {func(w http.ResponseWriter) { refuse(w, 404, "ORDER_NOT_EXIST", "") }, channels.Unknown},
		"an order":      {func(w http.ResponseWriter) { wechat().write(w, 200, transaction(unpaid("NOTPAY"))) }, channels.Unknown},
		"busy":          {func(w http.ResponseWriter) { refuse(w, 500, "SYSTEM_ERROR", "") }, channels.Unknown},
		"a page":        {func(w http.ResponseWriter) { w.WriteHeader(401) }, channels.Unknown},
		"nothing":       {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, channels.Unknown},
	} {
		for op, do := range map[channels.Operation]func(*Client) error{
			channels.OpPay:    func(c *Client) error { _, err := c.Pay(t.Context(), payRequest(channels.SceneQR)); return err },
			channels.OpRefund: func(c *Client) error { _, err := c.Refund(t.Context(), refundRequest()); return err },
			channels.OpClose: func(c *Client) error {
				_, err := c.ClosePayment(t.Context(), attempt(channels.SceneQR))
				return err
			},
		} {
			g := newGateway(t, func(w http.ResponseWriter, r seen) {
				if r.method == http.MethodPost {
					refuse(w, 401, "SIGN_ERROR", "268443699")
					return
				}
				tt.again(w)
			})
			err := do(newClient(t, keyConfig(g.URL)))
			if channels.OutcomeOf(err) != tt.want || err == nil {
				t.Errorf("%s, %s: %v", op, name, err)
			}
			// net/http asks again by itself when a question's connection dies.
			if got := g.last(); g.count() < 2 || g.count() > 3 || got.method != http.MethodGet || !strings.Contains(got.target, testAttempt) {
				t.Errorf("%s, %s: %d calls, the last %s %s", op, name, g.count(), got.method, got.target)
			}
		}
	}
	g := refusing(t, 401, "SIGN_ERROR")
	_, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Misconfigured)
	if all := g.requests(); len(all) != 2 || all[0].header.Get("Authorization") == all[1].header.Get("Authorization") {
		t.Error("the question is to be asked twice, signed anew")
	}
	// A 401 without the code is some other machine's.
	g = refusing(t, 401, "UNAUTHORIZED")
	_, err = newClient(t, keyConfig(g.URL)).Pay(t.Context(), payRequest(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

// TestCodeTableIsSane: no rule hides behind another, and only 429 claims that
// nothing was processed.
func TestCodeTableIsSane(t *testing.T) {
	table := codeTable()
	for i, r := range table {
		if r.outcome == channels.NotProcessed && r.status != http.StatusTooManyRequests {
			t.Errorf("rule %v claims that nothing was processed", r.codes)
		}
		for _, earlier := range table[:i] {
			if len(earlier.ops) > 0 && (len(r.ops) == 0 || earlier.ops[0] != r.ops[0]) {
				continue
			}
			for _, code := range r.codes {
				for _, hides := range earlier.codes {
					if sameCode(code, hides) {
						t.Errorf("the rule for %s can never hold", code)
					}
				}
			}
		}
	}
	for fine, outcome := range fineCodes() {
		if outcome != channels.Unknown {
			t.Errorf("fine code %s, which nobody signs, makes a call %v", fine, outcome)
		}
	}
}

func TestMessagesHoldNoSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"支付失败":                                "支付失败",
		"付款码 130000000000000001 无效":           "付款码 *** 无效",
		"号1234567890123456号1号":                "号***号1号",
		"123456789012345":                     "123456789012345",
		"a\nb\x00":                            "ab",
		"":                                    "",
		strings.Repeat("长", maxMessage+1):     strings.Repeat("长", maxMessage),
		strings.Repeat("1", 16) + "x":         "***x",
		"12a" + strings.Repeat("1", 20) + "b": "12a***b",
	} {
		if got := messageOf(in); got != want {
			t.Errorf("messageOf(%q) = %q, want %q", in, got, want)
		}
	}
}
