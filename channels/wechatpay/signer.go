package wechatpay

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"github.com/paymux/paymux/channels/texts"
)

// scheme is the one algorithm of requests, answers and notifications here.
const scheme = "WECHATPAY2-SHA256-RSA2048"

// signatureWindow is how far a message's timestamp may be from our clock, the
// limit itself included.
const signatureWindow = consts.FiveMinute * time.Second

// beijing is the zone of the times in WeChat Pay's messages. China has no other
// offset since 1991, so no zone database is needed.
var beijing = time.FixedZone("", 8*60*60)

// parseTime reads a time of WeChat Pay's; the zero time where it is none.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func formatTime(t time.Time) string { return t.In(beijing).Format(time.RFC3339) }

// sign is RSA PKCS#1 v1.5 with SHA-256, in base64.
func (c *Client) sign(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	signature, err := c.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// stamp is a time and a nonce for a signature.
func (c *Client) stamp() (seconds int64, nonce string, err error) {
	nonce, err = c.nonce()
	return c.now().Unix(), nonce, err
}

// authorization is the header that signs a request over its target exactly as
// it is sent: path with query, without the host.
func (c *Client) authorization(method, target string, body []byte) (string, error) {
	at, nonce, err := c.stamp()
	if err != nil {
		return "", err
	}
	signature, err := c.sign(fmt.Sprintf(consts.SignatureMessageFormat, method, target, at, nonce, body))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(consts.HeaderAuthorizationFormat, scheme, c.cfg.MchID, nonce, at, c.cfg.Serial, signature), nil
}

// paySign signs what the payer's own client hands to WeChat: four lines.
func (c *Client) paySign(appID string, at int64, nonce, last string) (string, error) {
	return c.sign(strings.Join([]string{appID, strconv.FormatInt(at, 10), nonce, last, ""}, "\n"))
}

// Causes of a message that is not signed as it must be.
var (
	errUnsigned  = errors.New("message is not signed")
	errProbe     = errors.New("signature is a probe of WeChat Pay's: the right message follows")
	errTimestamp = errors.New("signature's timestamp is more than 300 s from our clock: is the clock right?")
)

// probePrefix begins the signatures that WeChat Pay sends now and then to see
// whether they are checked.
const probePrefix = "WECHATPAY/SIGNTEST/"

// signature is what the headers of an answer or a notification say.
type signature struct {
	keyID            string
	timestamp, nonce string
	// at is the timestamp, in seconds.
	at    int64
	value []byte
}

// readSignature reads the headers. Each must be there once; the timestamp and
// the nonce can hold nothing that would move the limits between the lines of
// the signed text.
func readSignature(h http.Header) (signature, error) {
	var s signature
	var encoded string
	for name, field := range map[string]*string{
		consts.WechatPayTimestamp: &s.timestamp,
		consts.WechatPayNonce:     &s.nonce,
		consts.WechatPaySerial:    &s.keyID,
		consts.WechatPaySignature: &encoded,
	} {
		values := h.Values(name)
		if len(values) != 1 || values[0] == "" || len(values[0]) > 1024 {
			return signature{}, errUnsigned
		}
		*field = values[0]
	}
	if kind := h.Get("Wechatpay-Signature-Type"); kind != "" && kind != scheme {
		return signature{}, errUnsigned
	}
	if strings.HasPrefix(encoded, probePrefix) {
		return signature{}, errProbe
	}
	if !texts.Is(s.timestamp, 1, 12, texts.IsDigit) || !texts.Is(s.nonce, 1, 128, isPrintable) {
		return signature{}, errBadSignature
	}
	var err error
	if s.at, err = strconv.ParseInt(s.timestamp, 10, 64); err != nil {
		return signature{}, errBadSignature
	}
	if s.value, err = base64.StdEncoding.DecodeString(encoded); err != nil {
		return signature{}, errBadSignature
	}
	return s, nil
}

func isPrintable(r rune) bool { return r > ' ' && r < 0x7f }

// over is the text that the signature covers: the body as it came, which for
// 204 is empty.
func (s signature) over(body []byte) []byte {
	text := make([]byte, 0, len(s.timestamp)+len(s.nonce)+len(body)+3)
	text = append(append(text, s.timestamp...), '\n')
	text = append(append(text, s.nonce...), '\n')
	return append(append(text, body...), '\n')
}

// verify checks a message against a ring.
func (c *Client) verify(ring keyRing, h http.Header, body []byte) (signature, error) {
	s, err := readSignature(h)
	if err != nil {
		return signature{}, err
	}
	now := c.now()
	if d := now.Unix() - s.at; d > consts.FiveMinute || d < -consts.FiveMinute {
		return signature{}, errTimestamp
	}
	return s, ring.verify(s.keyID, s.over(body), s.value, now)
}
