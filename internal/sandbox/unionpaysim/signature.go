package unionpaysim

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

// signer signs messages and shows the certificate of its key in them.
type signer struct {
	key  *rsa.PrivateKey
	cert string // as messages carry it: PEM with CRLF, without a line end behind it
}

func newSigner(key *rsa.PrivateKey, certPEM string) signer {
	return signer{key, strings.ReplaceAll(strings.TrimSuffix(certPEM, "\n"), "\n", "\r\n")}
}

// digest is what the RSA signature is over: the hexadecimal SHA-256 of the canonical text, which SHA256withRSA hashes
// once more.
func digest(f fields) []byte {
	sum := sha256.Sum256([]byte(f.canonical()))
	return []byte(hex.EncodeToString(sum[:]))
}

// sign answers the fields with certificate and signature.
func (s signer) sign(f fields) (fields, error) {
	out := f.with(fields{fieldCertificate: s.cert})
	delete(out, fieldSignature)
	signature, err := keys.Sign(s.key, digest(out))
	if err != nil {
		return nil, err
	}
	out[fieldSignature] = signature
	return out, nil
}

// verify checks a request's signature with its merchant's certificate. Nothing is left out of the signed text.
func verify(cert *x509.Certificate, f fields) bool {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok && keys.Verify(public, digest(f), f[fieldSignature])
}
