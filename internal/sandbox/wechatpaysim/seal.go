package wechatpaysim

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

// A probe is a signature that the channel sends now and then to see whether it is checked: it begins with these words
// and must be refused.
const probePrefix = "WECHATPAY/SIGNTEST/"

// staleAge is how long ago a stale answer was signed: twice what merchants may accept.
const staleAge = 2 * clockWindow

// flaw is what a message's signature lacks.
type flaw int

const (
	sound    flaw = iota
	unsigned      // the headers are not there
	wrong         // it doesn't hold
	old           // it holds, of an earlier time
)

// signMessage sets the headers that sign a message of ours. Of messages with a wrong signature every other one is a
// probe.
func (s *Simulator) signMessage(h http.Header, by signer, body []byte, f flaw) error {
	if f == unsigned {
		return nil
	}
	at := s.env.Now()
	if f == old {
		at = at.Add(-staleAge)
	}
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), keys.Hex(32)
	signature, err := keys.Sign(by.key, []byte(timestamp+"\n"+nonce+"\n"+string(body)+"\n"))
	if err != nil {
		return err
	}
	if f == wrong {
		if s.wrongSignatures.Add(1)%2 == 0 {
			signature = probePrefix + signature
		} else {
			signature = keys.Spoil(signature)
		}
	}
	h.Set("Wechatpay-Timestamp", timestamp)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Serial", by.id)
	h.Set("Wechatpay-Signature", signature)
	h.Set("Wechatpay-Signature-Type", scheme)
	return nil
}

// requestID names a message; its end is the fine error code, 0 for a good one.
func requestID(now time.Time, fine int64) string {
	return strings.ToUpper("08"+strconv.FormatInt(now.Unix(), 16)+keys.Hex(30)) + "-" + strconv.FormatInt(fine, 10)
}
