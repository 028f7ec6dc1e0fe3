package unionpaysim

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

func TestParseForm(t *testing.T) {
	f, err := parseForm("orderId=abc%2B1&reqReserved=%7Ba%3D1%26b%3D2%7D&orderDesc=a+b&backUrl=")
	want := fields{"orderId": "abc+1", "reqReserved": "{a=1&b=2}", "orderDesc": "a b", "backUrl": ""}
	if err != nil || !maps.Equal(f, want) {
		t.Errorf("got %v, %v", f, err)
	}
	if got := f.canonical(); got != "backUrl=&orderDesc=a b&orderId=abc+1&reqReserved={a=1&b=2}" {
		t.Errorf("canonical text %q", got)
	}
	for _, body := range []string{
		"orderId=1&orderId=1", "OrderId=1", "orderId=%zz", "orderId=%ff", "extra=1", "=1", "orderId=" + strings.Repeat("a", maxRequest),
	} {
		if f, err := parseForm(body); err == nil {
			t.Errorf("%.40q was read as %v", body, f)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	for _, body := range []string{
		"", "&&", "orderId=1&txnAmt=1", "orderId=1&orderId=2", "orderId=%E4%B8%80", "reqReserved=%7Ba%3D1%26b%3D2%7D", "orderId=%", "a=b", "orderId",
		"signature=a%2Bb%2F%3D&version=5.1.0",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		read, err := parseForm(body)
		if err != nil {
			return
		}
		again, err := parseForm(read.encode())
		if err != nil || !maps.Equal(read, again) {
			t.Errorf("%q was read as %v, and its own encoding as %v, %v", body, read, again, err)
		}
		rules := fieldRules()
		for name, value := range read {
			if rule, has := rules[name]; has {
				rule(value) // must not panic
			}
		}
		signed := read.with(fields{fieldSignature: "x"})
		if signed.canonical() != read.with(fields{fieldSignature: "y"}).canonical() {
			t.Error("the signature is part of what is signed")
		}
	})
}

// TestRealRequests reads and verifies requests that real clients sent to the real gateway.
func TestRealRequests(t *testing.T) {
	dir := os.Getenv("PAYMUX_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "vectors")
	}
	pfx, err := os.ReadFile(filepath.Join(dir, "unionpay", "certs", "acp_test_sign_69903319369.pfx")) //nolint:gosec // a folder of test data
	if err != nil {
		t.Skipf("SKIPPED: UnionPay's public test key is not under %s (%v); set PAYMUX_VECTORS", dir, err)
	}
	_, cert, _, err := pkcs12.DecodeChain(pfx, "000000")
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(dir, "unionpay", "samples", "ysd_request_*.json"))
	if err != nil || len(samples) == 0 {
		t.Skipf("SKIPPED: no real UnionPay messages under %s; set PAYMUX_VECTORS", dir)
	}
	for _, path := range samples {
		text, err := os.ReadFile(path) //nolint:gosec // a folder of test data
		if err != nil {
			t.Fatal(err)
		}
		var sample struct {
			Fields          fields
			CanonicalString string
		}
		if err := json.Unmarshal(text, &sample); err != nil {
			t.Fatal(err)
		}
		f, err := parseForm(sample.Fields.encode())
		if err != nil || f.canonical() != sample.CanonicalString {
			t.Errorf("%s: %v\n%s\n%s", filepath.Base(path), err, f.canonical(), sample.CanonicalString)
		}
		if f["certId"] != cert.SerialNumber.String() || !verify(cert, f) || verify(cert, f.with(fields{"orderId": "another1"})) {
			t.Errorf("%s: the signature of a real request is judged wrongly", filepath.Base(path))
		}
	}
}
