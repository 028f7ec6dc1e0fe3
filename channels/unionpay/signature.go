package unionpay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// The pinned scheme, and the fields that carry it.
const (
	version        = "5.1.0"
	signMethodRSA  = "01"
	encoding       = "UTF-8"
	fieldSignature = "signature"
	fieldCert      = "signPubKeyCert"
)

// errBadSignature says nothing more on purpose: which key or text was tried is
// of use to a forger only.
var errBadSignature = errors.New("signature does not verify")

// digest is what the RSA signature of 5.1.0 with signMethod 01 is made over:
// the SHA-256 of the lower-case hex of the text's SHA-256.
func digest(signed string) [sha256.Size]byte {
	inner := sha256.Sum256([]byte(signed))
	return sha256.Sum256([]byte(hex.EncodeToString(inner[:])))
}

// sign makes a request ready to send: values are trimmed, empty ones left out,
// as UnionPay does before it compares, and the signature is added. The order
// number, its time and all else must be in fields already.
func (c *Client) sign(fields map[string]string) (map[string]string, error) {
	signed := make(map[string]string, len(fields)+1)
	for name, value := range fields {
		if value = strings.TrimSpace(value); value != "" && name != fieldSignature {
			signed[name] = value
		}
	}
	sum := digest(requestText(signed))
	signature, err := c.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, errors.New("the merchant's key did not sign")
	}
	signed[fieldSignature] = base64.StdEncoding.EncodeToString(signature)
	return signed, nil
}

// requestText is the text that a request's signature covers.
func requestText(fields map[string]string) string {
	pairs := make([]field, 0, len(fields))
	for name, value := range fields {
		pairs = append(pairs, field{name, value})
	}
	slices.SortFunc(pairs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return message(pairs).signedText()
}

// verify checks a received message: first that it is of the pinned scheme,
// then whose certificate it brings, then its signature, which covers every
// field as it was received.
func (c *Client) verify(m message) error {
	if m.get("version") != version || m.get("signMethod") != signMethodRSA {
		return errors.New("message is not of version 5.1.0 with signMethod 01")
	}
	if !strings.EqualFold(m.get("encoding"), encoding) {
		return errors.New("message is not in UTF-8")
	}
	signed := m.signedText()
	if err := m.checkReading(signed); err != nil {
		return err
	}
	key, err := c.trust.signingKey(m.get(fieldCert), c.now())
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(m.get(fieldSignature))
	if err != nil || len(signature) == 0 {
		return errors.New("message has no signature")
	}
	sum := digest(signed)
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return errBadSignature
	}
	return nil
}
