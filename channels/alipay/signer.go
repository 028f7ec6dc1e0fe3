package alipay

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/smartwalle/nsign"
)

// beijing is the zone of every time in Alipay's messages. China has no other
// offset since 1991, so no zone database is needed.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

const timeLayout = "2006-01-02 15:04:05"

// parseTime reads a time of Alipay's, with or without fractions of a second;
// the zero time where the text is none.
func parseTime(s string) time.Time {
	t, err := time.ParseInLocation(timeLayout, s, beijing)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func formatTime(t time.Time) string { return t.In(beijing).Format(timeLayout) }

// requestSigner signs requests for the library through a crypto.Signer, so
// that a key may stay in hardware or at a service. It orders the parameters by
// name: the library's own order goes by "name=value", which differs where one
// name begins another.
type requestSigner struct {
	key crypto.Signer
	now func() time.Time
}

var _ nsign.Signer = requestSigner{}

// SignValues stamps the request and signs it. The library stamps by the
// process's clock; the stamp is set anew from the injected one before the
// signature covers it.
func (s requestSigner) SignValues(values url.Values, _ ...nsign.SignOption) ([]byte, error) {
	values.Set("timestamp", formatTime(s.now()))
	return s.SignBytes([]byte(signedText(values)))
}

// SignBytes signs by RSA2: PKCS#1 v1.5 with SHA-256.
func (s requestSigner) SignBytes(data []byte, _ ...nsign.SignOption) ([]byte, error) {
	digest := sha256.Sum256(data)
	return s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
}

var errNoLibraryVerification = errors.New("answers are verified by this package, not by the library")

// VerifyValues refuses: the library verifies nothing here.
func (requestSigner) VerifyValues(url.Values, []byte, ...nsign.SignOption) error {
	return errNoLibraryVerification
}

// VerifyBytes refuses: the library verifies nothing here.
func (requestSigner) VerifyBytes([]byte, []byte, ...nsign.SignOption) error {
	return errNoLibraryVerification
}

// signedText is the text that a request's signature covers: every parameter
// but sign that has a value, ordered by name, values as they are.
func signedText(values url.Values) string {
	names := make([]string, 0, len(values))
	for name := range values {
		if name != "sign" && values.Get(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(values.Get(name))
	}
	return b.String()
}
