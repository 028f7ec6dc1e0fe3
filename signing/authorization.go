package signing

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Scheme is the authentication scheme of the Authorization header. It is
// compared exactly: another case is another scheme.
const Scheme = "PAYMUX-SHA256-RSA2048"

// Limits of the Authorization header.
const (
	// MaxAuthorizationBytes bounds the header's value; a signature of the
	// largest key takes 1,368 of them.
	MaxAuthorizationBytes = 4096
	// MinNonceLength and MaxNonceLength bound the nonce, in characters.
	MinNonceLength = 16
	MaxNonceLength = 64

	maxNameLength = 128 // merchant_id and serial, so that look-ups stay small
)

// ErrMissing says that there is no Authorization header, an empty one, or one
// of another scheme.
var ErrMissing = errors.New("the request has no Authorization header of the scheme " + Scheme)

// InvalidError says why an Authorization header cannot be read. Reason is a
// sentence for the caller and never repeats a value of the header.
type InvalidError struct{ Reason string }

// Error is the reason after what was attempted.
func (e *InvalidError) Error() string { return "read Authorization header: " + e.Reason }

// Authorization is the content of one Authorization header.
type Authorization struct {
	MerchantID string
	Serial     string
	Timestamp  string // as sent, for the signed text
	Nonce      string
	UnixTime   int64 // Timestamp in Unix seconds, never negative
	Signature  []byte
}

// parameter describes one parameter of the header: where its value goes and
// what is wrong with it, if anything.
type parameter struct {
	name  string
	store func(a *Authorization, value string) (fault string)
}

func parameters() [5]parameter {
	return [5]parameter{
		{"merchant_id", func(a *Authorization, v string) string { a.MerchantID = v; return nameFault(v) }},
		{"serial", func(a *Authorization, v string) string { a.Serial = v; return nameFault(v) }},
		{"timestamp", storeTimestamp},
		{"nonce", storeNonce},
		{"signature", storeSignature},
	}
}

// ParseAuthorization reads the values of the Authorization header
// (r.Header.Values("Authorization")).
//
// It returns [ErrMissing] when there is none, an empty one or one of another
// scheme, and an [*InvalidError] for everything else that cannot be read: a
// second header, a doubled, missing or unknown parameter, a value outside its
// syntax. Parameters stand in any order as name="value", separated by a comma
// that blanks may follow; there are no escapes inside the quotes.
func ParseAuthorization(values []string) (Authorization, error) {
	if len(values) == 0 {
		return Authorization{}, ErrMissing
	}
	if len(values) > 1 {
		return Authorization{}, invalid("the header stands more than once")
	}
	rest, ok := strings.CutPrefix(trimBlanks(values[0]), Scheme)
	if !ok || rest != "" && isTokenChar(rest[0]) {
		return Authorization{}, ErrMissing
	}
	if len(rest) > MaxAuthorizationBytes {
		return Authorization{}, invalid("the header is longer than " + strconv.Itoa(MaxAuthorizationBytes) + " bytes")
	}
	if rest == "" || rest[0] != ' ' {
		return Authorization{}, invalid("the scheme must be followed by a blank and the parameters")
	}
	return parseParameters(trimBlanks(rest))
}

func parseParameters(rest string) (Authorization, error) {
	var (
		a    Authorization
		seen [5]bool
	)
	known := parameters()
	for first := true; first || rest != ""; first = false {
		if !first {
			after, ok := strings.CutPrefix(rest, ",")
			if !ok {
				return Authorization{}, invalid("parameters must be separated by a comma")
			}
			rest = strings.TrimLeft(after, " \t")
		}
		name, value, tail, ok := cutParameter(rest)
		if !ok {
			return Authorization{}, invalid(`every parameter must be written name="value", in visible ASCII without escapes`)
		}
		rest = tail
		i := 0
		for i < len(known) && known[i].name != name {
			i++
		}
		if i == len(known) {
			return Authorization{}, invalid("a parameter is unknown; known are merchant_id, serial, timestamp, nonce, signature")
		}
		if seen[i] {
			return Authorization{}, invalid("the parameter " + name + " stands more than once")
		}
		seen[i] = true
		if fault := known[i].store(&a, value); fault != "" {
			return Authorization{}, invalid("the parameter " + name + " " + fault)
		}
	}
	for i, p := range known {
		if !seen[i] {
			return Authorization{}, invalid("the parameter " + p.name + " is missing")
		}
	}
	return a, nil
}

// cutParameter splits name="value" off the front of s.
func cutParameter(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, `="`)
	if !ok || name == "" {
		return "", "", "", false
	}
	for i := range len(name) {
		if !isTokenChar(name[i]) {
			return "", "", "", false
		}
	}
	end := strings.IndexByte(s, '"')
	if end < 0 {
		return "", "", "", false
	}
	value = s[:end]
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' || value[i] == '\\' {
			return "", "", "", false
		}
	}
	return name, value, s[end+1:], true
}

// FormatAuthorization writes the value of the Authorization header.
// It is the inverse of [ParseAuthorization].
func FormatAuthorization(a Authorization) string {
	return Scheme +
		` merchant_id="` + a.MerchantID +
		`",serial="` + a.Serial +
		`",timestamp="` + a.Timestamp +
		`",nonce="` + a.Nonce +
		`",signature="` + base64.StdEncoding.EncodeToString(a.Signature) + `"`
}

// ValidNonce tells whether a nonce is 16 to 64 of [A-Za-z0-9_-].
func ValidNonce(nonce string) bool {
	if len(nonce) < MinNonceLength || len(nonce) > MaxNonceLength {
		return false
	}
	for i := range len(nonce) {
		if c := nonce[i]; !isLetterOrDigit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func nameFault(v string) string {
	if v == "" {
		return "is empty"
	}
	if len(v) > maxNameLength {
		return "is longer than " + strconv.Itoa(maxNameLength) + " characters"
	}
	return ""
}

func storeTimestamp(a *Authorization, v string) string {
	const fault = "must be Unix seconds in decimal digits without sign or leading zeros"
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != v {
		return fault
	}
	a.Timestamp, a.UnixTime = v, n
	return ""
}

func storeNonce(a *Authorization, v string) string {
	if !ValidNonce(v) {
		return "must be 16 to 64 of letters, digits, underscore and hyphen"
	}
	a.Nonce = v
	return ""
}

func storeSignature(a *Authorization, v string) string {
	if v == "" {
		return "is empty"
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil {
		return "must be standard base64 with padding"
	}
	a.Signature = signature
	return ""
}

func invalid(reason string) error { return &InvalidError{Reason: reason} }

func trimBlanks(s string) string { return strings.Trim(s, " \t") }

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// isTokenChar follows RFC 9110, section 5.6.2.
func isTokenChar(c byte) bool {
	return isLetterOrDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
