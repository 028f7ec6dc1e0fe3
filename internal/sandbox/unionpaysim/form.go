package unionpaysim

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a request.
const (
	maxRequest = 64 << 10 // bytes
	maxFields  = 100
)

// fields are the fields of one message, values as they are before transport encoding.
type fields map[string]string

var errForm = errors.New("the request is not a form that can be read")

// readForm reads a request's body. Parameters in the address are no part of the message.
func readForm(r *http.Request) (fields, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, fmt.Errorf("%w: its Content-Type is not application/x-www-form-urlencoded", errForm)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	return parseForm(string(body))
}

// parseForm decodes name=value pairs joined by &, once. A name that comes twice is refused: which one was signed cannot
// be told.
func parseForm(body string) (fields, error) {
	if len(body) > maxRequest {
		return nil, fmt.Errorf("%w: more than %d bytes", errForm, maxRequest)
	}
	f := make(fields)
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%w: %w", errForm, err)
		}
		if _, twice := f[name]; twice {
			return nil, fmt.Errorf("%w: %q comes twice", errForm, name)
		}
		if !knownField(name) {
			return nil, fmt.Errorf("%w: field %q is unknown", errForm, name)
		}
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("%w: %s is not UTF-8", errForm, name)
		}
		if f[name] = value; len(f) > maxFields {
			return nil, fmt.Errorf("%w: more than %d fields", errForm, maxFields)
		}
	}
	return f, nil
}

// canonical is what is signed: every field but the signature, sorted by name in byte order.
func (f fields) canonical() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if name == fieldSignature {
			continue
		}
		if text.Len() > 0 {
			text.WriteByte('&')
		}
		text.WriteString(name + "=" + f[name])
	}
	return text.String()
}

// encode writes the fields as a URL-encoded form, sorted by name.
func (f fields) encode() string {
	v := make(url.Values, len(f))
	for name, value := range f {
		v.Set(name, value)
	}
	return v.Encode()
}

// raw writes the fields as the gateway's answers have them: not encoded at all, sorted by name, the certificate and the
// signature last.
func (f fields) raw() string {
	pairs := make([]string, 0, len(f))
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if name != fieldCertificate && name != fieldSignature {
			pairs = append(pairs, name+"="+f[name])
		}
	}
	for _, name := range []string{fieldCertificate, fieldSignature} {
		if value, ok := f[name]; ok {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "&")
}

// with answers a copy with further or other values; empty ones are left out.
func (f fields) with(more fields) fields {
	out := maps.Clone(f)
	for name, value := range more {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// Names of fields that the code treats by themselves.
const (
	fieldSignature   = "signature"
	fieldCertificate = "signPubKeyCert"
)

// knownField reports whether the interface pages name a field for requests.
func knownField(name string) bool { return slices.Contains(requestFields(), name) }

func requestFields() []string {
	return []string{
		"version", "encoding", "certId", fieldSignature, "signMethod", "txnType", "txnSubType", "bizType", "channelType",
		"accessType", "acqInsCode", "merCatCode", "merName", "merAbbr", "subMerId", "subMerName", "subMerAbbr", "merId",
		"orderId", "txnTime", "txnAmt", "currencyCode", "frontUrl", "frontFailUrl", "backUrl", "payTimeout", "orderDesc", "reqReserved",
		"reserved", "riskRateInfo", "accSplitData", "customerInfo", "accNo", "accType", "encryptCertId", "issInsCode",
		"instalTransInfo", "ctrlRule", "defaultPayType", "supPayType", "payType", "termId", "qrNo", "origQryId", "origOrderId", "origTxnTime",
		"queryId", "fileType", "settleDate", "certType", "userMac", "customerIp", "cardTransData", "vpcTransData",
		"preAuthId", "tokenPayData", "addnCond", "payeeVerifiInfo", "payeeVerifyInfo", "payCardType",
	}
}
