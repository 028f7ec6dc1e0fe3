package wechatpaysim

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

// encrypt seals a text under the merchant's APIv3 key (AES-256-GCM, a nonce of 12 characters) as the protocol's
// messages carry it.
func (a *account) encrypt(plain []byte, associated string) (object, error) {
	block, err := aes.NewCipher(a.apiKey)
	if err != nil {
		return nil, fmt.Errorf("encrypt a resource: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("encrypt a resource: %w", err)
	}
	nonce := keys.Letters(gcm.NonceSize())
	sealed := gcm.Seal(nil, []byte(nonce), plain, []byte(associated))
	return object{
		"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
		"ciphertext": base64.StdEncoding.EncodeToString(sealed),
	}, nil
}
