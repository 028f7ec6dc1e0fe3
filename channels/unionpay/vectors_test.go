package unionpay

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/internal/testenv"
)

type sample struct {
	Name, RawKind, Raw, CanonicalString, CanonicalDigestHex string
	Fields                                                  map[string]string
}

func readSample(t testing.TB, name string) sample {
	t.Helper()
	var s sample
	if err := json.Unmarshal(adaptertest.Vector(t, Name, "samples/"+name+".json"), &s); err != nil || len(s.Fields) == 0 {
		t.Fatalf("%s: %d fields, %v", name, len(s.Fields), err)
	}
	return s
}

// vectorConfig is an account at UnionPay's test gateway with the public test
// key of that serial.
func vectorConfig(t testing.TB, baseURL, merID, pfx string) Config {
	t.Helper()
	return Config{
		BaseURL: baseURL, MerID: merID, AllowTestCN: true,
		PFXBase64:   base64.StdEncoding.EncodeToString(adaptertest.Vector(t, Name, "certs/"+pfx+".pfx")),
		PFXPassword: "000000",
		RootCert:    string(adaptertest.Vector(t, Name, "certs/acp_test_root.cer")),
		MiddleCert:  string(adaptertest.Vector(t, Name, "certs/acp_test_middle.cer")),
	}
}

const currentPFX = "acp_test_sign_69903319369"

func sampleTime(t testing.TB, s sample) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(timeLayout, s.Fields["txnTime"], beijing)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestVectorsRequests reproduces recorded requests byte for byte with the
// public test keys; PKCS #1 v1.5 is deterministic.
func TestVectorsRequests(t *testing.T) {
	for name, pfx := range map[string]string{
		"ysd_request_00_pay20240105145046": currentPFX,
		"ysd_request_01_20220903":          currentPFX,
		"py_sign_01_510":                   "acp_test_sign_68759663125",
	} {
		t.Run(name, func(t *testing.T) {
			s := readSample(t, name)
			c := newClient(t, vectorConfig(t, "https://gateway.example.com", "777290058167151", pfx))
			if c.certID != s.Fields["certId"] {
				t.Errorf("certId %s, want %s", c.certID, s.Fields["certId"])
			}
			unsigned := with(s.Fields, "signature", "-", "empty", "", "blank", "  ")
			if got := requestText(with(unsigned, "empty", "-", "blank", "-")); got != s.CanonicalString {
				t.Errorf("signed text\n%s\nwant\n%s", got, s.CanonicalString)
			}
			signed, err := c.sign(unsigned)
			if err != nil || !maps.Equal(signed, s.Fields) {
				t.Fatalf("signed %v, %v\nwant %v", signed, err, s.Fields)
			}
			if s.Raw == "" {
				return
			}
			form, err := url.ParseQuery(s.Raw)
			if err != nil || string(wireForm(signed)) != form.Encode() {
				t.Errorf("sent %s, want %s", wireForm(signed), form.Encode())
			}
		})
	}
}

// TestVectorsKeys opens every public test key, in the old and the new
// encryption of .pfx files.
func TestVectorsKeys(t *testing.T) {
	for _, serial := range []string{"69903319369", "69629715588", "68759663125"} {
		cfg := vectorConfig(t, "https://gateway.example.com", "777290058110048", "acp_test_sign_"+serial)
		if c := newClient(t, cfg); c.certID != serial {
			t.Errorf("certId %s, want %s", c.certID, serial)
		}
	}
	cfg := vectorConfig(t, "https://gateway.example.com", "777290058110048", "acp_test_sign_inst_69798631478")
	if c := newClient(t, cfg); c.certID != "69798631478" {
		t.Errorf("certId %s", c.certID)
	}
}

// serveRaw is a gateway that gives one recorded answer.
func serveRaw(t testing.TB, body string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestVectorsQueryAnswer(t *testing.T) {
	s := readSample(t, "ysd_query_response_20240105")
	at := sampleTime(t, s)
	ref := channels.AttemptRef{ID: s.Fields["orderId"], SubmittedAt: at, Scene: channels.SceneQR, Amount: adaptertest.CNY(1), ExpiresAt: at.Add(time.Hour)}
	cfg := vectorConfig(t, serveRaw(t, s.Raw), "777290058167151", currentPFX)
	cfg.AllowTestCN = false
	state, err := newClientAt(t, cfg, at).QueryPayment(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if state.Status != channels.StatePaid || state.AttemptID != ref.ID || !state.Paid.Amount.Equal(adaptertest.CNY(1)) ||
		state.Paid.ChannelTradeNo != "442401051450467846498" || !state.Paid.PaidAt.Equal(at) {
		t.Errorf("state %+v", state)
	}
	t.Run("Braced", func(t *testing.T) {
		cfg := cfg
		cfg.BaseURL = serveRaw(t, "{"+s.Raw+"}")
		if state, err := newClientAt(t, cfg, at).QueryPayment(t.Context(), ref); err != nil || state.Status != channels.StatePaid {
			t.Errorf("state %+v, error %v", state, err)
		}
	})
	t.Run("CertificateEnded", func(t *testing.T) {
		_, err := newClientAt(t, cfg, time.Date(2025, 8, 1, 0, 0, 0, 0, time.UTC)).QueryPayment(t.Context(), ref)
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	})
	t.Run("AnotherTime", func(t *testing.T) {
		other := ref
		other.SubmittedAt = at.Add(time.Second)
		_, err := newClientAt(t, cfg, at).QueryPayment(t.Context(), other)
		adaptertest.WantOutcome(t, err, channels.Unknown)
	})
	t.Run("LineEndsLost", func(t *testing.T) {
		var damaged []byte
		for _, b := range []byte(s.Raw) {
			if b != '\r' {
				damaged = append(damaged, b)
			}
		}
		cfg := cfg
		cfg.BaseURL = serveRaw(t, string(damaged))
		_, err := newClientAt(t, cfg, at).QueryPayment(t.Context(), ref)
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	})
	t.Run("ProductionRoots", func(t *testing.T) {
		prod := cfg
		prod.RootCert = string(adaptertest.Vector(t, Name, "certs/acp_prod_root.cer"))
		prod.MiddleCert = string(adaptertest.Vector(t, Name, "certs/acp_prod_middle.cer"))
		prod.SignCert = string(adaptertest.Vector(t, Name, "certs/unionpay_prod_sign_79813821473.cer"))
		_, err := newClientAt(t, prod, at).QueryPayment(t.Context(), ref)
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	})
}

func TestVectorsNotFoundAnswer(t *testing.T) {
	s := readSample(t, "zv_b2c_00_20180204092701")
	at := sampleTime(t, s)
	ref := channels.AttemptRef{ID: s.Fields["orderId"], SubmittedAt: at, Scene: channels.SceneWeb, Amount: adaptertest.CNY(1), ExpiresAt: at.Add(time.Hour)}
	cfg := vectorConfig(t, serveRaw(t, s.Raw), "700000000000001", currentPFX)
	state, err := newClientAt(t, cfg, at).QueryPayment(t.Context(), ref)
	if err != nil || state.Status != channels.StateNotFound || state.Code != "34" {
		t.Errorf("state %+v, error %v", state, err)
	}
	cfg.AllowTestCN = false
	_, err = newClientAt(t, cfg, at).QueryPayment(t.Context(), ref)
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

func TestVectorsRefundAnswer(t *testing.T) {
	s := readSample(t, "ysd_refund_response_20240105")
	at := sampleTime(t, s)
	req := channels.RefundRequest{
		Attempt: channels.AttemptRef{
			ID: "pay20240105165842", SubmittedAt: at, Scene: channels.SceneQR, Amount: adaptertest.CNY(1), ChannelTradeNo: s.Fields["origQryId"],
		},
		RefundID: s.Fields["orderId"], SubmittedAt: at, Amount: adaptertest.CNY(1), Others: adaptertest.CNY(0),
	}
	cfg := vectorConfig(t, serveRaw(t, s.Raw), "777290058167151", currentPFX)
	state, err := newClientAt(t, cfg, at).Refund(t.Context(), req)
	if err != nil || state.Status != channels.RefundUncertain || state.RefundID != req.RefundID ||
		state.ChannelRefundNo != "052401051658427863998" || !state.Amount.Equal(adaptertest.CNY(1)) {
		t.Errorf("state %+v, error %v", state, err)
	}
}

// TestVectorsNotifications posts the recorded messages as notifications.
func TestVectorsNotifications(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status channels.PaymentStatus
		minor  int64
	}{
		{"idx_notify_app_20170324a", channels.StatePaid, 1},
		{"idx_notify_pay_20180726a", channels.StatePaid, 136},
		{"ysd_notify_pay_20220908", channels.StatePaid, 1},
		{"idx_notify_fail_73_20200116", channels.StateFailed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := readSample(t, tt.name)
			at := sampleTime(t, s)
			cfg := vectorConfig(t, "https://gateway.example.com", s.Fields["merId"], currentPFX)
			n, err := newClientAt(t, cfg, at).ParseNotification(nil, wireForm(s.Fields))
			if err != nil {
				t.Fatal(err)
			}
			p := n.Payment
			if n.Kind != channels.NotificationPayment || n.AttemptID != s.Fields["orderId"] || p.Status != tt.status {
				t.Errorf("notification %+v", n)
			}
			if tt.status == channels.StatePaid && (!p.Paid.Amount.Equal(adaptertest.CNY(tt.minor)) ||
				p.Paid.ChannelTradeNo != s.Fields["queryId"] || !p.Paid.PaidAt.Equal(at)) {
				t.Errorf("paid %+v", p.Paid)
			}
			cfg.MerID = "777290058110097"
			_, err = newClientAt(t, cfg, at).ParseNotification(nil, wireForm(s.Fields))
			var mismatch *channels.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Field != "merId" {
				t.Errorf("for another merchant: %v", err)
			}
			cfg.MerID = s.Fields["merId"]
			_, err = newClientAt(t, cfg, at.AddDate(9, 0, 0)).ParseNotification(nil, wireForm(s.Fields))
			adaptertest.WantOutcome(t, err, channels.BadSignature)
			for field := range s.Fields {
				damaged := with(s.Fields, field, s.Fields[field]+"1")
				_, err = newClientAt(t, cfg, at).ParseNotification(nil, wireForm(damaged))
				adaptertest.WantOutcome(t, err, channels.BadSignature)
			}
		})
	}
}

// TestVectorsNestedForm is a message with braces inside values, as the bytes
// came. It is of a type that is none of ours.
func TestVectorsNestedForm(t *testing.T) {
	s := readSample(t, "omni_front_open_79")
	cfg := vectorConfig(t, "https://gateway.example.com", s.Fields["merId"], currentPFX)
	n, err := newClientAt(t, cfg, sampleTime(t, s)).ParseNotification(nil, []byte(s.Raw))
	if err != nil || n.Kind != channels.NotificationIgnored || n.AttemptID != s.Fields["orderId"] {
		t.Errorf("notification %+v, error %v", n, err)
	}
	m, err := parseForm([]byte(s.Raw))
	if err != nil || m.get("tokenPayData") != s.Fields["tokenPayData"] {
		t.Errorf("%q, %v", m.get("tokenPayData"), err)
	}
}

// TestVectorsOldVersion: 5.0.0 messages are genuine and signed with SHA-1.
func TestVectorsOldVersion(t *testing.T) {
	for _, name := range []string{"idx_notify_500_20180518", "idx_query_nested_500_20160317"} {
		s := readSample(t, name)
		at := sampleTime(t, s)
		cfg := vectorConfig(t, serveRaw(t, "{"+wireBody(s.Fields)+"}"), s.Fields["merId"], currentPFX)
		c := newClientAt(t, cfg, at)
		_, err := c.ParseNotification(nil, wireForm(s.Fields))
		adaptertest.WantOutcome(t, err, channels.BadSignature)
		_, err = c.QueryPayment(t.Context(), channels.AttemptRef{
			ID: s.Fields["orderId"], SubmittedAt: at, Scene: channels.SceneWeb, Amount: adaptertest.CNY(1), ExpiresAt: at.Add(time.Hour),
		})
		adaptertest.WantOutcome(t, err, channels.BadSignature)
	}
	s := readSample(t, "idx_query_nested_500_20160317")
	m, err := parseBody([]byte("{" + wireBody(s.Fields) + "}"))
	if err != nil || m.get("reqReserved") != "{a=aaa&b=bbb&c=ccc}" || m.signedText() != s.CanonicalString {
		t.Errorf("%q, %v", m.get("reqReserved"), err)
	}
}

// TestVectorsBodies: every recorded body splits into exactly its fields, in
// the text that was signed.
func TestVectorsBodies(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(testenv.Vectors(t), "unionpay", "samples"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, e := range entries {
		name, isSample := cutSuffix(e.Name(), ".json")
		if !isSample {
			continue
		}
		s := readSample(t, name)
		var m message
		switch s.RawKind {
		case "http response body (not URL-encoded)":
			m, err = parseBody([]byte(s.Raw))
		case "":
			m, err = parseForm(wireForm(s.Fields))
		default:
			m, err = parseForm([]byte(s.Raw))
		}
		if err != nil || len(m) != len(s.Fields) {
			t.Errorf("%s: %d fields of %d, %v", name, len(m), len(s.Fields), err)
			continue
		}
		for field, value := range s.Fields {
			if m.get(field) != value {
				t.Errorf("%s: %s is %q, want %q", name, field, m.get(field), value)
			}
		}
		if signed := m.signedText(); signed != s.CanonicalString || m.checkReading(signed) != nil {
			t.Errorf("%s: signed text %q, want %q (%v)", name, signed, s.CanonicalString, m.checkReading(signed))
		}
		read++
	}
	if read < 10 {
		t.Errorf("only %d samples", read)
	}
}

func cutSuffix(s, suffix string) (string, bool) {
	if filepath.Ext(s) != suffix {
		return "", false
	}
	return s[:len(s)-len(suffix)], true
}

// TestVectorsForged: the public test key of merchants hangs under the same
// chain as UnionPay's own. What it signs is no answer and no notification.
func TestVectorsForged(t *testing.T) {
	at := time.Date(2022, 9, 8, 5, 22, 6, 0, time.UTC)
	fields := with(readSample(t, "ysd_notify_pay_20220908").Fields, "signature", "-")
	cfg := vectorConfig(t, "https://gateway.example.com", fields["merId"], currentPFX)
	thief := newClientAt(t, cfg, at)
	_, cert, err := cfg.merchantKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	fields["signPubKeyCert"] = identity{cert: cert}.wirePEM()
	if _, err := thief.trust.build(cert); err != nil {
		t.Fatalf("the merchant's certificate is to be under the same chain: %v", err)
	}
	forged, err := thief.sign(fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, lenient := range []bool{false, true} {
		cfg.AllowTestCN = lenient
		_, err = newClientAt(t, cfg, at).ParseNotification(nil, wireForm(forged))
		adaptertest.WantOutcome(t, err, channels.BadSignature)
		if !errors.Is(err, errOtherOwner) {
			t.Errorf("refused for another reason: %v", err)
		}
	}
}

func TestVectorsMisc(t *testing.T) {
	var misc struct {
		Canonical []struct {
			Fields          map[string]string
			CanonicalString string
			SHA256Hex       string `json:"sha256hex"`
		}
	}
	if err := json.Unmarshal(adaptertest.Vector(t, Name, "vectors/misc_vectors.json"), &misc); err != nil || len(misc.Canonical) == 0 {
		t.Fatalf("%d cases, %v", len(misc.Canonical), err)
	}
	for _, tt := range misc.Canonical {
		text := requestText(tt.Fields)
		sum := digest(text)
		if text != tt.CanonicalString || !slices.Equal(sum[:], digestOfHex(tt.SHA256Hex)) {
			t.Errorf("text %q", text)
		}
	}
}

// TestVectorsProductionChain checks UnionPay's real certificates.
func TestVectorsProductionChain(t *testing.T) {
	cfg := vectorConfig(t, "https://gateway.95516.com", "777290058167151", currentPFX)
	cfg.AllowTestCN = false
	cfg.RootCert = string(adaptertest.Vector(t, Name, "certs/acp_prod_root.cer"))
	cfg.MiddleCert = string(adaptertest.Vector(t, Name, "certs/acp_prod_middle.cer"))
	for _, name := range []string{"unionpay_prod_sign_69597475696", "unionpay_prod_sign_79813821473"} {
		cfg.SignCert = string(adaptertest.Vector(t, Name, "certs/"+name+".cer"))
		newClient(t, cfg)
	}
	// An encryption certificate of the same chain is not UnionPay's signing one.
	cfg.SignCert = string(adaptertest.Vector(t, Name, "certs/acp_prod_enc_2018.cer"))
	if _, err := New(cfg, Deps{Now: time.Now}); !errors.Is(err, errOtherOwner) {
		t.Errorf("error %v", err)
	}
}
