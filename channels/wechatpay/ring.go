package wechatpay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"time"
)

// Causes of a message that nobody we know has signed. errBadSignature says
// nothing more on purpose.
var (
	errBadSignature = errors.New("signature does not verify")
	errUnknownKey   = errors.New("signed with a key that is not known here; if WeChat Pay changed its certificate, refresh the keys")
	errEndedKey     = errors.New("signed with a certificate outside its time of validity")
)

// ringKey is one key of WeChat Pay's.
type ringKey struct {
	key *rsa.PublicKey
	// notBefore and notAfter are those of a certificate; a public key has none.
	notBefore, notAfter time.Time
	// fetched: it came by RefreshKeys and goes with the next one.
	fetched bool
}

func (k ringKey) isCertificate() bool { return !k.notAfter.IsZero() }

// holdsAt allows for the same difference of clocks as timestamps do.
func (k ringKey) holdsAt(now time.Time) bool {
	return !k.isCertificate() ||
		(!now.Before(k.notBefore.Add(-signatureWindow)) && !now.After(k.notAfter.Add(signatureWindow)))
}

// keyRing holds every key that may have signed a message, public keys and
// certificates side by side, by the id that messages name. It is never changed
// once it is in use.
type keyRing map[string]ringKey

// verify checks a signature by the key that the message names; no other key
// counts.
func (r keyRing) verify(id string, text, signature []byte, now time.Time) error {
	k, ok := r[id]
	switch {
	case !ok:
		return errUnknownKey
	case !k.holdsAt(now):
		return errEndedKey
	}
	sum := sha256.Sum256(text)
	if rsa.VerifyPKCS1v15(k.key, crypto.SHA256, sum[:], signature) != nil {
		return errBadSignature
	}
	return nil
}

// preferred is the id of the key that answers are asked to be signed with: the
// public key, as a migration goes from certificates to it, else the newest
// valid certificate. It is empty when no key can be used.
func (r keyRing) preferred(publicKeyID string, now time.Time) string {
	if _, ok := r[publicKeyID]; ok {
		return publicKeyID
	}
	best := ""
	for id, k := range r {
		if !k.holdsAt(now) {
			continue
		}
		if best == "" || k.notBefore.After(r[best].notBefore) || k.notBefore.Equal(r[best].notBefore) && id > best {
			best = id
		}
	}
	return best
}
