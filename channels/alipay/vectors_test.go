package alipay

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func TestVectorsCut(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct{ ID, Node, Raw, Expect, Sign string }](t, Name, "cut.json") {
		t.Run(tt.ID, func(t *testing.T) {
			method := strings.ReplaceAll(strings.TrimSuffix(tt.Node, "_response"), "_", ".")
			a, err := cutAnswer([]byte(tt.Raw), method)
			if err != nil {
				t.Fatal(err)
			}
			if string(a.signed) != tt.Expect {
				t.Errorf("signed text\n%s\nwant\n%s", a.signed, tt.Expect)
			}
			sig, err := json.Marshal(a.signature)
			if err != nil || string(sig) != `"`+tt.Sign+`"` {
				t.Errorf("signature %s, want %s", sig, tt.Sign)
			}
		})
	}
}

// TestVectorsAnswers serves each recorded answer over HTTP, so that the whole
// path of production judges it. The recorded messages are of other accounts and
// some of other methods; the node's name is what the method is made from.
func TestVectorsAnswers(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct {
		ID, Raw, Node, Expect string
		PublicKey             string `json:"public_key"`
	}](t, Name, "sync_responses.json") {
		t.Run(tt.ID, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ url.Values) { _, _ = io.WriteString(w, tt.Raw) })
			cfg := keyConfig(g.URL)
			cfg.AlipayPublicKey = string(adaptertest.Vector(t, Name, tt.PublicKey))
			c := newClient(t, cfg)
			method := strings.ReplaceAll(strings.TrimSuffix(tt.Node, "_response"), "_", ".")
			r, err := c.call(t.Context(), channels.OpPay, fixedMethod{method})
			switch {
			case tt.Expect == "invalid":
				adaptertest.WantOutcome(t, err, channels.BadSignature)
			case r.code == "":
				t.Fatalf("a valid answer was not read: %v", err)
			case r.code == codeDone:
				paid, err := paidOf(r.node, "gmt_payment")
				if err != nil || paid.Amount.Minor() != 1 || paid.ChannelTradeNo != r.text("trade_no") ||
					!paid.PaidAt.Equal(time.Date(2019, 8, 29, 12, 14, 5, 0, time.UTC)) {
					t.Errorf("paid %+v, error %v", paid, err)
				}
			default:
				adaptertest.WantOutcome(t, err, channels.Misconfigured)
				if strings.Contains(r.message, "app_id") {
					t.Errorf("the message repeats the request: %q", r.message)
				}
			}
		})
	}
}

func TestVectorsNotifications(t *testing.T) {
	type vectorCase struct {
		ID, Expect, Form string
		Params           map[string]string
		PublicKey        string `json:"public_key"`
	}
	for _, tt := range adaptertest.VectorList[vectorCase](t, Name, "notify.json") {
		t.Run(tt.ID, func(t *testing.T) {
			cfg := keyConfig("https://gateway.example.com/gateway.do")
			cfg.AlipayPublicKey = string(adaptertest.Vector(t, Name, tt.PublicKey))
			cfg.AppID, cfg.SellerID = tt.Params["app_id"], tt.Params["seller_id"]
			n, err := newClient(t, cfg).ParseNotification(nil, []byte(tt.Form))
			if tt.Expect != "valid" {
				adaptertest.WantOutcome(t, err, channels.BadSignature)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.Params["trade_status"] == "" {
				if n.Kind != channels.NotificationIgnored {
					t.Errorf("a return address is no proof of a payment, yet its kind is %v", n.Kind)
				}
				return
			}
			p := n.Payment
			if n.Kind != channels.NotificationPayment || p.Status != channels.StatePaid || p.Paid.Amount.Minor() != 10 ||
				n.AttemptID != tt.Params["out_trade_no"] || p.Paid.ChannelTradeNo != tt.Params["trade_no"] ||
				n.EventID != tt.Params["notify_id"] || !p.Paid.PaidAt.Equal(time.Date(2019, 8, 15, 7, 56, 24, 0, time.UTC)) {
				t.Errorf("notification %+v", n)
			}
			cfg.SellerID = testSellerID
			_, err = newClient(t, cfg).ParseNotification(nil, []byte(tt.Form))
			var mismatch *channels.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Field != "seller_id" || mismatch.AttemptID != tt.Params["out_trade_no"] {
				t.Errorf("for another seller: %v", err)
			}
		})
	}
}

func TestVectorsCertificateSerials(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct {
		File, SN   string
		RootBundle bool `json:"root_bundle"`
	}](t, Name, "cert_sn.json") {
		t.Run(filepath.Base(tt.File), func(t *testing.T) {
			text := string(adaptertest.Vector(t, Name, tt.File))
			got := ""
			if tt.RootBundle {
				got, _, _ = rootCertSN(text)
			} else if leaf, _, err := leafWithChain(text); err == nil {
				got = certSN(leaf)
			}
			if got != tt.SN {
				t.Errorf("serial %q, want %q", got, tt.SN)
			}
		})
	}
}

func TestVectorsEncryption(t *testing.T) {
	for _, tt := range adaptertest.VectorList[struct{ ID, Key, Plain, Cipher string }](t, Name, "aes.json") {
		key, err := decodeBase64(tt.Key)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := decrypt(tt.Cipher, key)
		if err != nil || string(plain) != tt.Plain {
			t.Errorf("%s: %q, %v", tt.ID, plain, err)
		}
		cfg := keyConfig("https://gateway.example.com/gateway.do")
		cfg.EncryptKey = tt.Key
		values, err := newClient(t, cfg).requests.URLValues(fixedContent(tt.Plain))
		if err != nil {
			t.Fatal(err)
		}
		back, err := decrypt(values.Get("biz_content"), key)
		if err != nil || string(back) != `"`+tt.Plain+`"` || values.Get("encrypt_type") != "AES" {
			t.Errorf("%s: encrypted and decrypted: %q, %v", tt.ID, back, err)
		}
	}
}
