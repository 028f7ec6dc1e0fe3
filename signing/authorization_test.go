package signing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/paymux/paymux/signing"
)

const (
	goodNonce  = "5f1a0c9be27d4e3f8a6b"
	goodHeader = signing.Scheme + ` merchant_id="mer_1",serial="S1",timestamp="1763700000",nonce="` + goodNonce + `",signature="c2lnbmF0dXJl"`
)

func goodAuthorization() signing.Authorization {
	return signing.Authorization{
		MerchantID: "mer_1", Serial: "S1", Timestamp: "1763700000", Nonce: goodNonce,
		UnixTime: 1763700000, Signature: []byte("signature"),
	}
}

func TestParseAuthorization_Good(t *testing.T) {
	for name, header := range map[string]string{
		"as documented": goodHeader,
		"another order": signing.Scheme + ` signature="c2lnbmF0dXJl",nonce="` + goodNonce + `",timestamp="1763700000",serial="S1",merchant_id="mer_1"`,
		"blanks":        " " + signing.Scheme + `  merchant_id="mer_1", serial="S1",` + "\t " + `timestamp="1763700000",nonce="` + goodNonce + `",  signature="c2lnbmF0dXJl" `,
	} {
		got, err := signing.ParseAuthorization([]string{header})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(goodAuthorization(), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFormatAuthorization_IsRead(t *testing.T) {
	if got := signing.FormatAuthorization(goodAuthorization()); got != goodHeader {
		t.Errorf("formatted %s, want %s", got, goodHeader)
	}
}

// headerVector is a hostile header, made from the good one.
type headerVector struct {
	name    string
	values  []string
	missing bool // ErrMissing, else InvalidError
}

// with replaces the one occurrence of a part of the good header.
func with(old, replacement string) []string {
	if strings.Count(goodHeader, old) != 1 {
		panic("the part must stand once: " + old)
	}
	return []string{strings.Replace(goodHeader, old, replacement, 1)}
}

func headerVectors() []headerVector {
	const longNonce = "0123456789012345678901234567890123456789012345678901234567890123"
	list := []headerVector{
		{"no header", nil, true},
		{"empty header", []string{""}, true},
		{"blank header", []string{" \t"}, true},
		{"Bearer", []string{"Bearer abc"}, true},
		{"Basic", []string{"Basic YTpi"}, true},
		{"scheme in lower case", with(signing.Scheme, strings.ToLower(signing.Scheme)), true},
		{"scheme of another hash", with("SHA256", "SHA1"), true},
		{"scheme of another algorithm", with("RSA2048", "ED25519"), true},
		{"scheme none", with(signing.Scheme, "none"), true},
		{"longer scheme", with(signing.Scheme, signing.Scheme+"0"), true},
		{"full-width scheme", with("PAYMUX", "ＰＡＹＭＵＸ"), true},

		{"header twice", []string{goodHeader, goodHeader}, false},
		{"second header empty", []string{goodHeader, ""}, false},
		{"first header of another scheme", []string{"Bearer abc", goodHeader}, false},
		{"two empty headers", []string{"", ""}, false},
		{"two credentials in one header", []string{goodHeader + ", " + goodHeader}, false},
		{"scheme alone", []string{signing.Scheme}, false},
		{"scheme and blank", []string{signing.Scheme + " "}, false},
		{"tab after the scheme", with(signing.Scheme+" ", signing.Scheme+"\t"), false},
		{"comma after the scheme", with(signing.Scheme+" ", signing.Scheme+","), false},
		{"too long", []string{goodHeader + strings.Repeat(" ", signing.MaxAuthorizationBytes) + ","}, false},

		{"merchant_id missing", with(`merchant_id="mer_1",`, ""), false},
		{"serial missing", with(`serial="S1",`, ""), false},
		{"timestamp missing", with(`timestamp="1763700000",`, ""), false},
		{"nonce missing", with(`nonce="`+goodNonce+`",`, ""), false},
		{"signature missing", with(`,signature="c2lnbmF0dXJl"`, ""), false},
		{"merchant_id empty", with("mer_1", ""), false},
		{"serial empty", with(`"S1"`, `""`), false},
		{"timestamp empty", with("1763700000", ""), false},
		{"nonce empty", with(goodNonce, ""), false},
		{"signature empty", with("c2lnbmF0dXJl", ""), false},
		{"serial twice, the same", with(`serial="S1"`, `serial="S1",serial="S1"`), false},
		{"merchant_id twice, different", with(`serial="S1"`, `serial="S1",merchant_id="mer_2"`), false},
		{"signature twice", []string{goodHeader + `,signature="c2lnbmF0dXJl"`}, false},
		{"unknown parameter", []string{goodHeader + `,realm="x"`}, false},
		{"name in another case", with("merchant_id", "Merchant_ID"), false},
		{"name in another case beside the right one", []string{goodHeader + `,SERIAL="S1"`}, false},
		{"name with a hyphen", with("merchant_id", "merchant-id"), false},
		{"name empty", with("merchant_id=", "="), false},
		{"name with a blank", with("merchant_id", " x merchant_id"), false},

		{"value without quotes", with(`"1763700000"`, "1763700000"), false},
		{"value in single quotes", with(`"S1"`, `'S1'`), false},
		{"quote not closed", with(`c2lnbmF0dXJl"`, "c2lnbmF0dXJl"), false},
		{"escaped quote", with(`"S1"`, `"S\"1"`), false},
		{"escaped letter", with(`"S1"`, `"\S1"`), false},
		{"blank before =", with(`serial=`, `serial =`), false},
		{"blank after =", with(`serial=`, `serial= `), false},
		{"blank before a comma", with(`"S1",`, `"S1" ,`), false},
		{"semicolon", with(`"S1",`, `"S1";`), false},
		{"no separator", with(`"S1",`, `"S1"`), false},
		{"comma first", with(signing.Scheme+" ", signing.Scheme+" ,"), false},
		{"comma last", []string{goodHeader + ","}, false},
		{"two commas", with(`"S1",`, `"S1",,`), false},
		{"text behind", []string{goodHeader + " x"}, false},
		{"blank in a value", with("mer_1", "mer 1"), false},
		{"unicode in a value", with("mer_1", "商户"), false},
		{"NUL in a value", with("mer_1", "mer\x001"), false},
		{"CR LF in a value", with("mer_1", "mer\r\n1"), false},
		{"DEL in a value", with("mer_1", "mer\x7f"), false},
		{"merchant_id too long", with("mer_1", strings.Repeat("m", 129)), false},

		{"nonce of 15", with(goodNonce, longNonce[:15]), false},
		{"nonce of 65", with(goodNonce, longNonce+"x"), false},
		{"nonce with a dot", with(goodNonce, goodNonce+"."), false},
		{"nonce with a plus", with(goodNonce, goodNonce+"+"), false},
		{"nonce in full-width digits", with(goodNonce, "０１２３４５６７８９０１２３４５"), false},

		{"timestamp with a sign", with("1763700000", "+1763700000"), false},
		{"timestamp negative", with("1763700000", "-1763700000"), false},
		{"timestamp minus zero", with("1763700000", "-0"), false},
		{"timestamp with a leading zero", with("1763700000", "01763700000"), false},
		{"timestamp with a fraction", with("1763700000", "1763700000.0"), false},
		{"timestamp in hex", with("1763700000", "0x691FEF20"), false},
		{"timestamp with an exponent", with("1763700000", "17637e5"), false},
		{"timestamp with underscores", with("1763700000", "1_763_700_000"), false},
		{"timestamp beyond 64 bits", with("1763700000", "9223372036854775808"), false},
		{"timestamp in RFC 3339", with("1763700000", "2025-11-21T04:40:00Z"), false},
		{"timestamp in Arabic-Indic digits", with("1763700000", "١٧٦٣٧٠٠٠٠٠"), false},

		{"signature not padded", with("c2lnbmF0dXJl", "c2lnbmF0dXJ"), false},
		{"signature padded too much", with("c2lnbmF0dXJl", "c2lnbmF0dXJl="), false},
		{"signature with stray bits", with("c2lnbmF0dXJl", "c2lnbmF0dXK="), false},
		{"signature in base64url", with("c2lnbmF0dXJl", "-_-_"), false},
		{"signature in hex with odd length", with("c2lnbmF0dXJl", "7369676e61747"), false},
		{"signature broken into lines", with("c2lnbmF0dXJl", "c2ln\nbmF0dXJl"), false},
		{"signature with a percent escape", with("c2lnbmF0dXJl", "c2lnbmF0dXJl%3D"), false},
	}
	return list
}

func TestParseAuthorization_Hostile(t *testing.T) {
	list := headerVectors()
	if len(list) < 60 {
		t.Fatalf("%d vectors, at least 60 are wanted", len(list))
	}
	for _, v := range list {
		got, err := signing.ParseAuthorization(v.values)
		bad, isInvalid := errors.AsType[*signing.InvalidError](err)
		if errors.Is(err, signing.ErrMissing) != v.missing || isInvalid == v.missing {
			t.Errorf("%s: error %v", v.name, err)
		}
		if isInvalid && (bad.Reason == "" || strings.Contains(bad.Reason, "c2lnbmF0") || strings.Contains(bad.Reason, "mer_")) {
			t.Errorf("%s: reason %q", v.name, bad.Reason)
		}
		if diff := cmp.Diff(signing.Authorization{}, got); diff != "" {
			t.Errorf("%s: something is returned beside the error: %s", v.name, diff)
		}
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(goodHeader)
	for _, v := range headerVectors() {
		for _, value := range v.values {
			f.Add(value)
		}
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := signing.ParseAuthorization([]string{header})
		if err != nil {
			if _, isInvalid := errors.AsType[*signing.InvalidError](err); !isInvalid && !errors.Is(err, signing.ErrMissing) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if !signing.ValidNonce(got.Nonce) || got.UnixTime < 0 || len(got.Signature) == 0 || got.MerchantID == "" || got.Serial == "" {
			t.Fatalf("accepted %+v", got)
		}
		again, err := signing.ParseAuthorization([]string{signing.FormatAuthorization(got)})
		if err != nil {
			t.Fatalf("cannot read what was formatted: %v", err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
