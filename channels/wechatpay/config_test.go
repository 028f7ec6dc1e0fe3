package wechatpay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels/adaptertest"
)

func TestParseConfigReportsAllFaultsTogether(t *testing.T) {
	_, err := ParseConfig([]byte(`{"base_url":"http://api.mch.weixin.qq.com","mchid":"","Appid":"wx1","api_v3_key":"short",
		"sub_appid":"wx2","serial":"","public_key":"x","colour":"red","refund_spacing":-1,"refund_not_found_after":9999,"store_id":"a b","public_keys":{"a-b":"x"}}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"base_url", "mchid", `"Appid" is not known`, "api_v3_key", "sub_appid needs", "serial", "public_key and public_key_id",
		`"colour" is not known`, "refund_spacing", "refund_not_found_after", "store_id", "public_keys",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the faults do not name %s:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Errorf("the faults quote a secret: %v", err)
	}
}

func TestParseConfigIsStrict(t *testing.T) {
	good, err := json.Marshal(keyConfig("https://api.mch.weixin.qq.com"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg, err := ParseConfig(good); err != nil || cfg.Identity() != testMchID {
		t.Fatalf("good credentials: %v, identity %q", err, cfg.Identity())
	}
	for name, raw := range map[string]string{
		"duplicate":  strings.Replace(string(good), `"appid"`, `"appid":"other","appid"`, 1),
		"other case": strings.Replace(string(good), `"appid"`, `"AppId"`, 1),
		"trailing":   string(good) + "{}",
		"no object":  `[]`,
		"not json":   `{`,
		"wrong kind": strings.Replace(string(good), `"`+testMchID+`"`, testMchID, 1),
		"query":      strings.Replace(string(good), `qq.com`, `qq.com/?a=b`, 1),
		"user":       strings.Replace(string(good), `https://`, `https://a:b@`, 1),
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if name == "wrong kind" && strings.Contains(err.Error(), testMchID) {
			t.Errorf("%s: the error quotes a value: %v", name, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	if got := partnerConfig("").Identity(); got != testMchID+"/1900000109" {
		t.Errorf("identity %q", got)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	for _, s := range []string{fmt.Sprintf("%v|%+v|%#v|%s", cfg, cfg, cfg, cfg), cfg.LogValue().String()} {
		for _, secret := range []string{cfg.MerchantPrivateKey[30:60], testAPIKey} {
			if strings.Contains(s, secret) {
				t.Errorf("printing shows a secret: %.80s", s)
			}
		}
	}
}

func TestNewNamesBrokenKeysWithoutQuotingThem(t *testing.T) {
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.MerchantPrivateKey = strings.Replace(cfg.MerchantPrivateKey, "MII", "AAA", 1)
	cfg.PublicKey, cfg.PlatformCert = "bm90IGEga2V5", "x"
	_, err := New(cfg, Deps{Now: time.Now})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"merchant_private_key", "public_key", "platform_cert"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the faults do not name %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), cfg.MerchantPrivateKey[40:60]) || strings.Contains(err.Error(), "bm90") {
		t.Errorf("the faults quote a key: %v", err)
	}
	if _, err := New(keyConfig("https://api.mch.weixin.qq.com"), Deps{}); err == nil {
		t.Error("a client without a clock")
	}
}

func TestKeysInBareBase64(t *testing.T) {
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	bare := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		return strings.Join(lines[1:len(lines)-1], "")
	}
	cfg.MerchantPrivateKey, cfg.PublicKey = bare(cfg.MerchantPrivateKey), bare(cfg.PublicKey)
	newClient(t, cfg)
}

func TestSignerInsteadOfAKey(t *testing.T) {
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.MerchantPrivateKey = ""
	if _, err := New(cfg, Deps{Now: time.Now}); err == nil {
		t.Error("no key at all")
	}
	if _, err := New(cfg, Deps{Now: time.Now, Signer: testKeys().merchant}); err != nil {
		t.Error(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg, Deps{Now: time.Now, Signer: other}); err == nil {
		t.Error("a key that is not RSA")
	}
}

func TestFromSandbox(t *testing.T) {
	raw, err := json.Marshal(map[string]string{
		"base_url": "http://127.0.0.1:7002", "mchid": testMchID, "appid": testAppID, "serial": testSerial,
		"merchant_private_key": adaptertest.PrivatePEM(testKeys().merchant), "api_v3_key": testAPIKey, "public_key_id": testKeyID,
		"public_key": adaptertest.PublicPEM(testKeys().wechat), "platform_cert": certPEM(testKeys().platform, certSerial, testNow),
	})
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[Mode][]string{
		PublicKeyMode: {testKeyID}, CertificateMode: {certSerial}, MigrationMode: {testKeyID, certSerial},
	} {
		cfg, err := FromSandbox(raw, mode)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, cfg)
		if caps := c.Capabilities(); caps.RefundSpacing != 0 || caps.RefundNotFoundAfter != 0 || len(*c.ring.Load()) != len(want) {
			t.Errorf("mode %d: %+v, %d keys", mode, caps, len(*c.ring.Load()))
		}
		for _, id := range want {
			if _, ok := (*c.ring.Load())[id]; !ok {
				t.Errorf("mode %d: %s is not known", mode, id)
			}
		}
		again, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseConfig(again); err != nil || !reflect.DeepEqual(back, cfg) {
			t.Errorf("mode %d: written and read again: %v", mode, err)
		}
	}
	for _, bad := range []string{string(raw) + "{}", `{"colour":1}`, ``} {
		if _, err := FromSandbox([]byte(bad), PublicKeyMode); err == nil {
			t.Errorf("accepted %.40s", bad)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"base_url":"https://a","mchid":"1","appid":"2","serial":"3","api_v3_key":"0123456789abcdefghijklmnopqrstuv"}`))
	f.Add([]byte(`{"mchid":1}`))
	f.Add([]byte(`{"mchid":"1","mchid":"2"}`))
	f.Add([]byte(`{"public_keys":{"a":"b"},"platform_certs":["c"]}`))
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
		again, err := ParseConfig(back)
		if err != nil {
			t.Fatalf("written and read again: %v", err)
		}
		if first, _ := json.Marshal(again); string(first) != string(back) {
			t.Fatalf("%s\n%s", back, first)
		}
	})
}
