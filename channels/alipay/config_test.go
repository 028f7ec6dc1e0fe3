package alipay

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels/adaptertest"
)

func TestParseConfigReportsAllFaultsTogether(t *testing.T) {
	_, err := ParseConfig([]byte(`{"gateway_url":"http://openapi.alipay.com/gateway.do","app_id":"","Seller_id":"x",
		"encrypt_key":"c2hvcnQ=","colour":"red","app_cert":"x","refund_spacing":-1}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"gateway_url", "app_id", `"Seller_id" is not known`, "encrypt_key", `"colour" is not known`, "alipay_cert is missing", "alipay_root_cert is missing", "refund_spacing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the faults do not name %s:\n%v", want, err)
		}
	}
}

func TestParseConfigIsStrict(t *testing.T) {
	good, err := json.Marshal(keyConfig("https://openapi.alipay.com/gateway.do"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg, err := ParseConfig(good); err != nil || cfg.Identity() != testAppID+"/"+testSellerID {
		t.Fatalf("good credentials: %v, identity %q", err, cfg.Identity())
	}
	for name, raw := range map[string]string{
		"duplicate":    strings.Replace(string(good), `"app_id"`, `"app_id":"other","app_id"`, 1),
		"other case":   strings.Replace(string(good), `"app_id"`, `"App_ID"`, 1),
		"trailing":     string(good) + "{}",
		"no object":    `[]`,
		"not json":     `{`,
		"wrong kind":   strings.Replace(string(good), `"`+testAppID+`"`, testAppID, 1),
		"both modes":   strings.Replace(string(good), `"app_id"`, `"app_cert":"a","alipay_cert":"b","alipay_root_cert":"c","app_id"`, 1),
		"query in url": strings.Replace(string(good), `gateway.do`, `gateway.do?a=b`, 1),
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), testAppID) && name == "wrong kind" {
			t.Errorf("%s: the error quotes a value: %v", name, err)
		}
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	cfg.EncryptKey, cfg.AppAuthToken = testAESKey, "token123456"
	for _, s := range []string{fmt.Sprintf("%v|%+v|%#v|%s", cfg, cfg, cfg, cfg), cfg.LogValue().String()} {
		for _, secret := range []string{cfg.AppPrivateKey[30:60], testAESKey, "token123456"} {
			if strings.Contains(s, secret) {
				t.Errorf("printing shows a secret: %.80s", s)
			}
		}
	}
}

func TestNewNamesBrokenKeysWithoutQuotingThem(t *testing.T) {
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	cfg.AppPrivateKey = strings.Replace(cfg.AppPrivateKey, "MII", "AAA", 1)
	cfg.AlipayPublicKey = "bm90IGEga2V5"
	_, err := New(cfg, Deps{Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "app_private_key") || !strings.Contains(err.Error(), "alipay public key 1") {
		t.Fatalf("error %v", err)
	}
	if strings.Contains(err.Error(), cfg.AppPrivateKey[30:60]) || strings.Contains(err.Error(), "bm90") {
		t.Errorf("the error quotes a key: %v", err)
	}
}

func TestNewAcceptsBareBase64AndPKCS1(t *testing.T) {
	cfg := keyConfig("https://openapi.alipay.com/gateway.do")
	bare := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		return strings.Join(lines[1:len(lines)-1], "")
	}
	cfg.AppPrivateKey, cfg.AlipayPublicKey = bare(cfg.AppPrivateKey), bare(cfg.AlipayPublicKey)
	newClient(t, cfg)
}

func TestFromSandbox(t *testing.T) {
	pki := newPKI(t)
	raw, err := json.Marshal(map[string]string{
		"base_url": "http://127.0.0.1:7001/gateway.do", "app_id": testAppID, "seller_id": testSellerID,
		"app_private_key": adaptertest.PrivatePEM(testKeys().app), "alipay_public_key": adaptertest.PublicPEM(testKeys().alipay),
		"app_cert": pki.app, "alipay_cert": pki.alipay, "alipay_root_cert": pki.roots, "encrypt_key": testAESKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{PublicKeyMode, CertificateMode} {
		cfg, err := FromSandbox(raw, mode)
		if err != nil {
			t.Fatal(err)
		}
		if c := newClient(t, cfg); c.Capabilities().RefundSpacing != 0 || c.ring.bySerial != (mode == CertificateMode) {
			t.Errorf("mode %d: %+v", mode, c.Capabilities())
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"gateway_url":"https://a/b","app_id":"1","seller_id":"2","alipay_public_key":"k"}`))
	f.Add([]byte(`{"app_id":1}`))
	f.Add([]byte(`{"app_id":"1","app_id":"2"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg, err := ParseConfig(raw)
		if err != nil {
			return
		}
		back, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig(back); err != nil || !reflect.DeepEqual(cfg, again) {
			t.Fatalf("written and read again: %v", err)
		}
	})
}
