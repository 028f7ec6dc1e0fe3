package console

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and all that most apps know
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"time"
)

// The codes of the second step are RFC 6238's with the values that every app
// takes: HMAC-SHA-1, six digits, thirty seconds, and one step of tolerance for
// the phone's clock on either side.
const (
	totpStep      = 30 * time.Second
	totpDigits    = 6
	totpModulus   = 1_000_000
	totpTolerance = 1
	totpSecret    = 20
)

// totpCode is the code of a time step.
func totpCode(secret []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) //nolint:gosec // steps of our time are positive
	mac := hmac.New(sha1.New, secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, number%totpModulus)
}

func totpStepAt(now time.Time) int64 { return now.Unix() / int64(totpStep/time.Second) }

// totpMatch finds the step of a code near now that is later than the last one
// used: a code is good once.
func totpMatch(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	current := totpStepAt(now)
	for s := current - totpTolerance; s <= current+totpTolerance; s++ {
		right := subtle.ConstantTimeCompare([]byte(totpCode(secret, s)), []byte(code)) == 1
		if right && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}

// totpText is the secret as people type it into an app.
func totpText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpURI is what the picture for the app says.
func totpURI(issuer, user string, secret []byte) string {
	q := url.Values{"secret": {totpText(secret)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+user) + "?" + q.Encode()
}
