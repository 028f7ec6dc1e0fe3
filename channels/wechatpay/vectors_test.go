package wechatpay

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// TestVectorsRequestSigning reproduces the documentation's signatures byte for
// byte: PKCS#1 v1.5 is deterministic.
func TestVectorsRequestSigning(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct {
		ID, Kind, Key, Method, URI, Timestamp, Nonce, Body, Signature string
		Lines                                                         []string
	}](t, Name, "request_sign.json") {
		t.Run(tt.ID, func(t *testing.T) {
			cfg := keyConfig("https://api.mch.weixin.qq.com")
			cfg.MerchantPrivateKey = string(adaptertest.Vector(t, Name, tt.Key))
			c := newClient(t, cfg)
			at := func(s string) time.Time {
				n, err := strconv.ParseInt(s, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return time.Unix(n, 0)
			}
			switch tt.Kind {
			case "request":
				c.now = func() time.Time { return at(tt.Timestamp) }
				c.nonce = func() (string, error) { return tt.Nonce, nil }
				got, err := c.authorization(tt.Method, tt.URI, []byte(tt.Body))
				want := fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
					testMchID, tt.Nonce, tt.Timestamp, testSerial, tt.Signature)
				if err != nil || got != want {
					t.Errorf("%v\n%s\nwant\n%s", err, got, want)
				}
			case "paysign":
				got, err := c.paySign(tt.Lines[0], at(tt.Lines[1]).Unix(), tt.Lines[2], tt.Lines[3])
				if err != nil || got != tt.Signature {
					t.Errorf("%v\n%s\nwant\n%s", err, got, tt.Signature)
				}
			default:
				t.Errorf("unknown kind %q", tt.Kind)
			}
		})
	}
}

// TestVectorsAnswers serves each recorded answer over HTTP, so that the whole
// path of production judges it. The recorded serial is not its certificate's,
// so the certificate's key is configured under that id.
func TestVectorsAnswers(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct{ ID, Key, Serial, Timestamp, Nonce, Body, Signature, Expect string }](t, Name, "response_sig.json") {
		t.Run(tt.ID, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ seen) {
				w.Header()["Wechatpay-Timestamp"] = []string{tt.Timestamp}
				w.Header()["Wechatpay-Nonce"] = []string{tt.Nonce}
				w.Header()["Wechatpay-Serial"] = []string{tt.Serial}
				w.Header()["Wechatpay-Signature"] = []string{tt.Signature}
				_, _ = io.WriteString(w, tt.Body)
			})
			block, _ := pem.Decode(adaptertest.Vector(t, Name, tt.Key))
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			cfg := keyConfig(g.URL)
			cfg.PublicKeyID = tt.Serial
			cfg.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			c := newClient(t, cfg)
			sent, err := strconv.ParseInt(tt.Timestamp, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c.now = func() time.Time { return time.Unix(sent+2, 0) }
			req := payRequest(channels.SceneH5)
			req.ReturnURL = ""
			res, err := c.Pay(t.Context(), req)
			if tt.Expect != "valid" {
				adaptertest.WantOutcome(t, err, channels.BadSignature)
				return
			}
			var body struct {
				H5URL string `json:"h5_url"`
			}
			if jsonErr := json.Unmarshal([]byte(tt.Body), &body); err != nil || jsonErr != nil || res.Action.URL != body.H5URL {
				t.Errorf("%+v, %v", res, err)
			}
			c.now = func() time.Time { return time.Unix(sent+301, 0) }
			_, err = c.Pay(t.Context(), req)
			adaptertest.WantOutcome(t, err, channels.BadSignature)
		})
	}
}

// TestVectorsSealed opens what was recorded; what must not open, does not.
func TestVectorsSealed(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct {
		ID, Key, Nonce, AAD, Ciphertext string
		Plain                           *string
		PlainIs                         string `json:"plain_is"`
	}](t, Name, "aesgcm.json") {
		t.Run(tt.ID, func(t *testing.T) {
			raw, err := json.Marshal(map[string]string{
				"algorithm": "AEAD_AES_256_GCM", "nonce": tt.Nonce, "associated_data": tt.AAD, "ciphertext": tt.Ciphertext,
			})
			if err != nil {
				t.Fatal(err)
			}
			o, err := readObject(raw)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := openResource(tt.Key, o)
			switch {
			case tt.Plain != nil:
				if err != nil || string(plain) != *tt.Plain {
					t.Errorf("%q, %v", plain, err)
				}
			case tt.PlainIs != "":
				id, _, err := parseCertificate(string(plain))
				if err != nil || !strings.Contains(tt.PlainIs, id) {
					t.Errorf("serial %s, %v, want %s", id, err, tt.PlainIs)
				}
			case err == nil:
				t.Errorf("opened as %q", plain)
			}
		})
	}
}

// TestVectorsCertificates opens a recorded list. Whoever recorded it kept its
// signature to himself, so signed by somebody else it is opened and refused.
func TestVectorsCertificates(t *testing.T) {
	const key = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
	const serial = "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC"
	body := adaptertest.Vector(t, Name, "certificates_response_java.json")
	ring, err := openCertificates(key, body)
	if err != nil || len(ring) != 1 {
		t.Fatalf("%d certificates, %v", len(ring), err)
	}
	got := ring[serial]
	if !got.fetched || !got.notBefore.Equal(time.Date(2023, 9, 19, 15, 15, 59, 0, time.UTC)) && !got.notBefore.Equal(time.Date(2023, 9, 19, 15, 15, 58, 0, time.UTC)) || got.notAfter.Year() != 2028 {
		t.Errorf("certificate %+v", got)
	}
	if _, err := openCertificates(testAPIKey, body); err == nil {
		t.Error("another merchant's key opens the list")
	}
	g := newGateway(t, func(w http.ResponseWriter, _ seen) {
		signer{key: testKeys().stranger, id: serial, at: testNow}.write(w, 200, string(body))
	})
	cfg := bootConfig(g.URL)
	cfg.APIV3Key = key
	c := newClient(t, cfg)
	if err := c.RefreshKeys(t.Context()); err == nil || len(*c.ring.Load()) != 0 {
		t.Errorf("a list by a stranger: %v, %d keys", err, len(*c.ring.Load()))
	}
}
